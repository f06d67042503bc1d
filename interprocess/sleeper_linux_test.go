//go:build !eventpoll

package interprocess

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// Where setting and waking are two steps, Set takes both: here it wakes a
// thread that sleeps without a limit.
func TestTwoStepSetWakes(t *testing.T) {
	needsKernel(t)
	defer force(forced)
	force("two steps")
	e := newTest(t)
	for range 20 {
		e.Clear()
		generation := e.generation()
		require.True(t, e.announce(generation))
		sleeper := e.sleeperIn(t, func() {
			for e.word.Load() == generation|asleep {
				futex(e.word, futexWait, uintptr(generation|asleep), nil, 0)
			}
		})
		e.Set()
		require.True(t, sleeper.released(hang))
	}
}

// A process that is killed between the two steps loses no wake-up.
func TestTwoStepSetWithoutWake(t *testing.T) {
	needsKernel(t)
	defer force(forced)
	force("two steps")
	e := newTest(t)
	sleeper := e.sleeper(t)
	e.word.Or(set)
	require.True(t, sleeper.released(hang))
}

func needsKernel(t *testing.T) {
	t.Helper()
	if !sleeps() || os.Getenv("EVENT_TEST_SELF") != "" {
		t.Skip("no leader sleeps in the kernel here, or an emulator hides it")
	}
	quiesce(t)
}

// onWord reports whether a thread sleeps on a word that processes share, at addr
// if that is not empty.
func onWord(task, addr string) bool {
	stat, _ := os.ReadFile(task + "/stat")
	if !strings.Contains(string(stat), ") S ") {
		return false
	}
	text, err := os.ReadFile(task + "/syscall")
	if os.IsPermission(err) {
		return true // the system does not say
	}
	call := strings.Fields(string(text)) // number, address, operation
	return len(call) > 2 &&
		(call[0] == fmt.Sprint(syscall.SYS_FUTEX) || call[0] == fmt.Sprint(syscall.SYS_RESTART_SYSCALL)) && // an interrupted one
		(addr == "" || call[1] == addr) &&
		(call[2] == fmt.Sprintf("0x%x", futexWait) || call[2] == fmt.Sprintf("0x%x", futexWaitBitset))
}

// A sleeper is a call in this process that is asleep in the kernel. The channel
// is closed when the call returns.
type sleeper chan struct{}

// sleeper returns a wait for e that is asleep.
func (e *Event) sleeper(t *testing.T) sleeper {
	t.Helper()
	generation := e.word.Load() &^ (set | asleep)
	return e.sleeperIn(t, func() { e.waitFor(generation, limit{}) })
}

// sleeperIn calls f and returns when its thread sleeps on the word of e.
func (e *Event) sleeperIn(t *testing.T, f func()) sleeper {
	t.Helper()
	returned, thread := make(sleeper), make(chan int)
	go func() {
		defer close(returned)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- syscall.Gettid()
		f()
	}()
	task := fmt.Sprint("/proc/self/task/", <-thread)
	word := fmt.Sprintf("0x%x", uintptr(unsafe.Pointer(e.word)))
	eventually(t, "a thread to sleep on the word", func() bool { return onWord(task, word) })
	return returned
}

// released reports whether the call returns before d has passed.
func (s sleeper) released(d time.Duration) bool {
	select {
	case <-s:
		return true
	case <-time.After(d):
		return false
	}
}
