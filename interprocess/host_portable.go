//go:build !linux

package interprocess

import (
	"errors"
	"os"
	"time"
)

const needsMemory = false

func memoryFile() (*os.File, error)           { return nil, errors.ErrUnsupported }
func renameNoReplace(temp, path string) error { return errors.ErrUnsupported }

const mappingsMerge = false

// detach leaves the page to the garbage collector, since methods may still run,
// and returns the word.
func (e *Event) detach() (word uint32) { return e.word.Load() }

// An alarm ends one wait at a time, after a duration that may be reset meanwhile.
type alarm struct{ timer *time.Timer }

func newAlarm() *alarm               { return &alarm{time.NewTimer(maxPause)} }
func (a *alarm) set(d time.Duration) { a.timer.Reset(d) }
func (a *alarm) wait()               { <-a.timer.C }
func (a *alarm) stop()               { a.timer.Stop() }
