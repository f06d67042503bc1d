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
func objectName(w Word, key uint32) *uint16 {
	name, _ := syscall.UTF16PtrFromString(`Global\goevent-` + w.ID + "-" + strconv.FormatUint(uint64(key), 16))
	return name // an ID has no zero byte
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
	if object, _, _ := openEvent.Call(modifyState, 0, uintptr(unsafe.Pointer(objectName(w, key)))); object != 0 {
		setEvent.Call(object)
		syscall.CloseHandle(syscall.Handle(object))
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
	handles, n := [2]uintptr{own}, 1
	if object, _, _ := createEventEx.Call(0, uintptr(unsafe.Pointer(objectName(w, key))), manualReset, synchronize); object != 0 {
		defer syscall.CloseHandle(syscall.Handle(object))
		handles[1], n = object, 2
	}
	// From here on, every SetAndWake that has not changed the word finds the event.
	for ; w.Load() == want && !stop(); n = 1 { // a signal that has not ended the sleep would not end the next one either
		const infinite = 0xffffffff
		signalled, _, _ := waitForAny.Call(uintptr(n), uintptr(unsafe.Pointer(&handles)), 0, infinite)
		if own := uint32(signalled) == 0; own || n == 1 {
			return own
		}
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
		next := untilLook(deadline)
		switch {
		case s.timer != timer: // the sleep has ended, and w may be gone
		case w.Load() != want || next <= 0:
			setEvent.Call(s.own)
		default:
			timer.Reset(next)
		}
	})
	s.timer = timer
	return s.own
}

// untilLook returns the time until the next look at the word. All looks are at
// the same multiples of Backstop, so that they wake an idle processor together.
// The last one is at the deadline: a timeout of the kernel would be up to 16 ms late.
func untilLook(deadline time.Time) time.Duration {
	next := time.Until(time.Now().Truncate(Backstop).Add(Backstop))
	if !deadline.IsZero() {
		next = min(next, time.Until(deadline))
	}
	return next
}

func (s *sleeper) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	select {
	case spare <- s.own:
	default:
		syscall.CloseHandle(syscall.Handle(s.own))
	}
	s.own, s.timer = 0, nil
}

func (s *sleeper) interrupt(Word) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != 0 {
		setEvent.Call(s.own)
	}
}
