package rival

import (
	"context"
	"sync"
	"time"

	"github.com/anacrolix/missinggo/v2"
	"go.etcd.io/etcd/pkg/v3/notify"
	"go.mau.fi/util/exsync"
	"storj.io/common/sync2"
)

// exsync.Event has Set, Clear, IsSet and WaitTimeout, which makes a timer for no
// time too. Its Wait takes a context, so a plain wait is a receive from its
// channel.
type exsyncEvent struct{ *exsync.Event }

func newExsync() any  { return exsyncEvent{exsync.NewEvent()} }
func zeroExsync() any { return exsyncEvent{new(exsync.Event)} }

func (e exsyncEvent) Watch() func() bool                    { return watch(e.GetChan()) }
func (e exsyncEvent) Wait()                                 { <-e.GetChan() }
func (e exsyncEvent) WaitContext(ctx context.Context) error { return e.Event.Wait(ctx) }

func (e exsyncEvent) WaitTimeout(d time.Duration) bool {
	if d <= 0 {
		return e.IsSet()
	}
	return e.Event.WaitTimeout(d)
}

// missinggo.SynchronizedEvent has Set and Clear, and its channel for all else.
type missinggoEvent struct{ *missinggo.SynchronizedEvent }

func newMissinggo() any { return missinggoEvent{new(missinggo.SynchronizedEvent)} }

func (e missinggoEvent) Watch() func() bool                    { return watch(e.C()) }
func (e missinggoEvent) IsSet() bool                           { return isClosed(e.C()) }
func (e missinggoEvent) Wait()                                 { <-e.C() }
func (e missinggoEvent) WaitTimeout(d time.Duration) bool      { return within(d, e.C()) }
func (e missinggoEvent) WaitContext(ctx context.Context) error { return unless(ctx, e.C()) }

// A context can't be cleared.
type withCancel struct {
	ctx context.Context
	context.CancelFunc
}

func newWithCancel() any {
	ctx, cancel := context.WithCancel(context.Background())
	return withCancel{ctx, cancel}
}

func (e withCancel) Set()                                  { e.CancelFunc() }
func (e withCancel) IsSet() bool                           { return e.ctx.Err() != nil }
func (e withCancel) Wait()                                 { <-e.ctx.Done() }
func (e withCancel) WaitTimeout(d time.Duration) bool      { return within(d, e.ctx.Done()) }
func (e withCancel) WaitContext(ctx context.Context) error { return unless(ctx, e.ctx.Done()) }

// A sync.WaitGroup can't be tested, nor waited for with a limit, nor set twice.
// To clear it with Add while others wait is misuse.
type waitGroup struct{ *sync.WaitGroup }

func newWaitGroup() any {
	wg := new(sync.WaitGroup)
	wg.Add(1)
	return waitGroup{wg}
}

func (e waitGroup) Set() { e.Done() }

// notify.Notifier has no flag: who comes after Notify waits for the next one.
type notifier struct{ *notify.Notifier }

func newNotifier() any { return notifier{notify.NewNotifier()} }

func (e notifier) Pulse() { e.Notify() }
func (e notifier) Wait()  { <-e.Receive() }

// sync2.Fence can't be cleared. Its Wait takes a context.
type fence struct{ *sync2.Fence }

func newFence() any { return fence{new(sync2.Fence)} }

func (e fence) Set()                             { e.Release() }
func (e fence) IsSet() bool                      { return e.Released() }
func (e fence) Wait()                            { <-e.Fence.Done() }
func (e fence) WaitTimeout(d time.Duration) bool { return within(d, e.Fence.Done()) }

func (e fence) WaitContext(ctx context.Context) error {
	if e.Fence.Wait(ctx) {
		return nil
	}
	return ctx.Err()
}
