package bell

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ears is an inotify instance. It has one watch for each inode, whatever the
// number of files and calls of listen; a watch ends with its inode.
type ears struct {
	events *os.File
	conn   syscall.RawConn
}

func (e *ears) open(rung chan<- struct{}) error {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("inotify_init1", err)
	}
	e.events = os.NewFile(uintptr(fd), "inotify")
	e.conn, err = e.events.SyscallConn()
	if err == nil {
		err = e.events.SetReadDeadline(time.Time{}) // fails unless Read waits in Go's poller
	}
	if err != nil {
		e.events.Close()
		return err
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			if _, err := e.events.Read(buf); err != nil { // closed
				return
			}
			hear(rung) // whatever the events are, one that says that some were lost among them
		}
	}()
	return nil
}

func (e *ears) listen(f *os.File) error {
	file, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var closed, refused error
	err = file.Control(func(fd uintptr) {
		closed = e.conn.Control(func(events uintptr) {
			_, refused = syscall.InotifyAddWatch(int(events), fmt.Sprintf("/proc/self/fd/%d", fd), syscall.IN_ATTRIB)
		})
	})
	return errors.Join(err, closed, os.NewSyscallError("inotify_add_watch", refused))
}

func (e *ears) close() { e.events.Close() }
