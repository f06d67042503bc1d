package interprocess

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The tests of each promise are in the file named after it. This file has what
// they share.

// hang is how long a test waits for something before it fails. It is generous,
// since the machine may be busy.
const hang = 20 * time.Second

// roles are what the test binary does as a child process with the event that it
// inherits. The parent names the role and the mode in the environment.
var roles = map[string]func(e *Event){}

func TestMain(m *testing.M) {
	if self := os.Getenv("EVENT_TEST_SELF"); self != "" {
		os.Args[0] = self // a script that runs this binary in an emulator
	}
	if role := os.Getenv("EVENT_TEST_ROLE"); role != "" {
		force(os.Getenv("EVENT_TEST_MODE"))
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
	code := m.Run()
	os.RemoveAll(plainDir)
	os.Exit(code)
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
	cmd.Env = append(os.Environ(), "EVENT_TEST_ROLE="+role, "EVENT_TEST_MODE="+forced)
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
	c.Wait()
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

// plain makes cmd run the test binary built without the race detector, which
// starts and steps many times faster, for children that are killed or traced.
func plain(t testing.TB, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if raceEnabled {
		binary, err := buildPlain()
		if err != nil {
			t.Skip("the test binary cannot be built again without the race detector:", err)
		}
		cmd.Path = binary
	}
	return cmd
}

var plainDir string // removed by TestMain

var buildPlain = sync.OnceValues(func() (string, error) {
	var err error
	if plainDir, err = os.MkdirTemp("", "plain"); err != nil {
		return "", err
	}
	binary := filepath.Join(plainDir, "plain.test")
	out, err := exec.Command("go", "test", "-c", "-o", binary, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return binary, err
})

// within fails the test if f has not returned before hang.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(hang):
		t.Fatalf("waited %v in vain for %s", hang, what)
	}
}

// eventually fails the test if ok does not return true before hang.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(100 * time.Microsecond) {
		if time.Since(began) > hang {
			t.Fatalf("waited %v in vain for %s", hang, what)
		}
	}
}

func check1(t testing.TB, err error) {
	t.Helper()
	require.NoError(t, err)
}

// newTest returns an event without a name that is closed when the test ends.
func newTest(t testing.TB) *Event {
	t.Helper()
	e, err := New()
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

// handles returns two handles to one event, which are closed when the test ends.
func handles(t testing.TB) (a, b *Event) {
	t.Helper()
	path := tempPath(t)
	a, err := Create(path)
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	b, err = Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return a, b
}

// generation returns what a wait that begins now on an unset event waits for.
func (e *Event) generation() uint32 { return e.word.Load() &^ asleep }

// number returns the descriptor or handle of e.
func number(e *Event) uintptr {
	if f, ok := any(e.file).(*os.File); ok {
		return f.Fd()
	}
	return uintptr(reflect.ValueOf(e.file).Elem().FieldByName("handle").Uint()) // on Windows
}

// everyMode runs f once for each way to wait that this build has. The waits of f
// end before the next mode is in force.
func everyMode(t *testing.T, f func(t *testing.T)) {
	defer force(forced)
	for _, mode := range modes {
		force(mode)
		t.Run(mode, f)
		quiesce(t)
	}
}

// quiesce waits until no method of an event runs in this process, nor anything
// that one has started.
func quiesce(t *testing.T) {
	t.Helper()
	eventually(t, "all calls to end", func() bool { return goroutines("interprocess.(*Event).") == 0 })
}

// forced is the mode in force: one of modes.
var forced = modes[0]

// sleeps reports whether leaders sleep in the kernel in the mode in force.
func sleeps() bool { return cap(sleepers()) > 0 }

// hooked installs the hooks in step until the test ends. Calls that began
// before do not call them.
func hooked(t *testing.T, step testHooks) {
	quiesce(t)
	for _, f := range []*func(){&step.announced, &step.parking, &step.woke, &step.wokeLeader, &step.publishing} {
		if *f == nil {
			*f = func() {}
		}
	}
	hooks.Store(&step)
	t.Cleanup(func() { hooks.Store(nil) })
}

// parked returns when a leader of e sleeps, is about to, or is polled for.
func parked(t testing.TB, e *Event) {
	t.Helper()
	eventually(t, "a leader", e.hasLeader)
}

func (e *Event) hasLeader() bool {
	e.mu.Lock()
	g := e.gate
	e.mu.Unlock()
	if g == nil || e.ended(g.generation) {
		return false
	}
	return g.parks.Load()%2 == 1 || g.polled()
}

func (g *gate) polled() bool {
	poller.mu.Lock()
	defer poller.mu.Unlock()
	return poller.gates[g] != nil
}

func pollerState() (gates int, changed, next time.Time) {
	poller.mu.Lock()
	defer poller.mu.Unlock()
	return len(poller.gates), poller.changed, poller.next
}

// goroutines returns the number of goroutines with text in their stacks.
func goroutines(text string) int {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return bytes.Count(buf[:n], []byte(text))
		}
		buf = make([]byte, 2*len(buf))
	}
}

// isClosed reports whether a channel of Done is closed.
func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
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

func tempPath(t testing.TB) string { return filepath.Join(tempDir(t), "event") }

// tempDir is t.TempDir, except on Windows, where that fails the test while a
// page of a closed event is mapped, and under Wine always.
func tempDir(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "windows" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "event")
	require.NoError(t, err)
	t.Cleanup(func() {
		runtime.GC()
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, file := range append(files, dir) {
			os.Remove(file)
		}
	})
	return dir
}
