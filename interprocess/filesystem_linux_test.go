package interprocess

import (
	"errors"
	"maps"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The names are those of the constants in the kernel's magic.h and file systems,
// and of the comments in stat.c of GNU coreutils.
func TestFileSystems(t *testing.T) {
	const remote, fails = "shares no memory", "may fail a write to its memory"
	rows := []struct {
		constant string
		magic    uint32
		name     string // as in the message
		why      string // "" if it can hold an event
		memory   bool
	}{
		{"AAFS_MAGIC", 0x5a3c69f0, "", "", false},
		{"acfs", 0x61636673, "ACFS", remote, false},
		{"AFS_FS_MAGIC", 0x6b414653, "AFS", remote, false},
		{"AFS_SUPER_MAGIC", 0x5346414f, "AFS", remote, false},
		{"aufs", 0x61756673, "aufs", remote, false},
		{"BCACHEFS_SUPER_MAGIC", 0xca451a4e, "bcachefs", fails, false},
		{"BTRFS_SUPER_MAGIC", 0x9123683e, "btrfs", fails, false},
		{"CEPH_SUPER_MAGIC", 0x00c36400, "Ceph", remote, false},
		{"CIFS_SUPER_MAGIC", 0xff534d42, "CIFS", remote, false},
		{"CODA_SUPER_MAGIC", 0x73757245, "Coda", remote, false},
		{"EXT4_SUPER_MAGIC", 0xef53, "", "", false},
		{"F2FS_SUPER_MAGIC", 0xf2f52010, "", "", false},
		{"fhgfs", 0x19830326, "BeeGFS", remote, false},
		{"FUSE_SUPER_MAGIC", 0x65735546, "FUSE", remote, false},
		{"gfs/gfs2", 0x01161970, "GFS2", remote, false},
		{"gpfs", 0x47504653, "GPFS", remote, false},
		{"HMDFS_SUPER_MAGIC", 0x20200302, "HMDFS", remote, false},
		{"HOSTFS_SUPER_MAGIC", 0x00c0ffee, "hostfs", remote, false},
		{"ibrix", 0x013111a8, "IBRIX", remote, false},
		{"lustre", 0x0bd00bd0, "Lustre", remote, false},
		{"MSDOS_SUPER_MAGIC", 0x4d44, "", "", false},
		{"NCP_SUPER_MAGIC", 0x564c, "NCP", remote, false},
		{"NFS_SUPER_MAGIC", 0x6969, "NFS", remote, false},
		{"NILFS_SUPER_MAGIC", 0x3434, "NILFS2", fails, false},
		{"OCFS2_SUPER_MAGIC", 0x7461636f, "OCFS2", remote, false},
		{"ORANGEFS_SUPER_MAGIC", 0x20030528, "OrangeFS", remote, false},
		{"OVERLAYFS_SUPER_MAGIC", 0x794c7630, "", "", false},
		{"panfs", 0xaad7aaea, "PanFS", remote, false},
		{"prl_fs", 0x7c7c6673, "Parallels shared folder", remote, false},
		{"RAMFS_MAGIC", 0x858458f6, "", "", true},
		{"SMB_SUPER_MAGIC", 0x517b, "SMB", remote, false},
		{"SMB2_SUPER_MAGIC", 0xfe534d42, "SMB2", remote, false},
		{"snfs", 0xbeefdead, "StorNext", remote, false},
		{"TMPFS_MAGIC", 0x01021994, "", "", true},
		{"UBIFS_SUPER_MAGIC", 0x24051905, "UBIFS", fails, false},
		{"V9FS_MAGIC", 0x01021997, "9p", remote, false},
		{"VBOXSF_SUPER_MAGIC", 0x786f4256, "VirtualBox shared folder", remote, false},
		{"vmhgfs", 0xbacbacbc, "VMware shared folder", remote, false},
		{"vxfs", 0xa501fcf5, "VxFS", remote, false},
		{"XFS_SUPER_MAGIC", 0x58465342, "", "", false},
	}
	refused := 0
	for _, row := range rows {
		inMemory, err := judgeFileSystem(row.magic)
		assert.Equal(t, row.memory, inMemory, row.constant)
		if row.why == "" {
			assert.NoError(t, err, row.constant)
			continue
		}
		assert.ErrorIs(t, err, errors.ErrUnsupported, row.constant)
		assert.EqualError(t, err, "unsupported operation: file system "+row.name+" "+row.why, row.constant)
		refused++
	}
	assert.Len(t, slices.Collect(maps.Keys(unsuitable)), refused, "the rows of the table")
}

// What cannot be looked at is not taken for a suitable file.
func TestChecksThatFail(t *testing.T) {
	f, err := os.Create(tempPath(t))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = checkFileSystem(f.Fd())
	assert.EqualError(t, err, "statfs: bad file descriptor")
	assert.EqualError(t, lock(f), "flock: bad file descriptor")
	failing(t, []failure{{call: "fstat", errno: syscall.EIO}}, func() { _, err = readHead(0) })
	assert.ErrorIs(t, err, syscall.EIO)
}
