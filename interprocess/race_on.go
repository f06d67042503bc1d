//go:build race

package interprocess

import (
	"hash/crc32"
	"runtime"
	"unsafe"
)

// The race detector does not see atomic operations on memory that is not Go's.
// So it is told what Set orders before what, through a clock for each event:
// two handles of one event have the same. Events may share a clock; then a race
// may go unseen, but none is seen that is not there.
var clocks [4096]byte

func (e *Event) clock() unsafe.Pointer {
	return unsafe.Pointer(&clocks[crc32.ChecksumIEEE([]byte(e.id))%uint32(len(clocks))])
}

func raceRelease(e *Event) { runtime.RaceReleaseMerge(e.clock()) }
func raceAcquire(e *Event) { runtime.RaceAcquire(e.clock()) }
