package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/event/bench/rival"
)

// What the adapters can do must be what their competitors can do, and they
// must do it.
func TestAdapters(t *testing.T) {
	const all = "flag wait timeout context clear watch"
	want := map[string]string{
		rival.This:                    all,
		rival.Channel:                 "flag wait timeout context",
		rival.Bool:                    "flag clear",
		rival.Cond:                    "flag wait timeout context clear",
		"mutex+channel":               all,
		"exsync.Event":                all,
		"missinggo.SynchronizedEvent": all,
		"context.WithCancel":          "flag wait timeout context",
		"sync.WaitGroup":              "wait",
		"notify.Notifier":             "wait pulse",
		"sync2.Fence":                 "flag wait timeout context",
	}
	for _, r := range rival.All {
		t.Run(r.Name, func(t *testing.T) {
			if got := abilities(r.New()); got != want[r.Name] {
				t.Errorf("can do %q, want %q", got, want[r.Name])
			}
			exercise(t, r.New())
		})
	}
}

func abilities(e any) string {
	var s []string
	add := func(name string, ok bool) {
		if ok {
			s = append(s, name)
		}
	}
	_, ok := e.(rival.Flag)
	add("flag", ok)
	_, ok = e.(rival.Wait)
	add("wait", ok)
	_, ok = e.(rival.Timeout)
	add("timeout", ok)
	_, ok = e.(rival.Context)
	add("context", ok)
	_, ok = e.(rival.Clear)
	add("clear", ok)
	_, ok = e.(rival.Selectable)
	add("watch", ok)
	_, ok = e.(rival.Pulse)
	add("pulse", ok)
	return strings.Join(s, " ")
}

// exercise takes e from unset to set and, if it can, back.
func exercise(t *testing.T, e any) {
	set := false
	check := func() {
		t.Helper()
		if e, ok := e.(rival.Flag); ok && e.IsSet() != set {
			t.Errorf("IsSet is %v, want %v", !set, set)
		}
		if e, ok := e.(rival.Timeout); ok && e.WaitTimeout(time.Millisecond) != set {
			t.Errorf("WaitTimeout is %v, want %v", !set, set)
		}
		if e, ok := e.(rival.Context); ok {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if err := e.WaitContext(ctx); (err == nil) != set || err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("WaitContext is %v if set is %v", err, set)
			}
		}
		if e, ok := e.(rival.Selectable); ok && e.Watch()() != set {
			t.Errorf("channel closed is %v, want %v", !set, set)
		}
	}
	check()
	var waiting sync.WaitGroup
	if e, ok := e.(rival.Wait); ok {
		waiting.Go(e.Wait)
		settle()
	}
	release(e)()
	waiting.Wait()
	set = true
	check()
	if e, ok := e.(rival.Clear); ok {
		e.Clear()
		set = false
		check()
	}
}

// A question that nobody can fail is none: each of these fails one.
func TestQuestionsFindFaults(t *testing.T) {
	tests := []struct {
		question string
		new      func() any
	}{
		{"zero value usable", func() any { return wrong{Resettable: good()} }},
		{"Set, Clear: all who wait go on", func() any { return &stranding{Resettable: good()} }},
		{"set, context cancelled: success", func() any { return hasty{good()} }},
		{askChannel, func() any { return &early{Resettable: good()} }},
		{"nobody waits: nothing allocated", func() any { return wasteful{good()} }},
	}
	for _, test := range tests {
		t.Run(test.question, func(t *testing.T) {
			i := slices.IndexFunc(questions(), func(q question) bool { return q.name == test.question })
			q := questions()[i]
			bad := q.ask(rival.Rival{New: test.new, Zero: test.new})
			if bad.Passed == bad.Rounds {
				t.Errorf("the fault was not seen in %d rounds", bad.Rounds)
			}
			this := q.ask(rival.All[0])
			if this.Passed < this.Rounds {
				t.Errorf("this library: %d of %d", this.Passed, this.Rounds)
			}
		})
	}
}

func good() rival.Resettable { return rival.All[0].New().(rival.Resettable) }

type wrong struct{ rival.Resettable }

func (wrong) Wait()              { panic("not made by its constructor") }
func (wrong) Watch() func() bool { return nil }

// A stranding event tests the flag again.
type stranding struct{ rival.Resettable }

func (e *stranding) Wait() {
	for !e.IsSet() {
		e.Resettable.Wait()
	}
}

type hasty struct{ rival.Resettable }

func (e hasty) WaitContext(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return e.Resettable.WaitContext(ctx)
}

// An early event has its flag set before its channel is closed.
type early struct {
	rival.Resettable
	set atomic.Bool
}

func (e *early) Set()               { e.set.Store(true); e.Resettable.Set() }
func (e *early) IsSet() bool        { return e.set.Load() }
func (e *early) Watch() func() bool { return e.Resettable.(rival.Selectable).Watch() }

type wasteful struct{ rival.Resettable }

var garbage []byte

func (e wasteful) Clear() { garbage = make([]byte, 1); e.Resettable.Clear() }

// After settle every waiter is parked where it waits.
func TestSettle(t *testing.T) {
	const waiters = 1000
	for _, r := range rival.All {
		e := r.New()
		w, ok := e.(rival.Wait)
		if !ok {
			continue
		}
		var wg sync.WaitGroup
		for range waiters {
			wg.Go(w.Wait)
		}
		settle()
		buf := make([]byte, 4<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		parked := 0
		for _, state := range []string{"[chan receive", "[select", "[sync.Cond.Wait", "[sync.WaitGroup.Wait"} {
			parked += strings.Count(stacks, state)
		}
		if parked < waiters || strings.Contains(stacks, "[runnable") || strings.Contains(stacks, "[sync.Mutex.Lock") {
			t.Errorf("%s: %d are parked, want %d", r.Name, parked, waiters)
		}
		release(e)()
		wg.Wait()
	}
}

func TestBroadcastCounts(t *testing.T) {
	for _, r := range rival.All {
		ns, bytes, ok := broadcast(r, 100, 10)
		if _, can := r.New().(rival.Wait); ok != can || can && (ns <= 0 || bytes < 1024) {
			t.Errorf("%s: %v ns, %v bytes, %v", r.Name, ns, bytes, ok)
		}
	}
}

func TestReadmesShowTheResults(t *testing.T) {
	r, err := readResults("results.json")
	if err != nil {
		t.Fatal(err)
	}
	err = eachReadme(func(file, text string) error {
		if r.fill(text) != text {
			t.Errorf("%s does not show results.json: run 'go run . -draw'", file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range r.blocks() {
		if !strings.Contains(string(b), block) {
			t.Errorf("README.md lacks the block %q", name)
		}
	}
}

// Values follow from each other in the results.
func TestResultsAddUp(t *testing.T) {
	r, err := readResults("results.json")
	if err != nil {
		t.Fatal(err)
	}
	if r.Command != "go run ." {
		t.Errorf("results of %q, want a full run", r.Command)
	}
	summed := *r
	summed.Figures = slices.Clone(r.Figures)
	summed.sum()
	for i, f := range summed.Figures {
		was := r.Figures[i]
		if f.Median != was.Median || f.Spread != was.Spread || f.Ratio != was.Ratio {
			t.Errorf("%s, %s: median, spread or ratio do not follow from the values", f.Work, f.Rival)
		}
	}
}

func TestCharts(t *testing.T) {
	checkCharts(t, ".")
}

// A quick run and what is drawn from it again have charts too.
func TestQuick(t *testing.T) {
	dir := t.TempDir()
	for _, draw := range []bool{false, true} {
		if err := run(!draw, draw, dir); err != nil {
			t.Fatal(err)
		}
		checkCharts(t, dir)
	}
}

// checkCharts checks that the charts in dir are well-formed and of the results there.
func checkCharts(t *testing.T, dir string) {
	t.Helper()
	r, err := readResults(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"summary.svg", "works.svg", "parallel.svg", "growth.svg"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		d := xml.NewDecoder(bytes.NewReader(b))
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if chars, ok := token.(xml.CharData); ok {
				text += string(chars)
			}
		}
		for _, want := range []string{rival.This, strings.TrimSpace(r.conditions())} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
}

// Results that can't be written are said so before minutes of measuring.
func TestUnwritable(t *testing.T) {
	if err := run(true, false, "no such directory"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}

func TestRaceQuestion(t *testing.T) {
	var asked []rival.Rival
	for _, r := range rival.Asked() {
		if r.Name == rival.This || r.Name == "exsync.Event" {
			asked = append(asked, r)
		}
	}
	for _, a := range askRaces(asked, 3) {
		if a.Note != "" {
			t.Skip(a.Note)
		}
		if want := a.Rival == rival.This; (a.Passed == a.Rounds) != want {
			t.Errorf("%s: clean in %d of %d, want all: %v", a.Rival, a.Passed, a.Rounds, want)
		}
	}
}

func TestHangFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		defer close(hung)
		q := question{rounds: 3, try: func(rival.Rival) bool { <-hung; return true }}
		if a := q.ask(rival.All[0]); a.Passed != 0 || a.Rounds != 1 {
			t.Errorf("passed %d of %d, want 0 of 1", a.Passed, a.Rounds)
		}
	})
}
