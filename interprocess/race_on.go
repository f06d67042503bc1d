//go:build race

package interprocess

import (
	"runtime"
	"unsafe"
)

// The race detector does not see atomic operations on memory that is not Go's.
// So it is told what Set orders before what, through a clock for each event:
// two handles of one event have the same. Events may share a clock; then a race
// may go unseen, but none is seen that is not there.
var clocks [4096]byte

func (e *Event) clock() unsafe.Pointer {
	sum := 0
	for _, c := range e.id {
		sum = (32*sum + int(c)) % (len(clocks) - 1)
	}
	return unsafe.Pointer(&clocks[sum])
}

func raceRelease(e *Event) { runtime.RaceReleaseMerge(e.clock()) }
func raceAcquire(e *Event) { runtime.RaceAcquire(e.clock()) }
