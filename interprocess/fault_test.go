//go:build unix || windows

package interprocess

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// hooked makes f the hook until the test ends.
func hooked(t *testing.T, f func(point string)) {
	old := hook
	hook = f
	t.Cleanup(func() { hook = old })
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
			if cap(sleepers) == 0 {
				t.Skip("no leader sleeps in the kernel in this build")
			}
			ctx, cancel := context.WithCancel(context.Background())
			roused := make(chan struct{}, 1)
			var once sync.Once
			hooked(t, func(point string) {
				switch point {
				case "asked":
					once.Do(func() {
						how.stop(e, cancel)
						<-roused // the canceller has come and gone
					})
				case "roused":
					roused <- struct{}{}
				}
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
			if cap(sleepers) == 0 {
				t.Skip("no leader sleeps in the kernel in this build")
			}
			ctx, cancel := context.WithCancel(context.Background())
			woke := make(chan struct{}, 1)
			roused := make(chan struct{})
			var once sync.Once
			hooked(t, func(point string) {
				switch point {
				case "parking":
					once.Do(func() {
						go how.stop(e, cancel)
						<-woke // the first wake is in vain
					})
				case "woke":
					select {
					case woke <- struct{}{}:
					default:
					}
				case "roused":
					close(roused)
				}
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
		for _, at := range []string{"asked", "parking"} {
			for _, pulse := range []bool{false, true} {
				e.Clear()
				hooked(t, func(point string) {
					if point == at {
						e.Set()
						if pulse {
							e.Clear()
						}
					}
				})
				if cap(sleepers) == 0 {
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
			if g == nil || len(g.lead) != 0 {
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
				if err := e.waitFor(generation, context.Background()); err != nil {
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
								inner.Go(func() { e.waitFor(generation, context.Background()) })
								e.Set()
								e.Clear()
							case 8: // is closed, or set before
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
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, with) {
			n++
		}
	}
	return n
}

// threads and mappings are 0 where there is no /proc to count them.
func threads() (n int) {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), "Threads:")
	fmt.Sscan(rest, &n)
	return n
}

func mappings() int { return lines("/proc/self/maps", ".goevent-") }

func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}
