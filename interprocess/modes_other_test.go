//go:build !linux

package interprocess

import "testing"

// modes returns the modes of this build.
func modes() []string { return []string{withBell} }

func needsHost(string) bool        { return false }
func runOnHost(*testing.T, string) {}
