//go:build !linux && !darwin && !dragonfly && !freebsd && !windows

package interprocess

import (
	"errors"
	"os"
	"runtime"
)

// These systems are not asked: package syscall lacks what it takes on most.

func boot() string                          { return noBoot }
func checkFileSystem(uintptr) (bool, error) { return false, nil }

// lock is for stale events, which cannot be told without the boot.
func lock(*os.File) error { return errors.ErrUnsupported }

// yield lets another goroutine run: package syscall cannot yield to a process.
func yield() { runtime.Gosched() }
