package interprocess

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/bell"
	"example.com/event/interprocess/internal/futex"
)

// The modes are the ways to wait: in the kernel, which can set and wake in one
// step or needs two; or in the hub, with the bell or without.
const (
	oneStep  = "kernel in one step"
	twoSteps = "kernel in two steps"
	withBell = "hub with the bell"
	noBell   = "hub without a bell"
)

// mode is the mode in force.
var mode string

// everyMode runs f once for each mode of this system. Where a mode is that of a
// host that forbids system calls, it runs f in another process, on such a host.
func everyMode(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, m := range modes() {
		t.Run(m, func(t *testing.T) {
			if needsHost(m) {
				runOnHost(t, m)
				return
			}
			forced(t, m)
			switch m {
			case oneStep:
				if futex.Kind() != "futex-wake-op" {
					t.Skip("the kernel cannot set and wake in one step here")
				}
			case twoSteps:
				require.Equal(t, "futex-wake", futex.Kind())
			case noBell:
				_, err := bell.New()
				require.Error(t, err)
			}
			f(t)
		})
	}
}

// enter puts a mode in force, until leave is called. In the modes of the hub, all
// places in the kernel are taken.
func enter(m string) (leave func()) {
	before := mode
	mode = m
	if m != withBell && m != noBell {
		return func() { mode = before }
	}
	for range cap(sleepers) {
		sleepers <- struct{}{} // waits for leaders that still sleep
	}
	return func() {
		mode = before
		for range cap(sleepers) {
			<-sleepers
		}
	}
}

// forced puts a mode in force until the test ends.
func forced(t *testing.T, m string) {
	t.Helper()
	within(t, "leaders of other tests to leave the kernel", func() { t.Cleanup(enter(m)) })
}
