package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/event"
)

// An impl performs an operation n times, or until it fails. The compiler inlines
// repeat and its argument, and into the latter whatever it would inline in any
// program: no call goes through an interface, a type parameter or a variable.
type impl struct {
	name string
	loop func(n int) (succeeded int)
}

func repeat(n int, ok func() bool) (succeeded int) {
	for i := range n {
		if !ok() {
			return i
		}
	}
	return n
}

func compare(b *testing.B, impls ...impl) {
	for _, impl := range impls {
		b.Run("impl="+impl.name, func(b *testing.B) {
			if impl.loop(b.N) != b.N {
				b.Error("an operation failed")
			}
		})
	}
}

// events returns one of each, and a word for the floor.
func events(set bool) (*event.Event, *atomic.Uint32, *cond, *mutexChan, exsyncEvent, missinggoEvent) {
	e, word, c, m, x, g := event.New(), new(atomic.Uint32), newCond(), newMutexChan(), newExsync(), newMissinggo()
	for _, e := range []rival{e, c, m, x, g} {
		if set {
			e.Set()
			word.Store(1)
		}
	}
	return e, word, c, m, x, g
}

func BenchmarkIsSet(b *testing.B) {
	e, word, c, m, x, g := events(true)
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	compare(b,
		impl{"event", func(n int) int { return repeat(n, func() bool { return e.IsSet() }) }},
		impl{"floor", func(n int) int { return repeat(n, func() bool { return word.Load() == 1 }) }},
		impl{"sync.Cond", func(n int) int { return repeat(n, func() bool { return c.IsSet() }) }},
		impl{"mutex+channel", func(n int) int { return repeat(n, func() bool { return m.IsSet() }) }},
		impl{"exsync", func(n int) int { return repeat(n, func() bool { return x.IsSet() }) }},
		impl{"missinggo", func(n int) int { return repeat(n, func() bool { return g.IsSet() }) }},
		impl{"context", func(n int) int { return repeat(n, func() bool { return ctx.Err() != nil }) }})
}

// The event is set in the benchmarks of waits, which cost at least a load and a
// branch.
func BenchmarkWait(b *testing.B) {
	e, word, c, m, x, g := events(true)
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	compare(b,
		impl{"event", func(n int) int { return repeat(n, func() bool { e.Wait(); return true }) }},
		impl{"floor", func(n int) int { return repeat(n, func() bool { return word.Load() == 1 }) }},
		impl{"sync.Cond", func(n int) int { return repeat(n, func() bool { c.Wait(); return true }) }},
		impl{"mutex+channel", func(n int) int { return repeat(n, func() bool { m.Wait(); return true }) }},
		impl{"exsync", func(n int) int { return repeat(n, func() bool { x.Wait(); return true }) }},
		impl{"missinggo", func(n int) int { return repeat(n, func() bool { g.Wait(); return true }) }},
		impl{"context", func(n int) int { return repeat(n, func() bool { <-ctx.Done(); return true }) }})
}

func BenchmarkWaitTimeout(b *testing.B) {
	e, word, c, m, x, g := events(true)
	compare(b,
		impl{"event", func(n int) int { return repeat(n, func() bool { return e.WaitTimeout(time.Hour) }) }},
		impl{"floor", func(n int) int { return repeat(n, func() bool { return word.Load() == 1 }) }},
		impl{"sync.Cond", func(n int) int { return repeat(n, func() bool { return c.WaitTimeout(time.Hour) }) }},
		impl{"mutex+channel", func(n int) int { return repeat(n, func() bool { return m.WaitTimeout(time.Hour) }) }},
		impl{"exsync", func(n int) int { return repeat(n, func() bool { return x.WaitTimeout(time.Hour) }) }},
		impl{"missinggo", func(n int) int { return repeat(n, func() bool { return g.WaitTimeout(time.Hour) }) }})
}

func BenchmarkWaitContext(b *testing.B) {
	e, word, c, m, x, g := events(true)
	ctx := b.Context()
	compare(b,
		impl{"event", func(n int) int { return repeat(n, func() bool { return e.WaitContext(ctx) == nil }) }},
		impl{"floor", func(n int) int { return repeat(n, func() bool { return word.Load() == 1 }) }},
		impl{"sync.Cond", func(n int) int { return repeat(n, func() bool { return c.WaitContext(ctx) == nil }) }},
		impl{"mutex+channel", func(n int) int { return repeat(n, func() bool { return m.WaitContext(ctx) == nil }) }},
		impl{"exsync", func(n int) int { return repeat(n, func() bool { return x.WaitContext(ctx) == nil }) }},
		impl{"missinggo", func(n int) int { return repeat(n, func() bool { return g.WaitContext(ctx) == nil }) }})
}

func BenchmarkSetOnSet(b *testing.B) {
	e, word, c, m, x, g := events(true)
	compare(b,
		impl{"event", func(n int) int { return repeat(n, func() bool { e.Set(); return true }) }},
		impl{"floor", func(n int) int { return repeat(n, func() bool { return word.CompareAndSwap(1, 1) }) }},
		impl{"sync.Cond", func(n int) int { return repeat(n, func() bool { c.Set(); return true }) }},
		impl{"mutex+channel", func(n int) int { return repeat(n, func() bool { m.Set(); return true }) }},
		impl{"exsync", func(n int) int { return repeat(n, func() bool { x.Set(); return true }) }},
		impl{"missinggo", func(n int) int { return repeat(n, func() bool { g.Set(); return true }) }})
}

func BenchmarkSetClear(b *testing.B) {
	e, word, c, m, x, g := events(false)
	compare(b,
		impl{"event", func(n int) int { return repeat(n, func() bool { e.Set(); e.Clear(); return true }) }},
		impl{"floor", func(n int) int {
			return repeat(n, func() bool { word.CompareAndSwap(0, 1); word.CompareAndSwap(1, 0); return true })
		}},
		impl{"sync.Cond", func(n int) int { return repeat(n, func() bool { c.Set(); c.Clear(); return true }) }},
		impl{"mutex+channel", func(n int) int { return repeat(n, func() bool { m.Set(); m.Clear(); return true }) }},
		impl{"exsync", func(n int) int { return repeat(n, func() bool { x.Set(); x.Clear(); return true }) }},
		impl{"missinggo", func(n int) int { return repeat(n, func() bool { g.Set(); g.Clear(); return true }) }})
}

// BenchmarkPingPong measures round trips between two goroutines. The floor
// creates and closes a channel for each wait.
func BenchmarkPingPong(b *testing.B) {
	e, _, c, m, x, g := events(false)
	e2, _, c2, m2, x2, g2 := events(false)
	ch, ch2 := make(chan struct{}), make(chan struct{})
	for _, impl := range []struct {
		name        string
		there, back func()
	}{
		{"event", func() { e.Set(); e2.Wait(); e2.Clear() }, func() { e.Wait(); e.Clear(); e2.Set() }},
		{"floor", func() { close(ch); <-ch2; ch2 = make(chan struct{}) }, func() { <-ch; ch = make(chan struct{}); close(ch2) }},
		{"sync.Cond", func() { c.Set(); c2.Wait(); c2.Clear() }, func() { c.Wait(); c.Clear(); c2.Set() }},
		{"mutex+channel", func() { m.Set(); m2.Wait(); m2.Clear() }, func() { m.Wait(); m.Clear(); m2.Set() }},
		{"exsync", func() { x.Set(); x2.Wait(); x2.Clear() }, func() { x.Wait(); x.Clear(); x2.Set() }},
		{"missinggo", func() { g.Set(); g2.Wait(); g2.Clear() }, func() { g.Wait(); g.Clear(); g2.Set() }},
	} {
		b.Run("impl="+impl.name, func(b *testing.B) {
			go func() {
				for range b.N {
					impl.back()
				}
			}()
			for range b.N {
				impl.there()
			}
		})
	}
}

const waiters = 10_000

// BenchmarkBroadcast measures a Set that releases many waiters, from its call
// until the last of them runs.
func BenchmarkBroadcast(b *testing.B) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for range waiters { // the runtime keeps the descriptors of goroutines
		wg.Go(func() { <-gate })
	}
	close(gate)
	wg.Wait()
	run := func(name string, newEvent func() (wait, set func())) {
		b.Run(fmt.Sprintf("waiters=%d/impl=%s", waiters, name), func(b *testing.B) { broadcast(b, newEvent) })
	}
	for _, r := range rivals {
		run(r.name, func() (wait, set func()) { e := r.new(); return e.Wait, e.Set })
	}
	run("floor", func() (wait, set func()) { c := make(chan struct{}); return func() { <-c }, func() { close(c) } })
	run("context", func() (wait, set func()) {
		ctx, cancel := context.WithCancel(context.Background())
		return func() { <-ctx.Done() }, cancel
	})
}

// broadcast parks the waiters, sets the event and waits for them, for each
// iteration.
func broadcast(b *testing.B, newEvent func() (wait, set func())) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	b.StopTimer()
	var total time.Duration
	var bytes uint64
	for range b.N {
		runtime.GC()
		runtime.GC() // frees the stacks too
		before := sum("/memory/classes/heap/objects:bytes", "/memory/classes/heap/stacks:bytes")
		var left atomic.Int64
		var start time.Time
		left.Store(waiters)
		last := make(chan time.Duration, 1)
		wait, set := newEvent()
		for range waiters {
			go func() {
				wait()
				if left.Add(-1) == 0 {
					last <- time.Since(start)
				}
			}()
		}
		for sum("/sched/goroutines/running:goroutines", "/sched/goroutines/runnable:goroutines") > 1 {
			time.Sleep(50 * time.Microsecond)
		}
		bytes += sum("/memory/classes/heap/objects:bytes", "/memory/classes/heap/stacks:bytes") - before
		b.StartTimer()
		start = time.Now()
		set()
		total += <-last
		b.StopTimer()
	}
	all := float64(b.N * waiters)
	b.ReportMetric(0, "ns/op") // not reported
	b.ReportMetric(float64(total)/all, "ns/waiter")
	b.ReportMetric(float64(bytes)/all, "B/waiter")
}

func sum(metric, other string) uint64 {
	s := []metrics.Sample{{Name: metric}, {Name: other}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}

// The README and the chart are up to date.
func TestFiles(t *testing.T) {
	files, err := render()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s does not follow from the results: run 'go run .' (%v)", name, err)
		}
	}
}
