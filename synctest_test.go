package event_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
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
func TestWaitsBlockDurably(t *testing.T) {
	for name, before := range map[string]func(*event.Event){
		"zero":              func(*event.Event) {},
		"Set and Clear":     func(e *event.Event) { e.Set(); e.Clear() },
		"Swap":              func(e *event.Event) { e.Swap(true); e.Swap(false) },
		"Clear":             func(e *event.Event) { e.Clear() },
		"awaited, released": func(e *event.Event) { e.Done(); e.Set(); e.Clear() },
		"polled": func(e *event.Event) {
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

// The exceptions: synctest.Wait returns only after these waits have ended, though
// nothing in the bubble ends them.
func TestWaitsThatDoNotBlockDurably(t *testing.T) {
	for name, wait := range map[string]func(*event.Event, context.Context){
		"WaitContext": func(e *event.Event, outside context.Context) { _ = e.WaitContext(outside) },
		"select": func(e *event.Event, outside context.Context) {
			select {
			case <-e.Done():
			case <-outside.Done():
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			outside, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			outside.Done() // creates the channel
			synctest.Test(t, func(t *testing.T) {
				var e event.Event
				var ended atomic.Bool
				go func() {
					wait(&e, outside)
					ended.Store(true)
				}()
				synctest.Wait()
				assert.True(t, ended.Load())
			})
		})
	}
}

func TestWaitAfterWaitOutside(t *testing.T) {
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			var e event.Event
			e.Done() // the first to wait
			defer time.AfterFunc(time.Millisecond, e.Set).Stop()
			synctest.Test(t, func(t *testing.T) {
				var released atomic.Bool
				go func() { released.Store(w.wait(&e)) }()
				synctest.Wait()
				assert.True(t, released.Load())
			})
		})
	}
}

// A set event can be used in several bubbles. The test runs in a child process,
// where nothing has waited for an event before.
func TestSetEventBelongsToNoBubble(t *testing.T) {
	if os.Getenv(child) == "" {
		if runtime.GOARCH == "wasm" {
			t.Skip("no child processes")
		}
		self, err := os.Executable()
		require.NoError(t, err)
		run := exec.Command(self, "-test.run=^TestSetEventBelongsToNoBubble$")
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
