//go:build unix && !aix

package interprocess

import (
	"fmt"
	"syscall"
	"testing"
)

// Promise: a process that is stopped in a wait holds up nobody, and loses
// nothing: when it goes on, it finds that the event has been set.
func TestStoppedWaiters(t *testing.T) {
	everyPath(t, func(t *testing.T) {
		e := newTest(t)
		var waiters []*child
		for range 3 {
			c := start(t, e, "wait")
			c.says("waiting unset")
			waiters = append(waiters, c)
		}
		other := start(t, e, "wait at least")
		other.says("waiting")
		for _, c := range waiters {
			check1(t, c.Process.Signal(syscall.SIGSTOP))
			var status syscall.WaitStatus
			if _, err := syscall.Wait4(c.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
				t.Fatal("not stopped:", err, status)
			}
		}
		within(t, "Set with stopped waiters", func() {
			e.Set()
			e.Clear()
			e.Set()
		})
		other.says("released")
		for _, c := range waiters {
			check1(t, c.Process.Signal(syscall.SIGCONT))
			c.says("released set")
		}
	})
}

func init() {
	roles["wait at least"] = func(e *Event) {
		fmt.Println("waiting")
		if e.WaitTimeout(2 * hang) {
			fmt.Println("released")
		}
	}
}
