package event

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// An Event is a flag that goroutines set, clear, test and wait for.
//
// The zero Event is unset and ready to use.
// An Event must not be copied or overwritten after first use: the Set that ended
// a wait may still be running when the wait returns, so reset an event with Clear,
// not with *e = event.Event{}. Go vet reports most copies, but no overwriting, and
// no slice of structs that copies its elements when it grows. Two unset events may
// compare unequal; with go-cmp, use IgnoreTypes.
//
// In a struct, make an Event a named field: an embedded one adds its methods, so
// that printing a pointer to the struct prints only "set" or "unset". Events that
// different goroutines set often should not share a cache line.
//
// Any number of goroutines may call any of the methods at any time. The calls
// are linearizable: they behave as if they happened one at a time, in an order
// in which a call that has returned comes before one that begins later.
//
// In the terminology of [the Go memory model], a call to Set “synchronizes
// before” the return of every wait, receive or other call that observes it,
// and before every Clear that comes after it, even if the event was already set.
//
// [the Go memory model]: https://go.dev/ref/mem
type Event struct {
	state atomic.Uint32 // one of the states below
	mu    sync.Mutex    // guards ch, and the transitions to awaited and from releasing
	ch    chan struct{} // the channel of all waiters; nil in unset and set
}

// The states of an event and all transitions between them:
//
//	unset → set          Set, by compare-and-swap
//	set → unset          Clear, by compare-and-swap
//	unset → awaited      a waiter, by compare-and-swap under mu, after creating ch
//	awaited → releasing  Set, by compare-and-swap; the same Set then closes ch
//	releasing → set      the first call to find ch closed, under mu, after dropping ch
//
// No wake-up is lost: every waiter holds ch, created before the transition to
// awaited, and the Set that makes the transition from there closes it. A closed
// channel stays closed, and a waiter does not test the flag again, so no Clear can
// strand it.
//
// No wake-up is early: ch is dropped before the event is set, hence before it
// can be cleared. The first waiter after that Clear creates another channel.
//
// Flag and channel agree, and Set blocks no other call: a channel counts as closed
// before close wakes the first of its waiters, which may then keep the Set from
// running. So a call that finds the event releasing receives from ch, and
// finishes the release in place of the Set. It cannot overtake the closing, since
// the receive returns only after that. No release is finished twice: the second
// call, perhaps the Set itself, finds ch dropped or replaced by another channel.
//
// Memory is ordered: every Set writes state, even from set to set, and every call
// that observes that Set reads state or receives from ch. The Set that closes ch
// reads it without mu: it was written before the transition to awaited, and is
// not written again before it is closed.
const (
	unset     = iota // no goroutine waits
	set              // no goroutine has to wait
	awaited          // unset, and goroutines may be waiting on ch
	releasing        // being set: ch is closed or about to be
)

// set makes the event set and reports whether it was already.
func (e *Event) set() (old bool) {
	for {
		switch e.state.Load() {
		case unset:
			if e.state.CompareAndSwap(unset, set) {
				return false
			}
		case set:
			if e.state.CompareAndSwap(set, set) { // a load would not synchronize before the next Clear
				return true
			}
		case awaited:
			if e.state.CompareAndSwap(awaited, releasing) {
				ch := e.ch
				close(ch) // wakes all waiters: no lock is held
				e.finish(ch)
				return false
			}
		case releasing:
			e.settle()
		}
	}
}

// clear makes the event unset and reports whether it was set. The
// compare-and-swap fails only if another Clear came after IsSet.
func (e *Event) clear() (old bool) {
	return e.IsSet() && e.state.CompareAndSwap(set, unset)
}

// await returns ch, creating it if necessary, or closed if the event is set.
func (e *Event) await() <-chan struct{} {
	e.mu.Lock()
	if e.ch == nil && e.state.Load() == unset {
		e.ch = make(chan struct{})
		if !e.state.CompareAndSwap(unset, awaited) {
			e.ch = nil
		}
	}
	ch := e.ch
	e.mu.Unlock()
	if ch == nil { // the event was set
		return closed
	}
	return ch
}

// settle takes a releasing event to set. It waits until ch is closed, but not
// until the Set that closes it returns. It is a separate function so that IsSet
// can be inlined.
func (e *Event) settle() {
	e.mu.Lock()
	ch, s := e.ch, e.state.Load()
	e.mu.Unlock()
	if s == releasing {
		select {
		case <-ch: // needs no lock of ch, which close holds until it has listed all waiters
		default:
			<-ch
		}
		e.finish(ch)
	}
}

// finish takes the event from releasing to set, unless another call has done so
// since ch was closed.
func (e *Event) finish(ch chan struct{}) {
	e.mu.Lock()
	if e.ch == ch {
		e.ch = nil
		e.state.Store(set)
	}
	e.mu.Unlock()
}

// closed is the channel of every event that is set.
var closed = make(chan struct{})

func init() { close(closed) }

// New returns an unset Event. It is the same as new(Event).
func New() *Event { return new(Event) }

// Set sets the event and releases every goroutine that is waiting for it,
// even if Clear follows at once. On a set event it has no effect other than
// the memory ordering described at [Event].
//
// [time.AfterFunc] and [context.AfterFunc] call Set in its own goroutine, so IsSet
// may still be false right after the context is cancelled. If the first call to stop
// them reports false, that Set may still come and undo a Clear. If no other call sets
// the event, a Wait before the Clear excludes that.
func (e *Event) Set() { e.set() }

// Clear makes the event unset: a wait that begins after Clear returned blocks
// until the next Set. Clear has no effect on an unset event, or on goroutines
// that an earlier Set released. To wait for those to finish a step, let each hold
// a [sync.RWMutex] for reading during its step, and test IsSet under it; after
// Clear, Lock waits for all steps (though not durably, in a synctest bubble).
func (e *Event) Clear() { e.clear() }

// Swap calls Set if set is true and Clear otherwise, and reports whether the
// event was set before, all in one atomic step: of any number of concurrent
// calls of Swap(true) on an unset event, exactly one returns false.
func (e *Event) Swap(set bool) (old bool) {
	if set {
		return e.set()
	}
	return e.clear()
}

// IsSet reports whether the event is set.
func (e *Event) IsSet() bool {
	s := e.state.Load()
	if s == releasing {
		e.settle()
		return true
	}
	return s == set
}

// Wait waits until the event is set.
func (e *Event) Wait() {
	if e.state.Load() != set {
		<-e.await()
	}
}

// WaitTimeout waits until the event is set or d has passed on the monotonic
// clock, and reports whether the event was set in time. A set event gives true
// even if d is zero or negative. An interruptible sleep between polls:
//
//	for !stop.WaitTimeout(interval) {
//		poll()
//	}
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
// done and returns ctx.Err(). A set event gives nil even if ctx is done.
//
// WaitContext panics if ctx is nil. If ctx violates its contract by returning
// nil from Err after Done is closed, WaitContext returns an error that says so.
func (e *Event) WaitContext(ctx context.Context) error {
	if ctx == nil {
		panic("event: nil context")
	}
	if e.state.Load() == set || wait(e.await(), ctx.Done()) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.New("event: context is done but its Err is nil")
}

// Done returns a channel that is closed if the event is set, and otherwise
// will be closed by the next Set. It is meant for select statements. A closed
// channel stays closed: call Done anew for each wait. Successive calls may
// return the same channel.
//
// If several channels are ready, a select chooses one at random. To let the event
// win, test its channel again in the other cases, as the example “Ties” does.
func (e *Event) Done() <-chan struct{} {
	if e.state.Load() == set {
		return closed
	}
	return e.await()
}

// String returns "set" or "unset". Printing a *Event does not race with its
// use; printing it with %#v or %d, or a struct that contains an Event, does. JSON
// shows an Event as {}: log the result of String.
func (e *Event) String() string {
	if e.IsSet() {
		return "set"
	}
	return "unset"
}

// wait waits for done or giveUp and reports whether done was closed, which
// takes precedence: the event wins ties.
func wait[T any](done <-chan struct{}, giveUp <-chan T) bool {
	select {
	case <-done:
	case <-giveUp:
	}
	select { // if both were ready, the first select chose at random
	case <-done:
		return true
	default:
		return false
	}
}
