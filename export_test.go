package event

// HoldLock acquires the mutex of e and returns the function that releases it.
func HoldLock(e *Event) (release func()) {
	e.mu.Lock()
	return e.mu.Unlock
}

// The rest replaces atomic.Uint32, sync.Mutex and close in the instrumented copy
// of event.go, and stands before its selects: TestInterleavings chooses what runs
// next.

// Step is called before every access to shared state. It returns when the
// goroutine may make that access, which locks m unless m is nil.
var Step func(access string, m *Mutex)

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

type Mutex struct {
	Locked bool
	calls  uint64
}

func (m *Mutex) Lock() {
	Step("Lock", m)
	if m.Locked {
		panic("deadlock")
	}
	m.Locked = true
	*Calls() |= m.calls
}

func (m *Mutex) Unlock() {
	Step("Unlock", nil)
	if !m.Locked {
		panic("unlock of unlocked mutex")
	}
	m.Locked = false
	m.calls = *Calls()
}

func Close(ch chan struct{}) {
	Step("close", nil)
	close(ch)
}

// BeforeSelect is called for the channel of a select statement.
func BeforeSelect[T any](ch <-chan T) <-chan T {
	Step(Select, nil)
	return ch
}

// Select is the step to a select statement. If that is of WaitTimeout, the
// timer runs by then.
const Select = "select"
