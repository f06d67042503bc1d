package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/event"
)

// TestInterleavings runs a few concurrent calls in all orders of their steps that
// need few preemptions. Each history must be linearizable, and a wait that is
// still blocked at the end must not have been released.
func TestInterleavings(t *testing.T) { runInstrumented(t, explore) }

// TestNoCallWaitsForSetThatWakesWaiters is the same for one call of Set that goes
// on after closing the channel only when no other call can.
func TestNoCallWaitsForSetThatWakesWaiters(t *testing.T) { runInstrumented(t, exploreHeldSet) }

// runInstrumented runs a test in a bubble of a process that has the instrumented
// copy of event.go.
func runInstrumented(t *testing.T, test func(*testing.T)) {
	if os.Getenv(child) != "" {
		synctest.Test(t, test)
		return
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command to build the copy with:", err)
	}
	original, err := filepath.Abs("event.go")
	require.NoError(t, err)
	dir := t.TempDir()
	copied, overlay := filepath.Join(dir, "event.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: copied}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, instrument(t, original), 0o600))
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))
	run := exec.Command(goTool, "test", "-count=1", "-overlay", overlay, "-run", "^"+t.Name()+"$", "-v", "-cpu", "1",
		fmt.Sprintf("-short=%t", testing.Short()), ".")
	run.Env = append(os.Environ(), child+"=1")
	out, err := run.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}

// instrument returns the Go file with accesses to shared state made steps: it has
// the types of export_test.go in place of those of sync and sync/atomic, and calls
// the functions there to close, receive, select, and read or write a plain field.
func instrument(t *testing.T, path string) []byte {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution) // without comments
	require.NoError(t, err)
	synchronized := map[string]bool{"sync": true, "atomic": true}
	plain, stepped := map[string]bool{}, map[ast.Node]bool{}
	call := func(f string, arg ast.Expr) ast.Expr {
		return &ast.CallExpr{Fun: ast.NewIdent(f), Args: []ast.Expr{arg}}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			if synchronized[strings.Trim(filepath.Base(n.Path.Value), `"`)] {
				n.Name = ast.NewIdent("_")
			}
		case *ast.StructType:
			for _, field := range n.Fields.List {
				if typ, ok := field.Type.(*ast.SelectorExpr); ok && synchronized[typ.X.(*ast.Ident).Name] {
					field.Type = typ.Sel
				} else {
					for _, name := range field.Names {
						plain[name.Name] = true
					}
				}
			}
		case *ast.AssignStmt:
			for _, x := range n.Lhs {
				if field, ok := x.(*ast.SelectorExpr); ok && plain[field.Sel.Name] {
					field.X = call("BeforeWrite", field.X)
					stepped[field] = true
				}
			}
		case *ast.SelectorExpr:
			if plain[n.Sel.Name] && !stepped[n] {
				n.X = call("BeforeRead", n.X)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "close" {
				f.Name = "Close"
			}
		case *ast.SelectStmt: // a step before the first of its channels is evaluated, if it can block
			for i, clause := range n.Body.List {
				receive := clause.(*ast.CommClause).Comm
				if receive == nil {
					continue
				}
				x := receive.(*ast.ExprStmt).X.(*ast.UnaryExpr)
				if i == 0 && n.Body.List[len(n.Body.List)-1].(*ast.CommClause).Comm != nil {
					x.X = call("BeforeSelect", x.X)
				}
				stepped[receive], stepped[x] = true, true
			}
		case *ast.ExprStmt:
			if x, ok := n.X.(*ast.UnaryExpr); ok && !stepped[n] {
				n.X = call("Receive", x.X)
			}
		case *ast.UnaryExpr:
			require.True(t, n.Op != token.ARROW || stepped[n], "%v: a receive that is not a statement", fset.Position(n.Pos()))
		}
		return true
	})
	var text bytes.Buffer
	require.NoError(t, format.Node(&text, fset, file))
	return text.Bytes()
}

// calls are all methods. A call that tests the flag is followed by a test of the
// channel.
var calls = [][]string{
	{"Set"}, {"Clear"}, {"Swap(true)"}, {"Swap(false)"},
	{"IsSet", "receive"}, {"String", "receive"}, {"Done", "receive"},
	{"Wait", "receive"}, {"WaitTimeout(d)"}, {"WaitContext(cancelled)"},
}

// explore runs every sequence of two calls concurrently with every call, and
// every three calls concurrently, on an unset, a set and an awaited event, and
// longer sequences in which a call that meets a Set falls behind by a whole release.
func explore(t *testing.T) {
	s := newScheduler()
	for _, before := range [][]string{{}, {"Set"}, {"Done"}} {
		awaited := slices.Equal(before, []string{"Done"})
		for i, a := range calls {
			if awaited {
				s.exhaust(t, before, a, []string{"Set", "Clear", "Done"})
			}
			for j, b := range calls {
				if awaited {
					s.exhaust(t, before, []string{"Set"}, slices.Concat(a, b, []string{"Set"}))
				}
				for k, c := range calls {
					s.exhaust(t, before, slices.Concat(a, b), c)
					if i <= j && j <= k && !testing.Short() {
						s.exhaust(t, before, a, b, c)
					}
				}
			}
		}
	}
	t.Logf("%d schedules of %d programs", s.schedules, s.programs)
}

// exploreHeldSet runs every sequence of two calls concurrently with a Set that
// releases a waiter.
func exploreHeldSet(t *testing.T) {
	s := newScheduler()
	s.hold = true
	for _, a := range calls {
		for _, b := range calls {
			s.exhaust(t, []string{"Done"}, []string{"Set"}, slices.Concat(a, b))
		}
	}
	t.Logf("%d schedules of %d programs", s.schedules, s.programs)
}

// preemptions is how often a schedule may switch from a thread that can go on.
const preemptions = 2

// A scheduler runs threads one step at a time. Between steps every thread is
// blocked: in step, or in a wait for the event.
type scheduler struct {
	threads   []*thread
	running   *thread // the thread that took the last step
	hold      bool    // whether a Set that has closed the channel goes on last
	clock     int64   // the number of steps
	trace     []move
	choices   []int // the index of the option to take before each step
	options   []int // the number of options there
	programs  int
	schedules int
}

func newScheduler() *scheduler {
	s := new(scheduler)
	event.Step, event.Calls = s.step, s.seen
	return s
}

// A move is a step of a thread or, if thread is 0, the passing of time.
type move struct {
	thread int
	step   string
}

// A thread is a user that takes a step at each of its turns.
type thread struct {
	user
	turn     chan struct{}
	ready    bool        // for its turn
	next     string      // the step that it takes then
	can      func() bool // whether it can take that step, or nil if it always can
	finished bool
	stop     bool // after the call in progress
}

func (th *thread) run(t *testing.T, program []string) {
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v", th.name, p)
		}
	}()
	for _, name := range program {
		th.await(name, nil)
		th.id <<= 1
		th.seen |= th.id
		th.call(t, name)
		if th.stop {
			return
		}
	}
	th.finished = true
}

func (th *thread) await(next string, can func() bool) {
	th.next, th.can, th.ready = next, can, true
	<-th.turn
}

// waits reports whether the thread has begun to wait for the event.
func (th *thread) waits() bool {
	return !th.finished && (!th.ready || th.next == event.BeginSelect || th.next == event.BeginReceive && th.name == "Wait")
}

// step blocks the running thread until its next turn.
func (s *scheduler) step(access string, can func() bool) {
	if s.running != nil && (access != event.Closed || s.hold) {
		s.running.await(access, can)
	}
}

// seen returns the bits of the calls that the running thread has seen.
func (s *scheduler) seen() *uint64 {
	if s.running == nil {
		return new(uint64)
	}
	return &s.running.user.seen
}

// enabled returns the threads that can take a step: first the running one, and
// last nil if a timer runs.
func (s *scheduler) enabled() (options []*thread) {
	var timer, blocked bool
	var held []*thread
	for _, th := range s.threads {
		if th.waits() {
			timer = timer || th.name == "WaitTimeout(d)" && th.expired == 0
			if th.begun == 0 {
				th.begun = s.clock
			}
		}
		switch {
		case th.finished, !th.ready:
		case th.can != nil && !th.can():
			blocked = blocked || !th.waits()
		case s.hold && th.next == event.Closed:
			held = append(held, th)
		case th == s.running:
			options = slices.Insert(options, 0, th)
		default:
			options = append(options, th)
		}
	}
	if timer {
		options = append(options, nil)
	}
	if len(options) == 0 && !blocked {
		return held
	}
	return options
}

// exhaust runs the programs, one in each thread, in all schedules.
func (s *scheduler) exhaust(t *testing.T, before []string, programs ...[]string) {
	s.programs++
	s.choices = nil
	for {
		s.schedules++
		if problem := s.run(t, before, programs); problem != "" || t.Failed() {
			t.Fatalf("%s\nbefore: %v, concurrently: %v, steps: %v", problem, before, programs, s.trace)
		}
		// The next schedule takes the next option at the last point that has one.
		last := len(s.options) - 1
		for last >= 0 && s.choices[last]+1 == s.options[last] {
			last--
		}
		if last < 0 {
			return
		}
		s.choices = append(s.choices[:last], s.choices[last]+1)
	}
}

// run runs the programs in the schedule that begins with s.choices, and appends
// its further choices. It returns what is wrong with the history.
func (s *scheduler) run(t *testing.T, before []string, programs [][]string) (problem string) {
	var e event.Event
	s.threads, s.running, s.clock, s.trace, s.options = nil, nil, 0, s.trace[:0], s.options[:0]
	now := func() int64 { return s.clock }
	main := user{e: &e, now: now}
	for _, name := range before {
		main.call(t, name)
	}
	for i, program := range programs {
		th := &thread{user: user{e: &e, now: now, id: 1 << (8 * i)}, turn: make(chan struct{})}
		s.threads = append(s.threads, th)
		go th.run(t, program)
	}
	for left := preemptions; ; {
		synctest.Wait()
		options := s.enabled()
		if len(options) == 0 {
			break
		}
		if s.clock == 1_000 {
			return "no end after 1,000 steps"
		}
		if options[0] == s.running && left == 0 {
			options = options[:1]
		}
		choice := 0
		if n := len(s.options); n < len(s.choices) {
			choice = s.choices[n]
		} else {
			s.choices = append(s.choices, 0)
		}
		s.options = append(s.options, len(options))
		if choice > 0 && options[0] == s.running {
			left--
		}
		s.clock++
		if th := options[choice]; th == nil {
			s.trace = append(s.trace, move{0, "d passes"})
			for _, th := range s.threads {
				if th.waits() {
					th.expired = s.clock
				}
			}
			time.Sleep(d)
		} else {
			s.trace = append(s.trace, move{slices.Index(s.threads, th) + 1, th.next})
			s.running = th
			th.ready = false
			th.turn <- struct{}{}
		}
	}

	s.clock++
	s.running = nil
	h := history{nil}
	for i, th := range s.threads {
		if th.ready && !th.waits() {
			return fmt.Sprintf("user %d cannot take the step %s of %s", i+1, th.next, th.name)
		}
		if !th.finished {
			th.expired = s.clock
			th.record(false)
			th.stop = true
		}
		h = append(h, th.calls)
	}
	main.call(t, "receive")
	main.call(t, "IsSet")
	h[0] = main.calls
	e.Clear()
	e.Done() // locks the mutex
	e.Set()  // ends the waits that nothing else ended
	for _, th := range s.threads {
		if th.ready {
			th.turn <- struct{}{}
		}
	}
	synctest.Wait()
	if !linearizable(model{}, h) {
		return "no order explains these calls:\n" + h.String()
	}
	return ""
}
