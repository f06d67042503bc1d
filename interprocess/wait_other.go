//go:build !linux || eventpoll

package interprocess

import "sync/atomic"

// Nobody sleeps in the kernel here: the poller serves every leader, no word
// ever says 'asleep', and what follows the first line is not called.

const wakes = "poll"

func maxSleepers() int            { return 0 }
func setAndWake(*atomic.Uint32)   { panic("unreachable") }
func park(*atomic.Uint32, uint32) { panic("unreachable") }
func wake(*atomic.Uint32)         { panic("unreachable") }
