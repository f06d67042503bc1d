package main

import (
	"context"
	"sync"
	"time"

	"github.com/anacrolix/missinggo/v2"
	"go.mau.fi/util/exsync"

	"example.com/event"
)

// A rival is a resettable event.
type rival interface {
	Set()
	Clear()
	IsSet() bool
	Wait()
	WaitTimeout(d time.Duration) bool
	WaitContext(ctx context.Context) error
}

var rivals = []struct {
	name      string
	new, zero func() rival // zero wraps the zero value
}{
	{"event", func() rival { return event.New() }, func() rival { return new(event.Event) }},
	{"sync.Cond", func() rival { return newCond() }, func() rival { return new(cond) }},
	{"mutex+channel", func() rival { return newMutexChan() }, func() rival { return new(mutexChan) }},
	{"exsync", func() rival { return newExsync() }, func() rival { return exsyncEvent{new(exsync.Event)} }},
	{"missinggo", func() rival { return newMissinggo() }, func() rival { return newMissinggo() }},
}

// A cond is an event written by hand around a sync.Cond. It counts its Sets:
// otherwise a Clear right after a Set would strand waiters.
type cond struct {
	mu   sync.Mutex
	cond sync.Cond // needs an L, so the zero value cannot wait
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

func (e *cond) Clear()      { e.mu.Lock(); defer e.mu.Unlock(); e.set = false }
func (e *cond) IsSet() bool { e.mu.Lock(); defer e.mu.Unlock(); return e.set }
func (e *cond) wake()       { e.mu.Lock(); defer e.mu.Unlock(); e.cond.Broadcast() }

func (e *cond) Wait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for sets := e.sets; !e.set && e.sets == sets; {
		e.cond.Wait()
	}
}

func (e *cond) WaitTimeout(d time.Duration) bool {
	if e.IsSet() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return e.WaitContext(ctx) == nil
}

// WaitContext wakes all waiters to end one: a sync.Cond cannot choose.
func (e *cond) WaitContext(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set {
		return nil
	}
	defer context.AfterFunc(ctx, e.wake)()
	for sets := e.sets; !e.set && e.sets == sets; e.cond.Wait() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// A mutexChan is an event written by hand the simple way: Set closes a channel
// and Clear makes another one.
type mutexChan struct {
	mu  sync.Mutex
	set bool
	ch  chan struct{} // nil in the zero value, which cannot be set
}

func newMutexChan() *mutexChan { return &mutexChan{ch: make(chan struct{})} }

func (e *mutexChan) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.set {
		e.set = true
		close(e.ch)
	}
}

func (e *mutexChan) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set {
		e.set = false
		e.ch = make(chan struct{})
	}
}

func (e *mutexChan) IsSet() bool                           { e.mu.Lock(); defer e.mu.Unlock(); return e.set }
func (e *mutexChan) Done() <-chan struct{}                 { e.mu.Lock(); defer e.mu.Unlock(); return e.ch }
func (e *mutexChan) Wait()                                 { <-e.Done() }
func (e *mutexChan) WaitTimeout(d time.Duration) bool      { return within(d, e.Done()) }
func (e *mutexChan) WaitContext(ctx context.Context) error { return unless(ctx, e.Done()) }

// These add what exsync.Event and missinggo.SynchronizedEvent leave to the user.
type (
	exsyncEvent    struct{ *exsync.Event }
	missinggoEvent struct{ *missinggo.SynchronizedEvent }
)

func newExsync() exsyncEvent                                { return exsyncEvent{exsync.NewEvent()} }
func (e exsyncEvent) Wait()                                 { <-e.GetChan() }
func (e exsyncEvent) WaitContext(ctx context.Context) error { return e.Event.Wait(ctx) }

func newMissinggo() missinggoEvent                             { return missinggoEvent{new(missinggo.SynchronizedEvent)} }
func (e missinggoEvent) Done() <-chan struct{}                 { return e.C() }
func (e missinggoEvent) IsSet() bool                           { return isClosed(e.C()) }
func (e missinggoEvent) Wait()                                 { <-e.C() }
func (e missinggoEvent) WaitTimeout(d time.Duration) bool      { return within(d, e.C()) }
func (e missinggoEvent) WaitContext(ctx context.Context) error { return unless(ctx, e.C()) }

func within(d time.Duration, c <-chan struct{}) bool {
	if isClosed(c) {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	return first(c, t.C)
}

func unless(ctx context.Context, c <-chan struct{}) error {
	if isClosed(c) || first(c, ctx.Done()) {
		return nil
	}
	return ctx.Err()
}

func isClosed[T any](c <-chan T) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func first[T any](c <-chan struct{}, giveUp <-chan T) bool {
	select {
	case <-c:
		return true
	case <-giveUp:
		return false
	}
}
