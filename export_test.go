package event

// HoldLock acquires the mutex of e and returns the function that releases it.
func HoldLock(e *Event) (release func()) {
	e.mu.Lock()
	return e.mu.Unlock
}

// The rest replaces or precedes the accesses to shared state in the instrumented
// copy of event.go: TestInterleavings chooses what runs next.

// Step is called before an access to shared state. It returns when the
// goroutine may make that access: never before can, unless nil, reports true.
var Step = func(access string, can func() bool) {}

// Calls returns the calls, as bits, whose effects the running goroutine has
// seen: in the terminology of the Go memory model, their beginnings happen
// before whatever the goroutine does next.
var Calls func() *uint64

type Uint32 struct {
	value uint32
	calls uint64 // seen by an access that reads value
}

func (u *Uint32) Load() uint32 {
	Step("Load", nil)
	*Calls() |= u.calls
	return u.value
}

func (u *Uint32) Store(value uint32) {
	Step("Store", nil)
	u.value, u.calls = value, *Calls()
}

func (u *Uint32) CompareAndSwap(old, new uint32) bool {
	Step("CompareAndSwap", nil)
	*Calls() |= u.calls
	if u.value != old {
		return false
	}
	u.value, u.calls = new, *Calls()
	return true
}

var locked int // the number of locked mutexes

type Mutex struct {
	locked bool
	calls  uint64
}

func (m *Mutex) Lock() {
	Step("Lock", func() bool { return !m.locked })
	if m.locked {
		panic("deadlock")
	}
	m.locked = true
	locked++
	*Calls() |= m.calls
}

// Unlock is no step: what others can do just before it, they can do just after.
func (m *Mutex) Unlock() {
	if !m.locked {
		panic("unlock of unlocked mutex")
	}
	m.locked = false
	locked--
	m.calls = *Calls()
}

// BeforeRead is called before a read of a plain field of e. It is no step under a
// mutex: a Lock or a write is near.
func BeforeRead(e *Event) *Event {
	if locked == 0 {
		Step("read", nil)
	}
	return e
}

// BeforeWrite is called before a write of a plain field of e.
func BeforeWrite(e *Event) *Event {
	Step("write", nil)
	return e
}

// Close has a step after close, at which a real Set may be preempted by the
// waiters.
func Close(ch chan struct{}) {
	Step("close", nil)
	close(ch)
	Step(Closed, nil)
}

// Receive is a receive of which the value is not used, from a channel that is
// only ever closed.
func Receive(ch <-chan struct{}) {
	Step(BeginReceive, func() bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	})
	<-ch
}

// BeforeSelect is called for the first channel of a select statement that can
// block.
func BeforeSelect[T any](ch <-chan T) <-chan T {
	Step(BeginSelect, nil)
	return ch
}

// The names of some steps. If BeginSelect is of WaitTimeout, the timer runs by then.
const (
	BeginSelect  = "select"
	BeginReceive = "receive"
	Closed       = "return from close"
)
