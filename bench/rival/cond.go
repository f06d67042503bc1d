package rival

import (
	"context"
	"sync"
	"time"
)

// A cond is an event written by hand around a sync.Cond. It has no channel to
// select on.
//
// A waiter leaves when the event is set or has been since it came, which sets
// counts; without the count, Set and Clear strand it: see condLoop.
type cond struct {
	mu   sync.Mutex
	cond sync.Cond // a sync.Cond needs its L: the zero value can't wait
	set  bool
	sets int
}

func newCond() *cond {
	e := new(cond)
	e.cond.L = &e.mu
	return e
}

func (e *cond) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.set {
		e.set = true
		e.sets++
		e.cond.Broadcast()
	}
}

func (e *cond) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = false
}

func (e *cond) IsSet() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set
}

func (e *cond) Wait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for sets := e.sets; !e.set && e.sets == sets; {
		e.cond.Wait()
	}
}

// WaitTimeout wakes every waiter when d has passed: a sync.Cond can't wake one
// of its choice.
func (e *cond) WaitTimeout(d time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set || d <= 0 {
		return e.set
	}
	late := false
	t := time.AfterFunc(d, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		late = true
		e.cond.Broadcast()
	})
	defer t.Stop()
	sets := e.sets
	for !e.set && e.sets == sets && !late {
		e.cond.Wait()
	}
	return e.set || e.sets != sets
}

// WaitContext wakes every waiter when ctx is done, as WaitTimeout does.
func (e *cond) WaitContext(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set {
		return nil
	}
	stop := context.AfterFunc(ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.cond.Broadcast()
	})
	defer stop()
	sets := e.sets
	for !e.set && e.sets == sets && ctx.Err() == nil {
		e.cond.Wait()
	}
	if e.set || e.sets != sets {
		return nil
	}
	return ctx.Err()
}

// A condLoop waits as the documentation of sync.Cond shows: it tests the flag
// again when it wakes.
type condLoop struct{ *cond }

func (e condLoop) Wait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.set {
		e.cond.cond.Wait()
	}
}
