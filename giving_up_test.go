package event_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

func TestGivingUpChangesNothing(t *testing.T) {
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

// A Set at the moment when waits give up stays in effect.
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
	// A pending timer or its function would take some 200 bytes for each wait.
	assert.Less(t, float64(after)-float64(heap), float64(n)*20, "bytes left behind by %d waits", n)
}
