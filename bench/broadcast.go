package main

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"example.com/event/bench/rival"
)

func broadcastName(waiters int) string { return "broadcast, per waiter of " + count(waiters) }
func memoryName(waiters int) string    { return "memory, per waiter of " + count(waiters) }

func count(n int) string { return message.NewPrinter(language.English).Sprint(n) }

// broadcast parks that many waiters on each of so many events. It returns the
// nanoseconds per waiter from Set until the last one has run, on average over
// the events, and the bytes per waiter; ok is false if the rival can't wait.
func broadcast(r rival.Rival, waiters, events int) (ns, bytes float64, ok bool) {
	if _, ok := r.New().(rival.Wait); !ok {
		return 0, 0, false
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))

	var (
		releases = make([]func(), events)
		left     atomic.Int64 // who have not run yet
		start    time.Time
		took     = make(chan time.Duration, 1)
	)
	before := memory()
	for i := range events {
		e := r.New()
		releases[i] = release(e)
		w := e.(rival.Wait)
		for range waiters {
			go func() {
				w.Wait()
				if left.Add(-1) == 0 {
					took <- time.Since(start)
				}
			}()
		}
	}
	settle()
	used := inUse() - before

	var sum time.Duration
	for _, release := range releases {
		left.Store(int64(waiters))
		start = time.Now()
		release()
		sum += <-took
	}
	all := float64(waiters * events)
	return float64(sum) / all, float64(used) / all, true
}

func release(e any) func() {
	if e, ok := e.(rival.Pulse); ok {
		return e.Pulse
	}
	return e.(rival.Set).Set
}

// memory returns the bytes in use when the garbage, with the stacks of
// goroutines that have ended, is collected.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	return inUse()
}

// inUse returns the bytes of objects and stacks. The descriptor that the
// runtime has of each goroutine, which it keeps for the next one, is not among
// them once that many goroutines have been before.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
