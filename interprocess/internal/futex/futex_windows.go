//go:build !eventpoll

package futex

import (
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const threads = 64

func kind() string { return "windows-event" }

// A word and a key have a kernel event, which the first thread that sleeps on
// them creates and SetAndWake signals. It is never reset: one signal ends all
// sleeps with the key, those that are about to begin too. It is gone when nobody
// sleeps.
//
// Only the word decides when a sleep is over; the event is a hint. What another
// program has put under its name, or does to it, and a SetAndWake that may not
// open it, delay the end of a sleep by Backstop at most.
func objectName(w Word, key uint32) (*uint16, error) {
	return syscall.UTF16PtrFromString(`Global\goevent-` + w.ID + "-" + strconv.FormatUint(uint64(key), 16))
}

const (
	synchronize = 0x100000 // access rights
	modifyState = 0x2
	manualReset = 0x1 // a flag of CreateEventExW
)

var (
	kernel32      = syscall.NewLazyDLL("kernel32.dll")
	createEventEx = kernel32.NewProc("CreateEventExW")
	openEvent     = kernel32.NewProc("OpenEventW")
	setEvent      = kernel32.NewProc("SetEvent")
	waitForAny    = kernel32.NewProc("WaitForMultipleObjects")
)

func setAndWake(w Word, old, bit, key uint32) (ok bool) {
	if !w.CompareAndSwap(old, old|bit) {
		return false
	}
	if name, err := objectName(w, key); err == nil {
		if object, _, _ := openEvent.Call(modifyState, 0, uintptr(unsafe.Pointer(name))); object != 0 {
			setEvent.Call(object)
			syscall.CloseHandle(syscall.Handle(object))
		}
	}
	return true
}

// A sleeper sleeps on the event of the word and on its own auto-reset event, which
// keeps a signal that comes before the sleep.
type sleeper struct {
	mu    sync.Mutex
	own   uintptr     // 0 unless s sleeps or is about to
	timer *time.Timer // of the sleep; looks at the word
}

// spare holds events that have been the own one of a sleeper.
var spare = make(chan uintptr, threads)

func (s *sleeper) sleep(w Word, want, key uint32, deadline time.Time, stop func() bool) (ok bool) {
	own := s.begin(w, want, deadline)
	if own == 0 {
		return false
	}
	defer s.end()
	handles := []uintptr{own}
	if name, err := objectName(w, key); err == nil {
		if object, _, _ := createEventEx.Call(0, uintptr(unsafe.Pointer(name)), manualReset, synchronize); object != 0 {
			defer syscall.CloseHandle(syscall.Handle(object))
			handles = append(handles, object)
		}
	}
	// From here on, every SetAndWake that has not changed the word finds the event.
	for w.Load() == want && !stop() {
		const infinite = 0xffffffff
		signalled, _, _ := waitForAny.Call(uintptr(len(handles)), uintptr(unsafe.Pointer(&handles[0])), 0, infinite)
		switch {
		case uint32(signalled) == 0:
			return true
		case len(handles) == 1:
			return false
		}
		handles = handles[:1] // a signal that has not ended the sleep would not end the next one either
	}
	return true
}

// begin gives s its own event and a timer, and returns the event, or 0.
func (s *sleeper) begin(w Word, want uint32, deadline time.Time) uintptr {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.own = <-spare:
	default:
		if s.own, _, _ = createEventEx.Call(0, 0, 0, synchronize|modifyState); s.own == 0 {
			return 0
		}
	}
	var timer *time.Timer
	timer = time.AfterFunc(untilLook(deadline), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case s.timer != timer: // the sleep has ended, and w may be gone
		case w.Load() != want || !deadline.IsZero() && time.Until(deadline) <= 0:
			setEvent.Call(s.own)
		default:
			timer.Reset(untilLook(deadline))
		}
	})
	s.timer = timer
	return s.own
}

// untilLook returns the time until the next look at the word. All looks are at
// the same multiples of Backstop, so that they wake an idle processor together.
// The last one is at the deadline: a timeout of the kernel would be up to 16 ms late.
func untilLook(deadline time.Time) time.Duration {
	now := time.Now()
	next := now.Truncate(Backstop).Add(Backstop).Sub(now)
	if !deadline.IsZero() {
		next = min(next, deadline.Sub(now))
	}
	return next
}

func (s *sleeper) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	s.timer = nil
	select {
	case spare <- s.own:
	default:
		syscall.CloseHandle(syscall.Handle(s.own))
	}
	s.own = 0
}

func (s *sleeper) interrupt(Word) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != 0 {
		setEvent.Call(s.own)
	}
}
