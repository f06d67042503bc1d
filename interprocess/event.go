package interprocess

import (
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// An Event is a process's handle of a flag that processes set, clear, test and
// wait for. [New], [Create], [Open] and [Inherited] make one; the zero Event is
// a closed handle. An Event must not be copied.
//
// Any number of goroutines of any number of processes may call any of the
// methods at any time. The calls are linearizable: they behave as if they
// happened one at a time, in an order in which a call that has returned comes
// before one that begins later. A process that is killed or stopped in the
// middle of a call has made it or not made it, and holds up nobody.
//
// In the terminology of [the Go memory model], a call to Set “synchronizes
// before” the return of every wait or IsSet that observes it, and before every
// Clear that comes after it, also if the event was set already. What one
// process writes to memory that it shares with another is ordered likewise.
//
// On a closed handle Set and Clear do nothing, IsSet reports false, and the
// waits return at once; a Close lets go whoever waits through the handle. The
// event itself stays as it is, for the other handles.
//
// [the Go memory model]: https://go.dev/ref/mem
type Event struct {
	word *atomic.Uint32 // in the page; mapped for as long as the Event is reachable
	live atomic.Bool    // false once closed; changes under mu
	id   string         // names the event among all events; from the page

	mu   sync.Mutex // held to close, to share, and to touch gate
	gate *gate      // of the last generation that somebody here waited for, or nil
	file resource   // what Share hands on; closed by Close
}

// The word is all that processes share. Bit 0 says set, bit 1 that somebody may
// be asleep on the word in the kernel, and the other 30 bits count generations.
// Any process may take any of these steps at any time:
//
//	unset, nobody asleep  → set               Set, by compare-and-swap
//	unset, maybe asleep   → set, maybe asleep Set, by the kernel, which wakes all in the same step
//	set                   → unset, next generation, nobody asleep
//	                                          Clear, by compare-and-swap
//	unset, nobody asleep  → unset, maybe asleep
//	                                          a wait that is about to sleep, by compare-and-swap
//
// A wait takes note of the generation that it found unset. It is over when the
// word is set or of another generation, which is the same as: when somebody
// has set the event since.
//
// No wake-up is lost: the kernel lets a wait sleep only if the word is still
// unset, of its generation and says 'maybe asleep'. The only step on from there
// is the one that wakes all. A Clear that follows it takes nothing back, since
// the generation stays passed. (After 2^30 Clears it comes round again: a wait
// that sees nothing of that many does not know that it is over.)
//
// No wake-up is early: whoever wakes looks at the word, and whoever comes after
// a Clear waits for another generation.
//
// A kill is harmless anywhere: each step is whole or not made, nobody has to
// answer or to tidy up, and nothing counts who is there. A stale 'maybe asleep'
// costs the next Set a system call. That the kernel sets the bit is what makes
// it so: setting it first and then waking leaves the sleepers asleep if the
// process is killed in between, and no later Set would wake them. Where the
// kernel cannot do both at once, no sleep is longer than 100 ms.
const (
	set    = 1 << iota // nobody has to wait
	asleep             // somebody may be asleep in the kernel
	next               // the lowest bit of the generation
)

// A gate is where a process's waits for one generation meet. One of them, the
// leader, watches the word; the others wait on channels. Who takes the token
// out of lead is the leader. It opens the gate when the generation is over, and
// puts the token back if it leaves before: then another wait takes it, now or
// later. So the gate of a generation has a leader whenever somebody waits at it.
type gate struct {
	generation uint32        // the word, unset and without asleep
	open       chan struct{} // closed when the generation is over or the handle closed
	opening    sync.Once     // closes open
	lead       chan struct{} // holds the token while there is no leader
	parks      atomic.Uint32 // odd from before the leader's sleep to after it; only the leader counts
}

// ErrClosed is what WaitContext and Share return for a closed handle. It is
// tested with errors.Is.
var ErrClosed = errors.New("the event's handle is closed")

// ErrFormat is what Open and Inherited return, wrapped, for something that is
// not an event, or one that this process cannot use. It is tested with
// errors.Is.
var ErrFormat = errors.New("not an event that this process can use")

// New returns a new, unset event that has no name. It is for this process and
// for the children that it is shared with, see [Event.Share]. It is gone when
// the last of them has closed it or ended.
//
// On Windows it lies in memory. Elsewhere it is a file whose name is removed at
// once, in /dev/shm or else in the folder for temporary files; the error is that
// of the latter, and wraps the operating system's. Where processes share no
// memory it is [errors.ErrUnsupported].
func New() (*Event, error) {
	e, err := anonymous()
	return e, failed("make", "an event", err)
}

// Create makes a new, unset event under the name path, a file of mode 0600 that
// appears with all its content, and opens it. The folder must be on this host
// and take hard links: /dev/shm or the one that XDG_RUNTIME_DIR names. Who
// makes an event removes its file, with os.Remove: the name is gone then, while
// those who have the event open go on with it.
//
// Errors wrap [fs.ErrExist] if there is something under that name,
// [fs.ErrNotExist] or [fs.ErrPermission] if the folder is missing or not
// writable, [errors.ErrUnsupported] if it is on a file system that does not
// share memory, or else the operating system's error. A Create that fails
// leaves nothing under the name.
func Create(path string) (*Event, error) {
	e, err := create(path)
	return e, failed("create", path, err)
}

// Open opens the event that [Create] has made under the name path.
//
// Errors wrap [fs.ErrNotExist] if there is nothing; [ErrFormat] if there is
// something else than an event, one of another version or byte order, or one
// from before this host's last boot; [fs.ErrPermission] if it belongs to another
// user or its mode lets others in; [errors.ErrUnsupported] if it is on a file
// system that does not share memory; or else the operating system's error.
func Open(path string) (*Event, error) {
	e, err := open(path)
	return e, failed("open", path, err)
}

// Inherited returns, in a child process, the event that its parent shared under
// name. Every call returns a handle of its own. The descriptor that the child
// was given stays open, and no process that the child starts from then on gets
// it: share the event anew.
//
// Errors wrap [fs.ErrNotExist] if the environment names no event, and
// [ErrFormat] if what it names is not the event, since another program in
// between has closed or replaced the descriptor, or not one that this process
// can use, since it runs as another user. When this process has no descriptor
// or memory left, they wrap the operating system's error.
func Inherited(name string) (*Event, error) {
	e, err := inherited(name)
	return e, failed("inherit", prefix+name, err)
}

// Share lets the child that cmd is to start call [Inherited] with name, which
// is one or more letters, digits and underscores. It adds a descriptor to
// cmd.ExtraFiles (on Windows a handle to
// cmd.SysProcAttr.AdditionalInheritedHandles) and a variable to cmd.Env, which
// it fixes. So set those and cmd.Dir before; e must stay open, and reachable,
// until cmd has been started.
//
// The error wraps [ErrClosed] if e is closed; Share also fails, and leaves cmd
// as it is, if cmd is nil or started, name is not a name, or cmd has an event
// of that name already.
func (e *Event) Share(cmd *exec.Cmd, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return failed("share", strconv.Quote(name), e.share(cmd, name))
}

// Set sets the event and releases everybody who waits for it in any process,
// even if Clear follows at once. On a set event it has no effect but the memory
// ordering that [Event] describes.
//
// Set costs one compare-and-swap or, if somebody may be asleep, a system call
// that takes time for each process that it wakes. It waits for none of them. On
// a busy machine those it wakes may run before it returns.
func (e *Event) Set() {
	if !e.live.Load() {
		return
	}
	raceRelease(e)
	for {
		w := e.word.Load()
		if w&(set|asleep) == asleep {
			setAndWake(e.word)
			break
		}
		if e.word.CompareAndSwap(w, w|set) {
			break // from set to set too: a load would not synchronize before the next Clear
		}
	}
	runtime.KeepAlive(e)
}

// Clear makes the event unset: a wait that begins now waits for the next Set.
// It has no effect on waits that an earlier Set ended, or on an unset event. It
// costs one compare-and-swap.
func (e *Event) Clear() {
	if !e.live.Load() {
		return
	}
	for {
		w := e.word.Load()
		if w&set == 0 || e.word.CompareAndSwap(w, w&^(set|asleep)+next) {
			break
		}
	}
	raceAcquire(e)
	runtime.KeepAlive(e)
}

// IsSet reports whether the event is set; on a closed handle, false. It costs
// two atomic loads.
func (e *Event) IsSet() bool {
	is := e.live.Load() && e.word.Load()&set != 0
	if is {
		raceAcquire(e)
	}
	runtime.KeepAlive(e)
	return is
}

// Wait waits until the event is set or the handle closed. On a set event it
// costs two atomic loads. Otherwise one goroutine for each event and process
// sleeps in the kernel or, where that is not to be had, is served by the
// process's poller, as the package comment says; the others wait for it on a
// channel. The first wait after a Clear allocates what they share.
func (e *Event) Wait() {
	_ = e.wait(context.Background()) // the error can only be ErrClosed
}

// WaitTimeout waits until the event is set or d has passed, and reports whether
// the event was set in time. It never reports false before d has passed, except
// on a closed handle. The event wins ties: a set event gives true even if d is
// zero or negative, and a Set before d has passed gives true even if Clear
// follows.
//
// It costs what [Event.Wait] does, plus a context with a timer if it has to
// wait.
func (e *Event) WaitTimeout(d time.Duration) bool {
	if e.IsSet() {
		return true
	}
	if d <= 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return e.wait(ctx) == nil
}

// WaitContext waits until the event is set and returns nil, or until ctx is
// done and returns ctx.Err(), or returns [ErrClosed] if the handle is closed.
// The event wins ties: a set event gives nil even if ctx is done already, and a
// Set before ctx is done or the handle closed gives nil even if Clear follows.
// On a handle that was closed before, the error is ErrClosed. WaitContext
// panics if ctx is nil.
//
// It costs what [Event.Wait] does, plus what ctx.Done and context.AfterFunc
// cost if it has to wait.
func (e *Event) WaitContext(ctx context.Context) error {
	if ctx == nil {
		panic("interprocess: nil context")
	}
	return e.wait(ctx)
}

// String returns "set", "unset" or "closed". It lets an *Event be printed with
// %v or %s while others use it.
func (e *Event) String() string {
	switch {
	case e.IsSet():
		return "set"
	case e.live.Load():
		return "unset"
	}
	return "closed"
}

// Close closes the handle, not the event: the other handles, of this process
// and of others, go on. Whoever waits through this one returns. Close may be
// called at any time and more than once; later calls return nil. It closes the
// descriptor at once; the memory is unmapped when e is no longer reachable, so
// that no method that is still running touches memory that is gone.
func (e *Event) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.live.CompareAndSwap(true, false) {
		return nil
	}
	if e.gate != nil { // whoever waits at an older one has been released
		e.gate.release()
		e.rouse(e.gate)
	}
	return e.file.Close()
}

// wait waits until the event is set, the handle closed or ctx done.
func (e *Event) wait(ctx context.Context) error {
	defer runtime.KeepAlive(e)
	if !e.live.Load() {
		return ErrClosed
	}
	w := e.word.Load()
	if w&set == 0 {
		// First the context, then the event: a Set before ctx was done wins.
		if err := ctx.Err(); err != nil && !e.over(w&^asleep) {
			return err
		}
		if err := e.waitFor(w&^asleep, ctx); err != nil {
			return err
		}
	}
	raceAcquire(e)
	return nil
}

// waitFor waits until generation is over, the handle closed or ctx done. It
// takes its answer from the word, so the event wins whatever else happened.
func (e *Event) waitFor(generation uint32, ctx context.Context) error {
	if g := e.join(generation); g != nil {
		select {
		case <-g.open:
		case <-ctx.Done():
		case <-g.lead:
			e.lead(g, ctx)
		}
	}
	closed := !e.live.Load() // asked first, for a Set before the Close to win
	if e.over(generation) {
		return nil
	}
	if closed {
		return ErrClosed
	}
	return ctx.Err()
}

// over reports whether the event has been set since it was unset in generation.
func (e *Event) over(generation uint32) bool {
	return e.word.Load()&^asleep != generation
}

// join returns the gate of generation, or nil if there is nothing to wait for.
// It looks at the word under mu: so the gates follow one another as the
// generations do, and every gate but the last is one whose generation is over.
func (e *Event) join(generation uint32) *gate {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.live.Load() || e.over(generation) {
		return nil
	}
	if e.gate == nil || e.gate.generation != generation {
		e.gate = &gate{
			generation: generation,
			open:       make(chan struct{}),
			lead:       make(chan struct{}, 1),
		}
		e.gate.lead <- struct{}{}
	}
	return e.gate
}

// release lets everybody go who waits at g.
func (g *gate) release() { g.opening.Do(func() { close(g.open) }) }

// sleepers has room for the leaders that may sleep in the kernel at a time. Each
// takes a thread; those beyond are served by the poller.
var sleepers = make(chan struct{}, maxSleepers())

// lead watches the word for everybody at g, until its generation is over, the
// handle closed or ctx done.
func (e *Event) lead(g *gate, ctx context.Context) {
	select {
	case sleepers <- struct{}{}:
		e.sleep(g, ctx)
		<-sleepers
	default:
		e.poll(g, ctx)
	}
	if e.over(g.generation) || !e.live.Load() {
		g.release()
	} else {
		g.lead <- struct{}{}
	}
}

// sleep is lead in the kernel. It cannot miss the end of ctx or Close on the
// way there: it makes g.parks odd and then asks once more whether to quit, while
// who wants it to quit first says so and then looks at g.parks, in [Event.rouse].
func (e *Event) sleep(g *gate, ctx context.Context) {
	var quit atomic.Bool
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() {
			quit.Store(true)
			e.rouse(g)
		})
		defer stop()
	}
	for !quit.Load() && e.live.Load() && e.announce(g.generation) {
		at("asked")
		g.parks.Add(1)
		if !quit.Load() && e.live.Load() {
			at("parking")
			park(e.word, g.generation|asleep)
		}
		g.parks.Add(1)
	}
}

// announce says in the word that somebody may be asleep. It reports false, and
// has done nothing, if generation is over.
func (e *Event) announce(generation uint32) bool {
	e.word.CompareAndSwap(generation, generation|asleep)
	return e.word.Load() == generation|asleep
}

// rouse gets the leader of g out of its sleep, if it is in one or on its way to
// it. A wake that comes before the sleep does nothing: so rouse repeats it until
// the sleep is over.
func (e *Event) rouse(g *gate) {
	for n := g.parks.Load(); n%2 == 1 && g.parks.Load() == n; time.Sleep(20 * time.Microsecond) {
		wake(e.word)
		at("woke")
	}
	at("roused")
	runtime.KeepAlive(e)
}

// hook, if there is one, is called at the points where a test wants to step in.
var hook atomic.Pointer[func(point string)]

func at(point string) {
	if f := hook.Load(); f != nil {
		(*f)(point)
	}
}
