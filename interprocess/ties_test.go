//go:build unix || windows

package interprocess

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSetEventWins(t *testing.T) {
	e := newTest(t)
	e.Set()
	for range 1_000 { // so that a random choice shows
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Hour, math.MaxInt64} {
			require.True(t, e.WaitTimeout(d), d)
		}
		require.NoError(t, e.WaitContext(cancelled))
	}
}

// The event wins if Set, Clear and the end of the context all come before the
// wait looks again.
func TestSetAndClearWin(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for range rounds(200) {
			e := newTest(t)
			ctx, cancel := context.WithCancel(context.Background())
			generation := e.generation()
			results := make(chan error, 2)
			for range 2 { // a leader and a follower
				go func() { results <- e.waitFor(generation, limit{done: ctx.Done()}) }()
			}
			parked(t, e)
			e.Set()
			e.Clear()
			cancel()
			for range 2 {
				within(t, "the waits", func() { assert.NoError(t, <-results) })
			}
			require.NoError(t, e.Close())
		}
	})
}

// hook is a context that calls done when a wait asks for its channel. By then
// the wait has found the event unset.
type hook struct {
	context.Context
	done func() <-chan struct{}
}

func (h hook) Done() <-chan struct{} { return h.done() }

func TestSetWinsOverContextDoneAtOnce(t *testing.T) {
	for name, also := range map[string]func(*Event){"Set": func(*Event) {}, "Set, Clear": (*Event).Clear} {
		e := newTest(t)
		assert.NoError(t, e.WaitContext(hook{context.Background(), func() <-chan struct{} {
			e.Set()
			also(e)
			return cancelled.Done()
		}}), name)
	}
}

// The event is set and cleared, and then the deadline passes, before the leader
// looks again.
func TestSetWinsOverTimeoutPassedAtOnce(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		set := false
		hooked(t, testHooks{parking: func() {
			e.Set()
			e.Clear()
			set = true
			time.Sleep(20 * time.Millisecond)
		}})
		if cap(sleepers()) < 8 {
			t.Skip("the poller serves short waits in this mode")
		}
		for !set { // again if the deadline passes before the leader gets there
			ok := e.WaitTimeout(20 * time.Millisecond)
			assert.Equal(t, set, ok)
		}
	})
}

func TestTimeoutIsNeverEarly(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		for i := range 100 {
			d := time.Duration(i) * 10 * time.Microsecond
			start := time.Now()
			require.False(t, e.WaitTimeout(d))
			require.GreaterOrEqual(t, time.Since(start), d)
		}
	})
}

// A timeout is not early either while Set and Clear run.
func TestTimeoutIsNeverEarlyBesideSetAndClear(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		stop := make(chan struct{})
		var setter, waiters sync.WaitGroup
		setter.Go(func() {
			for !isClosed(stop) {
				e.Set()
				e.Clear()
				if time.Now().UnixNano()%4 == 0 {
					time.Sleep(time.Microsecond)
				}
			}
		})
		for _, d := range []time.Duration{20 * time.Microsecond, 300 * time.Microsecond, time.Hour} {
			waiters.Go(func() {
				for range rounds(1000) {
					start := time.Now()
					if !e.WaitTimeout(d) {
						assert.GreaterOrEqual(t, time.Since(start), d)
					}
				}
			})
		}
		within(t, "the waits", waiters.Wait)
		close(stop)
		setter.Wait()
	})
}

func TestWaitContext(t *testing.T) {
	boom := errors.New("boom")
	everyMode(t, func(t *testing.T) {
		e := newTest(t)

		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(boom)
		assert.Equal(t, context.Canceled, e.WaitContext(ctx), "cancelled before: ctx.Err(), not its cause")

		ctx, cancel = context.WithCancelCause(context.Background())
		time.AfterFunc(2*time.Millisecond, func() { cancel(boom) })
		assert.Equal(t, context.Canceled, e.WaitContext(ctx), "cancelled during")

		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Millisecond} {
			start := time.Now()
			ctx, stop := context.WithTimeout(context.Background(), d)
			assert.Equal(t, context.DeadlineExceeded, e.WaitContext(ctx), d)
			assert.GreaterOrEqual(t, time.Since(start), d)
			stop()
		}

		ctx, cancel = context.WithCancelCause(context.Background())
		time.AfterFunc(2*time.Millisecond, e.Set)
		assert.NoError(t, e.WaitContext(ctx))
		cancel(boom)
		assert.NoError(t, e.WaitContext(ctx), "cancelled after")

		e.Clear()
		time.AfterFunc(2*time.Millisecond, e.Set)
		assert.NoError(t, e.WaitContext(context.Background()), "a context that is never done")
	})
}
