package event_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/event"
)

// These benchmarks show regressions; bench compares the package with others.

func setEvent() *event.Event {
	e := event.New()
	e.Set()
	return e
}

func BenchmarkIsSet(b *testing.B) {
	e := setEvent()
	b.ReportAllocs()
	for b.Loop() {
		e.IsSet()
	}
}

func BenchmarkIsSetParallel(b *testing.B) {
	e := setEvent()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e.IsSet()
		}
	})
}

func BenchmarkWaitSet(b *testing.B) {
	e := setEvent()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.Run("Wait", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Wait()
		}
	})
	b.Run("WaitTimeout", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.WaitTimeout(time.Second)
		}
	})
	b.Run("WaitContext", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = e.WaitContext(ctx)
		}
	})
	b.Run("Done", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			<-e.Done()
		}
	})
}

func BenchmarkWaitTimeoutExpired(b *testing.B) {
	var e event.Event
	for _, d := range []time.Duration{0, 1} {
		b.Run(d.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.WaitTimeout(d)
			}
		})
	}
}

func BenchmarkSetSet(b *testing.B) {
	e := setEvent()
	b.ReportAllocs()
	for b.Loop() {
		e.Set()
	}
}

func BenchmarkSetClear(b *testing.B) {
	var e event.Event
	b.ReportAllocs()
	for b.Loop() {
		e.Set()
		e.Clear()
	}
}

func BenchmarkSetClearParallel(b *testing.B) {
	var e event.Event
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e.Set()
			e.Clear()
		}
	})
}

func BenchmarkSwap(b *testing.B) {
	var e event.Event
	b.ReportAllocs()
	for b.Loop() {
		e.Swap(true)
		e.Swap(false)
	}
}

// BenchmarkPingPong passes control to another goroutine and back.
func BenchmarkPingPong(b *testing.B) {
	var ping, pong event.Event
	var last atomic.Bool
	go func() {
		for !last.Load() {
			ping.Wait()
			ping.Clear()
			pong.Set()
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		ping.Set()
		pong.Wait()
		pong.Clear()
	}
	last.Store(true)
	ping.Set()
}

// BenchmarkBroadcast measures the time from Set until the last waiter runs.
func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{1, 100, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var total time.Duration
			for b.Loop() {
				var e event.Event
				var parked atomic.Int64
				var waiters sync.WaitGroup
				for range n {
					waiters.Go(func() {
						parked.Add(1)
						e.Wait()
					})
				}
				for parked.Load() < int64(n) {
					runtime.Gosched()
				}
				time.Sleep(time.Millisecond) // for the last few to block
				start := time.Now()
				e.Set()
				waiters.Wait()
				total += time.Since(start)
			}
			b.ReportMetric(0, "ns/op") // includes the start of the goroutines
			b.ReportMetric(float64(total)/float64(b.N)/float64(n), "ns/waiter")
		})
	}
}
