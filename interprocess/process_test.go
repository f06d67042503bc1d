//go:build unix || windows

package interprocess

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func init() {
	roles["wait"] = func(e *Event) {
		fmt.Println("waiting", e)
		e.Wait()
		fmt.Println("released", e)
	}
	roles["set"] = func(e *Event) { e.Set() }
	roles["use"] = func(e *Event) { // what a fresh process can do
		e.Set()
		e.Wait()
		e.Clear()
		cleared := !e.IsSet() && !e.WaitTimeout(time.Millisecond)
		e.Set()
		e.Clear()
		e.Set()
		set := e.IsSet() && e.WaitTimeout(0)
		e.Clear()
		fmt.Println("works", cleared, set)
	}
}

// worksInChild checks that a fresh process can use e.
func worksInChild(t testing.TB, e *Event) {
	t.Helper()
	c := start(t, e, "use")
	c.says("works true true")
	c.kill()
}

// The event lives on in the children when the parent has closed its handle.
func TestChildren(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		a, b := handles(t)
		n := 5
		if mode == modes()[0] {
			n = max(n, rounds(60)) // each may need one of the 128 inotify instances of a user
		}
		var waiters []*child
		for range n {
			waiters = append(waiters, start(t, a, "wait"))
		}
		for _, c := range waiters {
			c.says("waiting unset")
		}
		require.NoError(t, a.Close())
		start(t, b, "set")
		for _, c := range waiters {
			c.says("released set")
		}
		within(t, "the parent's wait", b.Wait)
		b.Clear()
		worksInChild(t, b)
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
		n := rounds(30_000)
		if mode != oneStep {
			n /= 10
		}
		e := newTest(t)
		name := tempPath(t)
		counter, err := Create(name) // for the memory of its word
		closing(t, counter, err)
		other, err := Create(name + "2")
		closing(t, other, err)
		for range pulseParties - 1 {
			start(t, e, "pulse", name, fmt.Sprint(n))
		}
		done := make(chan struct{})
		go func() {
			pulse([]*Event{e, other}, counter.word.Uint32, n)
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
		arrives(t, "the waits of this process", done)
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
		pulse([]*Event{e, other}, counter.word.Uint32, n)
		runtime.KeepAlive(counter)
	}
}

// Processes that use one event in every way are killed at random, and others
// take their place. Another process that sets, clears and waits survives.
func TestKillStorm(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		survivor := start(t, e, "survivor")
		var victims [3]*child
		for i := range victims {
			victims[i] = startVictim(t, e)
		}
		for n := range rounds(100) {
			victim := &victims[n%len(victims)]
			for range rand.IntN(20) {
				e.Set() // so that its waits end
				e.Clear()
			}
			(*victim).kill()
			*victim = startVictim(t, e)
			if n%20 == 0 {
				within(t, "Set, Clear and a wait", func() {
					for !e.WaitTimeout(time.Millisecond) {
						e.Set()
					}
					e.Clear()
				})
			}
		}
		for _, victim := range victims {
			victim.kill()
		}
		e.Set()
		survivor.stop()
		survivor.says("survived")
		e.Clear()
		worksInChild(t, e)
	})
}

// startVictim starts a victim, and returns when it has begun to use e.
func startVictim(t *testing.T, e *Event) *child {
	c := start(t, e, "victim", fmt.Sprint(rand.Uint64()))
	within(t, "a victim to start", func() { c.lines.ReadByte() })
	return c
}

func init() {
	roles["victim"] = func(e *Event) {
		var seed uint64
		fmt.Sscan(os.Args[1], &seed)
		r := rand.New(rand.NewPCG(seed, 2))
		os.Stdout.WriteString("x")
		for {
			randomCall(e, r, 2*time.Millisecond)
		}
	}

	// In each round, one goroutine waits and must be released by the Set that
	// follows.
	roles["survivor"] = func(e *Event) {
		for !stopped.Load() {
			released := e.startWait(e.generation(), limit{})
			for !e.hasLeader() && !e.IsSet() && len(released) == 0 {
				runtime.Gosched()
			}
			e.Set()
			select {
			case <-released:
			case <-time.After(hang / 2):
				fmt.Println("stuck")
				os.Exit(1)
			}
			e.Clear()
			time.Sleep(time.Millisecond) // leaves the processor to others
		}
		fmt.Println("survived")
	}
}
