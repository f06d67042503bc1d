package page

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"unsafe"
)

// A mapping is the address of a view of a section.
type mapping struct{ address unsafe.Pointer }

// detach does nothing: methods that run may still touch the page.
func (mapping) detach() error { return nil }

func (m mapping) release() { _ = syscall.UnmapViewOfFile(uintptr(m.address)) }

// view maps the page in a section, after copying content to it, and closes the
// section if that fails.
func view(section syscall.Handle, content []byte, kind, id string) (*Page, error) {
	f := os.NewFile(uintptr(section), "section")
	address, err := syscall.MapViewOfFile(section, syscall.FILE_MAP_READ|syscall.FILE_MAP_WRITE, 0, 0, size)
	if err != nil {
		f.Close()
		return nil, os.NewSyscallError("MapViewOfFile", err)
	}
	m := mapping{*(*unsafe.Pointer)(unsafe.Pointer(&address))}
	page := unsafe.Slice((*byte)(m.address), size)
	copy(page, content)
	if id, err = parse(page[:wordAt], kind, id); err != nil {
		m.release()
		f.Close()
		return nil, err
	}
	return newPage(m, id, f), nil
}

// viewFile maps a new section of a file, or of memory only.
func viewFile(file syscall.Handle, content []byte, kind, id string) (*Page, error) {
	section, err := syscall.CreateFileMapping(file, nil, syscall.PAGE_READWRITE, 0, size, nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateFileMapping", err)
	}
	return view(section, content, kind, id)
}

func newAnonymous(kind string) (*Page, error) {
	return viewFile(syscall.InvalidHandle, content(kind, 0), kind, "")
}

// openFile does not follow a link, and works while another process publishes the
// file. The path exists, so it has no zero byte.
func openFile(path string) (*os.File, error) {
	name, _ := syscall.UTF16PtrFromString(path)
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE,
		syscall.FILE_SHARE_READ|syscall.FILE_SHARE_WRITE|syscall.FILE_SHARE_DELETE, nil,
		syscall.OPEN_EXISTING, syscall.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	return os.NewFile(uintptr(handle), path), err // nil for an invalid handle
}

// publish gives the file temp the name path, unless that exists. It does not
// need hard links, and works while the file is mapped. Neither name has a zero byte.
func publish(temp, path string) error {
	from, _ := syscall.UTF16PtrFromString(temp)
	to, _ := syscall.UTF16PtrFromString(path)
	return syscall.MoveFile(from, to)
}

var informationByHandle = syscall.NewLazyDLL("kernel32.dll").NewProc("GetFileInformationByHandleEx")

// attach checks and maps a file. The ACL of its directory decides who can open it.
func attach(file uintptr, kind, id string) (*Page, error) {
	var info syscall.ByHandleFileInformation
	err := syscall.GetFileInformationByHandle(syscall.Handle(file), &info)
	switch length := uint64(info.FileSizeHigh)<<32 | uint64(info.FileSizeLow); {
	case err != nil || info.FileAttributes&syscall.FILE_ATTRIBUTE_REPARSE_POINT != 0:
		return nil, fmt.Errorf("%w: not a regular file", ErrFormat)
	case length != size:
		return nil, mismatch(ErrFormat, fmt.Sprintf("size %d", length), size)
	}
	const class = 13
	var answer [256]byte // FILE_REMOTE_PROTOCOL_INFO, which only a file on another host has
	if ok, _, _ := informationByHandle.Call(file, class, uintptr(unsafe.Pointer(&answer)), uintptr(len(answer))); ok != 0 {
		return nil, mismatch(errors.ErrUnsupported, "network file system", "one that is local")
	}
	return viewFile(syscall.Handle(file), nil, kind, id)
}

// pass passes the section under its own number. Package os/exec passes only the
// handles that are listed.
func pass(cmd *exec.Cmd, f *os.File) (uintptr, error) {
	section := syscall.Handle(f.Fd())
	if err := syscall.SetHandleInformation(section, syscall.HANDLE_FLAG_INHERIT, syscall.HANDLE_FLAG_INHERIT); err != nil {
		return 0, os.NewSyscallError("SetHandleInformation", err)
	}
	var attr syscall.SysProcAttr // a copy: another command may have the same
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.AdditionalInheritedHandles = append(slices.Clip(attr.AdditionalInheritedHandles), section)
	cmd.SysProcAttr = &attr
	runtime.AddCleanup(cmd, func(*os.File) {}, f) // f stays reachable as long as cmd
	return uintptr(section), nil
}

func passes(cmd *exec.Cmd, number uintptr, _ string) bool {
	return cmd.SysProcAttr != nil && slices.Contains(cmd.SysProcAttr.AdditionalInheritedHandles, syscall.Handle(number))
}

func inherit(number uintptr, kind, id string) (*Page, error) {
	self, _ := syscall.GetCurrentProcess() // a constant
	var section syscall.Handle
	err := syscall.DuplicateHandle(self, syscall.Handle(number), self, &section, 0, false, syscall.DUPLICATE_SAME_ACCESS)
	if err != nil {
		return nil, fmt.Errorf("%w: closed", ErrFormat)
	}
	p, err := view(section, nil, kind, id)
	switch {
	case err == nil:
		err = syscall.SetHandleInformation(syscall.Handle(number), syscall.HANDLE_FLAG_INHERIT, 0)
	case !errors.Is(err, ErrFormat):
		err = fmt.Errorf("%w: not a section of memory", ErrFormat)
	}
	return p, err
}
