//go:build unix || windows

package interprocess

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Set releases every waiter, even if Clear follows at once. Waits that begin
// late find that their generation has passed.
func TestSetThenClearReleasesEveryWaiter(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for _, n := range []int{1, 16, 1000} {
			a, b := handles(t)
			generation := a.generation()
			var waiters sync.WaitGroup
			for range n {
				waiters.Go(func() { assert.NoError(t, a.waitFor(generation, limit{})) })
			}
			parked(t, a)
			b.Set()
			b.Clear()
			within(t, fmt.Sprint(n, " waits"), waiters.Wait)
		}
	})
}

// The same for every exported wait, which leads and is asleep when the Set comes.
func TestSetThenClearReleasesEveryKindOfWait(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for _, w := range waits {
			a, b := handles(t)
			for range rounds(100) {
				released := make(chan bool)
				go func() { released <- w.wait(a) }()
				parked(t, a)
				b.Set()
				b.Clear()
				within(t, w.name, func() { assert.True(t, <-released, w.name) })
			}
		}
	})
}

// A wait that begins after Clear is not released by the Set before it, even
// while waits of the previous generation still run.
func TestWaitAfterClearWaits(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		for range rounds(200) {
			var waiters sync.WaitGroup
			generation := e.generation()
			for range 4 {
				waiters.Go(func() { e.waitFor(generation, limit{}) })
			}
			parked(t, e)
			e.Set()
			e.Clear()
			require.False(t, e.WaitTimeout(100*time.Microsecond), "released by the Set before the Clear")
			require.False(t, isClosed(e.Done()), "closed by the Set before the Clear")
			within(t, "the waits", waiters.Wait)
		}
	})
}

// A Set that comes when the leader is about to sleep keeps it from sleeping.
func TestSetBeforeTheLeaderSleeps(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		if !sleeps() {
			t.Skip("no leader sleeps in the kernel in this mode")
		}
		for _, pulse := range []bool{false, true} {
			e := newTest(t)
			step := func() {
				e.Set()
				if pulse {
					e.Clear()
				}
			}
			for _, hooks := range []testHooks{{announced: step}, {parking: step}} {
				e.Clear()
				hooked(t, hooks)
				within(t, "the leader", e.Wait)
			}
		}
	})
}

// No waiter misses a pulse, here or in four other processes. In each round,
// every party notes the generation and counts itself; the last sets the event
// and clears it at once, when most of the others are asleep. A party that
// misses a pulse is missing in the next round. Two events take turns, so that
// no party has to wait for the end of a Clear: the party that makes it counts
// itself again only afterwards.
func TestPulses(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		n := rounds(60000)
		if forced != modes[0] || !sleeps() {
			n /= 60
		}
		e := newTest(t)
		name := tempPath(t)
		counter, err := Create(name) // for the memory of its word
		require.NoError(t, err)
		defer counter.Close()
		other, err := Create(name + "2")
		require.NoError(t, err)
		defer other.Close()
		for range pulseParties - 1 {
			start(t, e, "pulse", name, fmt.Sprint(n))
		}
		done := make(chan struct{})
		go func() {
			pulse([]*Event{e, other}, counter.word, n)
			close(done)
		}()
		total := uint32(pulseParties * n)
		for seen, since := uint32(0), time.Now(); seen < total; time.Sleep(time.Millisecond) {
			if now := counter.word.Load(); now != seen {
				seen, since = now, time.Now()
			} else if time.Since(since) > hang {
				t.Fatalf("in round %d only %d of %d parties are left", seen/pulseParties, seen%pulseParties, pulseParties)
			}
		}
		within(t, "the waits of this process", func() { <-done })
	})
}

const pulseParties = 5

func pulse(events []*Event, counter *atomic.Uint32, n int) {
	for round := range n {
		e := events[round%2]
		generation := e.generation()
		if counter.Add(1)%pulseParties == 0 {
			e.Set()
			e.Clear()
		}
		if e.waitFor(generation, limit{}) != nil {
			return
		}
	}
}

func init() {
	roles["pulse"] = func(e *Event) {
		counter, err := Open(os.Args[1])
		if err != nil {
			panic(err)
		}
		other, err := Open(os.Args[1] + "2")
		if err != nil {
			panic(err)
		}
		var n int
		fmt.Sscan(os.Args[2], &n)
		pulse([]*Event{e, other}, counter.word, n)
		runtime.KeepAlive(counter)
	}
}

// Many producers add to a queue and call Set; one consumer waits, clears and
// drains the queue.
func TestConsumerLosesNothing(t *testing.T) {
	const producers, each = 4, 500
	e := newTest(t)
	var mu sync.Mutex
	var queue int
	for range producers {
		go func() {
			for range each {
				mu.Lock()
				queue++
				mu.Unlock()
				e.Set()
			}
		}()
	}
	within(t, "all that was produced", func() {
		for got := 0; got < producers*each; {
			e.Wait()
			e.Clear()
			mu.Lock()
			got += queue
			queue = 0
			mu.Unlock()
		}
	})
}
