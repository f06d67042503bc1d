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
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Waits for 10,500 events take far fewer threads than the 10,000 that Go allows.
func TestManyEvents(t *testing.T) {
	const n = 10_500
	before := threads()
	events := make([]*Event, n)
	var waiters sync.WaitGroup
	for i := range events {
		e, err := New()
		if errors.Is(err, syscall.EMFILE) {
			for _, e := range events[:i] {
				e.Close()
			}
			waiters.Wait()
			t.Skipf("%d descriptors are not available here", n)
		}
		require.NoError(t, err)
		defer e.Close()
		events[i] = e
		waiters.Go(e.Wait)
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
	assert.Less(t, threads()-before, 600, "more threads")
	for _, e := range events {
		e.Set()
		e.Clear()
	}
	within(t, "all to be released", waiters.Wait)
}

func TestManyWaits(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		before := threads()
		generation := e.generation()
		var begun, waiters sync.WaitGroup
		begun.Add(1000)
		for range 1000 {
			waiters.Go(func() {
				begun.Done()
				assert.NoError(t, e.waitFor(generation, limit{}))
			})
		}
		begun.Wait()
		parked(t, e)
		assert.Less(t, threads()-before, 50, "more threads")
		e.Set()
		e.Clear()
		within(t, "all to be released", waiters.Wait)
	})
}

// uses are ways to use a handle until it is closed.
var uses = map[string]func(t *testing.T, e *Event){
	"waits that time out": func(t *testing.T, e *Event) {
		e.WaitTimeout(time.Microsecond)
		e.WaitTimeout(50 * time.Microsecond)
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Microsecond)
		defer cancel()
		assert.Error(t, e.WaitContext(ctx))
	},
	"waits that are cancelled": func(t *testing.T, e *Event) {
		ctx, cancel := context.WithCancel(context.Background())
		var waiters sync.WaitGroup
		waiters.Go(func() { e.WaitContext(ctx) })
		waiters.Go(func() { e.WaitContext(ctx) })
		waiters.Go(func() { e.WaitTimeout(10 * time.Microsecond) })
		cancel()
		waiters.Wait()
	},
	"waits that end by Set": func(t *testing.T, e *Event) {
		generation := e.generation()
		var waiters sync.WaitGroup
		waiters.Go(func() { e.waitFor(generation, limit{}) })
		waiters.Go(func() { e.waitFor(generation, limit{deadline: time.Now().Add(time.Hour)}) })
		e.Set()
		e.Clear()
		waiters.Wait()
	},
	"waits that end by Close": func(t *testing.T, e *Event) {
		var waiters sync.WaitGroup
		waiters.Go(e.Wait) // perhaps after Close
		waiters.Go(func() { e.WaitTimeout(time.Hour) })
		e.Close()
		waiters.Wait()
	},
	"Done": func(t *testing.T, e *Event) {
		done := e.Done()
		e.Set()
		<-done
		e.Clear()
		e.Done() // until Close
	},
}

// Handles and waits leave no goroutine, descriptor, thread or mapping behind.
func TestNothingIsLeftBehind(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for name, use := range uses {
			t.Run(name, func(t *testing.T) {
				useMany(t, 200, use) // the runtime starts its threads and buffers
				before := inUse()
				useMany(t, rounds(2000), use)
				eventually(t, "the poller to end", func() bool {
					poller.mu.Lock()
					defer poller.mu.Unlock()
					return poller.gates == nil
				})
				var after resources
				eventually(t, fmt.Sprintf("what is in use to be no more than %+v", before), func() bool {
					runtime.GC()
					after = inUse()
					return after.goroutines <= before.goroutines && after.descriptors <= before.descriptors &&
						after.mappings <= before.mappings
				})
				assert.LessOrEqual(t, after.threads, before.threads+20)
			})
		}
	})
}

// useMany uses n handles, 8 at a time.
func useMany(t *testing.T, n int, use func(*testing.T, *Event)) {
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for range n / 8 {
				e, err := New()
				if !assert.NoError(t, err) {
					return
				}
				use(t, e)
				assert.NoError(t, e.Close())
			}
		})
	}
	within(t, "all uses", users.Wait)
}

// resources are what this process has in use, where /proc tells.
type resources struct{ goroutines, descriptors, mappings, threads int }

func inUse() resources {
	return resources{runtime.NumGoroutine(), len(descriptors()), mappings(), threads()}
}

func threads() (n int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "Threads:")
	fmt.Sscan(rest, &n)
	return n
}

// mappings returns how many pages of events are mapped.
func mappings() int {
	maps, _ := os.ReadFile("/proc/self/maps")
	return strings.Count(string(maps), "goevent")
}
