// Package bell lets a process hear that another one has rung a file.
//
// A ring is a change of the file's attributes, to those that it has. It is heard
// by every Bell of every process that listened to the file before, through
// whatever handle. A ring is not a message: several may be heard as one, and one
// may be heard that nobody rang.
package bell

import "os"

// A Bell hears rings of the files to which it listens.
type Bell struct {
	Rung <-chan struct{} // receives soon after a ring; has a capacity of one
	ears
}

// New returns a Bell. The error wraps [errors.ErrUnsupported] if the system has
// none.
func New() (*Bell, error) {
	rung := make(chan struct{}, 1)
	b := &Bell{Rung: rung}
	if err := b.open(rung); err != nil {
		return nil, err
	}
	return b, nil
}

// Listen makes b hear rings of f, until f is closed or b is. To listen again has
// no effect.
func (b *Bell) Listen(f *os.File) error { return b.listen(f) }

// Close closes b. Listen then returns an error.
func (b *Bell) Close() { b.close() }

// Ring rings f, a file of mode 0600 that this process's user owns.
func Ring(f *os.File) error { return f.Chmod(0o600) }

// hear tells the receiver of rung that there was a ring.
func hear(rung chan<- struct{}) {
	select {
	case rung <- struct{}{}:
	default:
	}
}
