//go:build darwin || dragonfly || freebsd

package page

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// checkFileSystem returns an error if other hosts or programs may see the file fd
// but not share its memory.
func checkFileSystem(fd uintptr) error {
	const local = 0x1000 // MNT_LOCAL
	var st syscall.Statfs_t
	if err := uninterrupted(func() error { return syscall.Fstatfs(int(fd), &st) }); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	var b strings.Builder
	for _, c := range st.Fstypename {
		if c != 0 {
			b.WriteByte(byte(c))
		}
	}
	if name := b.String(); st.Flags&local == 0 || strings.Contains(name, "fuse") {
		return mismatch(errors.ErrUnsupported, "file system "+name, "one that is local")
	}
	return nil
}
