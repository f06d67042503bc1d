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

func needsHost(string) bool        { return false }
func runOnHost(*testing.T, string) {}
