//go:build unix || windows

package interprocess

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Processes that use one event in every way are killed at random, and others
// take their place. Another process that sets, clears and waits survives.
func TestKillStorm(t *testing.T) {
	e := newTest(t)
	survivor := start(t, e, "survivor")
	var victims [3]*child
	for i := range victims {
		victims[i] = startVictim(t, e)
	}
	for n := range rounds(1000) {
		victim := &victims[n%len(victims)]
		for range rand.IntN(20) {
			e.Set() // so that its waits end
			e.Clear()
		}
		(*victim).kill()
		*victim = startVictim(t, e)
		if n%20 == 0 {
			within(t, "Set, Clear and a wait", func() {
				for !e.WaitTimeout(time.Millisecond) {
					e.Set()
				}
				e.Clear()
			})
		}
	}
	for _, victim := range victims {
		victim.kill()
	}
	e.Set()
	survivor.stop()
	survivor.says("survived")
	e.Clear()
	worksInChild(t, e)
}

// startVictim starts a victim, and returns when it has begun to use e.
func startVictim(t *testing.T, e *Event) *child {
	c := startCommand(t, plain(t, command(t, e, "victim", fmt.Sprint(rand.Uint64()))))
	_, err := c.lines.ReadByte()
	require.NoError(t, err)
	return c
}

func init() {
	roles["victim"] = func(e *Event) {
		var seed uint64
		fmt.Sscan(os.Args[1], &seed)
		r := rand.New(rand.NewPCG(seed, 2))
		os.Stdout.WriteString("x")
		for {
			randomCall(e, r, 2*time.Millisecond)
		}
	}

	// In each round, one goroutine waits and must be released by the Set that
	// follows.
	roles["survivor"] = func(e *Event) {
		for !stopped.Load() {
			released := make(chan struct{})
			go func() {
				e.waitFor(e.word.Load()&^(set|asleep), limit{})
				close(released)
			}()
			for !e.hasLeader() && !e.IsSet() && !isClosed(released) {
				runtime.Gosched()
			}
			e.Set()
			select {
			case <-released:
			case <-time.After(hang / 2):
				fmt.Println("stuck")
				os.Exit(1)
			}
			e.Clear()
			time.Sleep(time.Millisecond) // leaves the processor to others
		}
		fmt.Println("survived")
	}
}
