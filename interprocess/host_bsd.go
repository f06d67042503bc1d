//go:build darwin || dragonfly || freebsd

package interprocess

import (
	"fmt"
	"strings"
	"syscall"
)

// boot names the host's present boot, or is noBoot on those that have no name for it.
func boot() string {
	id, err := syscall.Sysctl("kern.bootsessionuuid")
	if err != nil || id == "" {
		return noBoot
	}
	return id
}

// remote names the file system of fd if it is not on this host, or a program
// that plays file system.
func remote(fd int) string {
	const local = 0x1000 // MNT_LOCAL
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &st); err != nil {
		return fmt.Sprintf("one that does not say what it is: %v", err)
	}
	var name strings.Builder
	for _, c := range st.Fstypename {
		if c != 0 {
			name.WriteByte(byte(c))
		}
	}
	if st.Flags&local != 0 && !strings.Contains(name.String(), "fuse") {
		return ""
	}
	return name.String()
}
