//go:build unix || windows

package interprocess

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func init() {
	roles["wait"] = func(e *Event) {
		fmt.Println("waiting", e)
		e.Wait()
		fmt.Println("released", e)
	}
	roles["set"] = func(e *Event) { e.Set() }
	roles["use"] = func(e *Event) { // what a fresh process must be able to do
		e.Set()
		e.Wait()
		e.Clear()
		if e.IsSet() || e.WaitTimeout(time.Millisecond) {
			fmt.Println("set after Clear")
			return
		}
		e.Set()
		e.Clear()
		e.Set()
		if !e.WaitTimeout(0) {
			fmt.Println("unset after Set")
			return
		}
		e.Clear()
		fmt.Println("works")
	}
	roles["no inheritance"] = func(e *Event) {
		_, err := Inherited("other")
		fmt.Println("other:", err != nil)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "EVENT_TEST_ROLE=set") // GOEVENT_test is passed on; the descriptor is not
		out, err := cmd.Output()
		fmt.Println("grandchild:", err != nil && len(out) > 0)
		out, _ = exec.Command("ls", "-l", "/proc/self/fd").Output()
		fmt.Println("descriptors:", strings.Count(string(out), ".goevent-"))
	}
}

func TestChildren(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		var waiters []*child
		for range 5 {
			waiters = append(waiters, start(t, e, "wait"))
		}
		for _, c := range waiters {
			c.says("waiting unset")
		}
		setter := start(t, e, "set")
		for _, c := range waiters {
			c.says("released set")
		}
		within(t, "the parent's wait", e.Wait)
		setter.Wait()
		e.Clear()
		start(t, e, "use").says("works")
	})
}

// Descriptors reach only the children they were shared with.
func TestInheritance(t *testing.T) {
	c := start(t, newTest(t), "no inheritance")
	c.says("other: true")
	c.says("grandchild: true")
	c.says("descriptors: 0")
}

// Two events under two names go to one child, which tells them apart.
func TestShareTwo(t *testing.T) {
	a, b := newTest(t), newTest(t)
	cmd := command(t, a, "two")
	check1(t, b.Share(cmd, "second"))
	_, err := cmd.StdinPipe()
	check1(t, err)
	out, err := cmd.Output()
	if err != nil || !a.IsSet() || b.IsSet() {
		t.Errorf("%v, %s: a is %v, b %v", err, out, a, b)
	}
}

func init() {
	roles["two"] = func(a *Event) {
		b, err := Inherited("second")
		if err != nil || b.IsSet() {
			fmt.Println(err)
			os.Exit(1)
		}
		b.Set()
		a.Set()
		a.Wait()
		b.Clear()
	}
}

// Promise: no pulse is lost on those who wait, here and in four other processes.
// In each round all take note of the generation and count themselves; the last
// to do so sets and at once clears, when most of the others are asleep. Whoever
// misses a pulse is missing in the next round. Two events take turns, so that
// nobody has to wait for the end of a Clear: who makes it counts next after it.
func TestPulses(t *testing.T) {
	const children = 4
	everyPath(t, func(t *testing.T) {
		rounds := count(100000)
		if forced != paths[0] || cap(sleepers()) == 0 {
			rounds /= 50
		}
		e := newTest(t)
		name := tempPath(t)
		counter, err := Create(name) // shared memory: only its word is used
		check1(t, err)
		defer counter.Close()
		other, err := Create(name + "2")
		check1(t, err)
		defer other.Close()
		for range children {
			start(t, e, "pulse", name, fmt.Sprint(rounds))
		}
		done := make(chan struct{})
		go func() {
			pulse([]*Event{e, other}, counter.word, rounds)
			close(done)
		}()
		total := uint32((children + 1) * rounds)
		for seen, since := uint32(0), time.Now(); seen < total; time.Sleep(time.Millisecond) {
			if n := counter.word.Load(); n != seen {
				seen, since = n, time.Now()
			} else if time.Since(since) > hang {
				t.Fatalf("in round %d only %d are left of %d", seen/(children+1), seen%(children+1), children+1)
			}
		}
		within(t, "the waits of this process", func() { <-done })
		runtime.KeepAlive(counter)
	})
}

func pulse(events []*Event, counter *atomic.Uint32, rounds int) {
	const parties = 5
	for round := range rounds {
		e := events[round%2]
		generation := e.word.Load() &^ asleep
		if counter.Add(1)%parties == 0 {
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
		var rounds int
		fmt.Sscan(os.Args[2], &rounds)
		pulse([]*Event{e, other}, counter.word, rounds)
		counter.Close() // it is not unmapped before
	}
}

// A storm of random kills among processes that all use one event. A survivor
// makes progress all the time: its waits end when it sets the event.
func TestKillStorm(t *testing.T) {
	kills, victims := count(2000), 3
	e := newTest(t)
	survivor := start(t, e, "survivor")
	running := make([]*exec.Cmd, victims)
	reader := make([]*bufio.Reader, victims)
	startVictim := func(i int) {
		cmd := plain(t, command(t, e, "victim", fmt.Sprint(rand.Uint64())))
		out, err := cmd.StdoutPipe()
		check1(t, err)
		_, err = cmd.StdinPipe()
		check1(t, err)
		check1(t, cmd.Start())
		running[i], reader[i] = cmd, bufio.NewReader(out)
	}
	for i := range running {
		startVictim(i)
	}
	defer func() {
		for _, c := range running {
			c.Process.Kill()
			c.Wait()
		}
	}()
	for n := range kills {
		i := n % victims
		reader[i].ReadByte() // it has begun
		for range rand.IntN(20) {
			e.Set() // wakes it, or makes it return
			e.Clear()
		}
		check1(t, running[i].Process.Kill())
		running[i].Wait()
		startVictim(i)
		if n%20 == 0 {
			within(t, "Set, Clear and a wait of a survivor", func() {
				for !e.WaitTimeout(time.Millisecond) {
					e.Set()
				}
				e.Clear()
			})
		}
	}
	for _, c := range running {
		c.Process.Kill()
		c.Wait()
	}
	e.Clear()
	e.Set()
	survivor.stop()
	survivor.says("survived")
	e.Clear()
	start(t, e, "use").says("works")
}

func init() {
	roles["survivor"] = func(e *Event) {
		for !stopped.Load() {
			done := make(chan struct{}, 1)
			go func() { // somebody waits, and must be woken by the Set that follows
				e.waitFor(e.word.Load()&^(set|asleep), limit{})
				done <- struct{}{}
			}()
			for !e.hasLeader() && !e.IsSet() && len(done) == 0 {
				runtime.Gosched()
			}
			e.Set()
			select {
			case <-done:
			case <-time.After(hang / 2):
				fmt.Println("stuck")
				os.Exit(1)
			}
			e.Clear()
			time.Sleep(time.Millisecond) // leaves the processor to others
		}
		fmt.Println("survived")
	}
	roles["victim"] = func(e *Event) {
		var seed uint64
		fmt.Sscan(os.Args[1], &seed)
		r := rand.New(rand.NewPCG(seed, 2))
		os.Stdout.WriteString("x")
		for {
			switch r.IntN(5) {
			case 0:
				e.Set()
			case 1:
				e.Clear()
			case 2:
				_ = e.IsSet()
			case 3:
				e.WaitTimeout(time.Duration(r.IntN(2000)) * time.Microsecond)
			case 4:
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
				e.WaitContext(ctx)
				cancel()
			}
		}
	}
}
