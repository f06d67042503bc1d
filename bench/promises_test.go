package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/event"
)

// promises has the rows of the table in README.md, and an event that breaks the
// promise if no rival does. The table says what the checks must report.
var promises = []struct {
	name   string
	check  func(e rival) bool
	broken func() rival
}{
	{zeroValue, isUsable, nil},
	{"`Set`, then `Clear` at once, releases all waiters", pulseReleases, func() rival { return retest{newCond()} }},
	{"a set event wins over a canceled context", winsTies, nil},
	{channelFirst, closesFirst, func() rival { return new(flagFirst) }},
	{"a `Set` that is still running does not undo `Clear`", clearHolds, func() rival { return new(flagFirst) }},
	{"a wait that gives up leaves no goroutine", leavesNothing, func() rival { return leaky{event.New()} }},
	{"`WaitTimeout` is never false too early", isNeverEarly, func() rival { return early{event.New()} }},
	{"`Set`, `IsSet` and `Clear` do not allocate if nobody waits", allocatesNothing, nil},
}

const (
	zeroValue    = "the zero value is usable"
	channelFirst = "once the flag is true, the channel is closed"
	raceFree     = "no data race (`-race`)" // the last row, checked in another process
	yes, no      = "yes", "**no**"
)

func check(t *testing.T, newEvent func() rival, kept func(rival) bool) (cell string) {
	synctest.Test(t, func(*testing.T) {
		cell = no
		if kept(newEvent()) {
			cell = yes
		}
	})
	return cell
}

func TestPromises(t *testing.T) {
	table := promiseTable(t)
	raceTest := filepath.Join(t.TempDir(), "race.test")
	if out, err := exec.Command("go", "test", "-race", "-c", "-o", raceTest).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, r := range rivals {
		t.Run("impl="+r.name, func(t *testing.T) {
			for _, p := range promises {
				newEvent := r.new
				if p.name == zeroValue {
					newEvent = r.zero
				}
				got := check(t, newEvent, p.check)
				if p.name == channelFirst && watch(newEvent()) == nil {
					got = "–"
				}
				if want := table[p.name][i]; got != want {
					t.Errorf("%s: %s, but README.md says %s", p.name, got, want)
				}
			}
			got := yes
			out, err := exec.Command(raceTest, "-test.run=^TestConcurrentUse$/^impl="+r.name+"$").CombinedOutput()
			if bytes.Contains(out, []byte("WARNING: DATA RACE")) {
				got = no
			} else if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if want := table[raceFree][i]; got != want {
				t.Errorf("%s: %s, but README.md says %s", raceFree, got, want)
			}
		})
	}
}

func TestPromisesFindFaults(t *testing.T) {
	table := promiseTable(t)
	for _, p := range promises {
		if p.broken == nil && !slices.Contains(table[p.name], no) {
			t.Errorf("%s: all rivals keep it, and there is no faulty event", p.name)
		}
		if p.broken != nil && check(t, p.broken, p.check) != no {
			t.Errorf("%s: the check does not find the fault", p.name)
		}
	}
}

// promiseTable returns the cells of each row of the table in README.md.
func promiseTable(t *testing.T) map[string][]string {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	table := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, " | "); len(cells) == 1+len(rivals) {
			cells[len(rivals)] = strings.TrimSuffix(cells[len(rivals)], " |\n")
			table[strings.TrimPrefix(cells[0], "| ")] = cells[1:]
		}
	}
	for i, r := range rivals {
		if got := table["promise"][i]; got != r.name {
			t.Fatalf("column %d of the promises in README.md is %q, want %q", i+1, got, r.name)
		}
	}
	if got, want := len(table), 2+len(promises); got != want { // with the head and raceFree
		t.Fatalf("the table in README.md has %d lines, want %d", got, want)
	}
	return table
}

// A retest tests the flag after it wakes, as the documentation of sync.Cond shows.
type retest struct{ *cond }

func (e retest) Wait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.set {
		e.cond.cond.Wait()
	}
}

// A flagFirst sets its flag before it closes its channel.
type flagFirst struct {
	event.Event
	flag atomic.Bool
}

func (e *flagFirst) Set()        { e.flag.Store(true); runtime.Gosched(); e.Event.Set() }
func (e *flagFirst) Clear()      { e.flag.Store(false); e.Event.Clear() }
func (e *flagFirst) IsSet() bool { return e.flag.Load() }

// A leaky leaves the goroutine behind in which it waits.
type leaky struct{ *event.Event }

func (e leaky) WaitTimeout(d time.Duration) bool {
	set := make(chan struct{})
	go func() { e.Wait(); close(set) }()
	return within(d, set)
}

type early struct{ *event.Event }

func (e early) WaitTimeout(d time.Duration) bool { return e.Event.WaitTimeout(d - 1) }

func isUsable(e rival) (ok bool) {
	defer func() { ok = recover() == nil && ok }()
	if e.IsSet() || e.WaitTimeout(1) {
		return false
	}
	e.Set()
	e.Wait()
	e.Clear()
	return !e.IsSet()
}

func pulseReleases(e rival) bool {
	var released atomic.Int32
	for range 10 {
		go func() { e.Wait(); released.Add(1) }()
		go func() {
			if e.WaitTimeout(time.Hour) && e.WaitContext(context.Background()) == nil {
				released.Add(1)
			}
		}()
	}
	for range 2 { // the second pulse is for WaitContext
		synctest.Wait()
		e.Set()
		e.Clear()
	}
	synctest.Wait()
	defer e.Set() // ends those that are left
	return released.Load() == 20
}

func winsTies(e rival) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e.Set()
	for range 100 { // a select chooses at random
		if e.WaitContext(ctx) != nil {
			return false
		}
	}
	return true
}

// rounds are many more than it takes to find a Set that yields between two steps.
const rounds = 1000

func closesFirst(e rival) bool {
	for range rounds {
		isClosed := watch(e)
		returned := setInBackground(e)
		if isClosed != nil && !isClosed() {
			return false
		}
		<-returned
		e.Clear()
	}
	return true
}

func clearHolds(e rival) bool {
	for range rounds {
		returned := setInBackground(e)
		e.Clear()
		<-returned
		if e.IsSet() || e.WaitTimeout(time.Minute) {
			return false
		}
	}
	return true
}

// setInBackground returns when the flag is true. Set may still be running.
func setInBackground(e rival) (returned chan bool) {
	returned = make(chan bool, 1)
	go func() {
		e.Set()
		returned <- true
	}()
	for !e.IsSet() {
		runtime.Gosched()
	}
	return returned
}

// watch takes the channel of e, if there is one, for a function that reports
// whether it is closed.
func watch(e rival) func() bool {
	switch e := e.(type) {
	case exsyncEvent:
		c := e.GetChan()
		return func() bool { return isClosed(c) }
	case interface{ Done() <-chan struct{} }:
		c := e.Done()
		return func() bool { return isClosed(c) }
	}
	return nil
}

func leavesNothing(e rival) bool {
	const waits = 100
	before := runtime.NumGoroutine()
	for range waits {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		e.WaitContext(ctx)
		cancel()
		e.WaitTimeout(time.Minute)
	}
	synctest.Wait()
	defer e.Set() // ends those that are left
	return runtime.NumGoroutine() < before+waits/2
}

func isNeverEarly(e rival) bool {
	go e.WaitTimeout(time.Second) // may wake all when it gives up
	time.AfterFunc(2*time.Hour, func() { e.Set(); e.Clear() })
	for range 3 {
		start := time.Now()
		if !e.WaitTimeout(time.Hour) && time.Since(start) < time.Hour {
			return false
		}
	}
	return true
}

func allocatesNothing(e rival) bool {
	return testing.AllocsPerRun(100, func() { e.Set(); e.IsSet(); e.Clear() }) == 0
}

// TestConcurrentUse fails under -race for the rivals of which README.md says so.
func TestConcurrentUse(t *testing.T) {
	for _, r := range rivals {
		t.Run("impl="+r.name, func(t *testing.T) {
			e, written := r.new(), false
			var waiters sync.WaitGroup
			for _, f := range []func(){
				e.Wait,
				e.Wait,
				func() { e.WaitTimeout(time.Millisecond) },
				func() { e.WaitContext(t.Context()) },
				func() { e.IsSet() },
			} {
				waiters.Go(func() {
					e.Wait()
					if !written {
						t.Error("released before Set")
					}
					for range 100 {
						f()
					}
				})
			}
			written = true
			var finished atomic.Bool
			go func() { waiters.Wait(); finished.Store(true) }()
			for !finished.Load() {
				e.Set()
				e.Clear()
			}
		})
	}
}
