//go:build unix && !aix

package interprocess

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A process that is stopped in a wait blocks no other process. When it
// continues, it finds that the event has been set.
func TestStoppedWaiters(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		var waiters []*child
		for range 3 {
			c := start(t, e, "wait")
			c.says("waiting unset")
			waiters = append(waiters, c)
		}
		other := start(t, e, "wait for long")
		other.says("waiting")
		for _, c := range waiters {
			stopProcess(t, c.Process.Pid)
		}
		within(t, "Set with stopped waiters", func() {
			e.Set()
			e.Clear()
			e.Set()
		})
		other.says("released")
		for _, c := range waiters {
			require.NoError(t, c.Process.Signal(syscall.SIGCONT))
			c.says("released set")
		}
	})
}

// stopProcess stops a child and waits until it is.
func stopProcess(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	var status syscall.WaitStatus
	_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped(), "%#x", status)
}

func init() {
	roles["wait for long"] = func(e *Event) {
		fmt.Println("waiting")
		if e.WaitTimeout(2 * hang) {
			fmt.Println("released")
		}
	}
}
