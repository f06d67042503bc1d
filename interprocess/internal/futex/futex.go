// Package futex lets threads of several processes sleep until a word of memory
// that they share changes, and wakes them.
//
// A sleep ends when the word is set by SetAndWake with the same key, at its
// deadline, and by Interrupt; none of these can be lost on its way into the
// kernel. It may also end for no reason. If the process in SetAndWake is killed, or
// is not allowed to wake a sleeper, either the word is unchanged, or every sleep
// ends within [Backstop].
package futex

import (
	"sync/atomic"
	"time"
)

// Threads is how many threads of a process should sleep at a time: each is one
// of the few that the host may allow.
const Threads = threads

// Backstop is the longest time between a change of the word and the end of a sleep
// where setting the word and waking are two steps: a process killed between them
// delays a wake-up and does not prevent it.
const Backstop = 250 * time.Millisecond

// A Word is a word that processes share. Its ID tells it from all other words
// of the host.
type Word struct {
	*atomic.Uint32
	ID string
}

// Kind names how this process sleeps and wakes, or is empty if it cannot. Only
// processes of one kind may share a word.
func Kind() string { return kind() }

// SetAndWake sets bit, one of the lowest 11, in w, and ends all sleeps on w with
// the key. If w is not old, it may have no effect, and then reports false.
func SetAndWake(w Word, old, bit, key uint32) (ok bool) { return setAndWake(w, old, bit, key) }

// A Sleeper sleeps on words, one at a time. The zero Sleeper is ready to use. It
// must not be copied.
type Sleeper struct{ sleeper }

// Sleep sleeps while w is want, at most until the deadline, if there is one. It
// does not sleep if stop reports true. Whoever makes stop report true must call
// Interrupt afterwards.
//
// Sleep reports false if the kernel refuses.
func (s *Sleeper) Sleep(w Word, want, key uint32, deadline time.Time, stop func() bool) (ok bool) {
	return s.sleep(w, want, key, deadline, stop)
}

// Interrupt ends the sleep of s on w that is in progress or about to begin. Other
// sleeps on w may end too.
func (s *Sleeper) Interrupt(w Word) { s.interrupt(w) }
