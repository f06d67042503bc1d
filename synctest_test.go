package event_test

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

// A wait blocks durably, whatever was done with the event outside the bubble:
// the bubble's clock advances only if it does.
func Test9WaitsBlockDurably(t *testing.T) {
	for name, before := range map[string]func(*event.Event){
		"zero":              func(*event.Event) {},
		"Set and Clear":     func(e *event.Event) { e.Set(); e.Clear() },
		"Swap":              func(e *event.Event) { e.Swap(true); e.Swap(false) },
		"awaited, released": func(e *event.Event) { e.Done(); e.Set(); e.Clear() },
		"polled": func(e *event.Event) {
			e.Clear()
			e.IsSet()
			e.WaitTimeout(0)
			_ = e.String()
		},
	} {
		for _, w := range waits {
			t.Run(name+" "+w.name, func(t *testing.T) {
				e := event.New()
				before(e)
				var hung atomic.Bool
				watchdog := time.AfterFunc(10*time.Second, func() {
					hung.Store(true)
					e.Set()
				})
				defer watchdog.Stop()
				synctest.Test(t, func(t *testing.T) {
					go func() {
						time.Sleep(time.Hour)
						watchdog.Stop()
						e.Set()
					}()
					start := time.Now()
					assert.True(t, w.wait(e))
					assert.False(t, hung.Load(), "the wait did not block durably")
					assert.Equal(t, time.Hour, time.Since(start))
				})
			})
		}
	}
}

// A set event can be used in several bubbles. The test runs in a child process,
// where nothing has waited for an event before.
func Test9SetEventBelongsToNoBubble(t *testing.T) {
	if os.Getenv(child) == "" {
		if runtime.GOARCH == "wasm" {
			t.Skip("no child processes")
		}
		self, err := os.Executable()
		require.NoError(t, err)
		run := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.timeout=1m")
		run.Env = append(os.Environ(), child+"=1")
		out, err := run.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	var e event.Event
	e.Set()
	for range 2 {
		synctest.Test(t, func(*testing.T) {
			for _, w := range waits {
				assert.True(t, w.wait(&e), w.name)
			}
			e.Clear()
			e.Set()
		})
	}
}

// A call that meets a Set at work receives from a channel of the same bubble.
// Users do what they like: one whose call never ends hangs the bubble, which
// synctest reports, and -race reports data races.
func Test9CallsWithinOneBubble(t *testing.T) {
	names := strings.Fields("Set Set Clear Clear Swap(true) Swap(false) Done receive IsSet String " +
		"Wait WaitTimeout(0) WaitTimeout(d) WaitContext(cancelled)")
	synctest.Test(t, func(t *testing.T) {
		const users = 8
		var e event.Event
		var wg sync.WaitGroup
		for range users {
			wg.Go(func() {
				u := user{e: &e, now: func() int64 { return 0 }}
				for range rounds(300_000) / users {
					u.call(t, random(names))
					u.calls = nil
				}
			})
		}
		quit, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for range 1_000_000 { // then, a user that is not released hangs the bubble
				if isClosed(quit) {
					return
				}
				time.Sleep(d) // until all users wait
				e.Set()
			}
		}()
		wg.Wait()
		close(quit)
		<-stopped
	})
}
