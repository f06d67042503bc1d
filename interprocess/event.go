package interprocess

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// An Event is a process's handle to a flag that processes set, clear, test and
// wait for. [New], [Create], [Open], [OpenOrCreate] and [Inherited] return one.
// An Event must not be copied.
//
// Any number of goroutines in any number of processes may call any of the
// methods at any time. The calls are linearizable: they behave as if they
// happened one at a time, in an order in which a call that has returned comes
// before one that begins later. If a process is killed or stopped in the middle
// of a call, the call has either taken effect or not, and no other process is
// blocked.
//
// In the terminology of [the Go memory model], a call to Set “synchronizes
// before” the return of every wait, receive or IsSet that observes it, and
// before every Clear that comes after it, even if the event was already set.
// Writes to memory that processes share are ordered in the same way.
//
// On a closed handle, Set and Clear have no effect, IsSet reports false, and
// waits return at once. The event itself and its other handles are unaffected.
// On the zero Event, which is no handle at all, every method but Close and
// String panics.
//
// [the Go memory model]: https://go.dev/ref/mem
type Event struct {
	word *atomic.Uint32 // in page; nil only in the zero Event
	live atomic.Bool    // until Close; set to false under mu

	mu   sync.Mutex // held to close; guards gate and last
	gate *gate      // of the last generation that this handle waited for, or nil
	last uint32     // the word when the handle was closed

	page []byte   // mapped until the Event is unreachable
	file resource // what a child inherits; closed by Close
	id   string   // from the page; no two events have the same
}

// The word is all that processes share. Bit 0 is the flag, bit 1 says that
// threads may be asleep on the word in the kernel, and the other 30 bits count
// generations. Any process may make any of these transitions at any time:
//
//	unset, none asleep   → set                Set, by compare-and-swap
//	unset, maybe asleep  → set, maybe asleep  Set, by the kernel, which wakes all
//	                                          sleepers in the same step
//	set                  → unset, none asleep, next generation
//	                                          Clear, by compare-and-swap
//	unset, none asleep   → unset, maybe asleep
//	                                          a leader about to sleep, by compare-and-swap
//
// A wait remembers the generation that it found unset. It ends when the word is
// set or of another generation: in both cases the event has been set since.
//
// No wake-up is lost: the kernel puts a leader to sleep only while the word is
// unset, of the leader's generation and marked 'maybe asleep'. The only
// transition from that value wakes all sleepers. A Clear that follows cannot
// undo it, because the generation has passed. (After 2^30 Clears the count
// wraps around; a wait that sleeps through exactly that many does not end.)
//
// No wake-up is early: a leader that wakes up tests the word, and a wait that
// begins after a Clear waits for the next generation.
//
// A kill is harmless at any instant: every transition is atomic, none waits for
// an answer, and nothing counts the waiters. A stale 'maybe asleep' costs the
// next Set one system call. The kernel must set the flag and wake in one step:
// a process killed between the two would leave the sleepers asleep, and no later
// Set would wake them. Where the kernel cannot, no sleep exceeds 100 ms.
const (
	set    = 1 << iota // the flag
	asleep             // threads may be asleep on the word
	next               // the lowest bit of the generation
)

// ErrClosed is the error of WaitContext and Share on a closed handle.
var ErrClosed = errors.New("interprocess: event is closed")

// newEvent returns a handle to the event in page. Close closes file.
func newEvent(page []byte, id string, file resource) *Event {
	e := &Event{word: (*atomic.Uint32)(unsafe.Pointer(&page[wordAt])), page: page, file: file, id: id}
	e.live.Store(true)
	runtime.AddCleanup(e, unmap, page)
	openHandles.Add(1)
	return e
}

// load returns the word and whether the handle is open. If it is not, the word
// is meaningless.
func (e *Event) load() (word uint32, open bool) {
	if e.word == nil {
		panic(zeroEvent)
	}
	word = e.word.Load() // first: while the handle is open, word is the event's
	return word, e.live.Load()
}

const zeroEvent = "interprocess: use of the zero Event; make one by New, Create, Open, OpenOrCreate or Inherited"

// Set sets the event and releases all waiters in all processes, even if Clear
// follows at once. On a set event it has no effect other than the memory
// ordering described at [Event].
//
// Set costs one compare-and-swap or, if threads may be asleep, a system call
// that takes time for each thread that it wakes. It does not wait for them to
// run, but on a busy machine they may run before it returns.
func (e *Event) Set() {
	w, open := e.load()
	if !open {
		return
	}
	raceRelease()
	for ; ; w = e.word.Load() {
		if w&(set|asleep) == asleep {
			setAndWake(e.word)
			break
		}
		if e.word.CompareAndSwap(w, w|set) {
			break // even from set to set: a load would not synchronize before the next Clear
		}
	}
	runtime.KeepAlive(e)
}

// Clear makes the event unset: a wait that begins after Clear returned blocks
// until the next Set. Clear has no effect on waiters that an earlier Set
// released, or on an unset event. It costs one compare-and-swap.
func (e *Event) Clear() {
	w, open := e.load()
	if !open {
		return
	}
	if w&set != 0 {
		e.word.CompareAndSwap(w, w&^(set|asleep)+next) // fails only after another Clear
	}
	raceAcquire()
	runtime.KeepAlive(e)
}

// IsSet reports whether the event is set; on a closed handle it reports false.
// It costs two atomic loads.
func (e *Event) IsSet() bool {
	w, open := e.load()
	is := open && w&set != 0
	if is {
		raceAcquire()
	}
	runtime.KeepAlive(e)
	return is
}

// String returns "set", "unset" or, on a closed handle and the zero Event,
// "closed". Printing an *Event does not race with its use.
func (e *Event) String() string {
	if e.word == nil {
		return "closed"
	}
	_, ended, err := e.begin()
	runtime.KeepAlive(e)
	switch {
	case err != nil:
		return "closed"
	case ended:
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
	closed, err := e.close()
	if closed {
		collect()
	}
	return err
}

func (e *Event) close() (closed bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.live.CompareAndSwap(true, false) {
		return false, nil
	}
	if e.gate != nil { // the generation of every older gate has passed
		e.gate.release()
		e.wakeLeader(e.gate)
	}
	e.last = e.detach()
	return true, e.file.Close()
}

// What a closed handle leaves mapped is unmapped when the handle is collected.
// Handles are small, so thousands may wait for the next collection: then Close
// starts one. Where the mappings that are left merge, this is needed only if
// those of open handles lie between them.
var openHandles, closings atomic.Int64

func collect() {
	open := openHandles.Add(-1)
	if closings.Add(1)%500 == 0 && (open > 500 || !mappingsMerge) {
		runtime.GC()
	}
}
