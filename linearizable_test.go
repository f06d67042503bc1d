package event_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/event"
)

// Promise 2: linearizability. A few goroutines make a few calls each, at
// random and at once, and note when each call began, when it returned and what
// it said. Then there must be an order of all the calls, in which a call that
// returned comes before one that began later, and in which each says what the
// model says.

const (
	users   = 3
	perUser = 5
)

type call struct {
	name     string
	result   bool
	from, to time.Duration
}

func (c call) String() string { return fmt.Sprintf("%s=%t[%d–%d]", c.name, c.result, c.from, c.to) }

// model is what the calls are compared with: the flag, how often it went from
// unset to set, and for each user how often it had to for its last channel of
// Done to be closed.
type model struct {
	set    bool
	sets   int
	closed [users]int
}

// explains reports whether c, made by user, may say in state m what it said,
// and takes m to the state after it.
func (m *model) explains(user int, c call) bool {
	switch c.name {
	case "Set":
		if !m.set {
			m.set, m.sets = true, m.sets+1
		}
	case "Clear":
		m.set = false
	case "Done":
		m.closed[user] = m.sets
		if !m.set {
			m.closed[user]++
		}
	case "receive":
		return c.result == (m.sets >= m.closed[user])
	default:
		return c.result == m.set
	}
	return true
}

// linearizable reports whether there is an order for the rest of the calls,
// those from next[user] on, in state m.
func linearizable(m model, calls *[users][perUser]call, next [users]int) bool {
	done := true
	for u := range users {
		if next[u] == perUser {
			continue
		}
		done = false
		c, first := calls[u][next[u]], true
		for v := range users {
			if v != u && next[v] < perUser && calls[v][next[v]].to < c.from {
				first = false
			}
		}
		after, rest := m, next
		rest[u]++
		if first && after.explains(u, c) && linearizable(after, calls, rest) {
			return true
		}
	}
	return done
}

func TestLinearizable(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	names := strings.Fields("Set Set Clear Clear Done receive receive IsSet WaitTimeout WaitContext")
	epoch := time.Now()
	for range rounds(10_000) {
		var e event.Event
		var calls [users][perUser]call
		var ready atomic.Int32
		var wg sync.WaitGroup
		for u := range users {
			wg.Go(func() {
				done := e.Done()
				for i := range perUser {
					calls[u][i].name = names[rand.IntN(len(names))]
				}
				ready.Add(1)
				for ready.Load() < users {
					runtime.Gosched()
				}
				for i := range perUser {
					c := &calls[u][i]
					c.from = time.Since(epoch)
					switch c.name {
					case "Set":
						e.Set()
					case "Clear":
						e.Clear()
					case "Done":
						done = e.Done()
					case "receive":
						c.result = isClosed(done)
					case "IsSet":
						c.result = e.IsSet()
					case "WaitTimeout":
						c.result = e.WaitTimeout(0)
					case "WaitContext":
						c.result = e.WaitContext(cancelled) == nil
					}
					c.to = time.Since(epoch)
				}
			})
		}
		wg.Wait()
		start := model{closed: [users]int{1, 1, 1}}
		if !linearizable(start, &calls, [users]int{}) {
			t.Fatalf("no order explains these calls:\n%v\n%v\n%v", calls[0], calls[1], calls[2])
		}
	}
}
