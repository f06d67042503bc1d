//go:build !linux && !darwin && !dragonfly && !freebsd && !windows

package interprocess

import (
	"errors"
	"os"
	"runtime"
)

// On most of these systems, package syscall lacks what these functions would need.

func boot() string                          { return noBoot }
func checkFileSystem(uintptr) (bool, error) { return false, nil }

// lock is for stale events, which cannot be recognized without the boot.
func lock(*os.File) error { return errors.ErrUnsupported }

// yield lets another goroutine run: package syscall cannot yield to processes.
func yield() { runtime.Gosched() }
