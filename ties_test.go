package event_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

func TestSetEventWins(t *testing.T) {
	var e event.Event
	e.Set()
	for range 1_000 { // so that a random choice shows
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Hour, math.MaxInt64} {
			require.True(t, e.WaitTimeout(d), d)
		}
		require.NoError(t, e.WaitContext(cancelled))
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

// hook is a context that calls done when a wait asks for its channel. By then
// the wait has begun.
type hook struct {
	context.Context
	done func() <-chan struct{}
}

func (h hook) Done() <-chan struct{} { return h.done() }

func TestSetWinsOverContextDoneAtOnce(t *testing.T) {
	for range 200 { // a random choice would be right in half of them
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

// Outside a bubble too, false means that d has passed.
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
		boom := errors.New("boom")

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

// broken is a context that is done whatever its Err returns.
type broken struct {
	context.Context
	err error
}

func (broken) Done() <-chan struct{} { return cancelled.Done() }
func (b broken) Err() error          { return b.err }

func TestWaitContextNeedsSetForNil(t *testing.T) {
	var e event.Event
	ctx := broken{}
	assert.EqualError(t, e.WaitContext(ctx), "event: context is done but its Err is nil")
	assert.Equal(t, context.Canceled, e.WaitContext(broken{err: context.Canceled}))
	e.Set()
	assert.NoError(t, e.WaitContext(ctx))
}
