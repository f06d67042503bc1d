//go:build !linux

package interprocess

import (
	"testing"

	"example.com/event/interprocess/internal/futex"
)

// modes returns the modes of this build.
func modes() []string {
	if futex.Threads == 0 {
		return []string{withBell}
	}
	return []string{"kernel", withBell} // on Windows
}

func forbids(string) bool              { return false }
func onSuchHost(string) bool           { return true }
func runOnSuchHost(*testing.T, string) {}
