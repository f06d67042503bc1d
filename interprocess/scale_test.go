//go:build unix || windows

package interprocess

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A process waits for 10,500 events at once with a few threads.
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
			within(t, "the waits", waiters.Wait)
			t.Skipf("%d descriptors are not available here", n)
		}
		require.NoError(t, err)
		defer e.Close()
		events[i] = e
		waiters.Go(e.Wait)
	}
	for _, e := range events {
		parked(t, e)
	}
	assert.Less(t, threads()-before, 20, "more threads")
	for _, e := range events {
		e.Set()
		e.Clear()
	}
	within(t, "all to be released", waiters.Wait)
}

// uses are ways to use a handle until it is closed.
var uses = map[string]func(t *testing.T, e *Event){
	"waits that give up": func(t *testing.T, e *Event) {
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
		waiters.Go(func() { e.waitFor(generation, limit{done: make(chan struct{})}) })
		parked(t, e)
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
				open := newTest(t)
				hubEnds(t)
				before := inUse()
				useMany(t, rounds(1000), use)
				assert.False(t, open.WaitTimeout(time.Microsecond))
				hubEnds(t)
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
	t.Helper()
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
	maps, _ := os.ReadFile("/proc/self/maps")
	open, _ := filepath.Glob("/proc/self/fd/*")
	return resources{runtime.NumGoroutine(), len(open), strings.Count(string(maps), "goevent"), threads()}
}

func threads() (n int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "Threads:")
	fmt.Sscan(rest, &n)
	return n
}
