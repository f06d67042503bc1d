// Package hosttest has what the tests of several packages share: deadlines that
// name what hung, tests that run in another process, and hosts that refuse
// something.
package hosttest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Hang is how long a test waits for something before it fails. It is generous,
// since the machine may be busy.
const Hang = 30 * time.Second

// Within fails the test if f has not returned before Hang.
func Within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	Arrives(t, what, done)
}

// Arrives returns what c sends, or its zero value when c is closed, and fails the
// test if that takes longer than Hang.
func Arrives[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(Hang):
		t.Fatalf("waited %v in vain for %s\n%s", Hang, what, stacks())
	}
	return v
}

// Eventually fails the test if ok does not return true before Hang.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(100 * time.Microsecond) {
		if time.Since(began) > Hang {
			t.Fatalf("waited %v in vain for %s\n%s", Hang, what, stacks())
		}
	}
}

// stacks returns the stacks of all goroutines.
func stacks() []byte {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	return buf[:n]
}

// Goroutines returns the number of goroutines in a state, such as "select", with
// text in their stacks.
func Goroutines(state, text string) (n int) {
	for stack := range bytes.SplitSeq(stacks(), []byte("\n\n")) {
		header, rest, _ := bytes.Cut(stack, []byte("\n"))
		if bytes.Contains(header, []byte("["+state)) && bytes.Contains(rest, []byte(text)) {
			n++
		}
	}
	return n
}

// MemoryDir returns an empty directory that is removed when the test ends. On
// Linux it is in memory.
func MemoryDir(t testing.TB) string {
	t.Helper()
	root := os.Getenv(memory)
	if root == "" && runtime.GOOS == "linux" {
		root = "/dev/shm"
	}
	dir, err := os.MkdirTemp(root, "event-test-")
	require.NoError(t, err)
	t.Cleanup(func() {
		os.Chmod(dir, 0o700) // or an ordinary user cannot empty it
		if runtime.GOOS == "windows" {
			runtime.GC() // until then files are mapped, and stay
			os.RemoveAll(dir)
			return
		}
		assert.NoError(t, os.RemoveAll(dir))
	})
	return dir
}

// Emulated reports whether an emulator runs the test, through a script that the
// environment names.
func Emulated() bool { return os.Getenv(self) != "" && runtime.GOOS != "windows" }

// The environment of a test in another process. Its directories are in one of its
// parent, so that none is left if it is killed.
const self, inside, memory = "EVENT_TEST_SELF", "EVENT_TEST_INSIDE", "EVENT_TEST_MEMORY"

// Again returns a command that runs t once more, in another process.
func Again(t testing.TB) *exec.Cmd {
	t.Helper()
	path := os.Getenv(self)
	if path == "" {
		var err error
		path, err = os.Executable()
		require.NoError(t, err)
	}
	var pattern []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(path, "-test.v", "-test.run="+strings.Join(pattern, "/"),
		"-test.timeout=2m", fmt.Sprint("-test.short=", testing.Short()))
	cmd.Env = append(os.Environ(), inside+"="+t.Name(), memory+"="+MemoryDir(t), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// Inside reports whether this process is one that Again runs for t.
func Inside(t testing.TB) bool { return os.Getenv(inside) == t.Name() }

// MustPass runs a command of Again and gives t its outcome.
func MustPass(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	defer time.AfterFunc(2*Hang, func() { cmd.Process.Kill() }).Stop()
	err := cmd.Wait()
	if err == nil && strings.Contains(out.String(), "--- SKIP: "+t.Name()) {
		t.Skip(out.String())
	}
	if err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%.5000s", err, out.String())
	}
}
