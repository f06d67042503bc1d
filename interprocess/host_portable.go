//go:build !linux

package interprocess

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

const needsMemory = false

func memoryFile() (*os.File, error)           { return nil, errors.ErrUnsupported }
func renameNoReplace(temp, path string) error { return errors.ErrUnsupported }

var closings atomic.Uint64

// detach leaves the page to the garbage collector, for methods that still run,
// and returns the word. Closed handles weigh little, and pile up if nothing else
// makes the collector run.
func (e *Event) detach() (word uint32) {
	if closings.Add(1)%1000 == 0 {
		runtime.GC()
	}
	return e.word.Load()
}

// An alarm ends one wait at a time after a time that may be set anew meanwhile.
type alarm struct{ timer *time.Timer }

func newAlarm() *alarm               { return &alarm{time.NewTimer(maxPause)} }
func (a *alarm) set(d time.Duration) { a.timer.Reset(d) }
func (a *alarm) wait()               { <-a.timer.C }
func (a *alarm) stop()               { a.timer.Stop() }
