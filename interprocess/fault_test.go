//go:build unix || windows

package interprocess

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// hooked steps in at the hooks that step fills in, until the test ends.
func hooked(t *testing.T, step testHooks) {
	for _, f := range []*func(){&step.announced, &step.parking, &step.woke, &step.wokeLeader, &step.publishing} {
		if *f == nil {
			*f = func() {}
		}
	}
	hooks.Store(&step)
	t.Cleanup(func() { hooks.Store(nil) })
}

// givesUp are the two ways to get a leader out of its sleep.
var givesUp = map[string]struct {
	stop func(e *Event, cancel func())
	want error
}{
	"cancel": {func(e *Event, cancel func()) { cancel() }, context.Canceled},
	"Close":  {func(e *Event, cancel func()) { e.Close() }, ErrClosed},
}

// The canceller may come while the leader has asked whether to quit and not yet
// said that it goes to sleep. It finds nobody to wake. The leader has to ask again.
func TestCancelBeforeTheLeaderSaysItSleeps(t *testing.T) {
	for name, how := range givesUp {
		t.Run(name, func(t *testing.T) {
			e := newTest(t)
			if cap(sleepers()) == 0 {
				t.Skip("no leader sleeps in the kernel in this build")
			}
			ctx, cancel := context.WithCancel(context.Background())
			roused := make(chan struct{}, 1)
			var once sync.Once
			hooked(t, testHooks{
				announced: func() {
					once.Do(func() {
						how.stop(e, cancel)
						<-roused // the canceller has come and gone
					})
				},
				wokeLeader: func() { roused <- struct{}{} },
			})
			within(t, "the leader to quit", func() {
				if err := e.WaitContext(ctx); !errors.Is(err, how.want) {
					t.Errorf("got %v", err)
				}
			})
			cancel()
		})
	}
}

// The canceller may come when the leader has asked for the last time and is not
// yet asleep in the kernel. A single wake would be lost.
func TestCancelBeforeTheLeaderSleeps(t *testing.T) {
	for name, how := range givesUp {
		t.Run(name, func(t *testing.T) {
			e := newTest(t)
			if cap(sleepers()) == 0 {
				t.Skip("no leader sleeps in the kernel in this build")
			}
			ctx, cancel := context.WithCancel(context.Background())
			woke := make(chan struct{}, 1)
			roused := make(chan struct{})
			var once sync.Once
			hooked(t, testHooks{
				parking: func() {
					once.Do(func() {
						go how.stop(e, cancel)
						<-woke // the first wake is in vain
					})
				},
				woke: func() {
					select {
					case woke <- struct{}{}:
					default:
					}
				},
				wokeLeader: func() { close(roused) },
			})
			within(t, "the leader to quit", func() {
				if err := e.WaitContext(ctx); !errors.Is(err, how.want) {
					t.Errorf("got %v", err)
				}
				<-roused // before the hook goes
			})
			cancel()
		})
	}
}

// Set may come when the leader is about to sleep: the kernel must not let it.
func TestSetBeforeTheLeaderSleeps(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		for _, parking := range []bool{false, true} {
			for _, pulse := range []bool{false, true} {
				e.Clear()
				step := func() {
					e.Set()
					if pulse {
						e.Clear()
					}
				}
				if parking {
					hooked(t, testHooks{parking: step})
				} else {
					hooked(t, testHooks{announced: step})
				}
				if cap(sleepers()) == 0 {
					go e.Set()
				}
				within(t, "the leader", func() {
					if !e.WaitTimeout(2 * hang) {
						t.Error("the wait failed")
					}
				})
			}
		}
	})
}

// A wait that ends by the event lets go of its context, which may live on.
func TestEndedWaitLetsGoOfItsContext(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		base, cancel := context.WithCancel(context.Background())
		defer cancel()
		ctx := &countingContext{Context: base}
		for range 10 {
			e.Clear()
			done := make(chan error)
			go func() { done <- e.WaitContext(ctx) }()
			parked(t, e)
			e.Set()
			check1(t, <-done)
		}
		if n := ctx.held.Load(); n != 0 {
			t.Errorf("the context still holds %d functions", n)
		}
		if ctx.given == 0 && cap(sleepers()) > 0 {
			t.Error("the context was given no function: the test tests nothing")
		}
	})
}

// A countingContext counts what context.AfterFunc has registered with it.
type countingContext struct {
	context.Context
	held  atomic.Int64
	given int
}

func (c *countingContext) Value(any) any { return nil } // or package context asks what is inside

func (c *countingContext) AfterFunc(f func()) (stop func() bool) {
	c.held.Add(1)
	c.given++
	return func() bool {
		c.held.Add(-1)
		return true
	}
}

// Where setting and waking are two steps, a kill in between must not leave the
// sleepers asleep: here the wake never comes.
func TestSetWithoutWake(t *testing.T) {
	if len(paths) == 1 {
		t.Skip("no leader sleeps in the kernel in this build")
	}
	defer force(forced)
	force("probe failed")
	e := newTest(t)
	done := make(chan struct{})
	go func() { e.Wait(); close(done) }()
	parked(t, e)
	e.word.Or(set)
	within(t, "the sleeper", func() { <-done })
}
