package event_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/event"
)

// Each operation stands beside the bare primitive that does its work.
// BenchmarkRatio runs both in turns and reports, as the median of all turns,
// how many times the primitive's time the event takes:
//
//	go test -run '^$' -bench Ratio .

// condEvent is an event as one would write it by hand with sync.Cond.
type condEvent struct {
	mu   sync.Mutex
	cond sync.Cond
	set  bool
}

func newCondEvent() *condEvent {
	e := new(condEvent)
	e.cond.L = &e.mu
	return e
}

func (e *condEvent) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = true
	e.cond.Broadcast()
}

func (e *condEvent) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = false
}

func (e *condEvent) Wait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.set {
		e.cond.Wait()
	}
}

// bareEvent is what the ping-pong costs at least if it is to fit select: a
// channel for each wait. Nothing but the ping-pong orders what it does.
type bareEvent struct{ ch chan struct{} }

func newBareEvent() *bareEvent { return &bareEvent{make(chan struct{})} }

func (e *bareEvent) Set()   { close(e.ch) }
func (e *bareEvent) Clear() { e.ch = make(chan struct{}) }
func (e *bareEvent) Wait()  { <-e.ch }

type waiter interface {
	Set()
	Clear()
	Wait()
}

// pingPong passes from one goroutine to another and back, while more is true.
func pingPong(more func() bool, ping, pong waiter) {
	var last atomic.Bool
	go func() {
		for !last.Load() {
			ping.Wait()
			ping.Clear()
			pong.Set()
		}
	}()
	for more() {
		ping.Set()
		pong.Wait()
		pong.Clear()
	}
	last.Store(true)
	ping.Set()
	pong.Wait()
}

// pingPongs times n of them at GOMAXPROCS=1.
func pingPongs(n int, ping, pong waiter) time.Duration {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	start := time.Now()
	pingPong(func() bool { n--; return n >= 0 }, ping, pong)
	return time.Since(start)
}

// broadcast parks n goroutines in wait, and returns the time from the call of
// release until the last of them runs.
func broadcast(n int, wait, release func()) time.Duration {
	var parked atomic.Int64
	var running sync.WaitGroup
	for range n {
		running.Go(func() {
			parked.Add(1)
			wait()
		})
	}
	for parked.Load() < int64(n) {
		runtime.Gosched()
	}
	time.Sleep(time.Millisecond) // for those few that said so and are not there yet
	start := time.Now()
	release()
	running.Wait()
	return time.Since(start)
}

func broadcastEvent(n int) time.Duration {
	var e event.Event
	return broadcast(n, e.Wait, e.Set)
}

func broadcastChannel(n int) time.Duration {
	c := make(chan struct{})
	return broadcast(n, func() { <-c }, func() { close(c) })
}

func setEvent() *event.Event {
	e := event.New()
	e.Set()
	return e
}

func setFlag() *atomic.Bool {
	f := new(atomic.Bool)
	f.Store(true)
	return f
}

func closedChannel() <-chan struct{} { return setEvent().Done() }

// timed makes a function that times n calls in a loop from one that is the loop.
func timed(loop func(n int)) func(n int) time.Duration {
	return func(n int) time.Duration {
		start := time.Now()
		loop(n)
		return time.Since(start)
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func BenchmarkRatio(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var e event.Event
	set, flag := setEvent(), setFlag()
	var word atomic.Uint32
	var sink int
	load := timed(func(n int) {
		for range n {
			if flag.Load() {
				sink++
			}
		}
	})
	for _, row := range []struct {
		name        string
		goal        float64
		n           int
		event, bare func(n int) time.Duration
	}{
		{"IsSet/atomic-load", 3, 10_000, timed(func(n int) {
			for range n {
				if set.IsSet() {
					sink++
				}
			}
		}), load},
		{"Wait-set/atomic-load", 4, 10_000, timed(func(n int) {
			for range n {
				set.Wait()
				sink++
			}
		}), load},
		{"WaitTimeout-set/atomic-load", 12, 10_000, timed(func(n int) {
			for range n {
				if set.WaitTimeout(time.Second) {
					sink++
				}
			}
		}), load},
		{"WaitContext-set/atomic-load", 12, 10_000, timed(func(n int) {
			for range n {
				if set.WaitContext(ctx) == nil {
					sink++
				}
			}
		}), load},
		{"SetClear/two-compare-and-swaps", 1.5, 10_000, timed(func(n int) {
			for range n {
				e.Set()
				e.Clear()
			}
		}), timed(func(n int) {
			for range n {
				word.CompareAndSwap(0, 1)
				word.CompareAndSwap(1, 0)
			}
		})},
		{"PingPong-1-proc/sync.Cond", 1.3, 10_000,
			func(n int) time.Duration { return pingPongs(n, new(event.Event), new(event.Event)) },
			func(n int) time.Duration { return pingPongs(n, newCondEvent(), newCondEvent()) }},
		{"PingPong-1-proc/make-and-close", 1.3, 10_000,
			func(n int) time.Duration { return pingPongs(n, new(event.Event), new(event.Event)) },
			func(n int) time.Duration { return pingPongs(n, newBareEvent(), newBareEvent()) }},
		{"Broadcast-20000/close", 1.3, 20_000, broadcastEvent, broadcastChannel},
	} {
		b.Run(row.name, func(b *testing.B) {
			var events, bares, ratios []float64 // each of one turn
			for b.Loop() {
				events = append(events, float64(row.event(row.n))/float64(row.n))
				bares = append(bares, float64(row.bare(row.n))/float64(row.n))
				ratios = append(ratios, events[len(events)-1]/bares[len(bares)-1])
			}
			b.ReportMetric(0, "ns/op") // would be of both together
			b.ReportMetric(median(events), "event-ns")
			b.ReportMetric(median(bares), "bare-ns")
			b.ReportMetric(median(ratios), "ratio")
			b.ReportMetric(row.goal, "goal")
		})
	}
}

func BenchmarkIsSet(b *testing.B) {
	e, flag, done := setEvent(), setFlag(), closedChannel()
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.IsSet()
		}
	})
	b.Run("atomic", func(b *testing.B) {
		for b.Loop() {
			flag.Load()
		}
	})
	b.Run("channel", func(b *testing.B) {
		for b.Loop() {
			isClosed(done)
		}
	})
	b.Run("event-parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				e.IsSet()
			}
		})
	})
	b.Run("atomic-parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				flag.Load()
			}
		})
	})
}

// BenchmarkWait is of waits on a set event.
func BenchmarkWait(b *testing.B) {
	e, cond, done := setEvent(), newCondEvent(), closedChannel()
	cond.Set()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, row := range []struct {
		name string
		wait func()
	}{
		{"event/Wait", e.Wait},
		{"event/WaitTimeout", func() { e.WaitTimeout(time.Second) }},
		{"event/WaitContext", func() { _ = e.WaitContext(ctx) }},
		{"event/Done", func() { <-e.Done() }},
		{"channel", func() { <-done }},
		{"cond", cond.Wait},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				row.wait()
			}
		})
	}
}

func BenchmarkWaitTimeoutExpired(b *testing.B) {
	var e event.Event
	for _, d := range []time.Duration{0, 1} {
		b.Run(fmt.Sprint(d), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.WaitTimeout(d)
			}
		})
	}
}

func BenchmarkSet(b *testing.B) {
	e, word := setEvent(), new(atomic.Uint32)
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Set()
		}
	})
	b.Run("atomic", func(b *testing.B) {
		for b.Loop() {
			word.CompareAndSwap(0, 0)
		}
	})
}

func BenchmarkSetClear(b *testing.B) {
	e, cond, word := event.New(), newCondEvent(), new(atomic.Uint32)
	for _, row := range []struct {
		name string
		call func()
	}{
		{"event", func() { e.Set(); e.Clear() }},
		{"atomic", func() { word.CompareAndSwap(0, 1); word.CompareAndSwap(1, 0) }},
		{"cond", func() { cond.Set(); cond.Clear() }},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				row.call()
			}
		})
		b.Run(row.name+"-parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					row.call()
				}
			})
		})
	}
}

func BenchmarkPingPong(b *testing.B) {
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		pingPong(b.Loop, new(event.Event), new(event.Event))
	})
	b.Run("cond", func(b *testing.B) {
		b.ReportAllocs()
		pingPong(b.Loop, newCondEvent(), newCondEvent())
	})
	b.Run("channel", func(b *testing.B) {
		ping, pong := make(chan struct{}), make(chan struct{})
		go func() {
			for range ping {
				pong <- struct{}{}
			}
		}()
		for b.Loop() {
			ping <- struct{}{}
			<-pong
		}
		close(ping)
	})
}

func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{1, 100, 20_000} {
		for _, row := range []struct {
			name      string
			broadcast func(n int) time.Duration
		}{
			{"event", broadcastEvent},
			{"channel", broadcastChannel},
			{"cond", func(n int) time.Duration {
				e := newCondEvent()
				return broadcast(n, e.Wait, e.Set)
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", row.name, n), func(b *testing.B) {
				var total time.Duration
				for b.Loop() {
					total += row.broadcast(n)
				}
				b.ReportMetric(0, "ns/op") // would be of the start of the goroutines, too
				b.ReportMetric(float64(total)/float64(b.N)/float64(n), "ns/waiter")
			})
		}
	}
}
