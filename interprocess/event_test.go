//go:build unix || windows

package interprocess

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTruthTable(t *testing.T) {
	set, clear := (*Event).Set, (*Event).Clear
	everyMode(t, func(t *testing.T) {
		for _, row := range []struct {
			calls string
			do    []func(*Event)
			want  bool
		}{
			{"nothing", nil, false},
			{"Clear", []func(*Event){clear}, false},
			{"Set", []func(*Event){set}, true},
			{"Set Set", []func(*Event){set, set}, true},
			{"Set Clear", []func(*Event){set, clear}, false},
			{"Clear Set Clear Set", []func(*Event){clear, set, clear, set}, true},
			{"Set Clear Set Clear", []func(*Event){set, clear, set, clear}, false},
		} {
			for _, awaited := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s awaited=%t", row.calls, awaited), func(t *testing.T) {
					a, b := handles(t)
					done := a.Done()
					if awaited {
						parked(t, a)
					}
					for _, call := range row.do {
						call(b)
					}
					for _, e := range []*Event{a, b} {
						says(t, e, row.want)
					}
					if strings.Contains(row.calls, "Set") {
						arrives(t, "the channel of Done", done)
					}
					assert.Equal(t, strings.Contains(row.calls, "Set"), isClosed(done))
				})
			}
		}
	})
}

// says checks that every method of e finds it set, or unset.
func says(t *testing.T, e *Event, set bool) {
	t.Helper()
	want := map[bool]string{true: "set", false: "unset"}[set]
	assert.Equal(t, set, e.IsSet())
	assert.Equal(t, want, e.String())
	assert.Equal(t, want, fmt.Sprint(e))
	for range 20 { // so that a random choice shows
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1} {
			assert.Equal(t, set, e.WaitTimeout(d), d)
		}
		assert.Equal(t, set, e.WaitContext(cancelled) == nil)
	}
	if !set {
		assert.False(t, isClosed(e.Done()))
		return
	}
	for _, w := range waits {
		within(t, w.name, func() { assert.True(t, w.wait(e), w.name) })
	}
}

// Marks are hints: whatever they say, even marks that no process of this host
// sets, every method works, and Clear takes them away.
func TestStrayMarks(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for _, generation := range []uint32{0, oneClear, math.MaxUint32 &^ (oneClear - 1)} {
			for marks := range uint32(oneClear) {
				a, b := handles(t)
				a.word.Store(generation | marks)
				says(t, a, marks&set != 0)
				waiter := make(chan struct{})
				go func() { b.Wait(); close(waiter) }()
				a.Set()
				arrives(t, "the wait", waiter)
				says(t, a, true)
				b.Clear()
				assert.Equal(t, generation+oneClear, a.word.Load())
			}
		}
	})
}

// A leader and a hub of other processes leave each other's marks alone.
func TestMarksAreKept(t *testing.T) {
	e := newTest(t)
	for mark, other := range map[uint32]uint32{asleep: listening, listening: asleep} {
		e.word.Store(oneClear | other)
		word, unset := e.mark(mark, oneClear)
		assert.True(t, unset)
		assert.EqualValues(t, oneClear|asleep|listening, word, "what a leader sleeps on")
		assert.Equal(t, word, e.word.Load())
		for _, over := range []uint32{oneClear | set, 2 * oneClear, 2*oneClear | asleep} {
			e.word.Store(over)
			_, unset = e.mark(mark, oneClear)
			assert.False(t, unset)
			assert.Equal(t, over, e.word.Load(), "a word of another generation is marked")
		}
	}
}

// Random concurrent calls of all methods: nothing crashes, and all waits end.
func TestRandomUse(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		var users sync.WaitGroup
		for seed := range uint64(8) {
			r := rand.New(rand.NewPCG(seed, 1))
			users.Go(func() {
				for range rounds(2000) {
					randomCall(e, r, 200*time.Microsecond)
				}
			})
		}
		done := make(chan struct{})
		go func() { users.Wait(); close(done) }()
		eventually(t, "all waits", func() bool {
			e.Set()
			runtime.Gosched()
			return isClosed(done)
		})
	})
}

// randomCall makes any call but Close. A wait with a limit gives up before most
// has passed.
func randomCall(e *Event, r *rand.Rand, most time.Duration) {
	switch r.IntN(8) {
	case 0:
		e.Set()
	case 1:
		e.Clear()
	case 2:
		_ = e.IsSet()
	case 3:
		e.WaitTimeout(time.Duration(r.Int64N(int64(most))))
	case 4:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.Int64N(int64(most))))
		_ = e.WaitContext(ctx)
		cancel()
	case 5:
		_ = fmt.Sprint(e)
	case 6:
		e.Set()
		e.Wait()
	case 7:
		select {
		case <-e.Done():
		default:
		}
	}
}

func TestAllocations(t *testing.T) {
	e := newTest(t)
	for name, f := range map[string]func(){
		"Set, Clear, IsSet, String": func() { e.Set(); e.Clear(); e.IsSet(); _ = e.String() },
		"waits on a set event": func() {
			e.Set()
			e.Wait()
			e.WaitTimeout(time.Hour)
			_ = e.WaitContext(cancelled)
			<-e.Done()
		},
		"a wait that does not wait": func() { e.Clear(); e.WaitTimeout(0) },
		"Done, except the first":    func() { e.Clear(); e.Done() }, // which starts a goroutine
	} {
		assert.Zero(t, testing.AllocsPerRun(100, f), name)
	}
}

// Using a handle that was never opened panics.
func TestZeroEvent(t *testing.T) {
	const message = "interprocess: use of the zero Event; make one by New, Create, Open, OpenOrCreate or Inherited"
	for name, use := range map[string]func(*Event){
		"Set":         (*Event).Set,
		"Clear":       (*Event).Clear,
		"IsSet":       func(e *Event) { e.IsSet() },
		"Wait":        (*Event).Wait,
		"WaitTimeout": func(e *Event) { e.WaitTimeout(time.Hour) },
		"WaitContext": func(e *Event) { _ = e.WaitContext(context.Background()) },
		"Done":        func(e *Event) { e.Done() },
		"Share":       func(e *Event) { _ = e.Share(exec.Command("x"), "x") },
	} {
		var e Event
		assert.PanicsWithValue(t, message, func() { use(&e) }, name)
		require.NoError(t, e.Close(), name)
		assert.PanicsWithValue(t, message, func() { use(&e) }, "%s after Close", name)
		assert.Equal(t, "closed", e.String())
		assert.Equal(t, "closed", fmt.Sprint(&e))
	}
}

func TestNilContextPanics(t *testing.T) {
	e := newTest(t)
	for _, prepare := range []func(){func() {}, e.Set, func() { e.Close() }} {
		prepare()
		//lint:ignore SA1012 a nil context is what this test is about
		assert.PanicsWithValue(t, "interprocess: nil context", func() { _ = e.WaitContext(nil) })
	}
}
