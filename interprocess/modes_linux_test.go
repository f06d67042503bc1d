package interprocess

import (
	"os"
	"syscall"
	"testing"

	"example.com/event/interprocess/internal/futex"
	"example.com/event/interprocess/internal/hosttest"
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

// A futexFailure makes an operation of futex(2) fail.
func futexFailure(op uint32) hosttest.Failure {
	return hosttest.Failure{Call: syscall.SYS_FUTEX, Errno: syscall.EPERM, Arg: 2, Value: op}
}

// failures has the system call that fails in a mode.
var failures = map[string]hosttest.Failure{
	twoSteps: futexFailure(5), // FUTEX_WAKE_OP
	noBell:   {Call: syscall.SYS_INOTIFY_INIT1, Errno: syscall.EMFILE},
}

// needsHost reports whether m is the mode of another host than this one.
func needsHost(m string) bool {
	return failures[m] != hosttest.Failure{} && os.Getenv("EVENT_TEST_HOST") != m
}

// runOnHost runs the test in a process in which the call of the mode fails.
func runOnHost(t *testing.T, m string) {
	t.Helper()
	cmd := hosttest.Again(t)
	cmd.Args = append(cmd.Args, "-test.short")
	cmd.Env = append(cmd.Env, "EVENT_TEST_HOST="+m)
	hosttest.Failing(t, []hosttest.Failure{failures[m]}, func() { hosttest.MustPass(t, cmd) })
}
