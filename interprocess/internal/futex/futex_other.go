//go:build (!linux && !windows) || eventpoll

package futex

import "time"

const threads = 0

func kind() string { return "" }

func setAndWake(w Word, old, bit, _ uint32) (ok bool) { return w.CompareAndSwap(old, old|bit) }

type sleeper struct{}

func (*sleeper) sleep(Word, uint32, uint32, time.Time, func() bool) (ok bool) { return false }

func (*sleeper) interrupt(Word) {}
