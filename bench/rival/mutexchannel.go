package rival

import (
	"context"
	"sync"
	"time"
)

// A mutexChannel is an event written by hand the simple way: Set closes a
// channel and Clear makes another. Its zero value has no channel to close.
type mutexChannel struct {
	mu  sync.Mutex
	set bool
	ch  chan struct{}
}

func newMutexChannel() *mutexChannel { return &mutexChannel{ch: make(chan struct{})} }

func (e *mutexChannel) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.set {
		e.set = true
		close(e.ch)
	}
}

func (e *mutexChannel) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set {
		e.set = false
		e.ch = make(chan struct{})
	}
}

func (e *mutexChannel) IsSet() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set
}

func (e *mutexChannel) done() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ch
}

func (e *mutexChannel) Wait()                                 { <-e.done() }
func (e *mutexChannel) WaitTimeout(d time.Duration) bool      { return within(d, e.done()) }
func (e *mutexChannel) WaitContext(ctx context.Context) error { return unless(ctx, e.done()) }
func (e *mutexChannel) Watch() func() bool                    { return watch(e.done()) }
