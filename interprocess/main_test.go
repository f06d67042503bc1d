package interprocess

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hang is how long the tests wait for what must happen soon, before they call
// it a hang. It is generous, since the machine may be busy.
const hang = 20 * time.Second

// roles are what the test binary does as a child process. The parent starts it
// with EVENT_TEST_ROLE and with EVENT_TEST_PATH, the way to wait to force.
var roles = map[string]func(e *Event){}

func TestMain(m *testing.M) {
	if self := os.Getenv("EVENT_TEST_SELF"); self != "" {
		os.Args[0] = self // a script that starts the emulator that runs this
	}
	if role := os.Getenv("EVENT_TEST_ROLE"); role != "" {
		force(os.Getenv("EVENT_TEST_PATH"))
		e, err := Inherited("test")
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		go func() { // a line stops it, if the role cares; it ends with its parent
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

// A child is a process in a role that shares the event of its parent.
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
	cmd.Env = append(os.Environ(), "EVENT_TEST_ROLE="+role, "EVENT_TEST_PATH="+forced)
	cmd.Stderr = os.Stderr
	check1(t, e.Share(cmd, "test"))
	return cmd
}

// plain makes cmd run the test binary as built without the race detector, which
// starts and steps many times as fast: for children that are there to be killed.
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

// start starts a child in role. It is killed when the test ends.
func start(t testing.TB, e *Event, role string, args ...string) *child {
	t.Helper()
	cmd := command(t, e, role, args...)
	out, err := cmd.StdoutPipe()
	check1(t, err)
	in, err := cmd.StdinPipe()
	check1(t, err)
	check1(t, cmd.Start())
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
	var got string
	var err error
	within(c.t, "the child to say "+line, func() { got, err = c.lines.ReadString('\n') })
	if got = strings.TrimSpace(got); got != line {
		c.t.Fatalf("the child says %q (%v), want %q", got, err, line)
	}
}

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

// eventually fails the test if ok does not come true before hang.
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
	if err != nil {
		t.Fatal(err)
	}
}

// newTest returns an event without a name that is closed when the test ends.
func newTest(t testing.TB) *Event {
	t.Helper()
	e, err := New()
	check1(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

// everyPath runs f once for each way to wait that this build has.
func everyPath(t *testing.T, f func(t *testing.T)) {
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			defer force(forced)
			force(path)
			f(t)
		})
	}
}

// forced is the path of waiting in force: one of paths.
var forced = paths[0]

// count returns n, or less of it with -short and under the race detector, which
// takes several times as long.
func count(n int) int {
	if testing.Short() {
		n /= 10
	}
	if raceEnabled {
		n /= 4
	}
	return max(1, n)
}

func tempPath(t testing.TB) string { return filepath.Join(tempDir(t), "event") }

// tempDir is t.TempDir, which on Windows fails the test while a page of a closed
// event is mapped, and under Wine always.
func tempDir(t testing.TB) string {
	t.Helper()
	if runtime.GOOS != "windows" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "event")
	check1(t, err)
	t.Cleanup(func() {
		runtime.GC()
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, file := range append(files, dir) {
			os.Remove(file)
		}
	})
	return dir
}
