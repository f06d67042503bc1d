//go:build unix || windows

package interprocess

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// foreignContext is a context of another package, which behaves as its
// functions do.
type foreignContext struct {
	deadline func() (time.Time, bool)
	done     func() <-chan struct{}
	err      func() error
}

func (f foreignContext) Deadline() (time.Time, bool) { return f.deadline() }
func (f foreignContext) Done() <-chan struct{}       { return f.done() }
func (f foreignContext) Err() error                  { return f.err() }
func (f foreignContext) Value(any) any               { panic("Value") }

// Whatever a context does, a Set releases the other waits for the event, whether
// the wait with that context leads or follows.
func TestForeignContext(t *testing.T) {
	type end struct{ result, panics any }
	for _, row := range []struct {
		name   string
		change func(f *foreignContext)
		want   end
	}{
		{"Value panics", func(*foreignContext) {}, end{result: context.Canceled}},
		{"Done panics", func(f *foreignContext) { f.done = func() <-chan struct{} { panic("Done") } }, end{panics: "Done"}},
		{"Deadline panics", func(f *foreignContext) { f.deadline = func() (time.Time, bool) { panic("Deadline") } }, end{panics: "Deadline"}},
		{"Err panics", func(f *foreignContext) { f.err = func() error { panic("Err") } }, end{panics: "Err"}},
		{"Err stays nil", func(f *foreignContext) { f.err = func() error { return nil } },
			end{result: "interprocess: context is done but its Err is nil"}},
		{"done before its deadline", func(f *foreignContext) {
			f.deadline = func() (time.Time, bool) { return time.Now().Add(time.Hour), true }
		}, end{result: context.Canceled}},
		{"done after its deadline", func(f *foreignContext) {
			deadline := time.Now().Add(time.Millisecond)
			f.deadline = func() (time.Time, bool) { return deadline, true }
		}, end{result: context.Canceled}},
		{"deadline in the past", func(f *foreignContext) {
			f.deadline = func() (time.Time, bool) { return time.Now().Add(-time.Hour), true }
		}, end{result: context.Canceled}},
	} {
		for _, leads := range []bool{true, false} {
			t.Run(row.name+map[bool]string{true: ", leads", false: ", follows"}[leads], func(t *testing.T) {
				everyMode(t, func(t *testing.T) {
					e := newTest(t)
					done := make(chan struct{})
					ctx := foreignContext{
						deadline: func() (time.Time, bool) { return time.Time{}, false },
						done:     func() <-chan struct{} { return done },
						err:      func() error { return context.Canceled },
					}
					row.change(&ctx)

					var others sync.WaitGroup
					ended := make(chan end, 1)
					waitForeign := func() {
						var is end
						defer func() {
							is.panics = recover()
							ended <- is
						}()
						err := e.WaitContext(ctx)
						is.result = err
						if err != nil && !errors.Is(err, context.Canceled) {
							is.result = err.Error()
						}
					}
					waitOthers := func() {
						others.Go(e.Wait)
						others.Go(func() { assert.True(t, e.WaitTimeout(time.Hour)) })
					}
					atOnce := row.want.panics == "Done" || row.want.panics == "Deadline"
					if leads {
						go waitForeign()
						if !atOnce {
							parked(t, e)
						}
						waitOthers()
					} else {
						waitOthers()
						parked(t, e)
						go waitForeign()
					}
					if !atOnce {
						time.Sleep(3 * time.Millisecond)
						assert.Empty(t, ended, "ended before the context was done")
					}
					close(done)
					within(t, "the wait with the context", func() { assert.Equal(t, row.want, <-ended) })
					assert.False(t, e.IsSet())
					parked(t, e)
					e.Set()
					within(t, "the other waits", others.Wait)
				})
			})
		}
	}
}

// A context without a Done channel is never done, whatever its deadline is.
func TestContextNeverDone(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for _, after := range []time.Duration{-time.Hour, time.Millisecond} {
			e := newTest(t)
			deadline := time.Now().Add(after)
			ctx := foreignContext{
				deadline: func() (time.Time, bool) { return deadline, true },
				done:     func() <-chan struct{} { return nil },
				err:      func() error { return nil },
			}
			ended := make(chan error, 2)
			for range 2 { // a leader and a follower
				go func() { ended <- e.WaitContext(ctx) }()
			}
			parked(t, e)
			time.Sleep(20 * time.Millisecond) // beyond the deadline
			require.Empty(t, ended)
			e.Set()
			for range 2 {
				within(t, "the waits", func() { assert.NoError(t, <-ended) })
			}
		}
	})
}

// A Set that comes between the deadline and the end of the context wins, and the
// wait sleeps until then.
func TestContextDoneLongAfterItsDeadline(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		var sleepsBegun atomic.Int64
		hooked(t, testHooks{parking: func() { sleepsBegun.Add(1) }})
		deadline := time.Now().Add(time.Millisecond)
		ctx := foreignContext{
			deadline: func() (time.Time, bool) { return deadline, true },
			done:     func() <-chan struct{} { return make(chan struct{}) },
			err:      func() error { return nil },
		}
		ended := make(chan error, 1)
		go func() { ended <- e.WaitContext(ctx) }()
		parked(t, e)
		time.Sleep(50 * time.Millisecond)
		require.Empty(t, ended)
		if forced != "two steps" { // whose sleeps are short
			assert.LessOrEqual(t, sleepsBegun.Load(), int64(10), "sleeps begun")
		}
		e.Set()
		within(t, "the wait", func() { assert.NoError(t, <-ended) })
	})
}
