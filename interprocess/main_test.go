package interprocess

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
)

const hang = hosttest.Hang

var within, eventually = hosttest.Within, hosttest.Eventually

// arrives returns what c sends, and fails the test if that takes longer than hang.
func arrives[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	return hosttest.Arrives(t, what, c)
}

// roles are what the test binary does as a child process with the event that it
// inherits. The parent names the role and the mode in the environment.
var roles = map[string]func(e *Event){}

func TestMain(m *testing.M) {
	if self := os.Getenv("EVENT_TEST_SELF"); self != "" {
		os.Args[0] = self // a script that runs this binary in an emulator
	}
	if role := os.Getenv("EVENT_TEST_ROLE"); role != "" {
		enter(os.Getenv("EVENT_TEST_MODE"))
		e, err := Inherited("test")
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		go func() { // a byte stops the child, the end of the parent ends it
			os.Stdin.Read(make([]byte, 1))
			stopped.Store(true)
			if n, _ := os.Stdin.Read(make([]byte, 1)); n == 0 {
				os.Exit(3)
			}
		}()
		roles[role](e)
		os.Exit(0)
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or every child takes a second to end
	os.Exit(m.Run())
}

// stopped is true in a child that the parent has told to stop.
var stopped atomic.Bool

// A child is a process in a role that shares an event of its parent.
type child struct {
	*exec.Cmd
	t     testing.TB
	lines *bufio.Reader
	stdin io.Writer
}

// command returns the command of a child in role, with e shared as "test".
func command(t testing.TB, e *Event, role string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "EVENT_TEST_ROLE="+role, "EVENT_TEST_MODE="+mode)
	cmd.Stderr = os.Stderr
	require.NoError(t, e.Share(cmd, "test"))
	return cmd
}

// start starts a child in role. It is killed when the test ends.
func start(t testing.TB, e *Event, role string, args ...string) *child {
	t.Helper()
	return startCommand(t, command(t, e, role, args...))
}

func startCommand(t testing.TB, cmd *exec.Cmd) *child {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &child{cmd, t, bufio.NewReader(out), in}
	t.Cleanup(c.kill)
	return c
}

func (c *child) kill() {
	c.Process.Kill()
	within(c.t, "the end of a killed child", func() { c.Wait() })
}

func (c *child) stop() { c.stdin.Write([]byte("x")) }

// says waits until the child prints line.
func (c *child) says(line string) {
	c.t.Helper()
	require.Equal(c.t, line, c.line())
}

// line waits for the next line that the child prints.
func (c *child) line() (line string) {
	c.t.Helper()
	within(c.t, "a line from the child", func() { line, _ = c.lines.ReadString('\n') })
	return strings.TrimSpace(line)
}

// newTest returns an event without a name that is closed when the test ends.
func newTest(t testing.TB) *Event {
	t.Helper()
	e, err := New()
	return closing(t, e, err)
}

// closing returns e, which is closed when the test ends.
func closing(t testing.TB, e *Event, err error) *Event {
	t.Helper()
	require.NoError(t, err)
	hangs := time.AfterFunc(4*hang, func() { panic(t.Name() + " hangs") }) // in whatever it calls
	t.Cleanup(func() {
		hangs.Stop()
		within(t, "Close", func() { e.Close() })
	})
	return e
}

// handles returns two handles to one event, which are closed when the test ends.
func handles(t testing.TB) (a, b *Event) {
	t.Helper()
	path := tempPath(t)
	a, err := Create(path)
	closing(t, a, err)
	b, err = Open(path)
	return a, closing(t, b, err)
}

// generation returns what a wait that begins now on an unset event waits for.
func (e *Event) generation() uint32 { return generationOf(e.word.Load()) }

// number returns the descriptor or handle of e.
func number(e *Event) uintptr { return e.page.File.Fd() }

// variable returns the value of the variable by which a child finds e, with the
// number that e has in this process.
func variable(e *Event) string { return fmt.Sprintf("%d:%s", number(e), e.page.ID) }

// waits are the ways to wait without a limit. Each reports whether the wait
// succeeded.
var waits = []struct {
	name string
	wait func(*Event) bool
}{
	{"Wait", func(e *Event) bool { e.Wait(); return true }},
	{"WaitTimeout", func(e *Event) bool { return e.WaitTimeout(math.MaxInt64) }},
	{"WaitContext", func(e *Event) bool {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		return e.WaitContext(ctx) == nil
	}},
	{"Done", func(e *Event) bool { _, open := <-e.Done(); return !open }},
}

// cancelled is a context that is done.
var cancelled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// parked returns when a leader of e sleeps or is about to, in the kernel or in the
// hub.
func parked(t testing.TB, e *Event) {
	t.Helper()
	eventually(t, "a leader", e.hasLeader)
}

func (e *Event) hasLeader() bool {
	g := e.lastGate()
	if g == nil || len(g.token) != 0 || e.ended(g.generation) {
		return false
	}
	if watched, hears := inHub(g); watched {
		return !hears || e.word.Load()&listening != 0
	}
	return e.word.Load()&asleep != 0
}

func (e *Event) lastGate() *gate {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.gate
}

// inHub reports whether the hub watches the word of g, and hears all rings.
func inHub(g *gate) (watched, hears bool) {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	_, watched = hub.gates[g]
	return watched, !hub.polls
}

// hubEnds waits until the hub has ended, as it does when nothing waits.
func hubEnds(t *testing.T) {
	t.Helper()
	eventually(t, "the hub to end", func() bool {
		hub.mu.Lock()
		defer hub.mu.Unlock()
		return hub.gates == nil
	})
}

// rounds returns the number of rounds of a stress test: n, or fewer with -short
// and under the race detector, which takes several times as long.
func rounds(n int) int {
	if testing.Short() {
		n /= 10
	}
	if raceEnabled {
		n /= 4
	}
	return max(1, n)
}

func tempPath(t testing.TB) string { return filepath.Join(hosttest.MemoryDir(t), "event") }
