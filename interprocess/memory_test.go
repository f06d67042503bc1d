//go:build unix || windows

package interprocess

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Under the race detector, the tests in this file share plain variables that
// only an event synchronizes.

// The observer has another mapping of the event than the setter.
func TestSetSynchronizesBeforeWhatObservesIt(t *testing.T) {
	observe := map[string]func(*Event) bool{"IsSet": func(e *Event) bool {
		for !e.IsSet() {
			runtime.Gosched()
		}
		return true
	}}
	for _, w := range waits {
		observe[w.name] = w.wait
	}
	everyMode(t, func(t *testing.T) {
		for name, observed := range observe {
			t.Run(name, func(t *testing.T) {
				a, b := handles(t)
				for range rounds(400) {
					x := 0
					go func() {
						x = 1
						a.Set()
					}()
					within(t, name, func() {
						assert.True(t, observed(b))
						assert.Equal(t, 1, x)
						assert.True(t, b.IsSet() && b.WaitTimeout(0) && isClosed(b.Done()))
					})
					b.Clear()
				}
			})
		}
	})
}

// flagged reports whether the event is set, unseen by the race detector.
func (e *Event) flagged() bool { return e.word.Load()&set != 0 }

// Also a Set of a set event. The word of another event orders the Clear after
// the Set, unseen by the race detector.
func TestSetSynchronizesBeforeClear(t *testing.T) {
	for _, already := range []bool{false, true} {
		a, b := handles(t)
		done := newTest(t)
		for range rounds(400) {
			if already {
				a.Set()
			}
			done.word.Store(0)
			x := 0
			go func() {
				x = 1
				a.Set()
				done.word.Store(set)
			}()
			eventually(t, "Set", func() bool { runtime.Gosched(); return done.flagged() })
			b.Clear()
			require.Equal(t, 1, x)
		}
	}
}

// A writes and sets "request", a child waits for that and sets "reply", B waits
// for that and reads. Only the child orders A before B.
func TestOrderThroughChild(t *testing.T) {
	request, reply := newTest(t), newTest(t)
	cmd := command(t, request, "relay")
	require.NoError(t, reply.Share(cmd, "reply"))
	startCommand(t, cmd).says("ready")
	for range rounds(400) {
		x := 0
		go func() { // A
			x = 1
			request.Set()
		}()
		within(t, "the reply", func() { // B
			reply.Wait()
			reply.Clear()
			assert.Equal(t, 1, x)
		})
	}
}

func init() {
	roles["relay"] = func(request *Event) {
		reply, err := Inherited("reply")
		if err != nil {
			panic(err)
		}
		fmt.Println("ready")
		for {
			request.Wait()
			request.Clear()
			reply.Set()
		}
	}
}

// Writes before a Set are ordered before a later Clear, even if the event was
// already set. Otherwise a consumer that clears and then looks could miss an
// item: it would neither see the item nor find the event set. The processor
// must keep this order, so no atomic operation other than the event's comes
// between.
func TestSetOfSetEventOrders(t *testing.T) {
	if raceEnabled {
		t.Skip("an intentional race")
	}
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("one processor sees its own writes in order")
	}
	e := newTest(t)
	var item, seen, missed int
	var turn atomic.Int64
	meet := func(at int64) {
		turn.Add(1)
		for n := 0; turn.Load() < at; n++ {
			if n > 1000 {
				runtime.Gosched()
			}
		}
	}
	n := int64(rounds(100_000))
	go func() { // the producer
		for r := range n {
			meet(6*r + 2)
			e.IsSet() // the word is in the cache, the item is not: its write takes longer
			meet(6*r + 4)
			item = 1
			e.Set()
			meet(6*r + 6)
		}
	}()
	within(t, "the consumer", func() {
		for r := range n {
			item = 0
			e.Set()
			meet(6*r + 2)
			meet(6*r + 4)
			e.Clear()
			seen = item
			meet(6*r + 6)
			if seen == 0 && !e.IsSet() {
				missed++
			}
		}
	})
	assert.Zero(t, missed, "items missed")
}
