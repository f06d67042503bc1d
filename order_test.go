package event_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

func TestTruthTable(t *testing.T) {
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
					e.Done() // creates the channel
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
				for _, old := range []bool{row.want, true, true} {
					assert.Equal(t, old, e.Swap(true))
					assert.True(t, e.IsSet())
				}
				for _, old := range []bool{true, false, false} {
					assert.Equal(t, old, e.Swap(false))
					assert.False(t, e.IsSet())
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

// Once a wait has succeeded, each method finds the event set until the next
// Clear, even while the Set may still be running.
func TestSuccessfulWaitFindsEventSet(t *testing.T) {
	for name, isSet := range map[string]func(*event.Event) bool{
		"IsSet":       (*event.Event).IsSet,
		"String":      func(e *event.Event) bool { return e.String() == "set" },
		"WaitTimeout": func(e *event.Event) bool { return e.WaitTimeout(0) },
		"WaitContext": func(e *event.Event) bool { return e.WaitContext(cancelled) == nil },
		"Done":        func(e *event.Event) bool { return isClosed(e.Done()) },
		"Swap(true)":  func(e *event.Event) bool { return e.Swap(true) },
		"Swap(false)": func(e *event.Event) bool { return e.Swap(false) },
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds(10_000) {
				var e event.Event
				done := e.Done()
				go e.Set()
				<-done
				require.True(t, isSet(&e))
			}
		})
	}
}

// Exactly one of several concurrent calls of Swap(true) on an unset event
// returns false, and of Swap(false) on a set event, exactly one returns true.
func TestSwapHasOneWinner(t *testing.T) {
	const n = 8
	for range rounds(5_000) {
		var e event.Event
		done := e.Done()
		for _, set := range []bool{true, false, true} { // awaited, set and unset at first
			var old [n]bool
			var swaps sync.WaitGroup
			for i := range n {
				swaps.Go(func() { old[i] = e.Swap(set) })
			}
			swaps.Wait()
			winners := 0
			for _, o := range old {
				if o != set {
					winners++
				}
			}
			require.Equal(t, 1, winners, "Swap(%t) returned %v", set, old)
			require.True(t, isClosed(done))
			require.Equal(t, set, e.IsSet())
		}
	}
}

// Printing an event does not race with its use; otherwise -race fails this test.
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

// Many goroutines call all methods at random. A waiter that is never released
// hangs the test, and -race reports data races.
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
					switch r.IntN(11) {
					case 0, 1:
						e.Set()
					case 2, 3:
						e.Clear()
					case 4:
						e.Swap(r.IntN(2) == 0)
					case 5:
						e.IsSet()
					case 6:
						e.Wait()
					case 7:
						e.WaitTimeout(time.Duration(r.IntN(100) - 10))
					case 8:
						limit, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(100)-10))
						_ = e.WaitContext(limit)
						cancel()
					case 9:
						select {
						case <-e.Done():
						case <-time.After(10 * time.Nanosecond):
						}
					case 10:
						_ = e.String()
					}
				}
			})
		}
		// Sets the event when all users wait without a limit.
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

// FuzzEvent decodes bytes into calls of one goroutine and compares each result
// with the flag and, for each channel of Done, whether it has to be closed.
func FuzzEvent(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"))
	f.Add([]byte("\x05\x00\x01\x05\x00\x06"))
	f.Add([]byte("\x05\x05\x00\x00\x05\x01\x01\x05\x06"))
	f.Add([]byte("\x05\x07\x07\x05\x08\x08\x05\x09\x00\x09"))
	f.Fuzz(func(t *testing.T, calls []byte) {
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
			switch c % 10 {
			case 0:
				e.Set()
				swap(true)
			case 1:
				e.Clear()
				swap(false)
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
			case 7, 8:
				to := c%10 == 7
				require.Equal(t, swap(to), e.Swap(to), "call %d", i)
			case 9:
				start, timeout := time.Now(), time.Duration(c)
				inTime := e.WaitTimeout(timeout)
				require.Equal(t, set, inTime, "call %d", i)
				require.True(t, inTime || time.Since(start) >= timeout, "call %d", i)
			}
			for done, want := range closed {
				require.Equal(t, want, isClosed(done), "a channel of Done, after call %d", i)
			}
		}
	})
}
