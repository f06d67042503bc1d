//go:build (linux || windows) && !eventpoll

package futex_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/futex"
	"example.com/event/interprocess/internal/hosttest"
	"example.com/event/interprocess/internal/page"
)

// The word as the tests use it: one bit that SetAndWake sets, one that says
// something about sleepers, and others.
const (
	bit     = 1
	asleep  = 2
	another = 4
)

const key = 0

// newWord returns a word that can be shared with other processes.
func newWord(t *testing.T) (futex.Word, *page.Page) {
	t.Helper()
	if futex.Kind() == "" {
		t.Skip("no thread sleeps here")
	}
	p, err := page.New("test")
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return wordIn(p), p
}

func wordIn(p *page.Page) futex.Word { return futex.Word{Uint32: p.Word, ID: p.ID} }

func never() bool { return false }

// sleep starts n goroutines that sleep until w is no longer want, and returns
// when all are in the kernel. The channel is closed when all have ended.
func sleep(t testing.TB, n int, w futex.Word, want uint32) (sleepers []*futex.Sleeper, ended chan struct{}) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		s := new(futex.Sleeper)
		sleepers = append(sleepers, s)
		all.Go(func() {
			for w.Load() == want {
				if !s.Sleep(w, want, key, time.Time{}, never) {
					t.Error("the kernel refuses")
					return
				}
			}
		})
	}
	ended = make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	untilAsleep(t, n)
	return sleepers, ended
}

// untilAsleep returns when n goroutines are in the system call of Sleep.
func untilAsleep(t testing.TB, n int) {
	t.Helper()
	hosttest.Eventually(t, fmt.Sprint(n, " goroutines in the kernel"), func() bool {
		return hosttest.Goroutines("syscall", "futex.(*Sleeper).Sleep") >= n
	})
}

func TestSetAndWake(t *testing.T) {
	t.Run("ends all sleeps of a process", func(t *testing.T) {
		for range 20 {
			w, _ := newWord(t)
			w.Store(asleep)
			_, ended := sleep(t, futex.Threads, w, asleep)
			require.True(t, futex.SetAndWake(w, asleep, bit, key))
			require.EqualValues(t, asleep|bit, w.Load())
			hosttest.Arrives(t, "the sleeps to end", ended)
		}
	})

	t.Run("ends all sleeps of other processes", func(t *testing.T) {
		const sleeps = 3
		if hosttest.Inside(t) {
			var number uintptr
			var id string
			fmt.Sscan(os.Getenv("EVENT_TEST_PAGE"), &number, &id)
			p, err := page.Inherit(number, "test", id)
			require.NoError(t, err)
			defer p.Close() // the memory is mapped until then
			_, ended := sleep(t, sleeps, wordIn(p), asleep)
			fmt.Println("\nasleep")
			hosttest.Arrives(t, "the sleeps to end", ended)
			fmt.Println("\nended")
			return
		}
		if hosttest.Emulated() {
			t.Skip("a child of a busy process sometimes hangs in qemu-user before it runs anything")
		}
		w, p := newWord(t)
		w.Store(asleep)
		var lines []*bufio.Scanner
		for range 2 {
			cmd := hosttest.Again(t)
			number, err := p.Pass(cmd)
			require.NoError(t, err)
			cmd.Env = append(cmd.Env, fmt.Sprint("EVENT_TEST_PAGE=", number, " ", p.ID))
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			cmd.Stderr = os.Stderr
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { cmd.Process.Kill(); io.Copy(io.Discard, out); cmd.Wait() })
			lines = append(lines, bufio.NewScanner(out))
		}
		say := func(want string) {
			hosttest.Within(t, "the children to be "+want, func() {
				for _, l := range lines {
					for l.Scan() && l.Text() != want {
					}
					assert.Equal(t, want, l.Text())
				}
			})
		}
		say("asleep")
		require.True(t, futex.SetAndWake(w, asleep, bit, key))
		say("ended")
	})

	t.Run("of another value sets the bit or reports false", func(t *testing.T) {
		for _, value := range []uint32{another, another | asleep, asleep | bit, bit} {
			w, _ := newWord(t)
			w.Store(value)
			if futex.SetAndWake(w, asleep, bit, key) {
				assert.Equal(t, value|bit, w.Load())
			} else {
				assert.Equal(t, value, w.Load())
			}
		}
	})
}

func TestSleep(t *testing.T) {
	t.Run("returns at once", func(t *testing.T) {
		w, _ := newWord(t)
		for name, row := range map[string]struct {
			want     uint32
			deadline time.Time
			stop     bool
		}{
			"if the word is another":         {want: another},
			"if stop reports true":           {stop: true},
			"if the deadline has passed":     {deadline: time.Now()},
			"if it has passed for some time": {deadline: time.Now().Add(-1000 * time.Hour)},
		} {
			hosttest.Within(t, "Sleep to return at once "+name, func() {
				assert.True(t, new(futex.Sleeper).Sleep(w, row.want, key, row.deadline, func() bool { return row.stop }))
			})
		}
	})

	t.Run("lasts until the deadline", func(t *testing.T) {
		w, _ := newWord(t)
		s := new(futex.Sleeper)
		const rounds = 20
		sleeps := 0
		for i := range rounds {
			deadline := time.Now().Add(time.Duration(i) * time.Millisecond / 2)
			hosttest.Within(t, "the deadline", func() {
				for ; time.Now().Before(deadline); sleeps++ {
					assert.True(t, s.Sleep(w, 0, key, deadline, never))
				}
			})
		}
		// A signal may end one.
		assert.LessOrEqual(t, sleeps, rounds*3/2, "sleeps end before the deadline")
	})
}

// Neither a set nor an interrupt gets lost while a sleep is on its way into the
// kernel, anywhere after it called stop.
func TestOnTheWayIntoTheKernel(t *testing.T) {
	w, _ := newWord(t)
	s := new(futex.Sleeper)
	for name, end := range map[string]func(){
		"SetAndWake": func() { futex.SetAndWake(w, asleep, bit, key) },
		"Interrupt":  func() { s.Interrupt(w) },
	} {
		for range 2000 {
			w.Store(asleep)
			ended := make(chan struct{})
			hosttest.Within(t, "the sleep to end by "+name, func() {
				assert.True(t, s.Sleep(w, asleep, key, time.Time{}, func() bool {
					go func() {
						end()
						close(ended)
					}()
					return false
				}))
			})
			hosttest.Arrives(t, name, ended)
		}
	}
}

func TestInterrupt(t *testing.T) {
	t.Run("ends a sleep", func(t *testing.T) {
		w, _ := newWord(t)
		s := new(futex.Sleeper)
		for range 100 {
			ended := make(chan struct{})
			var interrupted atomic.Bool
			go func() {
				for !interrupted.Load() {
					assert.True(t, s.Sleep(w, 0, key, time.Time{}, interrupted.Load))
				}
				close(ended)
			}()
			untilAsleep(t, 1)
			interrupted.Store(true)
			hosttest.Within(t, "Interrupt", func() { s.Interrupt(w) })
			hosttest.Arrives(t, "the sleep to end", ended)
		}
	})

	t.Run("may be called by many", func(t *testing.T) {
		w, _ := newWord(t)
		sleepers, ended := sleep(t, 1, w, 0)
		w.Store(another) // which wakes nobody
		hosttest.Within(t, "all to return", func() {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { sleepers[0].Interrupt(w) })
			}
			all.Wait()
		})
		hosttest.Arrives(t, "the sleep to end", ended)
	})
}
