//go:build unix || windows

package interprocess

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClosedHandle(t *testing.T) {
	a, b := handles(t)
	b.Set()
	require.NoError(t, a.Close())
	for range 2 {
		assert.False(t, a.IsSet())
		assert.Equal(t, "closed", a.String())
		within(t, "Wait", a.Wait)
		assert.False(t, a.WaitTimeout(time.Hour))
		assert.False(t, a.WaitTimeout(0))
		for _, ctx := range []context.Context{context.Background(), cancelled} {
			assert.Equal(t, ErrClosed, a.WaitContext(ctx))
		}
		assert.True(t, isClosed(a.Done()))
		a.Clear()
		assert.True(t, b.IsSet(), "Clear of a closed handle has an effect")
		require.NoError(t, a.Close())
	}
	b.Clear()
	a.Set()
	assert.False(t, b.IsSet(), "Set of a closed handle has an effect")
	assert.EqualError(t, ErrClosed, "interprocess: event is closed")
}

// Only Close can end these waits.
func TestCloseEndsWaits(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for range rounds(200) {
			e := newTest(t)
			done := e.Done()
			var waiters sync.WaitGroup
			waiters.Go(e.Wait)
			waiters.Go(func() { assert.False(t, e.WaitTimeout(time.Hour)) })
			waiters.Go(func() { assert.Equal(t, ErrClosed, e.WaitContext(context.Background())) })
			waiters.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				assert.Equal(t, ErrClosed, e.WaitContext(ctx))
			})
			if rand.IntN(2) == 0 {
				parked(t, e)
			}
			within(t, "Close", func() { assert.NoError(t, e.Close()) })
			assert.True(t, isClosed(done))
			within(t, "the waits", waiters.Wait)
		}
	})
}

// Close ends all calls of 100 goroutines that wait, set and clear.
func TestCloseUnderLoad(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for range rounds(20) {
			e := newTest(t)
			var users sync.WaitGroup
			var calls atomic.Int64
			for i := range 100 {
				users.Go(func() {
					for e.String() != "closed" {
						switch i % 5 {
						case 0:
							e.Wait()
						case 1:
							if err := e.WaitContext(context.Background()); err != nil {
								assert.Equal(t, ErrClosed, err)
							}
						case 2:
							<-e.Done()
						case 3:
							e.WaitTimeout(time.Hour)
						case 4:
							e.Set()
							e.Clear()
						}
						calls.Add(1)
						runtime.Gosched()
					}
				})
			}
			eventually(t, "some calls to return", func() bool { return calls.Load() > 500 })
			within(t, "Close", func() { assert.NoError(t, e.Close()) })
			within(t, "all to find it closed", users.Wait)
		}
	})
}

// A Set before Close wins: for waits that have not tested the word since, in the
// first generation and in later ones, and even if Clear follows.
func TestSetBeforeCloseWins(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for name, row := range map[string]struct {
			step func(*Event)
			want error
		}{
			"nothing":    {func(*Event) {}, ErrClosed},
			"Set":        {(*Event).Set, nil},
			"Set, Clear": {func(e *Event) { e.Set(); e.Clear() }, nil},
		} {
			for _, earlier := range []uint32{0, oneClear} {
				a, b := handles(t)
				b.word.Store(earlier)
				assert.Equal(t, row.want, a.WaitContext(hook{context.Background(), func() <-chan struct{} {
					row.step(b)
					assert.NoError(t, a.Close())
					return nil
				}}), "%s before the wait joins", name)

				a, b = handles(t)
				b.word.Store(earlier)
				leader := a.startWait(earlier, limit{})
				follower := a.startWait(earlier, limit{})
				parked(t, a)
				row.step(b)
				assert.NoError(t, a.Close())
				assert.Equal(t, row.want, arrives(t, "the leader", leader), name)
				assert.Equal(t, row.want, arrives(t, "the follower", follower), name)
			}
		}
	})
}

// An event that stays set is never unset, even while a handle to it is closed.
func TestSetEventDuringClose(t *testing.T) {
	path := tempPath(t)
	b, err := Create(path)
	closing(t, b, err).Set()
	for range rounds(400) {
		a, err := Open(path)
		require.NoError(t, err)
		begun, printed := make(chan struct{}), make(chan string, 1)
		go func() {
			close(begun)
			says := a.String()
			for says == "set" {
				says = a.String()
			}
			printed <- says
		}()
		<-begun
		require.NoError(t, a.Close())
		require.Equal(t, "closed", arrives(t, "String", printed))
	}
}
