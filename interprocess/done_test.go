//go:build unix || windows

package interprocess

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func isClosedSoon(t *testing.T, done <-chan struct{}) {
	t.Helper()
	within(t, "the channel of Done", func() { <-done })
}

// ofDone is in the stack of every goroutine that Done has started.
const ofDone = "created by example.com/event/interprocess.(*Event).Done"

func TestDone(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		a, b := handles(t)
		for range 3 {
			done := a.Done()
			assert.False(t, isClosed(done))
			b.Set()
			isClosedSoon(t, done)
			assert.True(t, isClosed(a.Done()), "of a set event")
			b.Clear()
			assert.True(t, isClosed(done), "after Clear")

			done = a.Done()
			assert.False(t, isClosed(done))
			parked(t, a)
			b.Set()
			b.Clear()
			isClosedSoon(t, done)
			assert.False(t, isClosed(a.Done()), "of the next generation")
		}
		done := a.Done()
		require.NoError(t, a.Close())
		isClosedSoon(t, done)
		assert.True(t, isClosed(a.Done()), "of a closed handle")
	})
}

// A channel that no Set has closed is closed by Close, whether or not its
// goroutine has begun to wait.
func TestCloseClosesDone(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for i := range rounds(100) {
			e, err := New()
			require.NoError(t, err)
			done := e.Done()
			if i%2 == 0 {
				parked(t, e)
			}
			require.NoError(t, e.Close())
			assert.True(t, isClosed(done))
		}
	})
}

// The calls for one generation share a channel and a goroutine, which ends with
// the Set or with Close.
func TestDoneGoroutines(t *testing.T) {
	for name, end := range map[string]func(*Event){
		"Set":        (*Event).Set,
		"Set, Clear": func(e *Event) { e.Set(); e.Clear() },
		"Close":      func(e *Event) { e.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			everyMode(t, func(t *testing.T) {
				eventually(t, "goroutines of other tests to end", func() bool { return goroutines(ofDone) == 0 })
				e := newTest(t)
				first := e.Done()
				var callers sync.WaitGroup
				for range 50 {
					callers.Go(func() { assert.Equal(t, first, e.Done()) })
				}
				callers.Wait()
				assert.Equal(t, 1, goroutines(ofDone))
				end(e)
				isClosedSoon(t, first)
				eventually(t, "the goroutine to end", func() bool { return goroutines(ofDone) == 0 })
				if e.live.Load() {
					e.Set()
				}
				e.Done()
				assert.Zero(t, goroutines(ofDone), "on a set event or a closed handle")
			})
		})
	}
}

// Done shares the gate with the waits: whichever comes first leads, and the
// others follow.
func TestDoneBesideWaits(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		done := e.Done()
		parked(t, e) // the goroutine of Done leads
		require.False(t, e.WaitTimeout(time.Millisecond))
		var waiters sync.WaitGroup
		waiters.Go(e.Wait)
		require.False(t, isClosed(done))
		e.Set()
		isClosedSoon(t, done)
		within(t, "the wait that follows", waiters.Wait)

		e.Clear()
		ctx, cancel := context.WithCancel(context.Background())
		gaveUp := make(chan error, 1)
		go func() { gaveUp <- e.WaitContext(ctx) }()
		parked(t, e)
		done = e.Done()
		cancel()
		within(t, "the leader", func() { assert.Equal(t, context.Canceled, <-gaveUp) })
		parked(t, e) // the goroutine of Done has taken over
		require.False(t, isClosed(done))
		e.Set()
		isClosedSoon(t, done)
	})
}

// Set comes after Done has found the event unset and before it joins the gate.
// Only the event synchronizes x: the test reads the flag from the file.
func TestSetBeforeDoneJoins(t *testing.T) {
	path := tempPath(t)
	a, err := Create(path)
	require.NoError(t, err)
	defer a.Close()
	b, err := Open(path)
	require.NoError(t, err)
	defer b.Close()
	x, observed := 0, make(chan int, 1)
	a.mu.Lock()
	go func() {
		<-a.Done()
		observed <- x
	}()
	eventually(t, "Done to join", func() bool { return goroutines("(*Event).join(") == 1 })
	go func() {
		x = 1
		b.Set()
	}()
	eventually(t, "Set", func() bool {
		page, err := os.ReadFile(path)
		return err == nil && page[wordAt]|page[wordAt+3] != 0
	})
	a.mu.Unlock()
	within(t, "Done", func() { assert.Equal(t, 1, <-observed) })
}
