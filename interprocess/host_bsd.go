//go:build darwin || dragonfly || freebsd

package interprocess

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// boot returns the identity of the host's current boot, or noBoot if the system
// has none.
func boot() string {
	id, err := syscall.Sysctl("kern.bootsessionuuid")
	if err != nil || id == "" {
		return noBoot
	}
	return id
}

// checkFileSystem reports whether the file system of fd is in memory, or why it
// cannot hold an event.
func checkFileSystem(fd uintptr) (inMemory bool, err error) {
	const local = 0x1000 // MNT_LOCAL
	var st syscall.Statfs_t
	for {
		if err = syscall.Fstatfs(int(fd), &st); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return false, os.NewSyscallError("fstatfs", err)
	}
	var b strings.Builder
	for _, c := range st.Fstypename {
		if c != 0 {
			b.WriteByte(byte(c))
		}
	}
	name := b.String()
	if st.Flags&local == 0 || strings.Contains(name, "fuse") {
		return false, fmt.Errorf("%w: file system %s shares no memory", errors.ErrUnsupported, name)
	}
	return name == "tmpfs", nil
}

// lock acquires the lock of f, which ends when f is closed or the process ends.
func lock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}

// yield lets another goroutine run: package syscall cannot yield to processes.
func yield() { runtime.Gosched() }
