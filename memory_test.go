//go:build race

package event_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

// These tests share a plain variable, synchronized only by the event. The race
// detector fails them if the event does not synchronize.

func Test7SetSynchronizesBeforeWhatObservesIt(t *testing.T) {
	poll := func(isSet func(*event.Event) bool) func(*event.Event) bool {
		return func(e *event.Event) bool {
			for !isSet(e) {
				runtime.Gosched()
			}
			return true
		}
	}
	observe := map[string]func(*event.Event) bool{
		"IsSet":       poll((*event.Event).IsSet),
		"Swap(false)": poll(func(e *event.Event) bool { return e.Swap(false) }),
	}
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
				finish(t, name, func() { assert.True(t, observed(&e) && x == 1) })
			}
		})
	}
}

// unseen calls f and hides its synchronization from the race detector. Tests
// use it to order calls that do not observe each other.
func unseen(f func()) {
	runtime.RaceDisable()
	defer runtime.RaceEnable()
	f()
}

func Test7SetSynchronizesBeforeClear(t *testing.T) {
	swap := func(set bool) func(*event.Event) { return func(e *event.Event) { e.Swap(set) } }
	for name, before := range map[string]func(*event.Event){
		"an unset event":   func(*event.Event) {},
		"a set event":      func(e *event.Event) { e.Set() },
		"an awaited event": func(e *event.Event) { e.Done() },
		"a released event": func(e *event.Event) { e.Done(); e.Set() },
	} {
		for _, row := range []struct {
			name  string
			set   func(*event.Event)
			later func(*event.Event)
		}{
			{"Set, Clear", (*event.Event).Set, (*event.Event).Clear},
			{"Swap, Clear", swap(true), (*event.Event).Clear},
			{"Set, Swap(false)", (*event.Event).Set, swap(false)},
			{"Set, Swap(true)", (*event.Event).Set, swap(true)},
		} {
			t.Run(row.name+" of "+name, func(t *testing.T) {
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
					go after(0, func() { x = 1; row.set(&e) })
					go after(1, func() { row.later(&e); _ = x })
					after(2, e.Clear)
					require.Equal(t, 1, x)
				}
			})
		}
	}
}
