//go:build unix || windows

package interprocess

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// The event wins if Set, Clear and the end of the context all come before the
// wait looks again.
func TestSetAndClearWin(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
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
	boom := errors.New("boom")
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		wait := func(ctx context.Context) (err error) {
			within(t, "WaitContext", func() { err = e.WaitContext(ctx) })
			return err
		}

		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(boom)
		assert.Equal(t, context.Canceled, wait(ctx), "cancelled before: ctx.Err(), not its cause")

		ctx, cancel = context.WithCancelCause(context.Background())
		time.AfterFunc(2*time.Millisecond, func() { cancel(boom) })
		assert.Equal(t, context.Canceled, wait(ctx), "cancelled during")

		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Millisecond} {
			start := time.Now()
			ctx, stop := context.WithTimeout(context.Background(), d)
			assert.Equal(t, context.DeadlineExceeded, wait(ctx), d)
			assert.GreaterOrEqual(t, time.Since(start), d)
			stop()
		}

		ctx, cancel = context.WithCancelCause(context.Background())
		time.AfterFunc(2*time.Millisecond, e.Set)
		assert.NoError(t, wait(ctx))
		cancel(boom)
		assert.NoError(t, wait(ctx), "cancelled after")

		e.Clear()
		time.AfterFunc(2*time.Millisecond, e.Set)
		assert.NoError(t, wait(context.Background()), "a context that is never done")
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

// When all waits have given up, the next one still works. So do 200 that one
// context ends.
func TestWaitAfterAllGaveUp(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		for range 50 {
			require.False(t, e.WaitTimeout(50*time.Microsecond))
		}
		ctx, cancel := context.WithCancel(context.Background())
		var waiters sync.WaitGroup
		for range 200 {
			waiters.Go(func() { assert.Equal(t, context.Canceled, e.WaitContext(ctx)) })
		}
		parked(t, e)
		cancel()
		within(t, "the cancelled waits", waiters.Wait)
		waiters.Go(e.Wait)
		parked(t, e)
		e.Set()
		within(t, "the wait", waiters.Wait)
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
	const errIsNil = "interprocess: context is done but its Err is nil"
	everyMode(t, func(t *testing.T) {
		for name, row := range map[string]struct {
			done func()
			err  func() error
			want any // an error, the text of one, or a panic
		}{
			"Deadline and Value panic": {func() {}, func() error { return context.Canceled }, context.Canceled},
			"Done panics":              {func() { panic("Done") }, nil, "Done"},
			"Err panics":               {func() {}, func() error { panic("Err") }, "Err"},
			"Err stays nil":            {func() {}, func() error { return nil }, errIsNil},
		} {
			for _, leads := range []bool{true, false} {
				e := newTest(t)
				done := make(chan struct{})
				ctx := foreignContext{func() <-chan struct{} { row.done(); return done }, row.err}
				ended := make(chan any, 1)
				waitForeign := func() {
					defer func() {
						if p := recover(); p != nil {
							ended <- p
						}
					}()
					err := e.WaitContext(ctx)
					if row.want == errIsNil && err != nil {
						ended <- err.Error()
						return
					}
					ended <- err
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

func TestDone(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		a, b := handles(t)
		for range 3 {
			done := a.Done()
			assert.False(t, isClosed(done))
			b.Set()
			arrives(t, "the channel of Done", done)
			assert.True(t, isClosed(a.Done()), "of a set event")
			b.Clear()
			assert.True(t, isClosed(done), "after Clear")

			done = a.Done()
			assert.False(t, isClosed(done))
			parked(t, a)
			b.Set()
			b.Clear()
			arrives(t, "the channel of Done", done)
			assert.False(t, isClosed(a.Done()), "of the next generation")
		}
	})
}

// The calls for one generation share a channel and a goroutine, which ends with
// the Set or with Close.
func TestDoneGoroutines(t *testing.T) {
	const ofDone = "created by example.com/event/interprocess.(*Event).Done"
	everyMode(t, func(t *testing.T) {
		for name, end := range map[string]func(*Event){
			"Set":        (*Event).Set,
			"Set, Clear": func(e *Event) { e.Set(); e.Clear() },
			"Close":      func(e *Event) { e.Close() },
		} {
			eventually(t, "goroutines of other tests to end", func() bool { return goroutines(ofDone) == 0 })
			e := newTest(t)
			first := e.Done()
			var callers sync.WaitGroup
			for range 50 {
				callers.Go(func() { assert.Equal(t, first, e.Done()) })
			}
			within(t, "Done", callers.Wait)
			assert.Equal(t, 1, goroutines(ofDone))
			end(e)
			arrives(t, name, first)
			eventually(t, "the goroutine to end", func() bool { return goroutines(ofDone) == 0 })
			e.Set() // unless it is closed
			e.Done()
			assert.Zero(t, goroutines(ofDone), "on a set event or a closed handle")
		}
	})
}

// Done shares the gate with the waits: whichever comes first leads, and the
// others follow.
func TestDoneBesideWaits(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		done := e.Done()
		parked(t, e) // the goroutine of Done leads
		require.False(t, e.WaitTimeout(time.Millisecond))
		follower := e.startWait(e.generation(), limit{})
		require.False(t, isClosed(done))
		e.Set()
		arrives(t, "the channel of Done", done)
		assert.NoError(t, arrives(t, "the wait that follows", follower))

		e.Clear()
		ctx, cancel := context.WithCancel(context.Background())
		leader := e.startWait(e.generation(), limit{done: ctx.Done()})
		parked(t, e)
		done = e.Done()
		cancel()
		assert.Equal(t, errGaveUp, arrives(t, "the leader", leader))
		parked(t, e) // the goroutine of Done has taken over
		require.False(t, isClosed(done))
		e.Set()
		arrives(t, "the channel of Done", done)
	})
}

// Set comes after Done has found the event unset and before it joins the gate.
// Only the event synchronizes x: the test reads the flag from the file.
func TestSetBeforeDoneJoins(t *testing.T) {
	path := tempPath(t)
	a, err := Create(path)
	closing(t, a, err)
	b, err := Open(path)
	closing(t, b, err)
	x, observed := 0, make(chan int, 1)
	a.mu.Lock()
	go func() {
		<-a.Done()
		observed <- x
	}()
	eventually(t, "Done to join", func() bool { return goroutines("(*Event).join(") == 1 })
	unset, err := os.ReadFile(path)
	require.NoError(t, err)
	go func() {
		x = 1
		b.Set()
	}()
	eventually(t, "Set", func() bool {
		page, err := os.ReadFile(path)
		return err == nil && string(page) != string(unset)
	})
	a.mu.Unlock()
	assert.Equal(t, 1, arrives(t, "Done", observed))
}
