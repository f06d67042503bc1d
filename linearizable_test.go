package event_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/event"
)

// A call is a method call, its result, and the interval in which it took effect.
type call struct {
	name     string
	result   bool
	from, to int64
	id, seen uint64 // in TestInterleavings, bits: its own, and those of the calls it sees
}

func (c call) String() string { return fmt.Sprintf("%s=%t[%d–%d]", c.name, c.result, c.from, c.to) }

// A history is the calls of each user, in order.
type history [][]call

func (h history) String() string {
	var b strings.Builder
	for user, calls := range h {
		fmt.Fprintf(&b, "user %d: %v\n", user, calls)
	}
	return b.String()
}

// A model is the specification: the flag, the number of times that it changed
// from unset to set, and for each user the numbers that close the channel of
// its last Done and end its wait.
type model struct {
	set            bool
	sets           int
	done, released [4]int
	calls          uint64 // the bits of all calls that set it
}

// next returns the number of sets that releases a wait that begins now.
func (m *model) next() int {
	if m.set {
		return m.sets
	}
	return m.sets + 1
}

// swap changes the flag and returns its old value.
func (m *model) swap(set bool) (old bool) {
	old, m.set = m.set, set
	if set && !old {
		m.sets++
	}
	return old
}

// explains reports whether c, made by user in state m, has the result that the
// specification gives, and takes m to the state after it.
func (m *model) explains(user int, c call) bool {
	switch c.name {
	case "Set", "Swap(true)":
		m.calls |= c.id
	case "Clear", "Swap(false)":
		if m.calls&^c.seen != 0 {
			return false // a Set does not synchronize before it
		}
	}
	switch c.name {
	case "Set":
		m.swap(true)
	case "Clear":
		m.swap(false)
	case "Swap(true)":
		return c.result == m.swap(true)
	case "Swap(false)":
		return c.result == m.swap(false)
	case "Done":
		m.done[user] = m.next()
	case "receive":
		return c.result == (m.sets >= m.done[user])
	case "begin Wait", "begin WaitTimeout(d)":
		m.released[user] = m.next()
	case "end Wait", "end WaitTimeout(d)":
		return c.result == (m.sets >= m.released[user])
	default: // a test of the flag
		return c.result == m.set
	}
	return true
}

// linearizable reports whether some order of the calls explains all results.
// In that order, a call that ended before another one began comes first.
func linearizable(m model, h history) bool {
	finished := true
	for user, calls := range h {
		if len(calls) == 0 {
			continue
		}
		finished = false
		first := true
		for _, others := range h {
			first = first && (len(others) == 0 || others[0].to >= calls[0].from)
		}
		after := m
		if first && after.explains(user, calls[0]) {
			rest := slices.Clone(h)
			rest[user] = calls[1:]
			if linearizable(after, rest) {
				return true
			}
		}
	}
	return finished
}

// A user calls methods of an event one after the other and records the calls.
type user struct {
	e       *event.Event
	now     func() int64    // the clock of the history
	done    <-chan struct{} // of the last Done
	name    string          // the last call
	from    int64           // when it began
	begun   int64           // if it is a wait, and if known: when it had begun,
	expired int64           // and when it could fail
	id      uint64          // its bit
	seen    uint64          // those of the calls that the user has seen
	calls   []call
}

// d is the timeout of the call “WaitTimeout(d)”.
const d = time.Microsecond

// call makes and records the call of the given name.
func (u *user) call(t testing.TB, name string) {
	var result bool
	u.name, u.from, u.begun, u.expired = name, u.now(), 0, 0
	switch name {
	case "Set":
		u.e.Set()
	case "Clear":
		u.e.Clear()
	case "Swap(true)":
		result = u.e.Swap(true)
	case "Swap(false)":
		result = u.e.Swap(false)
	case "Done":
		u.done = u.e.Done()
	case "receive":
		if u.done == nil {
			return
		}
		result = isClosed(u.done)
	case "IsSet":
		result = u.e.IsSet()
	case "String":
		result = u.e.String() == "set"
	case "WaitTimeout(0)":
		result = u.e.WaitTimeout(0)
	case "WaitContext(cancelled)":
		result = u.e.WaitContext(cancelled) == nil
	case "Wait":
		u.e.Wait()
		result = true
	case "WaitTimeout(d)":
		start := time.Now()
		result = u.e.WaitTimeout(d)
		if elapsed := time.Since(start); !result && elapsed < d {
			t.Errorf("WaitTimeout(%v) is false after %v", d, elapsed)
		}
	}
	u.record(result)
}

// record adds the last call, which ends now, to the history. A wait that can
// block is two calls, since those of other users can take effect in between:
// like Done, its begin decides which Set releases it. It fails only once its
// timeout has passed.
func (u *user) record(result bool) {
	to := u.now()
	if u.name != "Wait" && u.name != "WaitTimeout(d)" {
		u.calls = append(u.calls, call{u.name, result, u.from, to, u.id, u.seen})
		return
	}
	begin, end := call{"begin " + u.name, false, u.from, to, 0, 0}, call{"end " + u.name, result, u.from, to, 0, 0}
	if u.begun > 0 {
		begin.to = u.begun
	}
	if !result {
		end.from = max(end.from, u.expired)
	}
	u.calls = append(u.calls, begin, end)
}

// random returns one of the names.
func random(names []string) string { return names[rand.IntN(len(names))] }

// A few goroutines make a few random calls each, concurrently.
func TestLinearizable(t *testing.T) {
	const users, perUser = 3, 5
	names := strings.Fields("Set Set Clear Clear Swap(true) Swap(false) Done receive receive " +
		"IsSet String WaitTimeout(0) WaitTimeout(d) WaitContext(cancelled)")
	epoch := time.Now()
	for range rounds(10_000) {
		var e event.Event
		var ready atomic.Int32
		var wg sync.WaitGroup
		h := make(history, users)
		for i := range h {
			wg.Go(func() {
				u := user{e: &e, now: func() int64 { return int64(time.Since(epoch)) }}
				program := make([]string, perUser)
				for j := range program {
					program[j] = random(names)
				}
				u.call(t, "Done")
				ready.Add(1)
				for ready.Load() < users {
					runtime.Gosched()
				}
				for _, name := range program {
					u.call(t, name)
				}
				h[i] = u.calls
			})
		}
		finish(t, "one of a few random calls", wg.Wait)
		require.True(t, linearizable(model{}, h), "no order explains these calls:\n%v", h)
	}
}
