// Package bell lets a process hear that another one has rung a file.
//
// A ring is a change of the file's attributes, to those that it has. It is heard
// by every Bell of every process that listened to the file before, through
// whatever handle. A ring is not a message: several may be heard as one, and one
// may be heard that nobody rang.
package bell

import (
	"cmp"
	"os"
)

// A Bell hears rings of the files to which it listens. The zero Bell hears
// nothing: its Listen returns an error.
type Bell struct {
	Rung <-chan struct{} // receives soon after a ring; has a capacity of one
	ears *os.File
}

// New returns a Bell. The error wraps [errors.ErrUnsupported] if the system has
// none.
func New() (*Bell, error) {
	ears, err := open()
	if err != nil {
		return nil, err
	}
	rung := make(chan struct{}, 1)
	b := &Bell{rung, ears}
	go func() {
		defer b.Close() // if hear fails before
		for b.hear() == nil {
			select {
			case rung <- struct{}{}:
			default:
			}
		}
	}()
	return b, nil
}

// Listen makes b hear rings of f, until f is closed or b is. To listen again has
// no effect.
func (b *Bell) Listen(f *os.File) error {
	return control(b.ears, func(ears int) error {
		return control(f, func(file int) error { return listen(ears, file) })
	})
}

// control calls do with the descriptor of f, which stays open meanwhile.
func control(f *os.File, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	closed := conn.Control(func(fd uintptr) { err = do(int(fd)) })
	return cmp.Or(closed, err)
}

// Close closes b. Listen then returns an error.
func (b *Bell) Close() { b.ears.Close() }

// Ring rings f, a file of mode 0600 that this process's user owns. (DragonFly's old
// file system HAMMER tells of no mode that stays the same.)
func Ring(f *os.File) error { return f.Chmod(0o600) }
