package interprocess

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/futex"
)

// modes returns the modes of this build.
func modes() []string {
	switch only := os.Getenv("EVENT_TEST_HOST"); {
	case only != "":
		return []string{only}
	case futex.Threads == 0:
		return []string{withBell, noBell}
	}
	return []string{oneStep, twoSteps, withBell, noBell}
}

// A forbidden system call is one with this number, and with this value at the
// offset of the filter's data that has the number (0) or its second argument (24).
type forbidden struct{ call, offset, value uint32 }

// forbiddenIn has the system call that fails in a mode, by architecture.
var forbiddenIn = map[string]map[string]forbidden{
	twoSteps: {"amd64": {202, 24, 5}, "arm64": {98, 24, 5}, "386": {240, 24, 5}},   // futex, FUTEX_WAKE_OP
	noBell:   {"amd64": {294, 0, 294}, "arm64": {26, 0, 26}, "386": {332, 0, 332}}, // inotify_init1
}

func forbids(m string) bool { return forbiddenIn[m] != nil }

func onSuchHost(m string) bool { return os.Getenv("EVENT_TEST_HOST") == m }

// runOnSuchHost runs the test in a process in which the calls of the mode fail.
func runOnSuchHost(t *testing.T, m string) {
	t.Helper()
	var pattern []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.short", "-test.timeout=90s", "-test.run="+strings.Join(pattern, "/"))
	cmd.Env = append(os.Environ(), "EVENT_TEST_HOST="+m)
	var out []byte
	var err error
	<-sandboxed(t, forbiddenIn[m], func() { out, err = cmd.CombinedOutput() })
	require.NoError(t, err, "%s", out)
	if strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Skipf("%s", out)
	}
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}

// sandboxed runs f on a thread on which, and in the children of which, a system
// call fails with EPERM. The thread ends with f, which done tells.
func sandboxed(t *testing.T, calls map[string]forbidden, f func()) (done <-chan struct{}) {
	t.Helper()
	c, ok := calls[runtime.GOARCH]
	if !ok || os.Getenv("EVENT_TEST_SELF") != "" {
		t.Skip("the numbers of system calls are not known here")
	}
	const loadWord, jumpEqual, ret, allow, fail = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000
	filter := []syscall.SockFilter{
		{Code: loadWord, K: 0},
		{Code: jumpEqual, K: c.call, Jf: 3},
		{Code: loadWord, K: c.offset},
		{Code: jumpEqual, K: c.value, Jf: 1},
		{Code: ret, K: fail | uint32(syscall.EPERM)},
		{Code: ret, K: allow},
	}
	program := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	installed, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // the thread ends with this goroutine
		const setNoNewPrivs, setSeccomp, modeFilter = 38, 22, 2
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0)
		if errno == 0 {
			_, _, errno = syscall.RawSyscall(syscall.SYS_PRCTL, setSeccomp, modeFilter, uintptr(unsafe.Pointer(&program)))
		}
		if errno != 0 {
			installed <- errno
			return
		}
		close(installed)
		f()
	}()
	if err := <-installed; err != nil {
		t.Skip("system calls cannot be made to fail here:", err)
	}
	return ended
}
