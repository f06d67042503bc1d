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
		for name, step := range map[string]func(*Event){
			"Set": (*Event).Set, "Set, Clear": func(e *Event) { e.Set(); e.Clear() },
		} {
			for earlier := range 2 {
				handlesAfter := func() (a, b *Event) {
					a, b = handles(t)
					for range earlier {
						a.Set()
						a.Clear()
					}
					return a, b
				}
				a, b := handlesAfter()
				assert.NoError(t, a.WaitContext(hook{context.Background(), func() <-chan struct{} {
					step(b)
					assert.NoError(t, a.Close())
					return nil
				}}), "%s before the wait joins", name)

				a, b = handlesAfter()
				leader := a.startWait(a.generation(), limit{})
				follower := a.startWait(a.generation(), limit{})
				parked(t, a)
				step(b)
				assert.NoError(t, a.Close())
				assert.NoError(t, arrives(t, "the leader", leader), name)
				assert.NoError(t, arrives(t, "the follower", follower), name)
			}
		}
	})
}

// Close comes after a wait has found the event unset and before it joins the gate.
func TestCloseBeforeTheWaitJoins(t *testing.T) {
	for earlier := range 2 {
		e := newTest(t)
		for range earlier {
			e.Set()
			e.Clear()
		}
		within(t, "the wait", func() {
			assert.Equal(t, ErrClosed, e.WaitContext(hook{context.Background(), func() <-chan struct{} {
				assert.NoError(t, e.Close())
				return nil
			}}))
		})
	}
}

// needsDetach skips tests of what Close does at once only on Linux.
func needsDetach(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the page is unmapped later on this system")
	}
}

// A method that began before Close has no effect on the event after it: here,
// each step that changes the word is made after Close.
func TestNothingOutlivesClose(t *testing.T) {
	needsDetach(t)
	for name, step := range map[string]func(e *Event, word uint32){
		"Set":         func(e *Event, word uint32) { e.word.CompareAndSwap(word, word|set) },
		"Set, waking": func(e *Event, _ uint32) { e.word.Or(set) },
		"Clear":       func(e *Event, word uint32) { e.word.CompareAndSwap(word, generationOf(word)+oneClear) },
		"a leader":    func(e *Event, word uint32) { e.mark(asleep, generationOf(word)) },
		"the hub":     func(e *Event, word uint32) { e.mark(listening, generationOf(word)) },
	} {
		for _, isSet := range []bool{false, true} {
			a, b := handles(t)
			if isSet {
				b.Set()
			}
			word := a.word.Load()
			require.NoError(t, a.Close())
			step(a, word)
			assert.Equal(t, word, b.word.Load(), name)
		}
	}
}

// The same with the methods themselves, at random moments. Meanwhile, an event
// that stays set is never "unset", even while a handle to it is closed.
func TestSetDoesNotOutliveClose(t *testing.T) {
	needsDetach(t)
	path := tempPath(t)
	b, err := Create(path)
	closing(t, b, err)
	stays, err := Create(path + "2")
	closing(t, stays, err).Set()
	for range rounds(400) {
		a, err := Open(path)
		require.NoError(t, err)
		c, err := Open(path + "2")
		require.NoError(t, err)
		var users sync.WaitGroup
		begun := make(chan struct{}, 2)
		users.Go(func() {
			a.Set()
			begun <- struct{}{}
			for a.String() != "closed" {
				a.Clear()
				a.Set()
			}
		})
		users.Go(func() {
			begun <- struct{}{}
			says := c.String()
			for says == "set" {
				says = c.String()
			}
			assert.Equal(t, "closed", says)
		})
		<-begun
		<-begun
		require.NoError(t, a.Close())
		require.NoError(t, c.Close())
		word := b.word.Load()
		within(t, "the methods", users.Wait)
		require.Equal(t, word, b.word.Load(), "the event has changed after Close")
	}
}
