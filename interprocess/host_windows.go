package interprocess

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// boot returns noBoot: Windows identifies a boot only by its time, which changes
// when the clock is set.
func boot() string { return noBoot }

// lock is for stale events, which cannot be recognized without the boot.
func lock(*os.File) error { return errors.ErrUnsupported }

var (
	kernel32            = syscall.NewLazyDLL("kernel32.dll")
	informationByHandle = kernel32.NewProc("GetFileInformationByHandleEx")
	switchToThread      = kernel32.NewProc("SwitchToThread")
)

// yield lets another process run, if one is ready to.
func yield() { switchToThread.Call() }

// checkFileSystem reports why the file system of fd cannot hold an event.
func checkFileSystem(fd uintptr) (inMemory bool, err error) {
	var answer [256]byte // FILE_REMOTE_PROTOCOL_INFO, which only a file on another host has
	const class = 13
	if ok, _, _ := informationByHandle.Call(fd, class, uintptr(unsafe.Pointer(&answer)), uintptr(len(answer))); ok != 0 {
		return false, fmt.Errorf("%w: network file system shares no memory", errors.ErrUnsupported)
	}
	return false, nil
}
