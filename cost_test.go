package event_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"example.com/event"
)

func TestSize(t *testing.T) {
	want := map[uintptr]uintptr{8: 24, 4: 16}[unsafe.Sizeof(uintptr(0))]
	assert.Equal(t, want, unsafe.Sizeof(event.Event{}))
}

func TestAllocations(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var unset, set, e event.Event
	set.Set()
	for _, row := range []struct {
		name string
		want float64
		call func()
	}{
		{"Set and Clear", 0, func() { e.Set(); e.Clear() }},
		{"Swap", 0, func() { e.Swap(true); e.Swap(true); e.Swap(false); e.Swap(false) }},
		{"Set of a set event", 0, func() { set.Set() }},
		{"Clear of an unset event", 0, func() { unset.Clear() }},
		{"IsSet and String", 0, func() { _, _ = set.IsSet(), unset.IsSet(); _, _ = set.String(), unset.String() }},
		{"waits on a set event", 0, func() {
			set.Wait()
			set.WaitTimeout(-1)
			set.WaitTimeout(time.Hour)
			_ = set.WaitContext(ctx)
			_ = set.WaitContext(cancelled)
			<-set.Done()
		}},
		{"WaitTimeout that expires at once", 0, func() { unset.WaitTimeout(0); unset.WaitTimeout(-1) }},
		{"first wait after Clear", 1, func() { e.Done(); e.Set(); e.Clear() }},
		{"further waits", 1, func() { e.Done(); e.Done(); e.Done(); e.Set(); e.Clear() }},
		{"Swap of an awaited event", 1, func() { e.Done(); e.Swap(true); e.Swap(false) }},
	} {
		assert.Equal(t, row.want, testing.AllocsPerRun(100, row.call), row.name)
	}

	timer := testing.AllocsPerRun(100, func() { time.NewTimer(1).Stop() })
	unset.Done()
	assert.Equal(t, timer, testing.AllocsPerRun(100, func() { unset.WaitTimeout(1) }), "a timed wait adds its timer")
}

// Once Set has returned, no method locks the mutex, which this test holds.
func TestSetEventIsLockFree(t *testing.T) {
	var e event.Event
	e.Done()
	e.Set()
	defer event.HoldLock(&e)()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for _, w := range waits {
			w.wait(&e)
		}
		_, _ = e.IsSet(), e.String()
		e.Set()
		e.Swap(true)
		e.Clear()
		e.Clear()
		_, _ = e.IsSet(), e.String()
		e.WaitTimeout(0)
		e.Set()
		e.Swap(false)
		e.Swap(true)
	}()
	select {
	case <-finished:
	case <-time.After(10 * time.Second):
		t.Fatal("a method waits for the mutex")
	}
}
