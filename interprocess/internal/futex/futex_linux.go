//go:build !eventpoll

package futex

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const threads = 4

// The operations of futex(2), without FUTEX_PRIVATE_FLAG: the word is shared.
const (
	futexWake       = 1
	futexWakeOp     = 5
	futexWaitBitset = 9
	futexWakeBitset = 10
)

// futex makes the system call. It does not use RawSyscall6: a thread that sleeps
// must not block the scheduler, and the threads that it wakes may preempt it.
func futex(word *atomic.Uint32, op, value uintptr, timeout *syscall.Timespec, value3 uintptr) syscall.Errno {
	_, _, errno := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)),
		op, value, uintptr(unsafe.Pointer(timeout)), uintptr(unsafe.Pointer(word)), value3)
	return errno
}

// wakeOp sets bit in word and wakes all threads that sleep on it, in one step.
func wakeOp(word *atomic.Uint32, bit uint32) syscall.Errno {
	const or = 2 << 28
	return futex(word, futexWakeOp, math.MaxInt32, nil, or|uintptr(bit)<<12)
}

const (
	oneStep  = "futex-wake-op"
	twoSteps = "futex-wake"
)

// kind finds out on another word, before the first use: an emulator may lack
// futexWakeOp or run it in the wrong byte order, and a sandbox may forbid it, or
// shared futexes altogether.
var kind = sync.OnceValue(func() string {
	var word atomic.Uint32
	switch {
	case futex(&word, futexWaitBitset, 1, nil, ownBit) != syscall.EAGAIN,
		futex(&word, futexWakeBitset, 1, nil, ownBit) != 0:
		return ""
	case wakeOp(&word, 1) == 0 && word.Load() == 1:
		return oneStep
	case futex(&word, futexWake, 1, nil, 0) == 0:
		return twoSteps
	}
	return ""
})

// ownBit is the bit with which this process sleeps, so that interrupt wakes few
// others: a thread of another process with the same bit wakes up and sleeps again.
var ownBit = uintptr(1) << rand.N(32)

func setAndWake(w Word, old, bit, _ uint32) (ok bool) {
	if kind() == oneStep && wakeOp(w.Uint32, bit) == 0 {
		return true // the kernel did not compare w with old
	}
	if !w.CompareAndSwap(old, old|bit) {
		return false
	}
	futex(w.Uint32, futexWake, math.MaxInt32, nil, 0)
	return true
}

// A wake that comes before the sleep has no effect. So a sleeper makes phase odd
// and then calls stop, and interrupt, called after stop has changed, wakes until
// phase has changed.
type sleeper struct {
	phase atomic.Uint32                 // odd while a thread sleeps or is about to
	left  atomic.Pointer[chan struct{}] // of an interrupt, closed after phase has become even
}

func (s *sleeper) sleep(w Word, want, _ uint32, deadline time.Time, stop func() bool) (ok bool) {
	left := 1000 * time.Hour // fits into a Timespec everywhere
	switch kind() {
	case "": // nobody could end it
		return false
	case twoSteps:
		left = Backstop
	}
	if !deadline.IsZero() {
		left = min(left, max(0, time.Until(deadline)))
	}
	until := syscall.NsecToTimespec(int64(monotonic() + left))
	var errno syscall.Errno
	s.phase.Add(1)
	if !stop() {
		errno = futex(w.Uint32, futexWaitBitset, uintptr(want), &until, ownBit)
	}
	s.phase.Add(1)
	if left := s.left.Swap(nil); left != nil {
		close(*left)
	}
	switch errno {
	case 0, syscall.EAGAIN, syscall.EINTR, syscall.ETIMEDOUT:
		return true
	}
	return false
}

func (s *sleeper) interrupt(w Word) {
	phase := s.phase.Load()
	if phase%2 == 0 {
		return
	}
	left := make(chan struct{})
	s.left.Store(&left) // in place of that of another interrupt, which then looks after a millisecond
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for s.phase.Load() == phase && futex(w.Uint32, futexWakeBitset, math.MaxInt32, nil, ownBit) == 0 {
		select {
		case <-left:
		case <-again.C:
		}
	}
}

// monotonic returns the time of CLOCK_MONOTONIC, the clock of futexWaitBitset.
func monotonic() time.Duration {
	const clockMonotonic = 1
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}
