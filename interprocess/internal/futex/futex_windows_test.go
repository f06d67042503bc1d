//go:build !eventpoll

package futex_test

import (
	"fmt"
	"slices"
	"sync"
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

var (
	kernel32    = syscall.NewLazyDLL("kernel32.dll")
	createEvent = kernel32.NewProc("CreateEventW")
	createMutex = kernel32.NewProc("CreateMutexW")
	handleCount = kernel32.NewProc("GetProcessHandleCount")
	parseSDDL   = syscall.NewLazyDLL("advapi32.dll").NewProc("ConvertStringSecurityDescriptorToSecurityDescriptorW")
)

// objectName returns the name of the event for w, which processes of different
// versions of this package agree on.
func objectName(t *testing.T, w futex.Word) uintptr {
	t.Helper()
	name, err := syscall.UTF16PtrFromString(fmt.Sprintf(`Global\goevent-%s-%x`, w.ID, key))
	require.NoError(t, err)
	return uintptr(unsafe.Pointer(name))
}

// squat puts an object under the name of the event for w, until the test ends.
func squat(t *testing.T, w futex.Word, create func(name uintptr) (handle uintptr, err error)) {
	t.Helper()
	handle, err := create(objectName(t, w))
	require.NotZero(t, handle, "%v", err)
	require.NotErrorIs(t, err, syscall.ERROR_ALREADY_EXISTS)
	t.Cleanup(func() { syscall.CloseHandle(syscall.Handle(handle)) })
}

// event returns a function that creates an event; sddl says who may open it, if
// it is not empty.
func event(manual, signalled uintptr, sddl string) func(name uintptr) (uintptr, error) {
	return func(name uintptr) (uintptr, error) {
		var attributes *syscall.SecurityAttributes
		if sddl != "" {
			text, err := syscall.UTF16PtrFromString(sddl)
			if err != nil {
				return 0, err
			}
			attributes = &syscall.SecurityAttributes{}
			attributes.Length = uint32(unsafe.Sizeof(*attributes))
			if ok, _, err := parseSDDL.Call(uintptr(unsafe.Pointer(text)), 1,
				uintptr(unsafe.Pointer(&attributes.SecurityDescriptor)), 0); ok == 0 {
				return 0, err
			}
		}
		handle, _, err := createEvent.Call(uintptr(unsafe.Pointer(attributes)), manual, signalled, name)
		return handle, err
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	self, err := syscall.GetCurrentProcess()
	require.NoError(t, err)
	var created, ended, kernel, user syscall.Filetime
	require.NoError(t, syscall.GetProcessTimes(self, &created, &ended, &kernel, &user))
	ticks := func(f syscall.Filetime) time.Duration {
		return time.Duration(uint64(f.HighDateTime)<<32 | uint64(f.LowDateTime))
	}
	return (ticks(kernel) + ticks(user)) * 100 // of 100 ns
}

// Most sleeps end long before the backstop would end them.
func TestWakeUpBySignal(t *testing.T) {
	w, _ := newWord(t)
	var late []time.Duration
	for range 20 {
		w.Store(asleep)
		_, ended := sleep(t, 1, w, asleep)
		began := time.Now()
		require.True(t, futex.SetAndWake(w, asleep, bit, key))
		hosttest.Arrives(t, "the sleep to end", ended)
		late = append(late, time.Since(began))
	}
	slices.Sort(late)
	assert.Less(t, late[len(late)/2], futex.Backstop/5, "%v", late)
}

// A process that is killed between the two steps delays a wake-up.
func TestWakeUpWithoutSignal(t *testing.T) {
	w, _ := newWord(t)
	for range 3 {
		w.Store(asleep)
		_, ended := sleep(t, 1, w, asleep)
		require.True(t, w.CompareAndSwap(asleep, asleep|bit))
		hosttest.Arrives(t, "the backstop", ended)
	}
}

// Whatever another program has put under the name of the event, a sleep lasts as
// long as it should, and costs no processor time.
func TestForeignObject(t *testing.T) {
	const manual, auto, unsignalled, signalled = 1, 0, 0, 1
	for name, create := range map[string]func(name uintptr) (uintptr, error){
		"unsignalled event":             event(manual, unsignalled, ""),
		"signalled event":               event(manual, signalled, ""),
		"unsignalled auto-reset event":  event(auto, unsignalled, ""),
		"signalled auto-reset event":    event(auto, signalled, ""),
		"event that nobody may open":    event(manual, signalled, "D:"),
		"event that nobody may signal":  event(manual, unsignalled, "D:(A;;0x100000;;;WD)"),
		"event that nobody may wait on": event(manual, unsignalled, "D:(A;;0x2;;;WD)"),
		"mutex": func(name uintptr) (uintptr, error) {
			handle, _, err := createMutex.Call(0, 0, name)
			return handle, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := newWord(t)
			squat(t, w, create)
			for _, interrupt := range []bool{false, true} {
				const sleepers, looks = 2, 2
				w.Store(asleep)
				var turns atomic.Int32
				var interrupted atomic.Bool
				var all sync.WaitGroup
				var s [sleepers]*futex.Sleeper
				for i := range s {
					s[i] = new(futex.Sleeper)
					all.Go(func() {
						for ; w.Load() == asleep && !interrupted.Load(); turns.Add(1) {
							assert.True(t, s[i].Sleep(w, asleep, key, time.Time{}, interrupted.Load))
						}
					})
				}
				untilAsleep(t, sleepers)
				before := processorTime(t)
				time.Sleep(looks * futex.Backstop)
				assert.Less(t, processorTime(t)-before, looks*futex.Backstop/2, "processor time of sleeps")
				assert.LessOrEqual(t, turns.Load(), int32(sleepers), "sleeps that end for no reason")
				if interrupted.Store(interrupt); interrupt {
					for i := range s {
						s[i].Interrupt(w)
					}
				} else {
					assert.True(t, futex.SetAndWake(w, asleep, bit, key))
				}
				hosttest.Within(t, "the sleeps to end", all.Wait)
			}
		})
	}
}

// A sleep leaves no handle behind, whatever ends it.
func TestHandles(t *testing.T) {
	const sleeps = 10000
	w, _ := newWord(t)
	s := new(futex.Sleeper)
	count := func() (n uint32) {
		self, err := syscall.GetCurrentProcess()
		require.NoError(t, err)
		ok, _, err := handleCount.Call(uintptr(self), uintptr(unsafe.Pointer(&n)))
		require.NotZero(t, ok, "%v", err)
		return n
	}
	ends := []func() bool{
		func() bool { return true },
		func() bool { s.Interrupt(w); return false },
		func() bool { futex.SetAndWake(w, asleep, bit, key); return false },
		func() bool { w.CompareAndSwap(asleep, asleep|bit); s.Interrupt(w); return false },
	}
	var before uint32
	for i := range sleeps {
		if i == sleeps/10 {
			before = count()
		}
		w.Store(asleep)
		hosttest.Within(t, "a sleep to end", func() {
			assert.True(t, s.Sleep(w, asleep, key, time.Time{}, ends[i%len(ends)]))
		})
	}
	assert.Less(t, count(), before+sleeps/100) // those of the threads of the runtime come and go
}
