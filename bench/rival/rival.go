// Package rival has what a user may take instead of this library, each behind
// an adapter.
//
// An adapter has those methods of the interfaces below whose work its
// competitor can do, and does it in the competitor's own best way. What the
// competitor leaves to its user is written as well as in this library: a wait
// tests the flag before it selects and stops its timer.
package rival

import (
	"context"
	"time"
)

type (
	Flag    interface{ IsSet() bool }
	Timeout interface{ WaitTimeout(time.Duration) bool }
	Context interface {
		WaitContext(context.Context) error
	}
	// A Selectable has a channel. Watch takes it, for the function to report
	// whether it is closed.
	Selectable interface{ Watch() func() bool }

	Wait  interface{ Wait() }
	Set   interface{ Set() }
	Clear interface{ Clear() }
	// A Resettable is an event.
	Resettable interface {
		Set
		Clear
		Flag
		Wait
		Timeout
		Context
	}
	// A Pulse releases those who wait and is unset again: Set and Clear in one.
	Pulse interface{ Pulse() }
)

// A Rival is a competitor or this library.
type Rival struct {
	Name    string
	New     func() any // makes an adapter
	Zero    func() any // the same around the zero value; nil if it is no Resettable
	SetOnce bool       // a second Set panics
}

// The bare primitives: what a work costs at least.
const (
	Channel = "bare channel"
	Bool    = "bare atomic.Bool"
	Cond    = "sync.Cond"
)

// This is this library.
const This = "this library"

// All has everything that is measured, in the order of tables and charts.
var All = []Rival{
	{Name: This, New: newThis, Zero: newThis},
	{Name: Channel, New: func() any { return make(channel) }, SetOnce: true},
	{Name: Bool, New: func() any { return new(flag) }},
	{Name: Cond, New: func() any { return newCond() }, Zero: func() any { return new(cond) }},
	{Name: "mutex+channel", New: func() any { return newMutexChannel() }, Zero: func() any { return new(mutexChannel) }},
	{Name: "exsync.Event", New: newExsync, Zero: zeroExsync},
	{Name: "missinggo.SynchronizedEvent", New: newMissinggo, Zero: newMissinggo},
	{Name: "context.WithCancel", New: newWithCancel},
	{Name: "sync.WaitGroup", New: newWaitGroup, SetOnce: true},
	{Name: "notify.Notifier", New: newNotifier},
	{Name: "sync2.Fence", New: newFence},
}

// Asked has those that are asked the questions: every Resettable, and the
// loop that the documentation of sync.Cond shows, which is not measured.
func Asked() []Rival {
	var asked []Rival
	for _, r := range All {
		if r.Zero != nil {
			asked = append(asked, r)
		}
	}
	return append(asked, Rival{Name: "sync.Cond, flag tested again", New: func() any { return condLoop{newCond()} }, Zero: func() any { return condLoop{new(cond)} }})
}
