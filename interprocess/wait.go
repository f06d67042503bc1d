package interprocess

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"example.com/event/interprocess/internal/futex"
)

// A gate is where the waits of a handle for one generation meet. One of them,
// the leader, watches the word; the others wait on channels. The leader is the
// wait that took the token. When the generation is over, it releases the others;
// if it gives up before that, it puts the token back for another wait, now or
// later, to take. So a gate with waits has a leader, or a token that one of them
// is about to take.
type gate struct {
	generation uint32
	over       chan struct{} // closed when the generation is over or the handle closed
	releasing  sync.Once     // closes over
	token      chan struct{} // holds the token while there is no leader
	sleeper    futex.Sleeper // of the leader
	watching   sync.Once     // starts the goroutine that waits for Done
}

// A limit makes a wait give up: when done is closed, or at the deadline. The zero
// limit is none.
type limit struct {
	done     <-chan struct{}
	deadline time.Time
}

// errGaveUp says that the limit of a wait was reached.
var errGaveUp = errors.New("gave up")

// closed is what Done returns for a set event and for a closed handle.
var closed = make(chan struct{})

func init() { close(closed) }

// Wait waits until the event is set or the handle is closed; only WaitContext
// tells which.
//
// On a set event it costs two atomic loads. Otherwise, one of the handle's waits
// is woken as the package comment describes, and wakes the others, which sleep on
// a channel. The first that has to wait after a Clear allocates what they share.
func (e *Event) Wait() {
	if generation, over, _ := e.begin(); !over {
		_ = e.waitFor(generation, limit{}) // the error can only be ErrClosed
	}
}

// WaitTimeout waits until the event is set or d has passed on the monotonic
// clock, and reports whether the event was set in time. It reports false before
// d has passed only if the handle is closed. The event wins ties: a set event
// gives true even if d is zero or negative, and a Set before d has passed gives
// true even if Clear follows.
//
// On a closed handle it reports false at once, so the loop
//
//	for !stop.WaitTimeout(time.Second) {
//		work()
//	}
//
// runs hot after Close. If the handle may be closed meanwhile, use WaitContext,
// which returns [ErrClosed], as its example does.
//
// It costs what [Event.Wait] does, and at most a timer more.
func (e *Event) WaitTimeout(d time.Duration) bool {
	generation, over, err := e.begin()
	if !over && d > 0 {
		return e.waitFor(generation, limit{deadline: time.Now().Add(d)}) == nil
	}
	return over && err == nil
}

// WaitContext waits until the event is set and returns nil, or until ctx is
// done and returns ctx.Err(), or until the handle is closed and returns
// [ErrClosed]. The event wins ties: a set event gives nil even if ctx is already
// done, and a Set during the wait gives nil if it comes before ctx is done or the
// handle is closed, even if Clear follows. If ctx violates its contract by
// returning nil from Err after Done is closed, WaitContext returns an error that
// says so. It panics if ctx is nil.
//
// Since the event wins, a loop that is to end with ctx must test that too:
//
//	for e.WaitContext(ctx) == nil && ctx.Err() == nil {
//		step()
//	}
//
// It costs what [Event.Wait] does, and at most a goroutine more.
func (e *Event) WaitContext(ctx context.Context) error {
	if ctx == nil {
		panic("interprocess: nil context")
	}
	generation, over, err := e.begin()
	if over {
		return err
	}
	// All calls to ctx are here, where the wait holds nothing: they may panic.
	if err = e.waitFor(generation, limit{done: ctx.Done()}); err == errGaveUp {
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
// that calls, in effect, [Event.Wait], and ends with the next Set or Close. It
// keeps the handle reachable.
func (e *Event) Done() <-chan struct{} {
	if generation, over, _ := e.begin(); !over {
		if g := e.join(generation); g != nil {
			g.watching.Do(func() { go e.waitAt(g, limit{}) })
			return g.over
		}
		raceAcquire()
	}
	return closed
}

// begin returns the generation for which a wait has to wait, or reports that the
// wait is over: with nil because the event is set, or with ErrClosed.
func (e *Event) begin() (generation uint32, over bool, err error) {
	w, live := e.load()
	switch {
	case !live:
		return 0, true, ErrClosed
	case w&set != 0:
		raceAcquire()
		return 0, true, nil
	}
	return generationOf(w), false, nil
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
	w, live := e.load()
	if !live {
		e.mu.Lock()
		w = e.last
		e.mu.Unlock()
	}
	switch {
	case passed(w, generation):
		raceAcquire()
		return nil
	case !live:
		return ErrClosed
	}
	return errGaveUp
}

// join returns the gate of generation, or nil if there is nothing to wait for.
// It reads the word under mu, so the gates of a handle follow one another as the
// generations do, and those of all gates but the last have passed. If the count of
// generations has wrapped around, the last gate may have the number of this one.
func (e *Event) join(generation uint32) *gate {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended(generation) {
		return nil
	}
	if e.gate == nil || e.gate.generation != generation || e.gate.released() {
		e.gate = &gate{
			generation: generation,
			over:       make(chan struct{}),
			token:      make(chan struct{}, 1),
		}
		e.gate.token <- struct{}{}
	}
	return e.gate
}

// ended reports whether waits for generation are over, because the event has
// been set or the handle closed.
func (e *Event) ended(generation uint32) bool {
	w, live := e.load()
	return passed(w, generation) || !live
}

// release releases all waits at g.
func (g *gate) release() {
	g.releasing.Do(func() {
		raceAcquire() // for the receivers from over
		close(g.over)
	})
}

// released reports whether the waits at g have been released.
func (g *gate) released() bool { return isClosed(g.over) }

// waitAt waits until g is over or l is reached, as the leader if there is none.
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
	case <-g.over:
	case <-l.done:
	case <-timeout:
	case <-g.token:
		e.lead(g, l)
	}
}

// timer returns a channel that receives at the deadline, if there is one.
func (l limit) timer() (timeout <-chan time.Time, stop func() bool) {
	if l.deadline.IsZero() {
		return nil, func() bool { return false }
	}
	t := time.NewTimer(time.Until(l.deadline))
	return t.C, t.Stop
}

// reached reports whether l has been reached.
func (l limit) reached() bool {
	return isClosed(l.done) || !l.deadline.IsZero() && time.Until(l.deadline) <= 0
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// lead watches the word for all waits at g until its generation is over, the
// handle closed or l reached. It calls no code of the package's user: the token
// would be lost if that panicked.
func (e *Event) lead(g *gate, l limit) {
	if !e.sleep(g, l) {
		e.listen(g, l)
	}
	if e.ended(g.generation) {
		g.release()
	} else {
		g.token <- struct{}{}
	}
}

// sleepers has room for the leaders that sleep in the kernel. Each occupies a
// thread, of which the host may allow few. The hub serves the others.
var sleepers = make(chan struct{}, futex.Threads)

// sleep is lead in the kernel. It reports false if there is no room or the kernel
// refuses. The leader does not miss Close or the closing of l.done on its way
// into the kernel: both interrupt it afterwards.
func (e *Event) sleep(g *gate, l limit) (ok bool) {
	select {
	case sleepers <- struct{}{}:
		defer func() { <-sleepers }()
	default:
		return false
	}
	if l.done != nil {
		finished := make(chan struct{})
		defer close(finished)
		go func() {
			select {
			case <-l.done:
				g.sleeper.Interrupt(e.word)
				runtime.KeepAlive(e)
			case <-finished:
			}
		}()
	}
	stop := func() bool { return l.reached() || !e.live.Load() }
	for !stop() {
		w, unset := e.mark(asleep, g.generation)
		if !unset {
			break
		}
		if !g.sleeper.Sleep(e.word, w, g.generation, l.deadline, stop) {
			return false
		}
	}
	return true
}

// mark adds a mark to the word and returns it. It reports false, and has no
// effect, if the generation is over.
func (e *Event) mark(mark, generation uint32) (word uint32, unset bool) {
	for w := e.word.Load(); !passed(w, generation); w = e.word.Load() {
		if w&mark != 0 || e.word.CompareAndSwap(w, w|mark) {
			return w | mark, true
		}
	}
	return 0, false
}
