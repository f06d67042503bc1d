//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package bell

import (
	"errors"
	"os"
	"syscall"
)

// ears is a kqueue. It has one note for each descriptor, whatever the number of
// calls of listen; a note ends with its descriptor.
type ears struct {
	queue *os.File
	conn  syscall.RawConn
}

func (e *ears) open(rung chan<- struct{}) error {
	syscall.ForkLock.RLock() // no child may start and inherit queue in between
	defer syscall.ForkLock.RUnlock()
	queue, err := syscall.Kqueue()
	if err != nil {
		return os.NewSyscallError("kqueue", err)
	}
	syscall.CloseOnExec(queue)
	e.queue = os.NewFile(uintptr(queue), "kqueue")
	e.conn, _ = e.queue.SyscallConn() // fails only for a nil File
	go func() {
		// Close does not end a call of Kevent: the kqueue is open until it returns.
		timeout := syscall.NsecToTimespec(250e6)
		events := make([]syscall.Kevent_t, 16)
		var n int
		wait := func(queue uintptr) { n, err = syscall.Kevent(int(queue), nil, events, &timeout) }
		for e.conn.Control(wait) == nil && (err == nil || err == syscall.EINTR) {
			if n > 0 {
				hear(rung)
			}
		}
	}()
	return nil
}

func (e *ears) listen(f *os.File) error {
	file, err := f.SyscallConn()
	if err != nil {
		return err
	}
	note := []syscall.Kevent_t{{Fflags: syscall.NOTE_ATTRIB}}
	var closed, refused error
	err = file.Control(func(fd uintptr) {
		syscall.SetKevent(&note[0], int(fd), syscall.EVFILT_VNODE, syscall.EV_ADD|syscall.EV_CLEAR)
		closed = e.conn.Control(func(queue uintptr) { _, refused = syscall.Kevent(int(queue), note, nil, nil) })
	})
	return errors.Join(err, closed, os.NewSyscallError("kevent", refused))
}

func (e *ears) close() { e.queue.Close() }
