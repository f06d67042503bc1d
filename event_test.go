package event_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

// The tests of the promises of the package comment, under their numbers. Promise
// 2 is also in linearizable_test.go, 7 in memory_test.go and 9 in synctest_test.go.
// TestInterleavings checks 2, 3, 4, 6 and 7 in the orders that a test rarely meets.

// waits are the ways to wait without a limit. Each reports whether the wait
// succeeded.
var waits = []struct {
	name string
	wait func(*event.Event) bool
}{
	{"Wait", func(e *event.Event) bool { e.Wait(); return true }},
	{"WaitTimeout", func(e *event.Event) bool { return e.WaitTimeout(math.MaxInt64) }},
	{"WaitContext", func(e *event.Event) bool {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		return e.WaitContext(ctx) == nil
	}},
	{"Done", func(e *event.Event) bool { _, open := <-e.Done(); return !open }},
}

// cancelled is a context that is done.
var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// child is an environment variable that is set in the processes in which a test
// runs part of itself.
const child = "EVENT_TEST_CHILD"

// isClosed reports whether a channel of Done is closed.
func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// rounds returns the number of rounds of a stress test: n, or a tenth of that
// with -short.
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// finish calls f and fails the test if it hangs. A bubble of synctest needs no
// such limit: it fails when nothing can go on.
func finish(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal(what, "hangs")
	}
}

func Test1ZeroValue(t *testing.T) {
	var zero event.Event
	for name, e := range map[string]*event.Event{"zero": &zero, "new": new(event.Event), "New": event.New()} {
		t.Run(name, func(t *testing.T) {
			assert.False(t, e.IsSet())
			done := e.Done()
			assert.False(t, isClosed(done))
			e.Set()
			assert.True(t, e.IsSet())
			assert.True(t, isClosed(done))
		})
	}
}

func Test2EverySequenceOfFourCalls(t *testing.T) {
	for i := range 10_000 {
		sequence(t, i/1000, i/100%10, i/10%10, i%10)
	}
}

// sequence makes the calls of one goroutine that the digits stand for and compares
// each result with the flag and, for each channel of Done, whether it has to be
// closed.
func sequence(t *testing.T, calls ...int) {
	var e event.Event
	var set bool
	closed := map[<-chan struct{}]bool{}
	swap := func(to bool) (old bool) {
		for done := range closed {
			closed[done] = closed[done] || to
		}
		old, set = set, to
		return old
	}
	for i, c := range calls {
		at := fmt.Sprint("call ", i, " of ", calls)
		switch c {
		case 0:
			e.Set()
			swap(true)
		case 1:
			e.Clear()
			swap(false)
		case 2:
			require.Equal(t, set, e.IsSet(), at)
		case 3:
			require.Equal(t, set, e.WaitTimeout(-1), at)
		case 4:
			require.Equal(t, set, e.WaitContext(cancelled) == nil, at)
		case 5:
			closed[e.Done()] = set
		case 6:
			require.Equal(t, map[bool]string{true: "set", false: "unset"}[set], fmt.Sprint(&e), at)
		case 7, 8:
			to := c == 7
			require.Equal(t, swap(to), e.Swap(to), at)
		case 9:
			const timeout = 9
			start := time.Now()
			inTime := e.WaitTimeout(timeout)
			require.Equal(t, set, inTime, at)
			require.True(t, inTime || time.Since(start) >= timeout, at)
		}
		for done, want := range closed {
			require.Equal(t, want, isClosed(done), "a channel of Done, after "+at)
		}
	}
}

func Test3SetReleasesEveryWaiter(t *testing.T) {
	const each = 2_500
	for name, set := range map[string]func(*event.Event){
		"with Set":                       (*event.Event).Set,
		"with Set, Clear":                func(e *event.Event) { e.Set(); e.Clear() },
		"with Swap(true), Swap(false)":   func(e *event.Event) { e.Swap(true); e.Swap(false) },
		"with Set after needless Clears": func(e *event.Event) { e.Clear(); e.Swap(false); e.Set() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				var released atomic.Int64
				for _, w := range waits {
					for range each {
						go func() {
							if w.wait(&e) {
								released.Add(1)
							}
						}()
					}
				}
				synctest.Wait()
				require.Zero(t, released.Load(), "released before Set")
				set(&e)
				synctest.Wait()
				assert.EqualValues(t, each*len(waits), released.Load())
			})
		})
	}
}

func Test4WaitAfterClearWaitsForTheNextSet(t *testing.T) {
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				var released atomic.Bool
				e.Done() // so that Set has a channel to close
				e.Set()
				e.Clear()
				go func() { released.Store(w.wait(&e)) }()
				synctest.Wait()
				assert.False(t, released.Load())
				e.Set()
				synctest.Wait()
				assert.True(t, released.Load())
			})
		})
	}
}

func Test5GivingUpChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left behind
		var e event.Event
		var released atomic.Int64
		for _, w := range waits {
			go func() {
				if w.wait(&e) {
					released.Add(1)
				}
			}()
		}
		for range 100 {
			go func() { assert.False(t, e.WaitTimeout(time.Second)) }()
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				assert.ErrorIs(t, e.WaitContext(ctx), context.DeadlineExceeded)
			}()
		}
		time.Sleep(2 * time.Second)
		assert.False(t, e.IsSet())
		assert.Zero(t, released.Load())
		e.Set()
		synctest.Wait()
		assert.EqualValues(t, len(waits), released.Load())
	})
}

func Test5WaitsLeaveNothingBehind(t *testing.T) {
	t.Setenv("GODEBUG", "asynctimerchan=1") // before Go 1.27, makes an unstopped timer stay until it fires
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var e event.Event
	const n = 10_000 // fewer, and what the runtime keeps on a busy machine would be too many bytes for each
	use := func() (goroutines int, heap uint64) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	goroutines, heap := use()
	finish(t, "a wait", func() {
		for range n {
			e.WaitTimeout(1)
			expired, cancel := context.WithTimeout(ctx, 1)
			_ = e.WaitContext(expired)
			cancel()
			go e.Set()
			e.WaitTimeout(time.Hour)
			_ = e.WaitContext(ctx)
			e.Clear()
		}
	})
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+1 }, // with that of Eventually
		time.Minute, time.Millisecond, "goroutines left behind")
	_, after := use()
	// A pending timer or its function would take some 200 bytes for each wait.
	assert.Less(t, float64(after)-float64(heap), float64(n)*20, "bytes left behind by %d waits", n)
}

func Test6SetEventWins(t *testing.T) {
	var e event.Event
	e.Set()
	for range 1_000 { // so that a random choice shows
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Hour, math.MaxInt64} {
			require.True(t, e.WaitTimeout(d), d)
		}
		require.NoError(t, e.WaitContext(cancelled))
	}
}

func Test6SetAndClearBeforeTheDeadlineWin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []time.Duration{time.Microsecond, time.Hour} {
			var e event.Event
			pulse := func() { e.Set(); e.Clear() }
			start := time.Now()
			time.AfterFunc(d-1, pulse)
			assert.True(t, e.WaitTimeout(d))
			assert.Equal(t, d-1, time.Since(start))

			ctx, cancel := context.WithTimeout(t.Context(), d)
			time.AfterFunc(d-1, pulse)
			assert.NoError(t, e.WaitContext(ctx))
			cancel()
		}
	})
}

// stub is a context that is done whatever its Err returns. Done calls before: by
// then the wait has begun.
type stub struct {
	context.Context
	before func()
	err    error
}

func (s stub) Done() <-chan struct{} {
	s.before()
	return cancelled.Done()
}

func (s stub) Err() error { return s.err }

func Test6SetWinsOverContextDoneAtOnce(t *testing.T) {
	for range 200 { // a random choice would be right in half of them
		var e event.Event
		require.NoError(t, e.WaitContext(stub{before: func() { e.Set(); e.Clear() }, err: context.Canceled}))
	}
}

func Test6WaitContextIsNilOnlyIfSet(t *testing.T) {
	var e event.Event
	nothing := func() {}
	assert.EqualError(t, e.WaitContext(stub{before: nothing}), "event: context is done but its Err is nil")
	assert.Equal(t, context.Canceled, e.WaitContext(stub{before: nothing, err: context.Canceled}))
	e.Set()
	assert.NoError(t, e.WaitContext(stub{before: nothing}))
}

func Test6WaitContextReturnsErr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e event.Event
		boom := errors.New("boom")

		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(boom)
		assert.Equal(t, context.Canceled, e.WaitContext(ctx), "cancelled before: ctx.Err(), not its cause")

		ctx, cancel = context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(boom) })
		start := time.Now()
		assert.Equal(t, context.Canceled, e.WaitContext(ctx), "cancelled during")
		assert.Equal(t, time.Second, time.Since(start))

		expiring, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		assert.Equal(t, context.DeadlineExceeded, e.WaitContext(expiring), "expired during")

		time.AfterFunc(time.Second, e.Set)
		assert.NoError(t, e.WaitContext(context.Background()), "a context that is never done")
	})
}

func Test6WaitTimeoutIsNeverEarly(t *testing.T) {
	for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Millisecond, time.Hour} {
		t.Run(d.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				start := time.Now()
				assert.False(t, e.WaitTimeout(d))
				assert.Equal(t, max(0, d), time.Since(start))
			})
		})
	}
	t.Run("on the real clock", func(t *testing.T) {
		var e event.Event
		for i := range rounds(300) {
			d := time.Duration(i) * 100
			start := time.Now()
			require.False(t, e.WaitTimeout(d))
			require.GreaterOrEqual(t, time.Since(start), d)
		}
	})
}

func Test8Size(t *testing.T) {
	want := map[uintptr]uintptr{8: 24, 4: 16}[unsafe.Sizeof(uintptr(0))]
	assert.Equal(t, want, unsafe.Sizeof(event.Event{}))
}

func Test8Allocations(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var unset, set, e event.Event
	set.Set()
	for _, row := range []struct {
		name string
		want float64
		call func()
	}{
		{"Set and Clear", 0, func() { e.Set(); e.Clear() }},
		{"Swap", 0, func() { e.Swap(true); e.Swap(true); e.Swap(false); e.Swap(false) }},
		{"Set of a set event", 0, func() { set.Set() }},
		{"Clear of an unset event", 0, func() { unset.Clear() }},
		{"IsSet and String", 0, func() { _, _ = set.IsSet(), unset.IsSet(); _, _ = set.String(), unset.String() }},
		{"waits on a set event", 0, func() {
			set.Wait()
			set.WaitTimeout(-1)
			set.WaitTimeout(time.Hour)
			_ = set.WaitContext(ctx)
			_ = set.WaitContext(cancelled)
			<-set.Done()
		}},
		{"WaitTimeout that expires at once", 0, func() { unset.WaitTimeout(0); unset.WaitTimeout(-1) }},
		{"first wait after Clear", 1, func() { e.Done(); e.Set(); e.Clear() }},
		{"further waits", 1, func() { e.Done(); e.Done(); e.Done(); e.Set(); e.Clear() }},
		{"Swap of an awaited event", 1, func() { e.Done(); e.Swap(true); e.Swap(false) }},
	} {
		assert.Equal(t, row.want, testing.AllocsPerRun(100, row.call), row.name)
	}

	timer := testing.AllocsPerRun(100, func() { time.NewTimer(1).Stop() })
	unset.Done()
	assert.Equal(t, timer, testing.AllocsPerRun(100, func() { unset.WaitTimeout(1) }), "a timed wait adds its timer")
}

func Test8SetEventIsLockFreeOnceSetHasReturned(t *testing.T) {
	var e event.Event
	e.Done()
	e.Set()
	defer event.HoldLock(&e)()
	finish(t, "a method that waits for the mutex", func() {
		for _, w := range waits {
			w.wait(&e)
		}
		_, _ = e.IsSet(), e.String()
		e.Set()
		e.Swap(true)
		e.Clear()
		e.Clear()
		_, _ = e.IsSet(), e.String()
		e.WaitTimeout(0)
		e.Set()
		e.Swap(false)
		e.Swap(true)
	})
}

func Test10NilContextPanics(t *testing.T) {
	var e event.Event
	for range 2 {
		//lint:ignore SA1012 a nil context is what this test is about
		assert.PanicsWithValue(t, "event: nil context", func() { _ = e.WaitContext(nil) })
		e.Set()
	}
	assert.True(t, e.IsSet(), "the panic left a lock or a flag behind")
}

func Test10NilEventPanics(t *testing.T) {
	var e *event.Event
	for name, call := range map[string]func(){
		"Set":         e.Set,
		"Clear":       e.Clear,
		"Swap":        func() { e.Swap(false) },
		"IsSet":       func() { e.IsSet() },
		"Wait":        e.Wait,
		"WaitTimeout": func() { e.WaitTimeout(0) },
		"WaitContext": func() { _ = e.WaitContext(cancelled) },
		"Done":        func() { e.Done() },
		"String":      func() { _ = e.String() },
	} {
		assert.Panics(t, call, name)
	}
}
