//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package bell

import (
	"os"
	"syscall"
)

// open returns a kqueue. It has one note for each descriptor, whatever the number
// of calls of listen; a note ends with its descriptor.
func open() (*os.File, error) {
	syscall.ForkLock.RLock() // no child may start and inherit queue in between
	defer syscall.ForkLock.RUnlock()
	queue, err := syscall.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	syscall.CloseOnExec(queue)
	return os.NewFile(uintptr(queue), "kqueue"), nil
}

func listen(queue, file int) error {
	note := []syscall.Kevent_t{{Fflags: syscall.NOTE_ATTRIB}}
	syscall.SetKevent(&note[0], file, syscall.EVFILT_VNODE, syscall.EV_ADD|syscall.EV_CLEAR)
	_, err := syscall.Kevent(queue, note, nil, nil)
	return os.NewSyscallError("kevent", err)
}

// hear waits for events. Close does not end a call of Kevent, which must return by
// itself: the kqueue is open until then.
func (b *Bell) hear() error {
	timeout := syscall.NsecToTimespec(250e6) // when a closed kqueue is noticed
	events := make([]syscall.Kevent_t, 16)
	for n := 0; n <= 0; {
		err := control(b.ears, func(queue int) (err error) {
			n, err = syscall.Kevent(queue, nil, events, &timeout)
			return err
		})
		if err != nil && err != syscall.EINTR && err != syscall.ETIMEDOUT { // golang.org/issue/59679
			return err
		}
	}
	return nil
}
