//go:build !eventpoll

package interprocess

import (
	"math"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// The operations of futex(2), without FUTEX_PRIVATE_FLAG: the word is shared.
const (
	futexWait       = 0
	futexWake       = 1
	futexWakeOp     = 5
	futexWaitBitset = 9
	futexWakeBitset = 10

	orSet = 2<<28 | set<<12 // for futexWakeOp: word |= set
)

// futex makes the system call. It does not use RawSyscall6: a thread that sleeps
// must not block the scheduler, and the threads that it wakes may preempt it.
func futex(word *atomic.Uint32, op, value uintptr, timeout *syscall.Timespec, value3 uintptr) syscall.Errno {
	_, _, errno := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)),
		op, value, uintptr(unsafe.Pointer(timeout)), uintptr(unsafe.Pointer(word)), value3)
	return errno
}

// wakes names the way in which this process wakes threads that sleep on the word.
var wakes = probe()

// probe finds out on another word: an emulator may lack futexWakeOp or run it in
// the wrong byte order, and a sandbox may forbid it, or shared futexes altogether.
func probe() string {
	var word atomic.Uint32
	if futex(&word, futexWakeOp, 1, nil, orSet) == 0 && word.Load() == set &&
		futex(&word, futexWaitBitset, asleep, nil, processBit) == syscall.EAGAIN {
		return "futex-wake-op"
	}
	if futex(&word, futexWake, 1, nil, 0) == 0 {
		return "futex-wake"
	}
	return "poll"
}

// maxSleepers bounds the threads that sleep in the kernel at a time: a Go program
// dies when it exceeds 10,000 threads or the system refuses one more. A quarter of
// what the system allows leaves room for the rest of the program and for others.
func maxSleepers() int {
	if wakes == "poll" {
		return 0
	}
	return min(256, threadLimit()/4)
}

// processBit is the bit with which this process sleeps, so that wake disturbs few
// others: a thread of another process with the same bit wakes up and sleeps again.
var processBit = uintptr(1) << (os.Getpid() % 32)

// setAndWake sets the event and wakes all threads that sleep on the word: in one
// step if the kernel can do that, otherwise in two, between which the process
// may be killed.
func setAndWake(word *atomic.Uint32) {
	if wakes == "futex-wake-op" && futex(word, futexWakeOp, math.MaxInt32, nil, orSet) == 0 {
		return
	}
	word.Or(set)
	futex(word, futexWake, math.MaxInt32, nil, 0)
}

// park sleeps, if the word is want, until it is woken or the deadline, if there
// is one. It may also return spuriously, and does so within 100 ms where
// setAndWake takes two steps.
func park(word *atomic.Uint32, want uint32, deadline time.Time) {
	left := 1000 * time.Hour // fits into a Timespec everywhere
	if !deadline.IsZero() {
		left = min(left, max(0, time.Until(deadline)))
	}
	if wakes == "futex-wake-op" {
		until := syscall.NsecToTimespec(int64(monotonic() + left))
		futex(word, futexWaitBitset, uintptr(want), &until, processBit)
	} else {
		timeout := syscall.NsecToTimespec(int64(min(left, 100*time.Millisecond)))
		futex(word, futexWait, uintptr(want), &timeout, 0)
	}
}

// monotonic returns the time of CLOCK_MONOTONIC, the clock of futexWaitBitset.
func monotonic() time.Duration {
	const clockMonotonic = 1
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}

// wake wakes the leaders of this process that sleep on the word. It reports
// false if the kernel refuses.
func wake(word *atomic.Uint32) bool {
	return futex(word, futexWakeBitset, math.MaxInt32, nil, processBit) == 0
}
