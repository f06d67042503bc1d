package event_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

// No wake-up is lost.

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
	pulse := map[string]func(*event.Event){
		"Set Clear": func(e *event.Event) { e.Set(); e.Clear() },
		"Swap Swap": func(e *event.Event) { e.Swap(true); e.Swap(false) },
	}
	for name, pulse := range pulse {
		t.Run(name, func(t *testing.T) {
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
					pulse(&e)
					synctest.Wait()
					require.EqualValues(t, each*len(waits), released.Load(), "round %d", round)
					require.False(t, e.IsSet())
				}
			})
		})
	}
}

// A Clear that finds the event unset strands no waiter.
func TestClearOfUnsetEvent(t *testing.T) {
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				var released atomic.Bool
				go func() { released.Store(w.wait(&e)) }()
				synctest.Wait()
				e.Clear()
				e.Swap(false)
				onlySetReleases(t, &e, &released)
			})
		})
	}
}

// onlySetReleases fails t if the waiter is released now, or is not by a Set.
func onlySetReleases(t *testing.T, e *event.Event, released *atomic.Bool) {
	t.Helper()
	synctest.Wait()
	assert.False(t, released.Load())
	e.Set()
	synctest.Wait()
	assert.True(t, released.Load())
}

// Many producers push and call Set; one consumer waits, clears and drains the
// queue. After a lost wake-up, all would block, which synctest reports.
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

// No wake-up is early.

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
				onlySetReleases(t, &e, &released)
			})
		})
	}
}

// The rest of an unfinished Set does not release a wait that begins after Clear.
func TestClearCutsOffSet(t *testing.T) {
	for range rounds(20_000) {
		var e event.Event
		before := e.Done()
		var setter sync.WaitGroup
		setter.Go(e.Set)
		for !isClosed(before) {
			runtime.Gosched()
		}
		e.Clear() // Set may still be running
		after := e.Done()
		require.False(t, isClosed(after), "closed by the Set before the Clear")
		setter.Wait()
		require.False(t, isClosed(after), "closed by the rest of the Set before the Clear")
		require.False(t, e.IsSet(), "set by the rest of the Set before the Clear")
	}
}
