package interprocess

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// boot names the host's present boot, or is noBoot where that cannot be found out.
func boot() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return noBoot
	}
	return strings.TrimSpace(string(id))
}

// remote names the file system of fd if two hosts, or a host and a program that
// plays file system, might see different memory in a file of it.
func remote(fd int) string {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &st); err != nil {
		return fmt.Sprintf("one that does not say what it is: %v", err)
	}
	return map[uint32]string{
		0x65735546: "FUSE",
		0x6969:     "NFS",
		0x517b:     "SMB",
		0xff534d42: "CIFS",
		0xfe534d42: "SMB2",
		0x01021997: "9P",
		0x00c36400: "Ceph",
		0x5346414f: "AFS",
		0x6b414653: "AFS",
		0x73757245: "Coda",
		0x0bd00bd0: "Lustre",
		0x01161970: "GFS2",
		0x7461636f: "OCFS2",
		0x47504653: "GPFS",
		0x19830326: "BeeGFS",
		0x786f4256: "VirtualBox's shared folder",
	}[uint32(st.Type)]
}
