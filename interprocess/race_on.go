//go:build race

package interprocess

import (
	"runtime"
	"unsafe"
)

const raceEnabled = true

// The race detector sees neither atomic operations on memory that is not Go's
// nor an order that passes through another process. So every Set is ordered
// before every call that observes any Set, on any event: that hides some races,
// and invents none.
var clock byte

func raceRelease() { runtime.RaceReleaseMerge(unsafe.Pointer(&clock)) }
func raceAcquire() { runtime.RaceAcquire(unsafe.Pointer(&clock)) }
