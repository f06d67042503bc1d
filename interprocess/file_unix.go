//go:build unix

package interprocess

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// resource is what a child inherits: the file.
type resource = *os.File

func newAnonymous() (*Event, error) {
	f, err := memoryFile()
	if err == nil {
		return attach(f)
	}
	for _, dir := range []string{"/dev/shm", os.TempDir()} {
		if f, err = writeTemp(dir); err != nil {
			continue
		}
		if err = os.Remove(f.Name()); err == nil && needsMemory {
			if inMemory, e := checkFileSystem(f.Fd()); e != nil || !inMemory {
				err = fmt.Errorf("%w: %s is not in memory", errors.ErrUnsupported, dir)
			}
		}
		if err == nil {
			return attach(f)
		}
		f.Close()
	}
	return nil, err
}

// openFile does not follow a link, does not wait for the other end of a named
// pipe, and does not make a terminal the controlling one.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// publish gives the file temp the name path, unless that exists.
func publish(temp, path string) error {
	err := os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if e := renameNoReplace(temp, path); e == nil || errors.Is(e, fs.ErrExist) {
			err = e // a file system without hard links
		}
	}
	return err
}

// readHead returns the beginning of fd, or an error if its type or size is not
// that of an event. It neither opens nor closes a descriptor: if fd is another
// file, that would drop the record locks that the process holds on it.
func readHead(fd uintptr) ([]byte, error) {
	var st syscall.Stat_t
	switch err := fstat(fd, &st); {
	case err == syscall.EBADF:
		return nil, fmt.Errorf("%w: closed", ErrFormat)
	case err != nil:
		return nil, err
	}
	if mode := fileMode(uint32(st.Mode)); mode != 0 {
		return nil, notRegular(mode)
	}
	if st.Size != pageSize {
		return nil, mismatch(ErrFormat, fmt.Sprintf("size %d", st.Size), pageSize)
	}
	head := make([]byte, wordAt)
	for {
		n, err := syscall.Pread(int(fd), head, 0)
		if err != syscall.EINTR {
			return head[:max(n, 0)], os.NewSyscallError("pread", err)
		}
	}
}

func fstat(fd uintptr, st *syscall.Stat_t) error {
	for {
		if err := syscall.Fstat(int(fd), st); err != syscall.EINTR {
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
	if err := fstat(fd, &st); err != nil {
		return err
	}
	if owner := int(st.Uid); owner != os.Geteuid() {
		return mismatch(fs.ErrPermission, fmt.Sprintf("owner %d", owner), os.Geteuid())
	}
	if mode := uint32(st.Mode) & 0o777; mode&0o077 != 0 {
		return mismatch(fs.ErrPermission, fmt.Sprintf("mode %#o", mode), "0600")
	}
	return nil
}

// mapFile maps f, which it closes if it fails.
func mapFile(f *os.File) ([]byte, resource, error) {
	page, err := syscall.Mmap(int(f.Fd()), 0, pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		f.Close()
		return nil, nil, os.NewSyscallError("mmap", err)
	}
	return page, f, nil
}

func unmap(page []byte) { syscall.Munmap(page) }

// pass passes f to the child and returns its number there.
func pass(cmd *exec.Cmd, f *os.File) (uintptr, error) {
	cmd.ExtraFiles = append(slices.Clip(cmd.ExtraFiles), f) // another command may have the same array
	return uintptr(2 + len(cmd.ExtraFiles)), nil
}

// passes reports whether cmd passes the event id to the child as number.
func passes(cmd *exec.Cmd, number uintptr, id string) bool {
	i := int(number) - 3
	if i >= len(cmd.ExtraFiles) {
		return false
	}
	if info, err := cmd.ExtraFiles[i].Stat(); err != nil || !info.Mode().IsRegular() {
		return false // nothing, or what a read may wait for
	}
	head := make([]byte, wordAt)
	_, err := cmd.ExtraFiles[i].ReadAt(head, 0)
	return err == nil && bytes.Contains(head, []byte(" "+id+"\n"))
}

// openInherited opens the event id that this process inherited as number, and
// keeps its children from inheriting it in turn. It leaves number alone if that
// is another file.
func openInherited(number uintptr, id string) (*Event, error) {
	head, err := readHead(number)
	if err != nil {
		return nil, err
	}
	if _, found, err := parse(head); err != nil {
		return nil, err
	} else if found != id {
		return nil, mismatch(ErrFormat, "event "+found, fmt.Sprintf("%.40s", id))
	}
	if err := checkOwner(number); err != nil {
		return nil, err
	}
	syscall.ForkLock.RLock() // no child may start and inherit fd in between
	fd, err := syscall.Dup(int(number))
	if err == nil {
		syscall.CloseOnExec(fd)
		syscall.CloseOnExec(int(number))
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	page, f, err := mapFile(os.NewFile(uintptr(fd), prefix+id))
	if err != nil {
		return nil, err
	}
	return newEvent(page, id, f), nil
}
