//go:build unix

package page

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// resource is what a child inherits: a file with the name of its page.
type resource = *os.File

func (p *Page) file() *os.File { return p.shared }

func fileName(id string) string { return "goevent " + id }

// openFile does not follow a link, does not wait for the other end of a named
// pipe, and does not make a terminal the controlling one. It does wait for the
// end of a lease that another process holds, as it would without O_NONBLOCK.
func openFile(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
		if !errors.Is(err, syscall.EAGAIN) {
			return f, err
		}
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			return nil, syscall.EAGAIN
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// publish gives the file temp the name path, unless that exists.
func publish(temp, path string) error { return os.Link(temp, path) }

// readHead returns the beginning of fd, or an error if its type or size is not
// that of a page. It neither opens nor closes a descriptor: if fd is another
// file, that would drop the record locks that the process holds on it.
func readHead(fd uintptr) ([]byte, error) {
	var st syscall.Stat_t
	switch err := uninterrupted(func() error { return syscall.Fstat(int(fd), &st) }); {
	case err == syscall.EBADF:
		return nil, fmt.Errorf("%w: closed", ErrFormat)
	case err != nil:
		return nil, os.NewSyscallError("fstat", err)
	}
	if mode := fileMode(uint32(st.Mode)); mode != 0 {
		return nil, notRegular(mode)
	}
	if st.Size != size {
		return nil, mismatch(ErrFormat, fmt.Sprintf("size %d", st.Size), size)
	}
	head := make([]byte, wordAt)
	var n int
	err := uninterrupted(func() (err error) { n, err = syscall.Pread(int(fd), head, 0); return err })
	return head[:max(n, 0)], os.NewSyscallError("pread", err)
}

// uninterrupted calls call again as long as a signal interrupts it.
func uninterrupted(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}

// fileMode returns the file type of the system's mode; 0 is a regular file.
func fileMode(mode uint32) fs.FileMode {
	switch mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return 0
	case syscall.S_IFDIR:
		return fs.ModeDir
	case syscall.S_IFLNK:
		return fs.ModeSymlink
	case syscall.S_IFIFO:
		return fs.ModeNamedPipe
	case syscall.S_IFSOCK:
		return fs.ModeSocket
	case syscall.S_IFCHR, syscall.S_IFBLK:
		return fs.ModeDevice
	}
	return fs.ModeIrregular
}

// checkOwner returns an error if another user owns fd or can open it.
func checkOwner(fd uintptr) error {
	var st syscall.Stat_t
	if err := uninterrupted(func() error { return syscall.Fstat(int(fd), &st) }); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if owner := int(st.Uid); owner != os.Geteuid() {
		return mismatch(fs.ErrPermission, fmt.Sprintf("owner %d", owner), os.Geteuid())
	}
	if mode := uint32(st.Mode) & 0o777; mode&0o077 != 0 {
		return mismatch(fs.ErrPermission, fmt.Sprintf("mode %#o", mode), "0600")
	}
	return nil
}

// share returns the page with the ID in fd, for which it opens another
// descriptor.
func share(fd uintptr, id string) (*Page, error) {
	syscall.ForkLock.RLock() // no child may start and inherit own in between
	own, err := syscall.Dup(int(fd))
	if err == nil {
		syscall.CloseOnExec(own)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	f := os.NewFile(uintptr(own), fileName(id))
	m, err := mapFile(fd)
	if err != nil {
		f.Close()
		return nil, os.NewSyscallError("mmap", err)
	}
	return newPage(m, id, f), nil
}

func (p *Page) pass(cmd *exec.Cmd) (uintptr, error) {
	cmd.ExtraFiles = append(slices.Clip(cmd.ExtraFiles), p.shared) // another command may have the same array
	return uintptr(2 + len(cmd.ExtraFiles)), nil
}

func passes(cmd *exec.Cmd, number uintptr, id string) bool {
	i := int(number) - 3
	return 0 <= i && i < len(cmd.ExtraFiles) && cmd.ExtraFiles[i] != nil && cmd.ExtraFiles[i].Name() == fileName(id)
}

func inherit(number uintptr, kind, id string) (*Page, error) {
	head, err := readHead(number)
	if err != nil {
		return nil, err
	}
	if err := checkID(head, kind, id); err != nil {
		return nil, err
	}
	if err := checkOwner(number); err != nil {
		return nil, err
	}
	p, err := share(number, id)
	if err == nil {
		syscall.CloseOnExec(int(number))
	}
	return p, err
}
