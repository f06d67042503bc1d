package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anacrolix/missinggo/v2"
	"go.mau.fi/util/exsync"

	"example.com/event"
)

// A rival is a resettable event.
type rival interface {
	Set()
	Clear()
	IsSet() bool
	Wait()
	WaitTimeout(d time.Duration) bool
	WaitContext(ctx context.Context) error
}

var rivals = []struct {
	name      string
	new, zero func() rival // zero wraps the zero value
}{
	{"event", func() rival { return event.New() }, func() rival { return new(event.Event) }},
	{"sync.Cond", func() rival { return newCond() }, func() rival { return new(cond) }},
	{"mutex+channel", func() rival { return newMutexChan() }, func() rival { return new(mutexChan) }},
	{"exsync", func() rival { return newExsync() }, func() rival { return exsyncEvent{new(exsync.Event)} }},
	{"missinggo", func() rival { return newMissinggo() }, func() rival { return newMissinggo() }},
}

// A cond is an event written by hand around a sync.Cond. It counts its Sets,
// since otherwise a Clear right after a Set would strand waiters.
type cond struct {
	mu   sync.Mutex
	cond sync.Cond // needs an L, so the zero value cannot wait
	set  bool
	sets int
}

func newCond() *cond { e := new(cond); e.cond.L = &e.mu; return e }

func (e *cond) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.set {
		e.set, e.sets = true, e.sets+1
		e.cond.Broadcast()
	}
}

func (e *cond) Clear()      { e.mu.Lock(); defer e.mu.Unlock(); e.set = false }
func (e *cond) IsSet() bool { e.mu.Lock(); defer e.mu.Unlock(); return e.set }
func (e *cond) wake()       { e.mu.Lock(); defer e.mu.Unlock(); e.cond.Broadcast() }

func (e *cond) Wait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for sets := e.sets; !e.set && e.sets == sets; {
		e.cond.Wait()
	}
}

func (e *cond) WaitTimeout(d time.Duration) bool {
	if e.IsSet() {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return e.WaitContext(ctx) == nil
}

// WaitContext wakes all waiters to end one: a sync.Cond cannot choose.
func (e *cond) WaitContext(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set {
		return nil
	}
	defer context.AfterFunc(ctx, e.wake)()
	for sets := e.sets; !e.set && e.sets == sets; e.cond.Wait() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// A mutexChan is an event written by hand, the simple way: Set closes a channel
// and Clear creates another one.
type mutexChan struct {
	mu  sync.Mutex
	set bool
	ch  chan struct{} // nil in the zero value, which cannot be set
}

func newMutexChan() *mutexChan { return &mutexChan{ch: make(chan struct{})} }

func (e *mutexChan) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.set {
		e.set = true
		close(e.ch)
	}
}

func (e *mutexChan) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.set {
		e.set, e.ch = false, make(chan struct{})
	}
}

func (e *mutexChan) IsSet() bool                           { e.mu.Lock(); defer e.mu.Unlock(); return e.set }
func (e *mutexChan) Done() <-chan struct{}                 { e.mu.Lock(); defer e.mu.Unlock(); return e.ch }
func (e *mutexChan) Wait()                                 { <-e.Done() }
func (e *mutexChan) WaitTimeout(d time.Duration) bool      { return within(d, e.Done()) }
func (e *mutexChan) WaitContext(ctx context.Context) error { return unless(ctx, e.Done()) }

// These add what exsync.Event and missinggo.SynchronizedEvent leave to the user.
type (
	exsyncEvent    struct{ *exsync.Event }
	missinggoEvent struct{ *missinggo.SynchronizedEvent }
)

func newExsync() exsyncEvent                                { return exsyncEvent{exsync.NewEvent()} }
func (e exsyncEvent) Wait()                                 { <-e.GetChan() }
func (e exsyncEvent) WaitContext(ctx context.Context) error { return e.Event.Wait(ctx) }

func newMissinggo() missinggoEvent                             { return missinggoEvent{new(missinggo.SynchronizedEvent)} }
func (e missinggoEvent) Done() <-chan struct{}                 { return e.C() }
func (e missinggoEvent) IsSet() bool                           { return isClosed(e.C()) }
func (e missinggoEvent) Wait()                                 { <-e.C() }
func (e missinggoEvent) WaitTimeout(d time.Duration) bool      { return within(d, e.C()) }
func (e missinggoEvent) WaitContext(ctx context.Context) error { return unless(ctx, e.C()) }

// Both test the channel first: it costs little, and the event then wins ties.
func within(d time.Duration, c <-chan struct{}) bool {
	if isClosed(c) {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return unless(ctx, c) == nil
}

func unless(ctx context.Context, c <-chan struct{}) error {
	if isClosed(c) {
		return nil
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func isClosed[T any](c <-chan T) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// promises are those of README.md, each with an event that breaks it.
var promises = []struct {
	name   string
	kept   func(e rival) bool
	broken func() rival
}{
	{"zero value", isUsable, func() rival { return new(mutexChan) }},
	{"no lost wake-up", pulseReleases, func() rival { return retest{newCond()} }},
	{"no early wake-up", func(e rival) bool { _, ok := races(e); return ok }, func() rival { return new(flagFirst) }},
	{"one flag", func(e rival) bool { ok, _ := races(e); return ok }, func() rival { return new(flagFirst) }},
	{"the event wins ties", winsTies, func() rival { return newExsync() }},
	{"no early timeout", isNeverEarly, func() rival { return early{event.New()} }},
	{"nothing left behind", leavesNothing, func() rival { return leaky{event.New()} }},
	{"no allocation", func(e rival) bool {
		return testing.AllocsPerRun(100, func() { e.Set(); e.IsSet(); e.Clear() }) == 0
	}, func() rival { return newMutexChan() }},
}

func check(t *testing.T, newEvent func() rival, kept func(rival) bool) (ok bool) {
	synctest.Test(t, func(*testing.T) { ok = kept(newEvent()) })
	return ok
}

// TestPromises finds the promises that each rival breaks, and compares them with
// those in README.md.
func TestPromises(t *testing.T) {
	for _, p := range promises {
		if check(t, p.broken, p.kept) {
			t.Errorf("%s: the check does not find the fault", p.name)
		}
	}
	readme, _ := os.ReadFile("README.md") // or no line is found
	raceTest := filepath.Join(t.TempDir(), "race.test")
	if out, err := exec.Command("go", "test", "-race", "-c", "-o", raceTest).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, r := range rivals {
		t.Run("impl="+r.name, func(t *testing.T) {
			var broken []string
			for _, p := range promises {
				newEvent := r.new
				if p.name == "zero value" {
					newEvent = r.zero
				}
				if !check(t, newEvent, p.kept) {
					broken = append(broken, p.name)
				}
			}
			out, err := exec.Command(raceTest, "-test.run=^TestUse$/^impl="+r.name+"$").CombinedOutput()
			if bytes.Contains(out, []byte("WARNING: DATA RACE")) {
				broken = append(broken, "no data race")
			} else if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			line := fmt.Sprintf("| %s | %s |\n", r.name, cmp.Or(strings.Join(broken, ", "), "none"))
			if !bytes.Contains(readme, []byte(line)) {
				t.Errorf("README.md does not have the line %s", line)
			}
		})
	}
}

// TestUse is for the race detector: under -race, exsync fails.
func TestUse(t *testing.T) {
	for _, r := range rivals {
		t.Run("impl="+r.name, func(t *testing.T) {
			for _, p := range promises {
				check(t, r.new, p.kept)
			}
		})
	}
}

// Faulty events. A retest tests the flag after it wakes, as the documentation of
// sync.Cond shows.
type retest struct{ *cond }

func (e retest) Wait() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.set {
		e.cond.cond.Wait()
	}
}

type flagFirst struct {
	event.Event
	flag atomic.Bool
}

func (e *flagFirst) Set()        { e.flag.Store(true); runtime.Gosched(); e.Event.Set() }
func (e *flagFirst) Clear()      { e.flag.Store(false); e.Event.Clear() }
func (e *flagFirst) IsSet() bool { return e.flag.Load() }

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
	waited := e.WaitTimeout(1)
	e.Set()
	e.Wait()
	return !waited && e.IsSet()
}

func pulseReleases(e rival) bool {
	var released atomic.Int32
	written := 0 // 1 before Set, which synchronizes before the return of each wait
	for range 10 {
		go func() { e.Wait(); released.Add(int32(written)) }()
		go func() {
			if e.WaitTimeout(time.Hour) && e.WaitContext(context.Background()) == nil {
				released.Add(int32(written))
			}
		}()
	}
	written = 1
	for range 2 { // the second is for WaitContext
		synctest.Wait()
		e.Set()
		e.Clear()
	}
	synctest.Wait()
	defer e.Set() // ends those that are left
	return released.Load() == 20
}

// races calls Clear as soon as the flag is true, when Set may still be running.
// A thousand rounds cannot miss a Set that yields between two steps.
func races(e rival) (oneFlag, noEarlyWakeUp bool) {
	oneFlag, noEarlyWakeUp = true, true
	for range 1000 {
		isClosed := watch(e)
		returned := make(chan bool, 1)
		go func() { e.Set(); returned <- true }()
		for !e.IsSet() {
			runtime.Gosched()
		}
		oneFlag = isClosed() && oneFlag
		e.Clear()
		<-returned
		noEarlyWakeUp = !e.IsSet() && !e.WaitTimeout(time.Minute) && noEarlyWakeUp
		e.Clear()
	}
	return oneFlag, noEarlyWakeUp
}

// watch takes the channel of e, if it has one.
func watch(e rival) (closed func() bool) {
	switch e := e.(type) {
	case exsyncEvent:
		return poll(e.GetChan())
	case interface{ Done() <-chan struct{} }:
		return poll(e.Done())
	}
	return func() bool { return true }
}

func poll[T any](c <-chan T) func() bool { return func() bool { return isClosed(c) } }

func winsTies(e rival) (ok bool) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e.Set()
	ok = true
	for range 100 { // a select chooses at random
		ok = e.WaitContext(ctx) == nil && ok
	}
	return ok
}

func isNeverEarly(e rival) (ok bool) {
	go e.WaitTimeout(time.Second) // may wake all when it gives up
	time.AfterFunc(2*time.Hour, func() { e.Set(); e.Clear() })
	ok = true
	for range 3 {
		start := time.Now()
		ok = (e.WaitTimeout(time.Hour) || time.Since(start) >= time.Hour) && ok
	}
	return ok
}

func leavesNothing(e rival) bool {
	before := runtime.NumGoroutine()
	for range 100 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		e.WaitContext(ctx)
		cancel()
		e.WaitTimeout(time.Minute)
	}
	synctest.Wait()
	defer e.Set() // ends those that are left
	return runtime.NumGoroutine() < before+50
}
