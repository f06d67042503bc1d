package event

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// An Event is a flag that goroutines set, clear, test and wait for.
//
// The zero Event is unset and ready to use.
// An Event must not be copied after first use.
//
// Any number of goroutines may call any of the methods at any time. The calls
// are linearizable: they behave as if they happened one at a time, in an order
// in which a call that has returned comes before one that begins later.
//
// In the terminology of [the Go memory model], a call to Set “synchronizes
// before” the return of every wait, receive or IsSet that observes it, and
// before every Clear that comes after it, even if the event was already set.
//
// [the Go memory model]: https://go.dev/ref/mem
type Event struct {
	state atomic.Uint32 // one of the states below
	mu    sync.Mutex    // held to touch ch and to enter or leave awaited and releasing
	ch    chan struct{} // what waiters receive from; nil in unset and set
}

// The states of an event, and all the steps between them:
//
//	unset → set          Set, by compare-and-swap
//	set → unset          Clear, by compare-and-swap
//	unset → awaited      a waiter, by compare-and-swap under mu; makes ch
//	awaited → releasing  Set, under mu
//	releasing → set      the same Set, still under mu, having closed and dropped ch
//
// No wake-up is lost: whoever waits holds ch, made in the step to awaited, and
// the only way on from there closes it. A closed channel stays closed; a waiter
// does not look at the flag again, so no Clear can strand it.
//
// No wake-up is early: ch is dropped before the event is set, hence before it
// can be cleared. Whoever comes after that Clear makes another channel.
//
// Flag and channel agree: while releasing, ch may be closed or still open, so
// every method passes through mu first. By then the event has been set.
//
// Memory is in order: every Set writes state, even from set to set, and
// whatever observes that Set reads state, receives from ch or locks mu.
const (
	unset     = iota // nobody waits
	set              // nobody has to wait
	awaited          // unset, and somebody may be waiting on ch
	releasing        // being set: ch is being closed
)

// closed is the channel of every event that is set.
var closed = make(chan struct{})

func init() { close(closed) }

// New returns an unset Event. It is the same as new(Event).
func New() *Event { return new(Event) }

// Set sets the event and releases every goroutine that is waiting for it,
// even if Clear follows at once. On a set event it has no effect but the
// memory ordering that [Event] describes.
//
// Set costs one compare-and-swap or, if somebody may be waiting, the close of
// a channel. It neither allocates nor waits for those it releases to run.
func (e *Event) Set() {
	for {
		s := e.state.Load()
		if s == awaited || s == releasing {
			if e.release() {
				return
			}
		} else if e.state.CompareAndSwap(s, set) {
			return // from set to set too: a load would not synchronize before the next Clear
		}
	}
}

// Clear makes the event unset: a wait that begins after Clear returned blocks
// until the next Set. Clear has no effect on goroutines that an earlier Set
// released, or on an unset event. It costs one compare-and-swap and does not
// allocate.
func (e *Event) Clear() {
	if e.IsSet() {
		e.state.CompareAndSwap(set, unset) // fails only if another Clear was faster
	}
}

// IsSet reports whether the event is set. If it is, every channel that Done
// returned before is closed. IsSet costs one atomic load; like the other
// methods, it waits for a Set that is still closing the channel.
func (e *Event) IsSet() bool {
	s := e.state.Load()
	if s == releasing {
		e.settle()
		return true
	}
	return s == set
}

// Wait waits until the event is set. On a set event it costs one atomic load,
// otherwise a channel receive; the first wait after a Clear allocates the
// channel.
func (e *Event) Wait() {
	if e.state.Load() != set {
		<-e.await()
	}
}

// WaitTimeout waits until the event is set or d has passed, and reports
// whether the event was set in time. It never reports false before d has
// passed. The event wins ties: a set event gives true even if d is zero or
// negative, and a Set before d has passed gives true even if Clear follows.
//
// It costs what [Event.Wait] does, plus a timer if it has to wait.
func (e *Event) WaitTimeout(d time.Duration) bool {
	if d <= 0 {
		return e.IsSet()
	}
	if e.state.Load() == set {
		return true
	}
	done := e.await()
	t := time.NewTimer(d)
	defer t.Stop()
	return wait(done, t.C)
}

// WaitContext waits until the event is set and returns nil, or until ctx is
// done and returns ctx.Err(). The event wins ties: a set event gives nil even
// if ctx is done already, and a Set before ctx is done gives nil even if Clear
// follows. WaitContext panics if ctx is nil.
//
// It costs what [Event.Wait] does, plus ctx.Done if it has to wait.
func (e *Event) WaitContext(ctx context.Context) error {
	if ctx == nil {
		panic("event: nil context")
	}
	if e.state.Load() == set || wait(e.await(), ctx.Done()) {
		return nil
	}
	return ctx.Err()
}

// Done returns a channel that is closed if the event is set, and otherwise
// will be closed by the next Set. It is meant for select statements. A closed
// channel does not open again: call Done anew for each wait. Done allocates as
// [Event.Wait] does, and successive calls may return the same channel.
func (e *Event) Done() <-chan struct{} {
	if e.state.Load() == set {
		return closed
	}
	return e.await()
}

// String returns "set" or "unset", at the cost of IsSet, so that printing a
// *Event does not race with its use. Printing by %#v, or a struct that holds an
// Event, reads the fields without synchronization.
func (e *Event) String() string {
	if e.IsSet() {
		return "set"
	}
	return "unset"
}

// await returns ch, making it if need be, or closed if the event is set.
func (e *Event) await() <-chan struct{} {
	e.mu.Lock()
	if e.state.CompareAndSwap(unset, awaited) {
		e.ch = make(chan struct{})
	}
	ch := e.ch
	e.mu.Unlock()
	if ch == nil {
		return closed // the compare-and-swap found it set
	}
	return ch
}

// release takes the event from awaited to set. It reports false, and has done
// nothing, if another Set was faster.
func (e *Event) release() bool {
	e.mu.Lock()
	ch := e.ch
	if ch != nil {
		e.state.Store(releasing)
		close(ch)
		e.ch = nil
		e.state.Store(set)
	}
	e.mu.Unlock()
	return ch != nil
}

// settle waits until the Set that is releasing has finished.
func (e *Event) settle() {
	e.mu.Lock()
	defer e.mu.Unlock()
}

// wait waits for done or giveUp, and reports whether it was done. It is the one
// place where a wait gives up, for the event to win ties.
func wait[T any](done <-chan struct{}, giveUp <-chan T) bool {
	select {
	case <-done:
		return true
	case <-giveUp:
	}
	select { // if both were ready, the first select chose at random
	case <-done:
		return true
	default:
		return false
	}
}
