//go:build unix || windows

package interprocess

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// waits are the ways to wait without a limit. Each reports whether the wait
// succeeded.
var waits = []struct {
	name string
	wait func(*Event) bool
}{
	{"Wait", func(e *Event) bool { e.Wait(); return true }},
	{"WaitTimeout", func(e *Event) bool { return e.WaitTimeout(math.MaxInt64) }},
	{"WaitContext", func(e *Event) bool {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		return e.WaitContext(ctx) == nil
	}},
	{"Done", func(e *Event) bool { _, open := <-e.Done(); return !open }},
}

// cancelled is a context that is done.
var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func TestTruthTable(t *testing.T) {
	set, clear := (*Event).Set, (*Event).Clear
	everyMode(t, func(t *testing.T) {
		for _, row := range []struct {
			calls string
			do    []func(*Event)
			want  bool
		}{
			{"nothing", nil, false},
			{"Set", []func(*Event){set}, true},
			{"Clear", []func(*Event){clear}, false},
			{"Set Set", []func(*Event){set, set}, true},
			{"Set Clear", []func(*Event){set, clear}, false},
			{"Clear Clear", []func(*Event){clear, clear}, false},
			{"Clear Set", []func(*Event){clear, set}, true},
			{"Set Clear Set", []func(*Event){set, clear, set}, true},
			{"Set Set Clear", []func(*Event){set, set, clear}, false},
			{"Set Clear Set Clear", []func(*Event){set, clear, set, clear}, false},
		} {
			for _, awaited := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s awaited=%t", row.calls, awaited), func(t *testing.T) {
					a, b := handles(t)
					if awaited {
						a.Done()
						parked(t, a)
					}
					for _, call := range row.do {
						call(a)
					}
					for _, e := range []*Event{a, b} {
						says(t, e, row.want)
					}
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
	for _, d := range []time.Duration{math.MinInt64, -1, 0, 1} {
		assert.Equal(t, set, e.WaitTimeout(d), d)
	}
	assert.Equal(t, set, e.WaitContext(cancelled) == nil)
	if !set {
		assert.False(t, isClosed(e.Done()))
		return
	}
	for _, w := range waits {
		assert.True(t, w.wait(e), w.name)
	}
}

// Clear of an unset event leaves its waiters asleep: the word stays as it is.
func TestClearOfUnsetEvent(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		a, b := handles(t)
		released := make(chan struct{})
		go func() { a.Wait(); close(released) }()
		parked(t, a)
		word := a.word.Load()
		for range 10 {
			b.Clear()
			a.Clear()
		}
		assert.Equal(t, word, a.word.Load())
		assert.False(t, isClosed(released))
		b.Set()
		within(t, "the wait", func() { <-released })
	})
}

// When a wait has succeeded and no Clear follows, every method finds the event
// set.
func TestSuccessfulWaitFindsEventSet(t *testing.T) {
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			for range rounds(300) {
				e, err := New()
				require.NoError(t, err)
				go e.Set()
				require.True(t, w.wait(e))
				require.True(t, e.IsSet())
				require.True(t, e.WaitTimeout(0))
				require.True(t, isClosed(e.Done()))
				require.NoError(t, e.Close())
			}
		})
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
				for range rounds(4000) {
					randomCall(e, r, 200*time.Microsecond)
				}
			})
		}
		setUntil(t, e, users.Wait)
	})
}

// setUntil sets e until f has returned.
func setUntil(t *testing.T, e *Event, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	eventually(t, "all waits", func() bool {
		e.Set()
		runtime.Gosched()
		return isClosed(done)
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
