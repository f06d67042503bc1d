//go:build unix || windows

package interprocess

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// 10,500 events at once: neither 10,500 threads nor 10,500 wake-ups lost.
func TestManyEvents(t *testing.T) {
	n := 10500
	if raceEnabled {
		n = 7500 // the race detector dies at 8,128 goroutines
	}
	if free := freeDescriptors(); free < n {
		t.Skipf("only %d descriptors to be had of %d", free, n)
	}
	before := threads()
	events := make([]*Event, n)
	var done sync.WaitGroup
	for i := range events {
		e, err := New()
		if err != nil {
			t.Fatal(i, err)
		}
		defer e.Close()
		events[i] = e
		done.Go(e.Wait)
	}
	eventually(t, "all to wait", func() bool {
		for _, e := range events {
			e.mu.Lock()
			g := e.gate
			e.mu.Unlock()
			if g == nil || len(g.token) != 0 {
				return false
			}
		}
		return true
	})
	if grown := threads() - before; grown > 600 {
		t.Errorf("%d more threads", grown)
	}
	for _, e := range events {
		e.Set()
		e.Clear()
	}
	within(t, "all to be released", done.Wait)
}

func TestManyWaits(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		before := threads()
		var done, began sync.WaitGroup
		generation := e.word.Load() &^ asleep
		for range 1000 {
			began.Add(1)
			done.Go(func() {
				began.Done()
				if err := e.waitFor(generation, limit{}); err != nil {
					t.Error(err)
				}
			})
		}
		began.Wait()
		parked(t, e)
		if grown := threads() - before; grown > 50 {
			t.Errorf("%d more threads", grown)
		}
		e.Set()
		e.Clear()
		within(t, "all to be released", done.Wait)
	})
}

// Nothing stays behind of 20,000 waits and 2,000 handles.
func TestNothingIsLeftBehind(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		use := func(n int) {
			var done sync.WaitGroup
			for range 8 {
				done.Go(func() {
					for range n / 8 / 10 {
						e, err := New()
						if err != nil {
							t.Error(err)
							return
						}
						for i := range 10 {
							var inner sync.WaitGroup
							switch i {
							case 0, 1, 2: // expires
								e.WaitTimeout(time.Microsecond)
							case 3, 4: // is cancelled
								ctx, cancel := context.WithCancel(context.Background())
								inner.Go(func() { e.WaitContext(ctx) })
								inner.Go(func() { e.WaitTimeout(10 * time.Microsecond) })
								cancel()
							case 5, 6, 7: // is set
								generation := e.word.Load() &^ asleep
								inner.Go(func() { e.waitFor(generation, limit{}) })
								e.Set()
								e.Clear()
							case 8:
								e.WaitTimeout(time.Microsecond)
							case 9: // is closed, perhaps before it begins
								inner.Go(e.Wait)
								e.Close()
							}
							inner.Wait()
						}
						e.Close()
					}
				})
			}
			within(t, "all waits", done.Wait)
		}
		use(count(2000)) // warms up: the threads and buffers of the runtime
		goroutines, descriptors0, threads0, mappings0 := runtime.NumGoroutine(), descriptors(), threads(), mappings()
		n := 20000
		if t.Name() != "TestNothingIsLeftBehind/"+paths[0] {
			n /= 5
		}
		use(count(n))
		eventually(t, "all goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
		eventually(t, "the poller to end", func() bool {
			poller.mu.Lock()
			defer poller.mu.Unlock()
			return poller.gates == nil
		})
		if n := descriptors(); n > descriptors0 {
			t.Errorf("%d descriptors, were %d", n, descriptors0)
		}
		if n := threads(); n > threads0+20 {
			t.Errorf("%d threads, were %d", n, threads0)
		}
		eventually(t, "all pages to be unmapped", func() bool {
			runtime.GC()
			return mappings() <= mappings0
		})
	})
}

func lines(file, with string) (n int) {
	if runtime.GOOS != "linux" {
		return 0
	}
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, with) {
			n++
		}
	}
	return n
}

// threads, mappings and descriptors are 0 where there is no /proc to count them.
func threads() (n int) {
	if runtime.GOOS != "linux" {
		return 0
	}
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), "Threads:")
	fmt.Sscan(rest, &n)
	return n
}

func mappings() int { return lines("/proc/self/maps", ".goevent-") }

func descriptors() int {
	if runtime.GOOS != "linux" {
		return 0
	}
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}
