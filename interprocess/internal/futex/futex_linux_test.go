//go:build !eventpoll

package futex_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/futex"
	"example.com/event/interprocess/internal/hosttest"
)

// The operations, as in linux/futex.h.
const (
	wake       = 1
	wakeOp     = 5
	waitBitset = 9
	wakeBitset = 10
)

func call(word *atomic.Uint32, op, value, value3 uintptr) syscall.Errno {
	address := uintptr(unsafe.Pointer(word))
	_, _, errno := syscall.Syscall6(syscall.SYS_FUTEX, address, op, value, 0, address, value3)
	return errno
}

func forbidden(op uint32) hosttest.Failure {
	return hosttest.Failure{Call: syscall.SYS_FUTEX, Errno: syscall.EPERM, Arg: 2, Value: op}
}

// In this process, or in one with forbidden operations, the tests of this package
// pass with one kind each.
func TestKind(t *testing.T) {
	want := "futex-wake-op"
	if name, ok := os.LookupEnv("EVENT_TEST_KIND"); ok {
		want = name
	} else if word := new(atomic.Uint32); call(word, wakeOp, 1, 2<<28|1<<12) != 0 || word.Load() != 1 {
		t.Skip("this kernel has no FUTEX_WAKE_OP")
	}
	assert.Equal(t, want, futex.Kind())
}

// A sandbox may forbid any of the operations. Then either the others do, or the
// kind says that none does.
func TestInSandbox(t *testing.T) {
	if _, ok := os.LookupEnv("EVENT_TEST_KIND"); ok {
		t.Skip("in one already")
	}
	const none, oneStep, twoSteps = "", "futex-wake-op", "futex-wake"
	for _, row := range []struct {
		name string
		ops  []uint32
		kind string
	}{
		{"nothing that is used", []uint32{13}, oneStep},
		{"setting and waking in one step", []uint32{wakeOp}, twoSteps},
		{"waking in two steps", []uint32{wake}, oneStep},
		{"waking", []uint32{wake, wakeOp}, none},
		{"sleeping", []uint32{waitBitset}, none},
		{"interrupting", []uint32{wakeBitset}, none},
		{"all that processes share", []uint32{wake, wakeOp, waitBitset, wakeBitset}, none},
	} {
		t.Run("that forbids "+row.name, func(t *testing.T) {
			cmd := hosttest.Again(t)
			for i, arg := range cmd.Args {
				if strings.HasPrefix(arg, "-test.run=") {
					cmd.Args[i] = "-test.run=."
				}
			}
			cmd.Env = append(cmd.Env, "EVENT_TEST_KIND="+row.kind)
			var out []byte
			var err error
			var failures []hosttest.Failure
			for _, op := range row.ops {
				failures = append(failures, forbidden(op))
			}
			hosttest.Failing(t, failures, func() { out, err = cmd.CombinedOutput() })
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "--- PASS: TestKind")
		})
	}
}

// Setting and waking in two steps wakes a thread that sleeps without a limit.
func TestSetAndWakeInTwoSteps(t *testing.T) {
	if futex.Kind() != "futex-wake" {
		t.Skip("runs in TestInSandbox")
	}
	for range 20 {
		w, _ := newWord(t)
		w.Store(asleep)
		ended, thread := make(chan struct{}), make(chan int)
		go func() {
			defer close(ended)
			runtime.LockOSThread()
			thread <- syscall.Gettid()
			for w.Load() == asleep {
				syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(w.Uint32)), waitBitset, asleep, 0, 0, 1)
			}
		}()
		task := fmt.Sprint("/proc/self/task/", <-thread, "/stat")
		hosttest.Eventually(t, "a thread to sleep", func() bool {
			stat, _ := os.ReadFile(task)
			return strings.Contains(string(stat), ") S ") && hosttest.Goroutines("syscall", "TestSetAndWakeInTwoSteps") == 1
		})
		require.True(t, futex.SetAndWake(w, asleep, bit, key))
		hosttest.Arrives(t, "the thread to wake up", ended)
	}
}

// A process that is killed between the two steps delays a wake-up.
func TestBackstop(t *testing.T) {
	if futex.Kind() != "futex-wake" {
		t.Skip("runs in TestInSandbox")
	}
	w, _ := newWord(t)
	w.Store(asleep)
	for _, deadline := range []time.Time{{}, time.Now().Add(time.Hour)} {
		hosttest.Within(t, "the backstop", func() {
			assert.True(t, new(futex.Sleeper).Sleep(w, asleep, key, deadline, never))
		})
	}
}

// An Interrupt that has woken nobody, since the sleeper was not in the kernel
// yet, repeats.
func TestInterruptThatMisses(t *testing.T) {
	w, _ := newWord(t)
	s := new(futex.Sleeper)
	for range 20 {
		interrupted := make(chan struct{})
		hosttest.Within(t, "the sleep to end", func() {
			assert.True(t, s.Sleep(w, 0, key, time.Time{}, func() bool {
				go func() {
					s.Interrupt(w)
					close(interrupted)
				}()
				for hosttest.Goroutines("select", "futex.(*Sleeper).Interrupt") == 0 && !t.Failed() {
					time.Sleep(100 * time.Microsecond)
				}
				return false
			}))
		})
		hosttest.Arrives(t, "Interrupt", interrupted)
		if t.Failed() {
			return
		}
	}
}

// A filter that is installed after the kind was found out is no reason to hang.
func TestRefusedLater(t *testing.T) {
	w, _ := newWord(t)
	s := new(futex.Sleeper)
	all := []hosttest.Failure{forbidden(wake), forbidden(wakeOp), forbidden(waitBitset), forbidden(wakeBitset)}
	hosttest.Within(t, "the calls", func() {
		hosttest.Failing(t, all, func() {
			assert.False(t, s.Sleep(w, 0, key, time.Time{}, never))
			s.Interrupt(w)
			assert.True(t, futex.SetAndWake(w, 0, bit, key))
			assert.EqualValues(t, bit, w.Load())
			assert.False(t, s.Sleep(w, bit, key, time.Now().Add(time.Hour), never))
		})
	})
}
