package event_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

// waits are the ways to wait without a limit. Each reports whether the wait
// says that the event was set.
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

// isClosed reports whether a channel of Done is closed.
func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// cancelled is a context that is done.
var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// rounds is how often a stress test tries: n times, or a tenth of that with -short.
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// Promise 9: testing/synctest. See also TestWaitsBlockDurably.

// A set event can be used in any bubble, and in several. This test is the first,
// for the event's channel to be of no bubble before anything else uses it.
func TestSetEventIsOfNoBubble(t *testing.T) {
	var e event.Event
	e.Set()
	for range 2 {
		synctest.Test(t, func(*testing.T) {
			for _, w := range waits {
				assert.True(t, w.wait(&e), w.name)
			}
			e.Clear()
			e.Set()
		})
	}
}

// Promise 1: the zero value.

func TestZeroValue(t *testing.T) {
	var zero event.Event
	for name, e := range map[string]*event.Event{"zero": &zero, "new": new(event.Event), "New": event.New()} {
		t.Run(name, func(t *testing.T) {
			assert.False(t, e.IsSet())
			assert.False(t, isClosed(e.Done()))
			e.Set()
			assert.True(t, e.IsSet())
		})
	}
}

func TestSize(t *testing.T) {
	want := map[uintptr]uintptr{8: 24, 4: 16}[unsafe.Sizeof(uintptr(0))]
	assert.Equal(t, want, unsafe.Sizeof(event.Event{}))
}

func TestVetReportsCopies(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command to run vet with:", err)
	}
	root, err := os.Getwd()
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module copies\n\ngo 1.25.0\n\nrequire example.com/event v0.0.0\n\nreplace example.com/event => " + strconv.Quote(filepath.ToSlash(root)) + "\n",
		"copies.go": `package copies

import "example.com/event"

func Copy(e *event.Event) { f := *e; f.Set() }
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	vet := exec.Command(goTool, "vet", "-mod=mod", ".")
	vet.Dir = dir
	out, err := vet.CombinedOutput()
	require.Error(t, err, "vet accepts the copy of an Event: %s", out)
	assert.Contains(t, string(out), "assignment copies lock value")
}

// Promise 2: one flag, one order. See also TestLinearizable.

func TestTruthTable(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	set, clear := (*event.Event).Set, (*event.Event).Clear
	for _, row := range []struct {
		calls string
		do    []func(*event.Event)
		want  bool
	}{
		{"nothing", nil, false},
		{"Set", []func(*event.Event){set}, true},
		{"Clear", []func(*event.Event){clear}, false},
		{"Set Set", []func(*event.Event){set, set}, true},
		{"Set Clear", []func(*event.Event){set, clear}, false},
		{"Clear Clear", []func(*event.Event){clear, clear}, false},
		{"Clear Set", []func(*event.Event){clear, set}, true},
		{"Set Clear Set", []func(*event.Event){set, clear, set}, true},
		{"Set Set Clear", []func(*event.Event){set, set, clear}, false},
	} {
		for _, awaited := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s awaited=%t", row.calls, awaited), func(t *testing.T) {
				e := event.New()
				if awaited {
					e.Done() // the event has a channel now
				}
				for _, call := range row.do {
					call(e)
				}
				want := map[bool]string{true: "set", false: "unset"}[row.want]
				assert.Equal(t, row.want, e.IsSet())
				assert.Equal(t, want, e.String())
				assert.Equal(t, want, fmt.Sprint(e))
				assert.Equal(t, row.want, isClosed(e.Done()))
				assert.Equal(t, row.want, e.WaitTimeout(0))
				assert.Equal(t, row.want, e.WaitTimeout(-1))
				assert.Equal(t, row.want, e.WaitTimeout(math.MinInt64))
				assert.Equal(t, row.want, e.WaitTimeout(1))
				assert.Equal(t, row.want, e.WaitContext(cancelled) == nil)
				if row.want {
					for _, w := range waits {
						assert.True(t, w.wait(e), w.name)
					}
				}
			})
		}
	}
}

// Once IsSet has returned true, every channel that Done returned before is closed.
func TestSetEventHasClosedChannels(t *testing.T) {
	for range rounds(50_000) {
		var e event.Event
		done := e.Done()
		go e.Set()
		for !e.IsSet() {
			runtime.Gosched()
		}
		require.True(t, isClosed(done), "IsSet is true, and a channel that Done returned before is open")
	}
}

// When a wait has succeeded and nobody called Clear, IsSet is true, and so is
// every other way to ask. Each is the first to ask while the Set may be at work.
func TestSuccessfulWaitFindsEventSet(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, ask := range map[string]func(*event.Event) bool{
		"IsSet":       (*event.Event).IsSet,
		"String":      func(e *event.Event) bool { return e.String() == "set" },
		"WaitTimeout": func(e *event.Event) bool { return e.WaitTimeout(0) },
		"WaitContext": func(e *event.Event) bool { return e.WaitContext(cancelled) == nil },
		"Done":        func(e *event.Event) bool { return isClosed(e.Done()) },
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds(10_000) {
				var e event.Event
				done := e.Done()
				go e.Set()
				<-done
				require.True(t, ask(&e))
			}
		})
	}
}

// Promise 3: no lost wake-up.

func TestSetReleasesEveryWaiter(t *testing.T) {
	for _, w := range waits {
		for _, n := range []int{1, 16, 10_000} {
			t.Run(fmt.Sprintf("%d in %s", n, w.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var e event.Event
					var released atomic.Int64
					for range n {
						go func() {
							if w.wait(&e) {
								released.Add(1)
							}
						}()
					}
					synctest.Wait()
					require.Zero(t, released.Load(), "released before Set")
					e.Set()
					synctest.Wait()
					assert.EqualValues(t, n, released.Load())
				})
			})
		}
	}
}

func TestSetThenClearReleasesEveryWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 4
		var e event.Event
		var released atomic.Int64
		for round := range 1_000 {
			released.Store(0)
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
			e.Set()
			e.Clear()
			synctest.Wait()
			require.EqualValues(t, each*len(waits), released.Load(), "round %d", round)
			require.False(t, e.IsSet())
		}
	})
}

// A Set that comes as the first waiter does releases it, or is there for it to see.
func TestSetMeetsFirstWaiter(t *testing.T) {
	events := make([]event.Event, rounds(20_000))
	var turn atomic.Int64
	var setter sync.WaitGroup
	setter.Go(func() {
		for i := range events {
			for turn.Load() < int64(i) {
				runtime.Gosched()
			}
			events[i].Set()
		}
	})
	for i := range events {
		turn.Store(int64(i))
		for range i % 100 {
			turn.Load()
		}
		events[i].Wait()
	}
	setter.Wait()
}

// Many producers push and Set, one consumer waits, clears and drains: should a
// wake-up be lost, everybody would sleep, and the bubble would report a deadlock.
func TestConsumerLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const producers = 8
		each := rounds(20_000)
		var (
			e     event.Event
			mu    sync.Mutex
			queue []int
		)
		for range producers {
			go func() {
				for i := range each {
					mu.Lock()
					queue = append(queue, i)
					mu.Unlock()
					e.Set()
				}
			}()
		}
		for got := 0; got < producers*each; {
			e.Wait()
			e.Clear()
			mu.Lock()
			got += len(queue)
			queue = queue[:0]
			mu.Unlock()
		}
	})
}

// Promise 4: no early wake-up.

func TestWaitAfterClearWaits(t *testing.T) {
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

// The unfinished rest of a Set does not reach those who come after a Clear.
func TestClearCutsOffSet(t *testing.T) {
	for range rounds(20_000) {
		var e event.Event
		before := e.Done()
		var setter sync.WaitGroup
		setter.Go(e.Set)
		for !isClosed(before) {
			runtime.Gosched()
		}
		e.Clear() // Set may still be at work
		after := e.Done()
		require.False(t, isClosed(after), "closed by the Set before the Clear")
		setter.Wait()
		require.False(t, isClosed(after), "closed by the rest of the Set before the Clear")
		require.False(t, e.IsSet(), "set by the rest of the Set before the Clear")
	}
}

// Promise 5: a wait that gives up changes nothing.

func TestGivingUpChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // reports goroutines left behind, too
		var e event.Event
		var released atomic.Int64
		for _, w := range waits {
			go func() {
				if w.wait(&e) {
					released.Add(1)
				}
			}()
		}
		for range 1_000 {
			go func() { assert.False(t, e.WaitTimeout(time.Second)) }()
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				assert.ErrorIs(t, e.WaitContext(ctx), context.DeadlineExceeded)
			}()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.False(t, e.IsSet())
		assert.Zero(t, released.Load())
		e.Set()
		synctest.Wait()
		assert.EqualValues(t, len(waits), released.Load())
	})
}

// Also if the Set comes at the moment at which they give up.
func TestGivingUpDoesNotUndoSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range rounds(2_000) {
			var e event.Event
			var waiters sync.WaitGroup
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			for range 10 {
				waiters.Go(func() { e.WaitTimeout(time.Second) })
				waiters.Go(func() { _ = e.WaitContext(ctx) })
			}
			time.AfterFunc(time.Second, e.Set)
			waiters.Wait()
			synctest.Wait()
			require.True(t, e.IsSet())
			cancel()
		}
	})
}

func TestWaitsLeaveNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var e event.Event
	n := rounds(10_000)
	use := func() (goroutines int, heap uint64) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	goroutines, heap := use()
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
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
		require.True(t, time.Now().Before(deadline), "goroutines left behind")
	}
	_, after := use()
	// A timer left pending, or its function, would be some 200 bytes for each wait.
	assert.Less(t, float64(after)-float64(heap), float64(n)*20, "bytes left behind by %d waits", n)
}

// Promise 6: the event wins ties.

func TestTimeoutOfSetEvent(t *testing.T) {
	var e event.Event
	e.Set()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 1_000 { // a choice at random would show
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Hour, math.MaxInt64} {
			require.True(t, e.WaitTimeout(d), d)
		}
		require.NoError(t, e.WaitContext(ctx))
	}
}

func TestWaitTimeoutExpires(t *testing.T) {
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
}

func TestSetAndClearBeforeDeadline(t *testing.T) {
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

// hook is a context that is not done before a wait asks for its channel. By
// then the wait has begun, and what it finds in its select is of our making.
type hook struct {
	context.Context
	done func() <-chan struct{}
}

func (h hook) Done() <-chan struct{} { return h.done() }

func TestSetWinsOverContextDoneAtOnce(t *testing.T) {
	for range 200 { // a choice at random would be right in half of them
		var e event.Event
		ctx, cancel := context.WithCancel(context.Background())
		require.NoError(t, e.WaitContext(hook{ctx, func() <-chan struct{} {
			e.Set()
			e.Clear()
			cancel()
			return ctx.Done()
		}}))
	}
}

// The first waiters that a Set releases run while it is still at work for the
// rest. Nobody clears the event, so each further wait of theirs must succeed,
// though by the time it finds that out its timeout has passed, too.
func TestSetWinsOverTimeoutPassedAtOnce(t *testing.T) {
	for range rounds(1_000) {
		var e event.Event
		var parked, lost atomic.Int64
		var waiters sync.WaitGroup
		const n = 200
		for range n {
			waiters.Go(func() {
				parked.Add(1)
				e.Wait()
				if !e.WaitTimeout(1) {
					lost.Add(1)
				}
			})
		}
		for parked.Load() < n {
			runtime.Gosched()
		}
		e.Set()
		waiters.Wait()
		require.Zero(t, lost.Load(), "waits on a set event that report false")
	}
}

// False means that d has passed, on the real clock too.
func TestTimeoutIsNeverEarly(t *testing.T) {
	var e event.Event
	for i := range rounds(300) {
		d := time.Duration(i) * 100
		start := time.Now()
		require.False(t, e.WaitTimeout(d))
		require.GreaterOrEqual(t, time.Since(start), d)
	}
}

func TestWaitContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e event.Event
		boom := fmt.Errorf("boom")

		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(boom)
		assert.Equal(t, context.Canceled, e.WaitContext(ctx), "cancelled before: ctx.Err(), not its cause")

		ctx, cancel = context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(boom) })
		start := time.Now()
		assert.Equal(t, context.Canceled, e.WaitContext(ctx), "cancelled during")
		assert.Equal(t, time.Second, time.Since(start))

		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		assert.Equal(t, context.DeadlineExceeded, e.WaitContext(ctx), "expired during")

		ctx, cancel = context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, e.Set)
		assert.NoError(t, e.WaitContext(ctx))
		cancel(boom)
		assert.NoError(t, e.WaitContext(ctx), "cancelled after")

		e.Clear()
		time.AfterFunc(time.Second, e.Set)
		assert.NoError(t, e.WaitContext(context.Background()), "a context that is never done")
	})
}

// Promise 7, the memory model, is in memory_test.go.

// Promise 8: cost.

func TestAllocations(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cancelled, cancelNow := context.WithCancel(context.Background())
	cancelNow()
	var unset, set, e event.Event
	set.Set()
	for _, row := range []struct {
		name string
		want float64
		call func()
	}{
		{"Set and Clear", 0, func() { e.Set(); e.Clear() }},
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
		{"WaitTimeout that expires at once", 0, func() { unset.WaitTimeout(0) }},
		{"first wait after Clear", 1, func() { e.Done(); e.Set(); e.Clear() }},
		{"further waits", 1, func() { e.Done(); e.Done(); e.Done(); e.Set(); e.Clear() }},
	} {
		assert.Equal(t, row.want, testing.AllocsPerRun(100, row.call), row.name)
	}

	timer := testing.AllocsPerRun(100, func() { time.NewTimer(1).Stop() })
	unset.Done()
	assert.Equal(t, timer, testing.AllocsPerRun(100, func() { unset.WaitTimeout(1) }), "a timed wait adds its timer")
}

// On an event whose Set has returned nothing needs the mutex: here it is taken.
func TestSetEventIsLockFree(t *testing.T) {
	var e event.Event
	e.Done()
	e.Set()
	mu := (*sync.Mutex)(reflect.ValueOf(&e).Elem().FieldByName("mu").Addr().UnsafePointer())
	mu.Lock()
	defer mu.Unlock()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for _, w := range waits {
			w.wait(&e)
		}
		_, _ = e.IsSet(), e.String()
		e.Set()
		e.Clear()
		e.Clear()
		_, _ = e.IsSet(), e.String()
		e.WaitTimeout(0)
		e.Set()
	}()
	select {
	case <-finished:
	case <-time.After(10 * time.Second):
		t.Fatal("a method waits for the mutex")
	}
}

// Promise 9: testing/synctest.

// A wait blocks durably whatever was done with the event outside the bubble:
// the clock of the bubble moves on, as it does only if all are so blocked.
func TestWaitsBlockDurably(t *testing.T) {
	for name, before := range map[string]func(*event.Event){
		"zero":              func(*event.Event) {},
		"Set and Clear":     func(e *event.Event) { e.Set(); e.Clear() },
		"Clear":             func(e *event.Event) { e.Clear() },
		"awaited, released": func(e *event.Event) { e.Done(); e.Set(); e.Clear() },
		"polled": func(e *event.Event) {
			e.IsSet()
			e.WaitTimeout(0)
			_ = e.String()
		},
	} {
		for _, w := range waits {
			t.Run(name+" "+w.name, func(t *testing.T) {
				e := event.New()
				before(e)
				var hung atomic.Bool
				watchdog := time.AfterFunc(10*time.Second, func() {
					hung.Store(true)
					e.Set()
				})
				defer watchdog.Stop()
				synctest.Test(t, func(t *testing.T) {
					go func() {
						time.Sleep(time.Hour)
						watchdog.Stop()
						e.Set()
					}()
					start := time.Now()
					assert.True(t, w.wait(e))
					assert.False(t, hung.Load(), "the wait did not block durably")
					assert.Equal(t, time.Hour, time.Since(start))
				})
			})
		}
	}
}

// Promise 10: misuse.

func TestNilContextPanics(t *testing.T) {
	var e event.Event
	for range 2 {
		//lint:ignore SA1012 a nil context is what this test is about
		assert.PanicsWithValue(t, "event: nil context", func() { _ = e.WaitContext(nil) })
		e.Set()
	}
	assert.True(t, e.IsSet(), "the panic left a lock or a flag behind")
}

// What the methods are made to be used with.

func TestAfterFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e event.Event
		start := time.Now()
		time.AfterFunc(time.Minute, e.Set)
		e.Wait()
		assert.Equal(t, time.Minute, time.Since(start))

		e.Clear()
		ctx, cancel := context.WithCancel(t.Context())
		stop := context.AfterFunc(ctx, e.Set)
		synctest.Wait()
		assert.False(t, e.IsSet())
		cancel()
		e.Wait()
		assert.False(t, stop())
	})
}

// Printing an event does not race with its use; -race looks on.
func TestPrintWhileInUse(t *testing.T) {
	var e event.Event
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1_000 {
				e.Set()
				e.Clear()
				e.WaitTimeout(1)
			}
		})
		wg.Go(func() {
			for range 1_000 {
				s := fmt.Sprintf("%v", &e)
				if s != "set" && s != "unset" {
					t.Errorf("printed as %q", s)
				}
			}
		})
	}
	wg.Wait()
}

// All methods at random by many goroutines, for seconds; -race looks on, and a
// waiter that is never released hangs the test.
func TestRandomUse(t *testing.T) {
	calls := rounds(500_000)
	synctest.Test(t, func(t *testing.T) {
		var e event.Event
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var users, setter sync.WaitGroup
		for seed := range uint64(8) {
			users.Go(func() {
				r := rand.New(rand.NewPCG(seed, 0))
				for range calls / 8 {
					switch r.IntN(10) {
					case 0, 1:
						e.Set()
					case 2, 3:
						e.Clear()
					case 4:
						e.IsSet()
					case 5:
						e.Wait()
					case 6:
						e.WaitTimeout(time.Duration(r.IntN(100) - 10))
					case 7:
						limit, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(100)-10))
						_ = e.WaitContext(limit)
						cancel()
					case 8:
						select {
						case <-e.Done():
						case <-time.After(10 * time.Nanosecond):
						}
					case 9:
						_ = e.String()
					}
				}
			})
		}
		// Somebody has to set the event when all others wait for it.
		quit := make(chan struct{})
		setter.Go(func() {
			for !isClosed(quit) {
				time.Sleep(50 * time.Nanosecond)
				e.Set()
			}
		})
		users.Wait()
		close(quit)
		setter.Wait()
	})
}

// FuzzEvent decodes bytes into calls and compares each result with a model:
// a bool, and for every channel of Done whether it has to be closed.
func FuzzEvent(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06"))
	f.Add([]byte("\x05\x00\x01\x05\x00\x06"))
	f.Add([]byte("\x05\x05\x00\x00\x05\x01\x01\x05\x06"))
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(t *testing.T, calls []byte) {
		var e event.Event
		var set bool
		closed := map[<-chan struct{}]bool{}
		for i, c := range calls {
			switch c % 7 {
			case 0:
				e.Set()
				set = true
				for done := range closed {
					closed[done] = true
				}
			case 1:
				e.Clear()
				set = false
			case 2:
				require.Equal(t, set, e.IsSet(), "call %d", i)
			case 3:
				require.Equal(t, set, e.WaitTimeout(-time.Duration(c)), "call %d", i)
			case 4:
				require.Equal(t, set, e.WaitContext(cancelled) == nil, "call %d", i)
			case 5:
				closed[e.Done()] = set
			case 6:
				require.Equal(t, set, e.String() == "set", "call %d", i)
			}
			for done, want := range closed {
				require.Equal(t, want, isClosed(done), "a channel of Done, after call %d", i)
			}
		}
	})
}

// The first example of the README is ExampleEvent, letter for letter.
func TestREADMEExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	text := strings.ReplaceAll(string(readme), "\r\n", "\n") // as git may check it out on Windows
	_, program, found := strings.Cut(text, "```go\n")
	require.True(t, found, "README.md has no Go example")
	program, _, _ = strings.Cut(program, "```")
	_, body, found := strings.Cut(program, "\nfunc main() {\n")
	require.True(t, found, "the first Go example of README.md has no func main")
	assert.Contains(t, strings.ReplaceAll(string(examples), "\r\n", "\n"), "\nfunc ExampleEvent() {\n"+strings.TrimSuffix(body, "}\n"))
}
