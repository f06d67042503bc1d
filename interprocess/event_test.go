//go:build unix || windows

package interprocess

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// waits are the three waits as functions that report success.
var waits = map[string]func(e *Event) bool{
	"Wait":        func(e *Event) bool { e.Wait(); return true },
	"WaitTimeout": func(e *Event) bool { return e.WaitTimeout(math.MaxInt64) },
	"WaitContext": func(e *Event) bool {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		return e.WaitContext(ctx) == nil
	},
}

// parked returns when a leader of e is in its sleep or on its way there, or is
// registered with the poller.
func parked(t testing.TB, e *Event) {
	t.Helper()
	eventually(t, "a leader", e.hasLeader)
}

func (e *Event) hasLeader() bool {
	e.mu.Lock()
	g := e.gate
	e.mu.Unlock()
	if g == nil || e.ended(g.generation) {
		return false
	}
	poller.mu.Lock()
	defer poller.mu.Unlock()
	return g.parks.Load()%2 == 1 || poller.gates[g] != nil
}

func TestTruthTable(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	is := func(e *Event, set bool) {
		t.Helper()
		name := map[bool]string{true: "set", false: "unset"}[set]
		if e.IsSet() != set || e.String() != name || fmt.Sprint(e) != name {
			t.Errorf("IsSet is %v, String %q, want %s", e.IsSet(), e, name)
		}
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, time.Millisecond} {
			began := time.Now()
			if e.WaitTimeout(d) != set {
				t.Errorf("%s: WaitTimeout(%v) is %v", name, d, !set)
			} else if !set && time.Since(began) < d {
				t.Errorf("%s: WaitTimeout(%v) is false after %v", name, d, time.Since(began))
			}
		}
		want := map[bool]error{true: nil, false: context.Canceled}[set]
		if err := e.WaitContext(ended); err != want {
			t.Errorf("%s: WaitContext of an ended context is %v, want %v", name, err, want)
		}
		if set {
			for what, wait := range waits {
				if !wait(e) {
					t.Errorf("set: %s fails", what)
				}
			}
		}
	}
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		is(e, false)
		e.Clear()
		is(e, false)
		for range 3 {
			e.Set()
			is(e, true)
			e.Set()
			is(e, true)
			e.Clear()
			is(e, false)
		}
	})
}

func TestDeadlineAndCauseOfContext(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		defer cancel()
		if err := e.WaitContext(ctx); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
		ctx, cancel = context.WithCancel(context.Background())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- e.WaitContext(ctx) }()
		parked(t, e)
		cancel()
		within(t, "the wait", func() {
			if err := <-ended; err != context.Canceled {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestNilContextPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	//lint:ignore SA1012 a nil context is what this test is about
	newTest(t).WaitContext(nil)
}

// Promise: Set releases everybody who waits, even when Clear follows at once.
func TestSetReleasesEverybodyThoughClearFollows(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		for _, n := range []int{1, 16, 1000} {
			e := newTest(t)
			generation := e.word.Load() &^ asleep
			var done sync.WaitGroup
			for range n {
				done.Go(func() {
					if err := e.waitFor(generation, limit{}); err != nil {
						t.Error(err)
					}
				})
			}
			parked(t, e)
			e.Set()
			e.Clear()
			within(t, fmt.Sprint(n, " waits to end"), done.Wait)
		}
	})
}

// The same through the exported waits. A wait that has not begun yet when the
// pulse comes is freed by a later one; one that sleeps through it is never.
func TestPulseReleasesEveryKindOfWait(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		for range count(300) {
			var done sync.WaitGroup
			for what, wait := range waits {
				done.Go(func() {
					if !wait(e) {
						t.Error(what, "failed")
					}
				})
			}
			gone := make(chan struct{})
			go func() { done.Wait(); close(gone) }()
			began := time.Now()
			for over := false; !over; {
				e.Set()
				e.Clear()
				select {
				case <-gone:
					over = true
				case <-time.After(time.Millisecond):
					if time.Since(began) > hang {
						t.Fatal("a wait does not end")
					}
				}
			}
		}
	})
}

// Promise: a wait that begins after Clear is not released by the Set before it.
func TestNoEarlyWakeUp(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		for range count(200) {
			var done sync.WaitGroup
			generation := e.word.Load() &^ asleep
			for range 4 {
				done.Go(func() { e.waitFor(generation, limit{}) })
			}
			parked(t, e)
			e.Set()
			e.Clear()
			if e.WaitTimeout(100 * time.Microsecond) {
				t.Fatal("a wait after Clear was released by the Set before")
			}
			within(t, "the waits", done.Wait)
		}
	})
}

// Promise: the event wins ties, also if Set, Clear and the end of the context
// all come before the wait looks again.
func TestEventWinsTies(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		for range count(500) {
			e := newTest(t)
			ctx, cancel := context.WithCancel(context.Background())
			result := make(chan error, 2)
			generation := e.word.Load() &^ asleep
			for range 2 { // a leader and a follower
				go func() { result <- e.waitFor(generation, limit{done: ctx.Done()}) }()
			}
			parked(t, e)
			e.Set()
			e.Clear()
			cancel()
			for range 2 {
				if err := <-result; err != nil {
					t.Fatalf("the wait returned %v though the event was set before", err)
				}
			}
			e.Close()
		}
	})
}

// endedBy is a context that f ends when a wait first asks for its channel.
type endedBy struct {
	context.Context
	f func()
}

func (c endedBy) Done() <-chan struct{} {
	c.f()
	return c.Context.Done()
}

// The event is set, and then the context ends, after the wait has found the
// event unset.
func TestSetBeforeTheContextEnds(t *testing.T) {
	for name, also := range map[string]func(*Event){"set": func(*Event) {}, "set and cleared": (*Event).Clear} {
		e := newTest(t)
		ctx, cancel := context.WithCancel(context.Background())
		err := e.WaitContext(endedBy{ctx, func() {
			e.Set()
			also(e)
			cancel()
		}})
		if err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A wait that comes late, for a generation that is over, leaves the gate of the
// present one alone: Close still finds who waits there.
func TestLateWaitLeavesTheGate(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		other := make(chan error, 1)
		var once sync.Once
		late := endedBy{context.Background(), func() {
			once.Do(func() {
				e.Set()
				e.Clear()
				go func() { other <- e.WaitContext(context.Background()) }()
				parked(t, e)
			})
		}}
		check1(t, e.WaitContext(late))
		check1(t, e.Close())
		within(t, "the other wait", func() {
			if err := <-other; !errors.Is(err, ErrClosed) {
				t.Errorf("got %v", err)
			}
		})
	})
}

// Promise: a wait that gives up changes nothing. When it was the leader,
// another of the waits takes over.
func TestWaitThatGivesUpLeavesTheOthers(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		for range count(200) {
			e := newTest(t)
			ctx, cancel := context.WithCancel(context.Background())
			gaveUp := make(chan error, 1)
			go func() { gaveUp <- e.WaitContext(ctx) }()
			parked(t, e) // it leads
			var others sync.WaitGroup
			for range 3 {
				others.Go(e.Wait)
			}
			cancel()
			within(t, "the cancelled wait", func() {
				if err := <-gaveUp; err != context.Canceled {
					t.Errorf("it returned %v", err)
				}
			})
			if e.IsSet() {
				t.Fatal("it set the event")
			}
			e.Set()
			within(t, "the others", others.Wait)
			e.Close()
		}
	})
}

// Promise: WaitTimeout does not report false before the time has passed, however
// often it finds the event set and then cleared.
func TestWaitTimeoutIsNotFalseEarly(t *testing.T) {
	e := newTest(t)
	var stop atomic.Bool
	var done sync.WaitGroup
	done.Go(func() {
		for !stop.Load() {
			e.Set()
			e.Clear()
		}
	})
	within(t, "the waits", func() {
		for began := time.Now(); time.Since(began) < 300*time.Millisecond; {
			if !e.WaitTimeout(time.Hour) {
				t.Error("false at once")
				break
			}
		}
	})
	stop.Store(true)
	done.Wait()
}

// A gate whose waits have all given up serves those who come later.
func TestGateServesLateComers(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		for range 50 {
			if e.WaitTimeout(50 * time.Microsecond) {
				t.Fatal("set")
			}
		}
		done := make(chan struct{})
		go func() { e.Wait(); close(done) }()
		parked(t, e)
		e.Set()
		within(t, "the last wait", func() { <-done })
	})
}

// Promise: Set synchronizes before what observes it. The only order between the
// goroutines is the event's: the race detector reports if it is missing.
func TestSetSynchronizes(t *testing.T) {
	path := tempPath(t)
	a, err := Create(path)
	check1(t, err)
	defer a.Close()
	b, err := Open(path) // another mapping of the same event
	check1(t, err)
	defer b.Close()
	observe := map[string]func(){
		"IsSet": func() {
			for !b.IsSet() {
				runtime.Gosched()
			}
		},
		"Wait":        b.Wait,
		"WaitTimeout": func() { b.WaitTimeout(hang) },
		"WaitContext": func() { b.WaitContext(context.Background()) },
		"Clear": func() {
			for b.word.Load()&set == 0 { // the race detector does not see this
				runtime.Gosched()
			}
			b.Clear()
		},
	}
	for name, f := range observe {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				a.Clear()
				data, done := 0, make(chan struct{})
				go func() {
					data = 1
					a.Set()
					close(done)
				}()
				f()
				if data != 1 {
					t.Fatal("the write before Set is not seen")
				}
				<-done
			}
		})
	}
	t.Run("Set when set", func(t *testing.T) {
		a.Set()
		data, wrote := 0, atomic.Bool{}
		go func() {
			data = 1
			a.Set()
			wrote.Store(true)
		}()
		for !wrote.Load() {
			runtime.Gosched()
		}
		b.Clear()
		if data != 1 {
			t.Fatal("the write before Set is not seen")
		}
	})
}

// Clear then drain loses nothing: many producers push and Set, one consumer
// waits, clears and drains.
func TestProducersAndConsumer(t *testing.T) {
	e := newTest(t)
	const producers, each = 4, 500
	var mu sync.Mutex
	var queue int
	var done sync.WaitGroup
	for range producers {
		done.Go(func() {
			for range each {
				mu.Lock()
				queue++
				mu.Unlock()
				e.Set()
			}
		})
	}
	within(t, "all that was produced", func() {
		for got := 0; got < producers*each; {
			e.Wait()
			e.Clear()
			mu.Lock()
			got += queue
			queue = 0
			mu.Unlock()
		}
		done.Wait()
	})
}

func TestCosts(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	for name, f := range map[string]func(){
		"Set, Clear, IsSet": func() { e.Set(); e.Clear(); e.IsSet() },
		"waits on a set event": func() {
			e.Set()
			e.Wait()
			e.WaitTimeout(time.Hour)
			e.WaitContext(ctx)
		},
		"String": func() { _ = e.String() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// All methods at once, in every order: nothing crashes, and whoever still waits
// in the end is released.
func TestRandomUse(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		var done sync.WaitGroup
		stop := time.Now().Add(time.Duration(count(1000)) * time.Millisecond)
		for i := range 8 {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			done.Go(func() {
				for time.Now().Before(stop) {
					switch r.IntN(7) {
					case 0:
						e.Set()
					case 1:
						e.Clear()
					case 2:
						_ = e.IsSet()
					case 3:
						e.WaitTimeout(time.Duration(r.IntN(200)) * time.Microsecond)
					case 4:
						ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(200))*time.Microsecond)
						e.WaitContext(ctx)
						cancel()
					case 5:
						_ = fmt.Sprint(e)
					case 6:
						e.Set()
						e.Wait() // somebody sets it again, or time is up
					}
				}
			})
		}
		within(t, "all goroutines", func() {
			idle := make(chan struct{})
			go func() { done.Wait(); close(idle) }()
			for {
				select {
				case <-idle:
					return
				case <-time.After(10 * time.Millisecond):
					e.Set()
				}
			}
		})
	})
}

func TestClosedHandle(t *testing.T) {
	closed := newTest(t)
	closed.Set()
	check1(t, closed.Close())
	for name, e := range map[string]*Event{"closed": closed} {
		t.Run(name, func(t *testing.T) {
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			e.Clear()
			e.Set()
			e.Wait()
			if e.IsSet() || e.WaitTimeout(time.Hour) || e.WaitTimeout(0) || e.String() != "closed" {
				t.Error("not all of IsSet, WaitTimeout and String say that it is closed")
			}
			for _, ctx := range []context.Context{context.Background(), ended} {
				if err := e.WaitContext(ctx); !errors.Is(err, ErrClosed) {
					t.Errorf("WaitContext returned %v", err)
				}
			}
			if err := e.Close(); err != nil {
				t.Errorf("Close again: %v", err)
			}
		})
	}
}

// A closed handle does not touch the event: the other handles see no change.
func TestCloseLeavesTheEvent(t *testing.T) {
	path := tempPath(t)
	a, err := Create(path)
	check1(t, err)
	b, err := Open(path)
	check1(t, err)
	defer b.Close()
	a.Set()
	check1(t, a.Close())
	a.Clear()
	if !b.IsSet() {
		t.Error("Clear through the closed handle cleared the event")
	}
	b.Clear()
	a.Set()
	if b.IsSet() {
		t.Error("Set through the closed handle set the event")
	}
}

// Close while 100 goroutines wait and others set and clear.
func TestCloseUnderLoad(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		for range count(40) {
			e := newTest(t)
			var done sync.WaitGroup
			for i := range 100 {
				done.Go(func() {
					for n := 0; ; n++ {
						var err error
						if i%2 == 0 {
							err = e.WaitContext(context.Background())
						} else if e.Wait(); e.String() == "closed" {
							return
						}
						if errors.Is(err, ErrClosed) {
							return
						} else if err != nil {
							t.Error(err)
							return
						}
						runtime.Gosched()
					}
				})
			}
			for range 2 {
				done.Go(func() {
					for e.String() != "closed" {
						e.Set()
						e.Clear()
						runtime.Gosched()
					}
				})
			}
			parked(t, e)
			check1(t, e.Close())
			within(t, "all to notice", done.Wait)
		}
	})
}

// Nobody sets the event: only Close can end these waits.
func TestCloseEndsWaits(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		for range count(200) {
			e := newTest(t)
			var done sync.WaitGroup
			for range 3 {
				done.Go(func() {
					if err := e.WaitContext(context.Background()); !errors.Is(err, ErrClosed) {
						t.Errorf("got %v", err)
					}
				})
			}
			if rand.IntN(2) == 0 {
				parked(t, e)
			}
			check1(t, e.Close())
			within(t, "the waits", done.Wait)
		}
	})
}
