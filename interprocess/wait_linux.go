//go:build !eventpoll

package interprocess

import (
	"math"
	"os"
	"sync/atomic"
	"syscall"
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

// futex makes the system call. Not by RawSyscall6: a thread that sleeps must
// not hold up the scheduler, and those it wakes may run at once on its core.
func futex(word *atomic.Uint32, op, value uintptr, timeout *syscall.Timespec, value3 uintptr) syscall.Errno {
	_, _, errno := syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)),
		op, value, uintptr(unsafe.Pointer(timeout)), uintptr(unsafe.Pointer(word)), value3)
	return errno
}

// wakes says how this process wakes those who sleep on the word. It is tried
// out once, on a word of its own: an emulator may lack futexWakeOp or run it in
// the wrong byte order, a sandbox may forbid it, or futexes altogether.
var wakes = func() string {
	var word atomic.Uint32
	if futex(&word, futexWakeOp, 1, nil, orSet) == 0 && word.Load() == set &&
		futex(&word, futexWaitBitset, asleep, nil, mine) == syscall.EAGAIN {
		return "futex-wake-op"
	}
	if futex(&word, futexWake, 1, nil, 0) == 0 {
		return "futex-wake"
	}
	return "poll"
}()

// maxSleepers bounds the threads that sleep in the kernel: Go programs die at
// 10,000 threads.
func maxSleepers() int {
	if wakes == "poll" {
		return 0
	}
	return 256
}

// mine is the bit that this process sleeps with, so that wake wakes few others.
// Should another process have the same one, it wakes for nothing and goes on.
var mine = uintptr(1) << (os.Getpid() % 32)

// setAndWake sets the event and wakes all who sleep on the word: in one step if
// the kernel can do that, or else in two, between which a kill may come.
func setAndWake(word *atomic.Uint32) {
	if wakes == "futex-wake-op" && futex(word, futexWakeOp, math.MaxInt32, nil, orSet) == 0 {
		return
	}
	word.Or(set)
	futex(word, futexWake, math.MaxInt32, nil, 0)
}

// park sleeps until it is woken, if the word is want. It may also return for no
// reason, and does so after 100 ms where setAndWake takes two steps.
func park(word *atomic.Uint32, want uint32) {
	if wakes == "futex-wake-op" {
		futex(word, futexWaitBitset, uintptr(want), nil, mine)
		return
	}
	timeout := syscall.NsecToTimespec(100e6)
	futex(word, futexWait, uintptr(want), &timeout, 0)
}

// wake wakes the leaders of this process that sleep on the word.
func wake(word *atomic.Uint32) { futex(word, futexWakeBitset, math.MaxInt32, nil, mine) }
