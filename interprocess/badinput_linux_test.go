package interprocess

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onThread runs f on a separate thread, which f may change, since the thread
// ends with f.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

// unprivileged runs f as a user other than root.
func unprivileged(t *testing.T, f func()) {
	if os.Geteuid() != 0 {
		f()
		return
	}
	onThread(func() {
		const nobody = 65534
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			assert.NoError(t, errno)
			return
		}
		f()
	})
}

// Root is allowed all of this, so it becomes another user.
func TestRefusedByMode(t *testing.T) {
	for _, row := range []badPath{
		{"file without permissions", mode(0, event), fs.ErrPermission, "", fs.ErrExist},
		{"read-only file", mode(0o400, event), fs.ErrPermission, "", fs.ErrExist},
		{"read-only directory", func(t *testing.T, path string) string {
			require.NoError(t, os.Chmod(filepath.Dir(path), 0o500))
			return path
		}, fs.ErrNotExist, "", fs.ErrPermission},
		{"directory without permissions", func(t *testing.T, path string) string {
			path = filepath.Join(path, "event")
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0))
			return path
		}, fs.ErrPermission, "", fs.ErrPermission},
	} {
		t.Run(row.name, func(t *testing.T) {
			unprivileged(t, func() {
				dir, err := os.MkdirTemp("", "event")
				require.NoError(t, err)
				defer os.RemoveAll(dir)
				defer os.Chmod(dir, 0o700)
				refusedPath(t, filepath.Join(dir, "event"), row)
			})
		})
	}
}

// On a full disk, Create fails and leaves nothing behind, not even a page
// without memory, which would kill a process that uses it.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	mounted := false
	onThread(func() {
		if syscall.Unshare(syscall.CLONE_NEWNS|syscall.CLONE_FS) != nil ||
			syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") != nil ||
			syscall.Mount("none", dir, "tmpfs", 0, "size=8k") != nil {
			return
		}
		mounted = true
		made := 0
		for ; made < 5; made++ {
			path := filepath.Join(dir, strconv.Itoa(made))
			e, err := Create(path)
			if err != nil {
				wantError(t, err, syscall.ENOSPC, "create "+path, "")
				_, _, err = OpenOrCreate(path)
				wantError(t, err, syscall.ENOSPC, "open or create "+path, "")
				break
			}
			e.Set() // the page is there
			assert.NoError(t, e.Close())
		}
		assert.NotZero(t, made, "no room for a single event")
		assert.Less(t, made, 5, "the disk does not fill")
		assert.Len(t, snapshot(t, dir), made, "files left behind")
	})
	if !mounted {
		t.Skip("only root can mount a small disk")
	}
}
