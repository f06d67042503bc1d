//go:build unix

package interprocess_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"example.com/event/interprocess"
)

// The benchmarks in this file have the same names as those of
// multiprocessing.Event in testdata/figures.py. ../bench/run runs both.

// The children are this program again, with a path and an index as arguments,
// or none.
func init() {
	if os.Getenv("FIGURES") == "" {
		return
	}
	events := pair{must(interprocess.Inherited("a")), must(interprocess.Inherited("b"))}
	if len(os.Args) == 1 {
		go answer(events)
	} else {
		go openBoard(os.Args[1]).wait(events, must(strconv.Atoi(os.Args[2])))
	}
	io.Copy(io.Discard, os.Stdin) // ends with the parent
	os.Exit(0)
}

type pair [2]*interprocess.Event

func newPair() pair { return pair{must(interprocess.New()), must(interprocess.New())} }

func startChild(b *testing.B, events pair, args ...string) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "FIGURES=1")
	check(events[0].Share(cmd, "a"))
	check(events[1].Share(cmd, "b"))
	stdin := must(cmd.StdinPipe())
	check(cmd.Start())
	b.Cleanup(func() { stdin.Close(); cmd.Wait() })
}

func BenchmarkIsSet(b *testing.B) {
	e := must(interprocess.New())
	e.Set()
	b.Run("impl=interprocess", func(b *testing.B) {
		for range b.N {
			if !e.IsSet() {
				b.Fatal("not set")
			}
		}
	})
}

func BenchmarkSetOnSet(b *testing.B) {
	e := must(interprocess.New())
	e.Set()
	b.Run("impl=interprocess", func(b *testing.B) {
		for range b.N {
			e.Set()
		}
	})
}

func BenchmarkSetClear(b *testing.B) {
	e := must(interprocess.New())
	b.Run("impl=interprocess", func(b *testing.B) {
		for range b.N {
			e.Set()
			e.Clear()
		}
	})
}

// BenchmarkRoundTrip measures two processes that set, wait for and clear two
// events, on one processor if taskset says so.
func BenchmarkRoundTrip(b *testing.B) {
	cpus := "all"
	if runtime.NumCPU() == 1 {
		cpus = "1"
	}
	b.Run("impl=interprocess/cpus="+cpus, func(b *testing.B) {
		events := newPair()
		startChild(b, events)
		roundTrip := func() {
			events[0].Set()
			events[1].Wait()
			events[1].Clear()
		}
		roundTrip() // the child has started
		for b.Loop() {
			roundTrip()
		}
	})
}

func answer(events pair) {
	for {
		events[0].Wait()
		events[0].Clear()
		events[1].Set()
	}
}

// BenchmarkWake measures the time from Set to the end of each wait, by waiters
// in separate processes or in this one.
func BenchmarkWake(b *testing.B) {
	for _, n := range []int{1, 16, 100} {
		b.Run(fmt.Sprint("impl=interprocess/procs=", n), func(b *testing.B) { wake(b, n, true) })
	}
	b.Run("impl=interprocess/waits=1000", func(b *testing.B) { wake(b, 1000, false) })
}

// A board is shared memory in which each waiter writes when it woke.
type board [1000]atomic.Int64

func openBoard(path string) *board {
	f := must(os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600))
	defer f.Close()
	size := int(unsafe.Sizeof(board{}))
	check(f.Truncate(int64(size)))
	memory := must(syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED))
	return (*board)(unsafe.Pointer(&memory[0]))
}

func (s *board) wait(events pair, i int) {
	for round := 0; ; round++ {
		s[i].Store(time.Now().UnixNano())
		events[round%2].Wait()
	}
}

func wake(b *testing.B, n int, processes bool) {
	path := filepath.Join(b.TempDir(), "board")
	shared, events := openBoard(path), newPair()
	for i := range n {
		if processes {
			startChild(b, events, path, strconv.Itoa(i))
		} else {
			go shared.wait(events, i)
		}
	}
	until := func(t int64) {
		for i := range n {
			for shared[i].Load() < t {
				time.Sleep(200 * time.Microsecond)
			}
		}
		time.Sleep(2 * time.Millisecond) // they fall asleep again
	}
	until(1)
	var took []float64
	for round := 0; b.Loop(); round++ {
		began := time.Now().UnixNano()
		events[round%2].Set()
		until(began)
		events[round%2].Clear()
		for i := range n {
			took = append(took, float64(shared[i].Load()-began))
		}
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op") // not reported
	b.ReportMetric(took[len(took)/2], "ns-p50")
	b.ReportMetric(took[len(took)*99/100], "ns-p99")
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}
