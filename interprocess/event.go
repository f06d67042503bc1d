package interprocess

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"example.com/event/interprocess/internal/bell"
	"example.com/event/interprocess/internal/futex"
	"example.com/event/interprocess/internal/page"
)

// An Event is a process's handle to a flag that processes set, clear, test and
// wait for. [New], [Create], [Open], [OpenOrCreate] and [Inherited] return one.
// An Event must not be copied.
//
// Any number of goroutines in any number of processes may call any of the
// methods at any time. The calls are linearizable: they behave as if they
// happened one at a time, in an order in which a call that has returned comes
// before one that begins later.
//
// In the terminology of [the Go memory model], a call to Set “synchronizes
// before” the return of every wait, receive or IsSet that observes it, and
// before every Clear that comes after it, even if the event was already set.
// Writes to memory that processes share are ordered in the same way. The race
// detector takes every Set for a Set of every event, so it misses some races.
//
// On a closed handle, Set and Clear have no effect, IsSet reports false, and
// waits return at once. The event itself and its other handles are unaffected.
// On the zero Event, which is no handle at all, every method but Close and
// String panics.
//
// Waits do not block durably in the sense of [testing/synctest]: do not use an
// Event in a bubble.
//
// [the Go memory model]: https://go.dev/ref/mem
type Event struct {
	word futex.Word  // in page; its pointer is nil only in the zero Event
	page *page.Page  // mapped until the Event is unreachable
	live atomic.Bool // until Close; set to false under mu

	mu   sync.Mutex // guards gate and last; held for no call that may block
	gate *gate      // of the last generation that this handle waited for, or nil
	last uint32     // the word when the handle was closed
}

// The word is all that processes share: three bits, and in the others the number
// of the generation. Any process may make any of these transitions at any time:
//
//	unset, none asleep   → set    Set, by compare-and-swap
//	unset, maybe asleep  → set    Set, by the kernel, which wakes all sleepers in
//	                              the same step
//	set                  → unset  Clear, by compare-and-swap: next generation, no
//	                              marks
//	unset                → unset, maybe asleep
//	                              a leader about to sleep, by compare-and-swap
//	unset                → unset, listening
//	                              a hub that hears rings, by compare-and-swap
//
// A wait remembers the generation that it found unset. It ends when the word is
// set or of another generation: in both cases the event has been set since.
//
// No wake-up is lost: the kernel puts a leader to sleep only while the word is
// unset, of the leader's generation and marked 'maybe asleep'. The only
// transition from that value that ends the wait wakes all sleepers. A hub first
// listens, then marks the word 'listening', then tests it: a Set that it does not
// find there finds the mark, and rings. A Clear that follows cannot undo any of
// this, because the generation has passed.
//
// No wake-up is early: a leader that wakes up and a hub that hears a ring test
// the word, and a wait that begins after a Clear waits for the next generation.
//
// A kill is harmless at any instant: every transition is atomic, none waits for
// an answer, and nothing counts the waiters. A stale mark costs the next Set one
// system call. The kernel must set the flag and wake in one step: a process
// killed between the two would leave the sleepers asleep, and no later Set would
// wake them. Where the kernel cannot, and between setting and ringing, the
// waiters look at the word every 250 ms.
const (
	set       = 1 << iota // the flag
	asleep                // threads may be asleep on the word
	listening             // hubs may be listening for the bell
	oneClear              // the lowest bit of the generation
)

// generationOf returns the generation of a word, which is an unset word without
// marks.
func generationOf(word uint32) uint32 { return word &^ (oneClear - 1) }

// passed reports whether the generation is over in the word.
func passed(word, generation uint32) bool { return word&^(asleep|listening) != generation }

// ErrClosed is the error of WaitContext and Share on a closed handle.
var ErrClosed = errors.New("interprocess: event is closed")

// handle returns a handle to the event in p, unless there is an error.
func handle(p *page.Page, err error) (*Event, error) {
	if err != nil {
		return nil, err
	}
	e := &Event{word: futex.Word{Uint32: p.Word, ID: p.ID}, page: p}
	e.live.Store(true)
	return e, nil
}

// load returns the word and whether the handle is open. If it is not, the word
// is meaningless.
func (e *Event) load() (word uint32, live bool) {
	if e.word.Uint32 == nil {
		panic("interprocess: use of the zero Event; make one by New, Create, Open, OpenOrCreate or Inherited")
	}
	word = e.word.Load() // first: while the handle is open, word is the event's
	return word, e.live.Load()
}

// Set sets the event and releases all waiters in all processes, even if Clear
// follows at once. On a set event it has no effect other than the memory
// ordering described at [Event].
//
// Set costs one compare-and-swap if no wait has gone to sleep while the event was
// unset. Otherwise it costs a system call, which takes time for each thread that
// it wakes, or a change of the mode of the event's file to 0600, which it has, and
// which wakes by inotify or kqueue, or both. It does not wait for waiters to run,
// but on a busy machine they may run before it returns. On OpenBSD it needs the
// promise "fattr" of pledge(2).
func (e *Event) Set() {
	w, live := e.load()
	if !live {
		return
	}
	raceRelease()
	for ; ; w = e.word.Load() {
		if w&(set|asleep) == asleep {
			if !futex.SetAndWake(e.word, w, set, generationOf(w)) {
				continue
			}
			// A hub may have marked the word since, and a Clear removed the mark.
			if now := e.word.Load(); generationOf(now) != generationOf(w) {
				w |= listening
			} else {
				w = now &^ set
			}
		} else if !e.word.CompareAndSwap(w, w|set) { // even from set to set: a load would not synchronize before the next Clear
			continue
		}
		if w&(set|listening) == listening {
			e.ring()
		}
		break
	}
	runtime.KeepAlive(e)
}

// ring makes the hubs of all processes look at the word. If it fails, as it does
// once the handle is closed, they look soon anyway.
func (e *Event) ring() { _ = bell.Ring(e.page.File) }

// Clear makes the event unset: a wait that begins after Clear returned blocks
// until the next Set. Clear has no effect on waiters that an earlier Set
// released, or on an unset event. It costs one compare-and-swap.
func (e *Event) Clear() {
	w, live := e.load()
	if !live {
		return
	}
	if w&set != 0 {
		e.word.CompareAndSwap(w, generationOf(w)+oneClear) // fails only after another Clear
	}
	raceAcquire()
	runtime.KeepAlive(e)
}

// IsSet reports whether the event is set; on a closed handle it reports false.
// It costs two atomic loads.
func (e *Event) IsSet() bool {
	w, live := e.load()
	is := live && w&set != 0
	if is {
		raceAcquire()
	}
	runtime.KeepAlive(e)
	return is
}

// String returns "set", "unset" or, on a closed handle and the zero Event,
// "closed". Printing an *Event does not race with its use, except with %#v or %d.
func (e *Event) String() string {
	if e.word.Uint32 == nil {
		return "closed"
	}
	_, over, err := e.begin()
	runtime.KeepAlive(e)
	switch {
	case err != nil:
		return "closed"
	case over:
		return "set"
	}
	return "unset"
}

// Close closes the handle, not the event, and releases the waiters of this
// handle. It may be called at any time, more than once, and on the zero Event;
// later calls return nil. The descriptor is closed at once.
//
// On Linux the event's memory is unmapped at once too, and no call that overlaps
// with Close has an effect on the event after Close has returned. Elsewhere the
// memory is unmapped when the garbage collector finds e unreachable, and a Set
// or Clear that overlaps with Close may take effect shortly after it.
func (e *Event) Close() error {
	e.mu.Lock()
	closing := e.live.CompareAndSwap(true, false)
	if closing {
		e.last = e.word.Load() // after live: whatever an open handle has reported was before
	}
	g := e.gate
	e.mu.Unlock()
	if !closing {
		return nil
	}
	if g != nil { // the generation of every older gate has passed
		g.release()
		g.sleeper.Interrupt(e.word)
	}
	return e.page.Close() // last: Interrupt needs the shared word
}
