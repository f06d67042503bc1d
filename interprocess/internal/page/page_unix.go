//go:build unix

package page

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"unsafe"
)

// A mapping is the address of a page.
type mapping struct{ address unsafe.Pointer }

// openFile does not follow a link, and does not make a terminal the controlling
// one. It waits for the end of a lease that another process holds.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NOCTTY, 0)
}

// publish gives the file temp the name path, unless that exists.
func publish(temp, path string) error { return syscall.Link(temp, path) }

// attach maps the page in fd, for which it opens another descriptor.
func attach(fd uintptr, kind, id string) (*Page, error) {
	id, err := check(int(fd), kind, id)
	if err != nil {
		return nil, err
	}
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
	m, err := mapFile(own)
	if err != nil {
		f.Close()
		return nil, err
	}
	return newPage(m, id, f), nil
}

// check returns the ID of the page in fd, or an error: first for what the file is,
// then for who may open it, and where it is. It neither opens nor closes a
// descriptor: if fd is another file, that would drop the record locks that the
// process holds on it.
func check(fd int, kind, id string) (string, error) {
	var st syscall.Stat_t
	switch err := syscall.Fstat(fd, &st); {
	case err == syscall.EBADF:
		return "", fmt.Errorf("%w: closed", ErrFormat)
	case err != nil:
		return "", os.NewSyscallError("fstat", err)
	case st.Mode&syscall.S_IFMT != syscall.S_IFREG:
		return "", fmt.Errorf("%w: not a regular file", ErrFormat)
	case st.Size != size:
		return "", mismatch(ErrFormat, fmt.Sprintf("size %d", st.Size), size)
	}
	head := make([]byte, wordAt)
	if _, err := syscall.Pread(fd, head, 0); err != nil {
		return "", os.NewSyscallError("pread", err)
	}
	id, err := parse(head, kind, id)
	switch mode := st.Mode & 0o777; {
	case err != nil:
		return "", err
	case int(st.Uid) != os.Geteuid():
		return "", mismatch(fs.ErrPermission, fmt.Sprintf("owner %d", st.Uid), os.Geteuid())
	case mode&0o077 != 0:
		return "", mismatch(fs.ErrPermission, fmt.Sprintf("mode %#o", mode), "0600")
	}
	return id, checkFileSystem(fd)
}

// fileName returns the name of File, by which passes recognizes it.
func fileName(id string) string { return "goevent " + id }

func pass(cmd *exec.Cmd, f *os.File) (uintptr, error) {
	cmd.ExtraFiles = append(slices.Clip(cmd.ExtraFiles), f) // another command may have the same array
	return uintptr(2 + len(cmd.ExtraFiles)), nil
}

func passes(cmd *exec.Cmd, number uintptr, id string) bool {
	i := int(number) - 3
	return 0 <= i && i < len(cmd.ExtraFiles) && cmd.ExtraFiles[i] != nil && cmd.ExtraFiles[i].Name() == fileName(id)
}

func inherit(number uintptr, kind, id string) (*Page, error) {
	p, err := attach(number, kind, id)
	if err == nil {
		syscall.CloseOnExec(int(number))
	}
	return p, err
}
