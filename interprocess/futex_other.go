//go:build !linux || eventpoll

package interprocess

import (
	"sync/atomic"
	"time"
)

// No thread sleeps in the kernel here: the poller serves every leader, and no
// word is ever marked 'maybe asleep'.

const wakes = "poll"

func maxSleepers() int                       { return 0 }
func setAndWake(*atomic.Uint32)              { panic("unreachable") }
func park(*atomic.Uint32, uint32, time.Time) { panic("unreachable") }
func wake(*atomic.Uint32) bool               { panic("unreachable") }
