//go:build unix

// Package interprocess measures interprocess.Event as figures.py measures
// multiprocessing.Event.
package interprocess

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

type pair [2]*interprocess.Event

func newPair() pair { return pair{must(interprocess.New()), must(interprocess.New())} }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestMain is also the main function of the children.
func TestMain(m *testing.M) {
	if os.Args[1] != "child" {
		os.Exit(m.Run())
	}
	go child(pair{must(interprocess.Inherited("a")), must(interprocess.Inherited("b"))}, os.Args[2:])
	io.Copy(io.Discard, os.Stdin) // ends with the parent
}

// child answers in ping-pong or, given the path of a board and an index, waits.
func child(events pair, args []string) {
	if len(args) == 2 {
		openBoard(args[0]).wait(events, must(strconv.Atoi(args[1])))
	}
	for {
		events[0].Wait()
		events[0].Clear()
		events[1].Set()
	}
}

func start(b *testing.B, events pair, args ...string) {
	cmd := exec.Command(os.Args[0], append([]string{"child"}, args...)...)
	must(0, events[0].Share(cmd, "a"))
	must(0, events[1].Share(cmd, "b"))
	stdin := must(cmd.StdinPipe())
	must(0, cmd.Start())
	b.Cleanup(func() { stdin.Close(); cmd.Wait() })
}

// BenchmarkRoundTrip is of ping-pong between two processes, on one processor if
// started by taskset.
func BenchmarkRoundTrip(b *testing.B) {
	cpus := map[bool]string{true: "1", false: "all"}[runtime.NumCPU() == 1]
	b.Run("impl=interprocess/cpus="+cpus, func(b *testing.B) {
		events := newPair()
		start(b, events)
		for b.Loop() {
			events[0].Set()
			events[1].Wait()
			events[1].Clear()
		}
	})
}

// BenchmarkWake is of the time from Set to the end of each wait.
func BenchmarkWake(b *testing.B) {
	for _, n := range []int{1, 16, 100} {
		b.Run(fmt.Sprint("impl=interprocess/procs=", n), func(b *testing.B) { wake(b, n, true) })
	}
	b.Run("impl=interprocess/waits=1000", func(b *testing.B) { wake(b, 1000, false) })
}

// A board is shared memory in which waiters count themselves and note the time.
type board struct {
	arrived, woken, stop atomic.Int64
	stamps               [1000]int64
}

func openBoard(path string) *board {
	f := must(os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600))
	defer f.Close()
	size := int(unsafe.Sizeof(board{}))
	must(0, f.Truncate(int64(size)))
	memory := must(syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED))
	return (*board)(unsafe.Pointer(&memory[0]))
}

func (s *board) wait(events pair, i int) {
	for round := 0; s.stop.Load() == 0; round++ {
		s.arrived.Add(1)
		events[round%2].Wait()
		s.stamps[i] = time.Now().UnixNano()
		s.woken.Add(1)
	}
}

func until(counter *atomic.Int64, n int) {
	for counter.Load() < int64(n) {
		time.Sleep(200 * time.Microsecond)
	}
}

func wake(b *testing.B, n int, processes bool) {
	path := filepath.Join(b.TempDir(), "board")
	shared, events := openBoard(path), newPair()
	for i := range n {
		if processes {
			start(b, events, path, strconv.Itoa(i))
		} else {
			go shared.wait(events, i)
		}
	}
	var took []float64
	for round := 0; b.Loop(); round++ {
		until(&shared.arrived, n*(round+1))
		time.Sleep(2 * time.Millisecond) // they fall asleep
		began := time.Now().UnixNano()
		events[round%2].Set()
		until(&shared.woken, n*(round+1))
		events[round%2].Clear()
		for _, stamp := range shared.stamps[:n] {
			took = append(took, float64(stamp-began))
		}
	}
	shared.stop.Store(1)
	events[0].Set()
	events[1].Set()
	slices.Sort(took)
	b.ReportMetric(0, "ns/op") // omits it
	b.ReportMetric(took[len(took)/2], "ns-p50")
	b.ReportMetric(took[len(took)*99/100], "ns-p99")
}
