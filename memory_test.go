//go:build race

package event_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/event"
)

// Promise 7: the memory model. These tests share a plain variable and have no
// synchronization but the event; the race detector fails them if it is missing.

func TestSetSynchronizesBeforeWhatObservesIt(t *testing.T) {
	observe := map[string]func(*event.Event) bool{"IsSet": func(e *event.Event) bool {
		for !e.IsSet() {
			runtime.Gosched()
		}
		return true
	}}
	for _, w := range waits {
		observe[w.name] = w.wait
	}
	for name, observed := range observe {
		t.Run(name, func(t *testing.T) {
			for range rounds(2_000) {
				var e event.Event
				x := 0
				go func() {
					x = 1
					e.Set()
				}()
				require.True(t, observed(&e))
				require.Equal(t, 1, x)
			}
		})
	}
}

// unseen calls f without the race detector learning an order from it. Tests
// use it to make one call come after another that it does not observe.
func unseen(f func()) {
	runtime.RaceDisable()
	defer runtime.RaceEnable()
	f()
}

func TestSetSynchronizesBeforeClear(t *testing.T) {
	for name, before := range map[string]func(*event.Event){
		"Set of an unset event":   func(*event.Event) {},
		"Set of a set event":      func(e *event.Event) { e.Set() },
		"Set of an awaited event": func(e *event.Event) { e.Done() },
		"Set of a released event": func(e *event.Event) { e.Done(); e.Set() },
	} {
		t.Run(name, func(t *testing.T) {
			for range rounds(500) {
				var e event.Event
				before(&e)
				x := 0
				var calls atomic.Int32
				after := func(n int32, f func()) {
					unseen(func() {
						for calls.Load() != n {
							runtime.Gosched()
						}
					})
					f()
					unseen(func() { calls.Add(1) })
				}
				go after(0, func() { x = 1; e.Set() })
				go after(1, func() { e.Clear(); _ = x })
				after(2, e.Clear) // of an event that is unset by now
				require.Equal(t, 1, x)
			}
		})
	}
}

// Also if several come at once, and all but one find the work done or being done.
func TestEverySetSynchronizesBeforeClear(t *testing.T) {
	const setters = 3
	for range rounds(5_000) {
		var e event.Event
		e.Done()
		var x [setters]int
		var ready, returned atomic.Int32
		await := func(n *atomic.Int32) {
			for n.Load() < setters {
				runtime.Gosched()
			}
		}
		for i := range x {
			go func() {
				x[i] = 1
				unseen(func() { ready.Add(1); await(&ready) })
				e.Set()
				unseen(func() { returned.Add(1) })
			}()
		}
		unseen(func() { await(&returned) })
		e.Clear()
		require.Equal(t, [setters]int{1, 1, 1}, x)
	}
}
