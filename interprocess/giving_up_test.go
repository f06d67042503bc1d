//go:build unix || windows

package interprocess

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// limits are the ways in which a wait can give up. Each returns the result of a
// wait that gives up when, or soon after, stop is called.
var limits = []struct {
	name string
	wait func(e *Event, stopped context.Context) error
	want error
}{
	{"WaitTimeout", func(e *Event, _ context.Context) error {
		if e.WaitTimeout(2 * time.Millisecond) {
			return nil
		}
		return errGaveUp
	}, errGaveUp},
	{"context cancelled", func(e *Event, stopped context.Context) error { return e.WaitContext(stopped) }, context.Canceled},
	{"context cancelled before its deadline", func(e *Event, stopped context.Context) error {
		ctx, cancel := context.WithTimeout(stopped, time.Hour)
		defer cancel()
		return e.WaitContext(ctx)
	}, context.Canceled},
	{"context with a deadline", func(e *Event, _ context.Context) error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		defer cancel()
		return e.WaitContext(ctx)
	}, context.DeadlineExceeded},
}

// A leader that gives up changes nothing: another of the waits takes over.
func TestLeaderGivesUp(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for _, l := range limits {
			t.Run(l.name, func(t *testing.T) {
				for range rounds(60) {
					e := newTest(t)
					ctx, stop := context.WithCancel(context.Background())
					gaveUp := make(chan error, 1)
					go func() { gaveUp <- l.wait(e, ctx) }()
					if l.want == context.Canceled {
						parked(t, e)
					}
					var others sync.WaitGroup
					for _, w := range waits {
						others.Go(func() { assert.True(t, w.wait(e), w.name) })
					}
					stop()
					within(t, "the wait that gives up", func() { assert.Equal(t, l.want, <-gaveUp) })
					require.False(t, e.IsSet())
					parked(t, e)
					e.Set()
					within(t, "the others", others.Wait)
					require.NoError(t, e.Close())
				}
			})
		}
	})
}

// A follower gives up while the leader sleeps on.
func TestFollowerGivesUp(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for _, l := range limits {
			t.Run(l.name, func(t *testing.T) {
				e := newTest(t)
				var leader sync.WaitGroup
				leader.Go(e.Wait)
				parked(t, e)
				ctx, stop := context.WithCancel(context.Background())
				time.AfterFunc(2*time.Millisecond, stop)
				within(t, "the wait that gives up", func() { assert.Equal(t, l.want, l.wait(e, ctx)) })
				assert.True(t, e.hasLeader())
				e.Set()
				within(t, "the leader", leader.Wait)
			})
		}
	})
}

// When all waits have given up, the next one still works.
func TestWaitAfterAllGaveUp(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		for range 50 {
			require.False(t, e.WaitTimeout(50*time.Microsecond))
		}
		var waiter sync.WaitGroup
		waiter.Go(e.Wait)
		parked(t, e)
		e.Set()
		within(t, "the wait", waiter.Wait)
	})
}

// A wait for a generation that has passed leaves the gate of the current one
// alone: Close still finds the waits there.
func TestLateWaitLeavesTheGate(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		other := make(chan error, 1)
		late := hook{context.Background(), func() <-chan struct{} {
			e.Set()
			e.Clear()
			go func() { other <- e.WaitContext(context.Background()) }()
			parked(t, e)
			return nil
		}}
		require.NoError(t, e.WaitContext(late))
		require.NoError(t, e.Close())
		within(t, "the other wait", func() { assert.Equal(t, ErrClosed, <-other) })
	})
}

// stops are the two ways to end a leader's sleep without a Set.
var stops = map[string]struct {
	stop func(e *Event, cancel func())
	want error
}{
	"cancel": {func(_ *Event, cancel func()) { cancel() }, context.Canceled},
	"Close":  {func(e *Event, _ func()) { e.Close() }, ErrClosed},
}

// everyStop runs test for each of stops. A stop ends a WaitContext with want.
func everyStop(t *testing.T, test func(t *testing.T, e *Event, ctx context.Context, stop func(), want error)) {
	for name, how := range stops {
		t.Run(name, func(t *testing.T) {
			if !sleeps() {
				t.Skip("no leader sleeps in the kernel in this build")
			}
			e := newTest(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			test(t, e, ctx, func() { how.stop(e, cancel) }, how.want)
		})
	}
}

// The cancellation may come after the leader has found no reason to stop, and
// before it has marked itself as asleep. The cancellation then finds no leader
// to wake, so the leader must test again.
func TestStopBeforeTheLeaderParks(t *testing.T) {
	everyStop(t, func(t *testing.T, e *Event, ctx context.Context, stop func(), want error) {
		woke := make(chan struct{}, 2) // Close, and then the end of the context
		var once sync.Once
		hooked(t, testHooks{
			announced: func() {
				once.Do(func() {
					stop()
					<-woke // the attempt to wake a leader is over
				})
			},
			wokeLeader: func() { woke <- struct{}{} },
		})
		within(t, "the leader", func() { assert.Equal(t, want, e.WaitContext(ctx)) })
	})
}

// The cancellation may come after the leader's last test, and before it is
// asleep in the kernel, however long that takes. A single wake would be lost, and
// a kernel that accepts the wakes does not refuse them.
func TestStopBeforeTheLeaderSleeps(t *testing.T) {
	everyStop(t, func(t *testing.T, e *Event, ctx context.Context, stop func(), want error) {
		woke, wokeLeader := make(chan struct{}, 1), make(chan struct{}, 1)
		signal := func(c chan struct{}) {
			select {
			case c <- struct{}{}:
			default:
			}
		}
		var once sync.Once
		hooked(t, testHooks{
			parking: func() {
				once.Do(func() {
					go stop()
					for range 150 {
						<-woke // without effect
					}
				})
			},
			woke:       func() { signal(woke) },
			wokeLeader: func() { signal(wokeLeader) },
		})
		within(t, "the leader", func() {
			assert.Equal(t, want, e.WaitContext(ctx))
			<-wokeLeader // before the hooks are removed
		})
	})
}

// A wait that the event ends leaves nothing behind at its context, which may
// live on.
func TestEndedWaitLeavesItsContext(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for range 10 {
			e.Clear()
			var waiters sync.WaitGroup
			waiters.Go(func() { assert.NoError(t, e.WaitContext(ctx)) })
			waiters.Go(func() { assert.NoError(t, e.WaitContext(ctx)) })
			parked(t, e)
			e.Set()
			within(t, "the waits", waiters.Wait)
		}
		eventually(t, "the waits' goroutines to end", func() bool { return goroutines("(*Event).wakeWhenDone") == 0 })
	})
}
