package event

import "time"

// HoldLock acquires the mutex of e and returns the function that releases it.
func HoldLock(e *Event) (release func()) {
	e.mu.Lock()
	return e.mu.Unlock
}

// The rest replaces atomic.Uint32, sync.Mutex, close and time.NewTimer in the
// instrumented copy of event.go, in which TestInterleavings chooses what runs
// next.

// Step is called before every access to shared state. It returns when the
// goroutine may make that access, which locks m unless m is nil.
var Step func(access string, m *Mutex)

type Uint32 struct{ value uint32 }

func (u *Uint32) Load() uint32 {
	Step("Load", nil)
	return u.value
}

func (u *Uint32) Store(value uint32) {
	Step("Store", nil)
	u.value = value
}

func (u *Uint32) CompareAndSwap(old, new uint32) bool {
	Step("CompareAndSwap", nil)
	if u.value != old {
		return false
	}
	u.value = new
	return true
}

type Mutex struct{ Locked bool }

func (m *Mutex) Lock() {
	Step("Lock", m)
	if m.Locked {
		panic("deadlock")
	}
	m.Locked = true
}

func (m *Mutex) Unlock() {
	Step("Unlock", nil)
	if !m.Locked {
		panic("unlock of unlocked mutex")
	}
	m.Locked = false
}

func Close(ch chan struct{}) {
	Step("close", nil)
	close(ch)
}

func NewTimer(d time.Duration) *time.Timer {
	t := time.NewTimer(d)
	Step(TimerRuns, nil)
	return t
}

// TimerRuns is the step after the start of a timer.
const TimerRuns = "timer runs"
