package interprocess

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"unsafe"
)

// A section is a handle to memory that can be mapped, and what a child can
// inherit. It is closed once, by Close or when it is unreachable.
type section struct {
	handle  syscall.Handle
	closing sync.Once
	cleanup runtime.Cleanup
}

type resource = *section

func newSection(handle syscall.Handle) *section {
	s := &section{handle: handle}
	s.cleanup = runtime.AddCleanup(s, func(h syscall.Handle) { syscall.CloseHandle(h) }, handle)
	return s
}

func (s *section) Close() (err error) {
	s.closing.Do(func() {
		s.cleanup.Stop()
		err = syscall.CloseHandle(s.handle)
	})
	return err
}

// mapSection makes a section of one page of file, or of memory only, and maps it.
func mapSection(file syscall.Handle) ([]byte, *section, error) {
	handle, err := syscall.CreateFileMapping(file, nil, syscall.PAGE_READWRITE, 0, pageSize, nil)
	if err != nil {
		return nil, nil, os.NewSyscallError("CreateFileMapping", err)
	}
	s := newSection(handle)
	page, err := view(s)
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	return page, s, nil
}

// view maps the page of s.
func view(s *section) ([]byte, error) {
	addr, err := syscall.MapViewOfFile(s.handle, syscall.FILE_MAP_READ|syscall.FILE_MAP_WRITE, 0, 0, pageSize)
	if err != nil {
		return nil, os.NewSyscallError("MapViewOfFile", err)
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), pageSize), nil
}

func unmap(page []byte) { syscall.UnmapViewOfFile(uintptr(unsafe.Pointer(&page[0]))) }

func newAnonymous() (*Event, error) {
	page, s, err := mapSection(syscall.InvalidHandle)
	if err != nil {
		return nil, err
	}
	copy(page, newPage())
	_, id, err := parse(page[:wordAt])
	if err != nil {
		return nil, err
	}
	return newEvent(page, id, s), nil
}

// openFile does not follow a link.
func openFile(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE,
		syscall.FILE_SHARE_READ|syscall.FILE_SHARE_WRITE|syscall.FILE_SHARE_DELETE, nil,
		syscall.OPEN_EXISTING, syscall.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(handle), path), nil
}

// publish gives the file temp the name path, unless that exists. It does not
// need hard links, and works while the file is mapped.
func publish(temp, path string) error {
	from, err := syscall.UTF16PtrFromString(temp)
	if err != nil {
		return err
	}
	to, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	return syscall.MoveFile(from, to)
}

// readHead returns the beginning of fd, or an error if its type or size is not
// that of an event.
func readHead(fd uintptr) ([]byte, error) {
	var info syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(syscall.Handle(fd), &info); err != nil {
		return nil, notRegular(fs.ModeDevice)
	}
	switch size := uint64(info.FileSizeHigh)<<32 | uint64(info.FileSizeLow); {
	case info.FileAttributes&syscall.FILE_ATTRIBUTE_REPARSE_POINT != 0:
		return nil, notRegular(fs.ModeSymlink)
	case size != pageSize:
		return nil, mismatch(ErrFormat, fmt.Sprintf("size %d", size), pageSize)
	}
	head := make([]byte, wordAt)
	var n uint32
	err := syscall.ReadFile(syscall.Handle(fd), head, &n, new(syscall.Overlapped)) // from offset 0
	return head[:n], os.NewSyscallError("ReadFile", err)
}

// checkOwner checks nothing: the ACL of the directory decides who can open a file.
func checkOwner(uintptr) error { return nil }

// mapFile maps f, and closes it: the section takes its place.
func mapFile(f *os.File) ([]byte, resource, error) {
	defer f.Close()
	return mapSection(syscall.Handle(f.Fd()))
}

// pass passes s to the child, where it has the same number. Package os/exec
// passes only the handles that are listed.
func pass(cmd *exec.Cmd, s *section) (uintptr, error) {
	if err := syscall.SetHandleInformation(s.handle, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT); err != nil {
		return 0, os.NewSyscallError("SetHandleInformation", err)
	}
	var attr syscall.SysProcAttr // a copy: another command may have the same
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.AdditionalInheritedHandles = append(slices.Clip(attr.AdditionalInheritedHandles), s.handle)
	cmd.SysProcAttr = &attr
	runtime.AddCleanup(cmd, func(*section) {}, s) // s stays reachable as long as cmd
	return uintptr(s.handle), nil
}

// passes reports whether cmd passes the event to the child as number.
func passes(cmd *exec.Cmd, number uintptr, _ string) bool {
	return cmd.SysProcAttr != nil && slices.Contains(cmd.SysProcAttr.AdditionalInheritedHandles, syscall.Handle(number))
}

// openInherited opens the event id that this process inherited as number, and
// keeps its children from inheriting it in turn. It leaves number alone if that
// is another object.
func openInherited(number uintptr, id string) (*Event, error) {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return nil, err
	}
	var handle syscall.Handle
	err = syscall.DuplicateHandle(self, syscall.Handle(number), self, &handle, 0, false, syscall.DUPLICATE_SAME_ACCESS)
	if err != nil {
		return nil, fmt.Errorf("%w: closed", ErrFormat)
	}
	s := newSection(handle)
	page, err := view(s)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%w: not a section of memory", ErrFormat)
	}
	_, found, err := parse(page[:wordAt])
	if err == nil && found != id {
		err = mismatch(ErrFormat, "event "+found, fmt.Sprintf("%.40s", id))
	}
	if err != nil {
		unmap(page)
		s.Close()
		return nil, err
	}
	syscall.SetHandleInformation(syscall.Handle(number), syscall.HANDLE_FLAG_INHERIT, 0)
	return newEvent(page, id, s), nil
}
