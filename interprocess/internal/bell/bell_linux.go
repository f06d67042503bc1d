package bell

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// open returns an inotify instance, whose Read waits in Go's poller. It has one
// watch for each inode, whatever the number of files and calls of listen; a watch
// ends with its inode.
func open() (*os.File, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	ears := os.NewFile(uintptr(fd), "inotify")
	if err := ears.SetReadDeadline(time.Time{}); err != nil { // Read would block, also when ears is closed
		ears.Close()
		return nil, err
	}
	return ears, nil
}

func listen(ears, file int) error {
	_, err := syscall.InotifyAddWatch(ears, fmt.Sprintf("/proc/self/fd/%d", file), syscall.IN_ATTRIB)
	return os.NewSyscallError("inotify_add_watch", err)
}

// hear waits for events, whatever they are: one may say that others were lost.
func (b *Bell) hear() error {
	_, err := b.ears.Read(make([]byte, 4096))
	return err
}
