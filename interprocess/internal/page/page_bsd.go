//go:build darwin || dragonfly || freebsd

package page

import (
	"errors"
	"os"
	"syscall"
)

// checkFileSystem returns an error if the file fd is on another host.
func checkFileSystem(fd int) error {
	const local = 0x1000 // MNT_LOCAL
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &st); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if st.Flags&local == 0 {
		return mismatch(errors.ErrUnsupported, "network file system", "one that is local")
	}
	return nil
}
