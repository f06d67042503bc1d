//go:build unix || windows

package interprocess

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
)

// startWait starts a wait for generation, of which only the end matters.
func (e *Event) startWait(generation uint32, l limit) (result <-chan error) {
	c := make(chan error, 1)
	go func() { c <- e.waitFor(generation, l) }()
	return c
}

// Set releases every waiter, even if Clear follows at once. Waits that begin
// late find that their generation has passed.
func TestSetThenClearReleasesEveryWaiter(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		a, b := handles(t)
		for _, n := range []int{1, 16, 1000} {
			before := threads()
			generation := a.generation()
			var begun, waiters sync.WaitGroup
			for range n {
				begun.Add(1)
				waiters.Go(func() {
					begun.Done()
					assert.NoError(t, a.waitFor(generation, limit{}))
				})
			}
			begun.Wait()
			parked(t, a)
			assert.Less(t, threads()-before, 20, "more threads for %d waits", n)
			b.Set()
			b.Clear()
			within(t, fmt.Sprint(n, " waits"), waiters.Wait)
		}
		for _, w := range waits {
			for range rounds(100) {
				released := make(chan bool)
				go func() { released <- w.wait(a) }()
				parked(t, a)
				b.Set()
				b.Clear()
				assert.True(t, arrives(t, w.name, released), w.name)
			}
		}
	})
}

// A wait that begins after Clear is not released by the Set before it, even
// while waits of the previous generation still run.
func TestWaitAfterClearWaits(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		for range rounds(200) {
			var waiters sync.WaitGroup
			generation := e.generation()
			for range 4 {
				waiters.Go(func() { e.waitFor(generation, limit{}) })
			}
			parked(t, e)
			e.Set()
			e.Clear()
			require.False(t, e.WaitTimeout(100*time.Microsecond), "released by the Set before the Clear")
			require.False(t, isClosed(e.Done()), "closed by the Set before the Clear")
			within(t, "the waits", waiters.Wait)
		}
	})
}

// When the count of the generations has wrapped around, a wait is not released
// by the Set that ended the generation of the same number, nor does the gate of
// that linger.
func TestGenerationComesAgain(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		generation := e.generation()
		first := e.startWait(generation, limit{})
		parked(t, e)
		e.Set()
		require.NoError(t, arrives(t, "the first wait", first))

		e.word.Store(generation - oneClear | set | asleep | listening) // 2^29-1 Clears later
		e.Clear()
		require.Equal(t, generation, e.word.Load())
		assert.False(t, e.WaitTimeout(time.Millisecond))
		assert.Equal(t, context.Canceled, e.WaitContext(cancelled))
		assert.False(t, isClosed(e.Done()))
		again := e.startWait(generation, limit{})
		parked(t, e)
		e.Set()
		e.Clear()
		assert.NoError(t, arrives(t, "the wait", again))
	})
}

// hook is a context that calls done when a wait asks for its channel. By then
// the wait has found the event unset.
type hook struct {
	context.Context
	done func() <-chan struct{}
}

func (h hook) Done() <-chan struct{} { return h.done() }

// The event wins if Set, Clear and the end of the context all come before the
// wait joins its gate, or before it looks again.
func TestSetAndClearWin(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		assert.NoError(t, e.WaitContext(hook{context.Background(), func() <-chan struct{} {
			e.Set()
			e.Clear()
			return cancelled.Done()
		}}))
		for range rounds(200) {
			ctx, cancel := context.WithCancel(context.Background())
			generation := e.generation()
			leader := e.startWait(generation, limit{done: ctx.Done()})
			follower := e.startWait(generation, limit{done: ctx.Done()})
			parked(t, e)
			e.Set()
			e.Clear()
			cancel()
			require.NoError(t, arrives(t, "the leader", leader))
			require.NoError(t, arrives(t, "the follower", follower))
		}
	})
}

// Neither on an event that is left alone nor while Set and Clear run.
func TestTimeoutIsNeverEarly(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		for i := range 100 {
			d := time.Duration(i) * 10 * time.Microsecond
			start := time.Now()
			require.False(t, e.WaitTimeout(d))
			require.GreaterOrEqual(t, time.Since(start), d)
		}
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
		within(t, "Set and Clear", setter.Wait)
	})
}

func TestWaitContext(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errors.New("boom"))
		assert.Equal(t, context.Canceled, e.WaitContext(ctx), "ctx.Err(), not its cause")
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Millisecond} {
			start := time.Now()
			ctx, stop := context.WithTimeout(context.Background(), d)
			within(t, "the end of the context", func() { assert.Equal(t, context.DeadlineExceeded, e.WaitContext(ctx), d) })
			assert.GreaterOrEqual(t, time.Since(start), d)
			stop()
		}
		time.AfterFunc(2*time.Millisecond, e.Set)
		within(t, "Set", func() { assert.NoError(t, e.WaitContext(context.Background())) })
	})
}

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
	{"context with a deadline", func(e *Event, _ context.Context) error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		defer cancel()
		return e.WaitContext(ctx)
	}, context.DeadlineExceeded},
}

// A wait that gives up changes nothing: if it led, another takes over; if it
// followed, the leader stays.
func TestGivingUp(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for _, l := range limits {
			t.Run(l.name, func(t *testing.T) {
				e := newTest(t)
				for i := range rounds(60) {
					e.Clear()
					ctx, stop := context.WithCancel(context.Background())
					gaveUp := make(chan error, 1)
					giveUp := func() { gaveUp <- l.wait(e, ctx) }
					if i%2 == 0 {
						go giveUp()
						if l.want == context.Canceled {
							parked(t, e)
						}
					}
					var others sync.WaitGroup
					for _, w := range waits {
						others.Go(func() { assert.True(t, w.wait(e), w.name) })
					}
					if i%2 == 1 {
						parked(t, e)
						go giveUp()
					}
					stop()
					require.Equal(t, l.want, arrives(t, "the wait that gives up", gaveUp))
					require.False(t, e.IsSet())
					parked(t, e)
					e.Set()
					within(t, "the others", others.Wait)
				}
			})
		}
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
		assert.Equal(t, ErrClosed, arrives(t, "the other wait", other))
	})
}

// foreignContext is a context of another package, which behaves as its
// functions do.
type foreignContext struct {
	done func() <-chan struct{}
	err  func() error
}

func (f foreignContext) Deadline() (time.Time, bool) { panic("Deadline") }
func (f foreignContext) Done() <-chan struct{}       { return f.done() }
func (f foreignContext) Err() error                  { return f.err() }
func (f foreignContext) Value(any) any               { panic("Value") }

// Whatever a context does, a Set releases the other waits for the event, whether
// the wait with that context leads or follows.
func TestForeignContext(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for name, row := range map[string]struct {
			done func()
			err  func() error
			want string // of the error or panic
		}{
			"Deadline and Value panic": {func() {}, func() error { return context.Canceled }, "context canceled"},
			"Done panics":              {func() { panic("Done") }, nil, "Done"},
			"Err panics":               {func() {}, func() error { panic("Err") }, "Err"},
			"Err stays nil":            {func() {}, func() error { return nil }, "interprocess: context is done but its Err is nil"},
		} {
			for _, leads := range []bool{true, false} {
				e := newTest(t)
				done := make(chan struct{})
				ctx := foreignContext{func() <-chan struct{} { row.done(); return done }, row.err}
				ended := make(chan string, 1)
				waitForeign := func() {
					var result any
					defer func() { ended <- fmt.Sprint(cmp.Or(recover(), result)) }()
					result = e.WaitContext(ctx)
				}
				if leads {
					go waitForeign()
					if name != "Done panics" {
						parked(t, e)
					}
				}
				var others sync.WaitGroup
				others.Go(e.Wait)
				others.Go(func() { assert.True(t, e.WaitTimeout(time.Hour)) })
				if !leads {
					parked(t, e)
					go waitForeign()
				}
				close(done)
				assert.Equal(t, row.want, arrives(t, name, ended), name)
				assert.False(t, e.IsSet())
				parked(t, e)
				e.Set()
				within(t, "the other waits", others.Wait)
			}
		}
	})
}

// Set comes after Done has found the event unset and before it joins the gate.
// Only the event synchronizes x.
func TestSetBeforeDoneJoins(t *testing.T) {
	a, b := handles(t)
	x, observed := 0, make(chan int, 1)
	a.mu.Lock()
	go func() {
		<-a.Done()
		observed <- x
	}()
	eventually(t, "Done to join", func() bool { return hosttest.Goroutines("", "(*Event).join(") == 1 })
	go func() {
		x = 1
		b.Set()
	}()
	eventually(t, "Set", b.flagged)
	a.mu.Unlock()
	assert.Equal(t, 1, arrives(t, "Done", observed))
}
