//go:build !eventpoll

package interprocess

import (
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// The probe finds that a kernel can set and wake in one step, as this test does
// with the numbers of linux/futex.h. All other tests pass with two steps too.
func TestProbe(t *testing.T) {
	var word atomic.Uint32
	address := uintptr(unsafe.Pointer(&word))
	const wakeOp, or, waitBitset = 5, 2, 9
	_, _, errno := syscall.Syscall6(syscall.SYS_FUTEX, address, wakeOp, 1, 0, address, or<<28|1<<12)
	if errno != 0 || word.Load() != 1 {
		t.Skip("this kernel has no FUTEX_WAKE_OP:", errno)
	}
	if _, _, errno = syscall.Syscall6(syscall.SYS_FUTEX, address, waitBitset, 2, 0, 0, 1); errno != syscall.EAGAIN {
		t.Skip("this kernel has no FUTEX_WAIT_BITSET:", errno)
	}
	assert.Equal(t, "futex-wake-op", native)
}

// A sandbox may forbid one operation, or all that processes share.
func TestProbeInSandbox(t *testing.T) {
	forbidden := func(operation uint32) failure {
		return failure{call: "futex", errno: syscall.EPERM, argument: 2, value: operation}
	}
	for want, failures := range map[string][]failure{
		native:       {forbidden(13)}, // none that it needs
		"futex-wake": {forbidden(futexWakeOp)},
		"poll":       {forbidden(futexWakeOp), forbidden(futexWake)},
	} {
		var got string
		failing(t, failures, func() { got = probe() })
		assert.Equal(t, want, got)
	}
	failing(t, []failure{forbidden(futexWaitBitset)}, func() { assert.Equal(t, "futex-wake", probe()) })
}

// Of two processes that set an event with sleepers, the second finds it set.
func TestSetAndWakeOfSetEvent(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		var word atomic.Uint32
		word.Store(next | asleep | set)
		setAndWake(&word)
		assert.Equal(t, uint32(next|asleep|set), word.Load())
	})
}
