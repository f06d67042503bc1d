package event_test

import (
	"context"
	"math"
	"testing"

	"example.com/event"
)

// The tests of each promise of the package comment are in the file named after
// it. This file has what they share.

// waits are the ways to wait without a limit. Each reports whether the wait
// succeeded.
var waits = []struct {
	name string
	wait func(*event.Event) bool
}{
	{"Wait", func(e *event.Event) bool { e.Wait(); return true }},
	{"WaitTimeout", func(e *event.Event) bool { return e.WaitTimeout(math.MaxInt64) }},
	{"WaitContext", func(e *event.Event) bool {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		return e.WaitContext(ctx) == nil
	}},
	{"Done", func(e *event.Event) bool { _, open := <-e.Done(); return !open }},
}

// cancelled is a context that is done.
var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// child is an environment variable that is set in the processes in which a test
// runs part of itself.
const child = "EVENT_TEST_CHILD"

// isClosed reports whether a channel of Done is closed.
func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// rounds returns the number of rounds of a stress test: n, or a tenth of that
// with -short.
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}
