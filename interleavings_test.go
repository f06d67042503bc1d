package event_test

import (
	"encoding/json"
	"fmt"
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

// TestInterleavings runs a few concurrent calls on a copy of event.go in which
// every access to shared state is a step, in all orders of the steps that need
// few preemptions. Each history must be linearizable, and a wait that is still
// blocked at the end must not have been released.
func TestInterleavings(t *testing.T) {
	if os.Getenv(child) != "" {
		synctest.Test(t, explore)
		return
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command to build the copy with:", err)
	}
	source, err := os.ReadFile("event.go")
	require.NoError(t, err)
	text := string(source)
	for original, step := range map[string]string{
		`"sync"`:        "",
		`"sync/atomic"`: "",
		"atomic.Uint32": "Uint32",
		"sync.Mutex":    "Mutex",
		"close(ch)":     "Close(ch)",
		"<-giveUp:":     "<-BeforeSelect(giveUp):",
	} {
		require.Equal(t, 1, strings.Count(text, original), original)
		text = strings.Replace(text, original, step, 1)
	}
	dir := t.TempDir()
	original, err := filepath.Abs("event.go")
	require.NoError(t, err)
	instrumented, overlay := filepath.Join(dir, "event.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: instrumented}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(instrumented, []byte(text), 0o600))
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))
	run := exec.Command(goTool, "test", "-overlay", overlay, "-run", "^TestInterleavings$", "-v", "-cpu", "1",
		fmt.Sprintf("-short=%t", testing.Short()), ".")
	run.Env = append(os.Environ(), child+"=1")
	out, err := run.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}

// explore runs every sequence of two calls concurrently with every call, and
// every three calls concurrently, on an unset, a set and an awaited event.
func explore(t *testing.T) {
	calls := [][]string{
		{"Set"}, {"Clear"}, {"Swap(true)"}, {"Swap(false)"},
		{"IsSet", "receive"}, {"String", "receive"}, {"Done", "receive"},
		{"Wait"}, {"WaitTimeout(d)"}, {"WaitContext(cancelled)"},
	}
	var s scheduler
	event.Step, event.Calls = s.step, s.seen
	for _, before := range [][]string{{}, {"Set"}, {"Done"}} {
		for i, a := range calls {
			for j, b := range calls {
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

// preemptions is how often a schedule may switch from a thread that can go on.
const preemptions = 2

// A scheduler runs threads one step at a time. Between steps every thread is
// blocked: in step, or in a wait for the event.
type scheduler struct {
	threads   []*thread
	running   *thread // the thread that took the last step
	clock     int64   // the number of steps
	trace     []move
	choices   []int // the index of the option to take before each step
	options   []int // the number of options there
	programs  int
	schedules int
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
	ready    bool         // for its turn
	next     string       // the step that it takes then
	lock     *event.Mutex // the mutex that has to be free for that step, or nil
	finished bool
	stop     bool // after the call in progress
}

func (th *thread) run(t *testing.T, program []string) {
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

func (th *thread) await(next string, lock *event.Mutex) {
	th.next, th.lock, th.ready = next, lock, true
	<-th.turn
}

// waits reports whether the thread has begun to wait for the event.
func (th *thread) waits() bool {
	return !th.finished && (!th.ready || th.next == event.Select)
}

// step blocks the running thread until its next turn.
func (s *scheduler) step(access string, lock *event.Mutex) {
	if s.running != nil {
		s.running.await(access, lock)
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
	var timer bool
	for _, th := range s.threads {
		if th.waits() {
			timer = timer || th.name == "WaitTimeout(d)" && th.expired == 0
			if th.begun == 0 {
				th.begun = s.clock
			}
		}
		switch {
		case th.finished, !th.ready:
		case th.lock != nil && th.lock.Locked:
		case th == s.running:
			options = slices.Insert(options, 0, th)
		default:
			options = append(options, th)
		}
	}
	if timer {
		options = append(options, nil)
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
	s.threads, s.running, s.clock, s.trace, s.options = nil, nil, 0, nil, nil
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
		if th.ready {
			return fmt.Sprintf("user %d waits for the mutex forever", i+1)
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
	synctest.Wait()
	if !linearizable(model{}, h) {
		return "no order explains these calls:\n" + h.String()
	}
	return ""
}
