package rival

import (
	"context"
	"sync/atomic"
	"time"
)

// A channel is closed to set it. It can't be opened again, nor closed twice.
type channel chan struct{}

func (c channel) Set()                                  { close(c) }
func (c channel) IsSet() bool                           { return isClosed(c) }
func (c channel) Wait()                                 { <-c }
func (c channel) WaitTimeout(d time.Duration) bool      { return within(d, c) }
func (c channel) WaitContext(ctx context.Context) error { return unless(ctx, c) }

// A flag can't be waited for.
type flag struct{ atomic.Bool }

func (f *flag) Set()        { f.Store(true) }
func (f *flag) Clear()      { f.Store(false) }
func (f *flag) IsSet() bool { return f.Load() }
