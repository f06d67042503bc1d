package interprocess

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

// A section is a handle of memory that can be mapped, and what a child can
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

// boot has no name for the boot: Windows tells only its time, which changes
// when the clock is set.
func boot() string { return noBoot }

// makeSection makes a section of one page of file, or of memory only.
func makeSection(file syscall.Handle) (*section, error) {
	handle, err := syscall.CreateFileMapping(file, nil, syscall.PAGE_READWRITE, 0, pageSize, nil)
	if err != nil {
		return nil, fmt.Errorf("want memory to share: %w", err)
	}
	return newSection(handle), nil
}

// view maps the page of s.
func view(s *section) ([]byte, error) {
	addr, err := syscall.MapViewOfFile(s.handle, syscall.FILE_MAP_READ|syscall.FILE_MAP_WRITE, 0, 0, pageSize)
	if err != nil {
		s.Close()
		return nil, err
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&addr)), pageSize), nil
}

func unmap(page []byte) { syscall.UnmapViewOfFile(uintptr(unsafe.Pointer(&page[0]))) }

func anonymous() (*Event, error) {
	s, err := makeSection(syscall.InvalidHandle)
	if err != nil {
		return nil, err
	}
	page, err := view(s)
	if err != nil {
		return nil, err
	}
	copy(page, newPage())
	return attach(page, s)
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

var remoteProtocol = syscall.NewLazyDLL("kernel32.dll").NewProc("GetFileInformationByHandleEx")

// checkFile reports what is wrong with f before anybody looks into it. Who may
// open it is for its folder's access list to say.
func checkFile(f *os.File) error {
	var info syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(syscall.Handle(f.Fd()), &info); err != nil {
		return refuse(ErrFormat, "a regular file", "a device")
	}
	switch size := uint64(info.FileSizeHigh)<<32 | uint64(info.FileSizeLow); {
	case info.FileAttributes&syscall.FILE_ATTRIBUTE_REPARSE_POINT != 0:
		return refuse(ErrFormat, "a regular file", describe(fs.ModeSymlink))
	case size != pageSize:
		return refuse(ErrFormat, fmt.Sprintf("a file of %d bytes", pageSize), fmt.Sprint(size))
	}
	var answer [256]byte // FILE_REMOTE_PROTOCOL_INFO, which only a file of another host has
	const class = 13
	if ok, _, _ := remoteProtocol.Call(f.Fd(), class, uintptr(unsafe.Pointer(&answer)), uintptr(len(answer))); ok != 0 {
		return refuse(errors.ErrUnsupported, "a file system of this host, which shares memory", "a network's")
	}
	return nil
}

// mapFile checks and maps f, and closes it: the section stands for it from then on.
func mapFile(f *os.File) (*Event, error) {
	defer f.Close()
	if err := checkFile(f); err != nil {
		return nil, err
	}
	s, err := makeSection(syscall.Handle(f.Fd()))
	if err != nil {
		return nil, err
	}
	page, err := view(s)
	if err != nil {
		return nil, err
	}
	return attach(page, s)
}

// hand gives s to the child, where it has the same number. Package os/exec
// passes on only the handles that are listed.
func hand(cmd *exec.Cmd, s *section) (uintptr, error) {
	if err := syscall.SetHandleInformation(s.handle, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT); err != nil {
		return 0, err
	}
	var attr syscall.SysProcAttr // a copy: another command may have the same
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.AdditionalInheritedHandles = append(slices.Clip(attr.AdditionalInheritedHandles), s.handle)
	cmd.SysProcAttr = &attr
	return uintptr(s.handle), nil
}

// adopt opens the event of an inherited handle. It leaves the handle alone,
// which may be none of ours.
func adopt(number uintptr) (*Event, error) {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return nil, err
	}
	var handle syscall.Handle
	err = syscall.DuplicateHandle(self, syscall.Handle(number), self, &handle, 0, false, syscall.DUPLICATE_SAME_ACCESS)
	if err != nil {
		return nil, fmt.Errorf("%w: found it closed: %w", ErrFormat, err)
	}
	s := newSection(handle)
	page, err := view(s)
	if err != nil {
		return nil, fmt.Errorf("%w: found something else than memory to share: %w", ErrFormat, err)
	}
	return attach(page, s)
}

// keep keeps an inherited handle from this process's own children.
func keep(number uintptr) {
	syscall.SetHandleInformation(syscall.Handle(number), syscall.HANDLE_FLAG_INHERIT, 0)
}
