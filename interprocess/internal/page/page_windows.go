package page

import (
	"errors"
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

func (*Page) file() *os.File { return nil }

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

// A mapping is a view of a section.
type mapping struct{ address unsafe.Pointer }

// view maps the page of s.
func view(s *section) (*mapping, error) {
	address, err := syscall.MapViewOfFile(s.handle, syscall.FILE_MAP_READ|syscall.FILE_MAP_WRITE, 0, 0, size)
	if err != nil {
		return nil, os.NewSyscallError("MapViewOfFile", err)
	}
	return &mapping{*(*unsafe.Pointer)(unsafe.Pointer(&address))}, nil
}

// detach does nothing: methods that run may still touch the page.
func (*mapping) detach() {}

func (m *mapping) release() { syscall.UnmapViewOfFile(uintptr(m.address)) }

// head returns the beginning of the page.
func (m *mapping) head() []byte { return unsafe.Slice((*byte)(m.address), wordAt) }

// newSectionOf makes a section of one page of file, or of memory only.
func newSectionOf(file syscall.Handle) (*section, error) {
	handle, err := syscall.CreateFileMapping(file, nil, syscall.PAGE_READWRITE, 0, size, nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateFileMapping", err)
	}
	return newSection(handle), nil
}

// attachSection maps s, and closes it if that fails.
func attachSection(s *section, id func(head []byte) (string, error)) (*Page, error) {
	m, err := view(s)
	if err != nil {
		s.Close()
		return nil, err
	}
	name, err := id(m.head())
	if err != nil {
		m.release()
		s.Close()
		return nil, err
	}
	return newPage(m, name, s), nil
}

func newAnonymous(kind string) (*Page, error) {
	s, err := newSectionOf(syscall.InvalidHandle)
	if err != nil {
		return nil, err
	}
	return attachSection(s, func(head []byte) (string, error) {
		page, id := content(kind, 0)
		copy(head, page)
		return id, nil
	})
}

func share(file uintptr, id string) (*Page, error) {
	s, err := newSectionOf(syscall.Handle(file))
	if err != nil {
		return nil, err
	}
	return attachSection(s, func([]byte) (string, error) { return id, nil })
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
// that of a page.
func readHead(fd uintptr) ([]byte, error) {
	var info syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(syscall.Handle(fd), &info); err != nil {
		return nil, notRegular(fs.ModeDevice)
	}
	switch length := uint64(info.FileSizeHigh)<<32 | uint64(info.FileSizeLow); {
	case info.FileAttributes&syscall.FILE_ATTRIBUTE_REPARSE_POINT != 0:
		return nil, notRegular(fs.ModeSymlink)
	case length != size:
		return nil, mismatch(ErrFormat, fmt.Sprintf("size %d", length), size)
	}
	head := make([]byte, wordAt)
	var n uint32
	err := syscall.ReadFile(syscall.Handle(fd), head, &n, new(syscall.Overlapped)) // from offset 0
	return head[:n], os.NewSyscallError("ReadFile", err)
}

// checkOwner checks nothing: the ACL of the directory decides who can open a file.
func checkOwner(uintptr) error { return nil }

var informationByHandle = syscall.NewLazyDLL("kernel32.dll").NewProc("GetFileInformationByHandleEx")

// checkFileSystem returns an error if the file fd is on another host.
func checkFileSystem(fd uintptr) error {
	var answer [256]byte // FILE_REMOTE_PROTOCOL_INFO, which only a file on another host has
	const class = 13
	if ok, _, _ := informationByHandle.Call(fd, class, uintptr(unsafe.Pointer(&answer)), uintptr(len(answer))); ok != 0 {
		return mismatch(errors.ErrUnsupported, "network file system", "one that is local")
	}
	return nil
}

// pass passes the section under its own number. Package os/exec passes only the
// handles that are listed.
func (p *Page) pass(cmd *exec.Cmd) (uintptr, error) {
	s := p.shared
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

func passes(cmd *exec.Cmd, number uintptr, _ string) bool {
	return cmd.SysProcAttr != nil && slices.Contains(cmd.SysProcAttr.AdditionalInheritedHandles, syscall.Handle(number))
}

func inherit(number uintptr, kind, id string) (*Page, error) {
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
	m, err := view(s)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("%w: not a section of memory", ErrFormat)
	}
	if err := checkID(m.head(), kind, id); err != nil {
		m.release()
		s.Close()
		return nil, err
	}
	syscall.SetHandleInformation(syscall.Handle(number), syscall.HANDLE_FLAG_INHERIT, 0)
	return newPage(m, id, s), nil
}
