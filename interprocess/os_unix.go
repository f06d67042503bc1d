//go:build unix

package interprocess

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// resource is what a child can inherit: the file.
type resource = *os.File

func anonymous() (*Event, error) {
	f, _, err := writeAside("/dev/shm")
	if err != nil {
		f, _, err = writeAside(os.TempDir())
	}
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return mapFile(f)
}

// openFile does not follow a link, does not wait for a named pipe's other end,
// and does not make a terminal this process's own.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// checkFile reports what is wrong with f before anybody looks into it.
func checkFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	switch owner := int(info.Sys().(*syscall.Stat_t).Uid); {
	case !info.Mode().IsRegular():
		return refuse(ErrFormat, "a regular file", describe(info.Mode()))
	case owner != os.Geteuid():
		return refuse(fs.ErrPermission, fmt.Sprintf("a file of user %d", os.Geteuid()), fmt.Sprintf("one of user %d", owner))
	case info.Mode().Perm()&0o077 != 0:
		return refuse(fs.ErrPermission, "a file of mode 0600", fmt.Sprintf("%#o, which lets others in", info.Mode().Perm()))
	case info.Size() != pageSize:
		return refuse(ErrFormat, fmt.Sprintf("a file of %d bytes", pageSize), fmt.Sprint(info.Size()))
	}
	if name := remote(int(f.Fd())); name != "" {
		return refuse(errors.ErrUnsupported, "a file system of this host, which shares memory", name)
	}
	return nil
}

// mapFile checks and maps f. If it fails it closes f.
func mapFile(f *os.File) (*Event, error) {
	err := checkFile(f)
	if err == nil {
		var page []byte
		page, err = syscall.Mmap(int(f.Fd()), 0, pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		if err == nil {
			return attach(page, f)
		}
		err = fmt.Errorf("want a file that can be mapped: %w", err)
	}
	f.Close()
	return nil, err
}

func unmap(page []byte) { syscall.Munmap(page) }

// hand gives f to the child and returns its number there.
func hand(cmd *exec.Cmd, f *os.File) (uintptr, error) {
	cmd.ExtraFiles = append(slices.Clip(cmd.ExtraFiles), f) // another command may have the same array
	return uintptr(2 + len(cmd.ExtraFiles)), nil
}

// adopt opens the event of an inherited descriptor. It leaves the descriptor
// alone, which may be none of ours.
func adopt(number uintptr) (*Event, error) {
	syscall.ForkLock.RLock() // no child may start and inherit fd in between
	fd, err := syscall.Dup(int(number))
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("%w: found it closed: %w", ErrFormat, err)
	}
	return mapFile(os.NewFile(uintptr(fd), "inherited event"))
}

// keep keeps an inherited descriptor from this process's own children.
func keep(number uintptr) { syscall.CloseOnExec(int(number)) }
