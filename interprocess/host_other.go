//go:build !linux && !darwin && !dragonfly && !freebsd && !windows

package interprocess

import (
	"errors"
	"os"
)

// These systems are not asked: package syscall lacks what it takes on most.

func boot() string                          { return noBoot }
func checkFileSystem(uintptr) (bool, error) { return false, nil }

// lock is for stale events, which cannot be told without the boot.
func lock(*os.File) error { return errors.ErrUnsupported }
