package interprocess

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A gate is where the waits of a handle for one generation meet. One of them,
// the leader, watches the word; the others wait on channels. The leader is the
// wait that took the token. When the generation is over, it opens the gate; if
// it gives up before that, it puts the token back for another wait, now or
// later, to take. So a gate with waits has a leader, or a token that one of them
// is about to take.
type gate struct {
	generation uint32        // the word, without asleep
	open       chan struct{} // closed when the generation is over or the handle closed
	opening    sync.Once     // closes open
	token      chan struct{} // holds the token while there is no leader
	parks      atomic.Uint32 // odd while the leader sleeps in the kernel or is about to
	watch      sync.Once     // starts the goroutine that waits for Done
}

// A limit makes a wait give up: when done is closed or, if it is nil, at the
// deadline. A context may have both: its done is closed at the deadline or before,
// and knowing the deadline makes that cheap. The zero limit is none.
type limit struct {
	done     <-chan struct{}
	deadline time.Time
}

// errGaveUp says that the limit of a wait was reached.
var errGaveUp = errors.New("gave up")

// closed is what Done returns for a set event and for a closed handle.
var closed = make(chan struct{})

func init() { close(closed) }

// Wait waits until the event is set or the handle closed; only WaitContext
// tells which. On a set event it costs two atomic loads. Otherwise one of the
// handle's waits spins for at most 10 µs and then sleeps in the kernel or with
// the help of the poller, as the package comment describes under Platforms; the
// others sleep on a channel. The first wait after a Clear allocates what they
// share.
func (e *Event) Wait() {
	if generation, ended, _ := e.begin(); !ended {
		_ = e.waitFor(generation, limit{}) // the error can only be ErrClosed
	}
}

// WaitTimeout waits until the event is set or d has passed on the monotonic
// clock, and reports whether the event was set in time. It reports false before
// d has passed only if the handle is closed. The event wins ties: a set event
// gives true even if d is zero or negative, and a Set before d has passed gives
// true even if Clear follows.
//
// It costs what [Event.Wait] does, plus a timer for a wait that does not sleep
// in the kernel.
func (e *Event) WaitTimeout(d time.Duration) bool {
	generation, ended, err := e.begin()
	if !ended && d > 0 {
		return e.waitFor(generation, limit{deadline: time.Now().Add(d)}) == nil
	}
	return ended && err == nil
}

// WaitContext waits until the event is set and returns nil, or until ctx is
// done and returns ctx.Err(), or until the handle is closed and returns
// [ErrClosed]. The event wins ties: a set event gives nil even if ctx is already
// done, and a Set before ctx is done or the handle is closed gives nil even if
// Clear follows. If ctx violates its contract by returning nil from Err after
// Done is closed, WaitContext returns an error that says so. It panics if ctx is
// nil.
//
// It costs what [Event.Wait] does, plus ctx.Done and ctx.Deadline and, for a
// wait that sleeps in the kernel, a goroutine.
func (e *Event) WaitContext(ctx context.Context) error {
	if ctx == nil {
		panic("interprocess: nil context")
	}
	generation, ended, err := e.begin()
	if ended {
		return err
	}
	// All calls to ctx are here, where the wait holds nothing: they may panic.
	l := limit{done: ctx.Done()}
	if l.done != nil { // or else ctx is never done
		l.deadline, _ = ctx.Deadline()
	}
	if err = e.waitFor(generation, l); err == errGaveUp {
		if err = ctx.Err(); err == nil {
			err = errors.New("interprocess: context is done but its Err is nil")
		}
	}
	return err
}

// Done returns a channel for select statements. It is closed if the event is
// set or the handle is closed, and otherwise will be closed by Close or soon
// after the next Set. After Close, String returns "closed". A closed channel
// stays closed: call Done anew for each wait. Successive calls may return the
// same channel.
//
// The channel of an event that is set, even one for which IsSet has returned true,
// may still be open for a moment. A second look at it therefore does not let the
// event win ties in a select: use WaitContext for that.
//
// On an unset event, the first Done of a handle after a Clear starts a goroutine
// that waits for the Set or Close and ends with it, at the cost of [Event.Wait].
// It keeps the handle reachable.
func (e *Event) Done() <-chan struct{} {
	if generation, ended, _ := e.begin(); !ended {
		if g := e.join(generation); g != nil {
			g.watch.Do(func() { go e.waitAt(g, limit{}) })
			return g.open
		}
		raceAcquire()
	}
	return closed
}

// begin returns the generation for which a wait has to wait, or reports that the
// wait is over: with nil because the event is set, or with ErrClosed.
func (e *Event) begin() (generation uint32, ended bool, err error) {
	w, open := e.load()
	switch {
	case !open:
		return 0, true, ErrClosed
	case w&set != 0:
		raceAcquire()
		return 0, true, nil
	}
	return w &^ asleep, false, nil
}

// waitFor waits until generation is over and returns nil, or until the handle is
// closed and returns ErrClosed, or until l is reached and returns errGaveUp.
func (e *Event) waitFor(generation uint32, l limit) error {
	defer runtime.KeepAlive(e)
	if !l.reached() {
		if g := e.join(generation); g != nil {
			e.waitAt(g, l)
		}
	}
	// The event wins ties: the result comes from the word, whatever ended the wait.
	w, open := e.load()
	if !open {
		e.mu.Lock()
		w = e.last
		e.mu.Unlock()
	}
	switch {
	case w&^asleep != generation:
		raceAcquire()
		return nil
	case !open:
		return ErrClosed
	}
	return errGaveUp
}

// join returns the gate of generation, or nil if there is nothing to wait for.
// It reads the word under mu, so the gates of a handle follow one another as the
// generations do, and those of all gates but the last have passed.
func (e *Event) join(generation uint32) *gate {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended(generation) {
		return nil
	}
	if e.gate == nil || e.gate.generation != generation {
		e.gate = &gate{
			generation: generation,
			open:       make(chan struct{}),
			token:      make(chan struct{}, 1),
		}
		e.gate.token <- struct{}{}
	}
	return e.gate
}

// ended reports whether waits for generation are over, because the event has
// been set or the handle closed.
func (e *Event) ended(generation uint32) bool {
	w, open := e.load()
	return w&^asleep != generation || !open
}

// release releases all waits at g.
func (g *gate) release() {
	g.opening.Do(func() {
		raceAcquire() // for the receivers from open
		close(g.open)
	})
}

// waitAt waits until g opens or l is reached, as the leader if there is none.
func (e *Event) waitAt(g *gate, l limit) {
	select {
	case <-g.token:
		e.lead(g, l)
		return
	default:
	}
	timeout, stop := l.timer()
	defer stop()
	select {
	case <-g.open:
	case <-l.done:
	case <-timeout:
	case <-g.token:
		e.lead(g, l)
	}
}

// timer returns a channel that receives at the deadline, if l has no done.
func (l limit) timer() (timeout <-chan time.Time, stop func() bool) {
	if l.done != nil || l.deadline.IsZero() {
		return nil, func() bool { return false }
	}
	t := time.NewTimer(time.Until(l.deadline))
	return t.C, t.Stop
}

// reached reports whether l has been reached.
func (l limit) reached() bool {
	if l.done == nil {
		return l.expired()
	}
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// expired reports whether the deadline has passed.
func (l limit) expired() bool { return !l.deadline.IsZero() && time.Until(l.deadline) <= 0 }

// lead watches the word for all waits at g until its generation is over, the
// handle closed or l reached. It calls no code of the package's user: the token
// would be lost if that panicked.
func (e *Event) lead(g *gate, l limit) {
	if !l.reached() && !e.spin(g.generation) {
		places, hasPlace := sleepers(), true
		if !l.deadline.IsZero() && len(places) >= cap(places)/8 && time.Until(l.deadline) < time.Second {
			places = nil // beyond these, short sleeps cost more than the poller
		}
		select {
		case places <- struct{}{}:
		default:
			hasPlace = e.poll(g, l, places)
		}
		if hasPlace {
			e.sleep(g, l)
			<-places
		}
	}
	if e.ended(g.generation) {
		g.release()
	} else {
		g.token <- struct{}{}
	}
}

// sleepers has room for the leaders that may sleep in the kernel at a time. Each
// occupies a thread. The poller serves the others.
var sleepers = sync.OnceValue(func() chan struct{} { return make(chan struct{}, maxSleepers()) })

// spin polls the word for at most 10 µs and reports whether generation has
// ended. A partner in another process often answers within that time, and a
// sleep costs both of them more. Other processes may run between the polls, and
// with a single P, its other goroutines run first.
//
// A spin in vain halves the next, down to 50 polls. Every 32nd wait spins in
// full again.
func (e *Event) spin(generation uint32) bool {
	yields := 16 >> min(misses.Load()%32, 5)
	if yields > 0 && runtime.GOMAXPROCS(0) == 1 {
		runtime.Gosched()
	}
	for start := time.Now(); ; yields-- {
		for range 50 {
			if e.ended(generation) {
				misses.Store(0)
				return true
			}
		}
		if yields == 0 || time.Since(start) > 10*time.Microsecond { // other processes need the processor more
			misses.Add(1)
			return false
		}
		yield()
	}
}

// misses counts the spins in a row, of the whole process, that were in vain.
var misses atomic.Uint32

// sleep is lead in the kernel, which ends the sleep at the deadline. The leader
// cannot miss Close or the closing of l.done on its way into the kernel: it
// makes parks odd and then tests for both again, while wakeLeader is called
// after them and then tests parks.
func (e *Event) sleep(g *gate, l limit) {
	if l.done != nil {
		finished := make(chan struct{})
		defer close(finished)
		go e.wakeWhenDone(g, l, finished)
	}
	for !l.reached() && e.live.Load() && e.announce(g.generation) {
		if h := hooks.Load(); h != nil {
			h.announced()
		}
		g.parks.Add(1)
		if !l.reached() && e.live.Load() {
			if h := hooks.Load(); h != nil {
				h.parking()
			}
			park(e.word, g.generation|asleep, l.deadline)
		}
		g.parks.Add(1)
		if l.done != nil && l.expired() { // done is about to be closed
			select {
			case <-l.done:
			case <-time.After(time.Millisecond):
				l.deadline = time.Time{} // it is not; sleep until it is
			}
		}
	}
}

// announce marks the word 'maybe asleep'. It reports false, and has no effect,
// if generation is over.
func (e *Event) announce(generation uint32) bool {
	e.word.CompareAndSwap(generation, generation|asleep)
	return e.word.Load() == generation|asleep
}

// wakeWhenDone wakes the leader of g when l.done is closed, unless the wait has
// finished. At the deadline it leaves that to the kernel, since a wake would
// also wake other processes that sleep with the same bit.
func (e *Event) wakeWhenDone(g *gate, l limit, finished <-chan struct{}) {
	select {
	case <-finished:
		return
	case <-l.done:
	}
	if l.expired() {
		select {
		case <-finished:
			return
		case <-time.After(time.Millisecond):
		}
	}
	e.wakeLeader(g)
}

// wakeLeader wakes the leader of g if it sleeps in the kernel or is about to. A
// wake that comes before the sleep has no effect, so wakeLeader repeats it until
// the sleep is over. It gives up if the kernel refuses, as it does while another
// process of the user misuses the word as a lock.
func (e *Event) wakeLeader(g *gate) {
	refused := 0
	for n := g.parks.Load(); n%2 == 1 && g.parks.Load() == n && refused < 100; time.Sleep(20 * time.Microsecond) {
		if !wake(e.word) {
			refused++
		}
		if h := hooks.Load(); h != nil {
			h.woke()
		}
	}
	if h := hooks.Load(); h != nil {
		h.wokeLeader()
	}
	runtime.KeepAlive(e)
}

// hooks is nil except in tests, which intervene at the points that the fields
// name.
var hooks atomic.Pointer[testHooks]

type testHooks struct{ announced, parking, woke, wokeLeader, publishing func() }
