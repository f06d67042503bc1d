//go:build unix

package interprocess

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func BenchmarkIsSet(b *testing.B) {
	e := newTest(b)
	for b.Loop() {
		e.IsSet()
	}
}

func BenchmarkSetOnSet(b *testing.B) {
	e := newTest(b)
	e.Set()
	for b.Loop() {
		e.Set()
	}
}

func BenchmarkSetClear(b *testing.B) {
	e := newTest(b)
	for b.Loop() {
		e.Set()
		e.Clear()
	}
}

func BenchmarkAtomicLoad(b *testing.B) {
	var word atomic.Uint32
	for b.Loop() {
		word.Load()
	}
}

func BenchmarkTwoCompareAndSwaps(b *testing.B) {
	word := new(atomic.Uint32)
	for b.Loop() {
		word.CompareAndSwap(word.Load(), 1)
		word.CompareAndSwap(word.Load(), 0)
	}
}

// A board is memory in which those who wait count themselves and write when
// they woke.
type board struct {
	arrived, done atomic.Int64
	stamps        [1000]int64
}

func openBoard(path string) (*board, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	memory, err := syscall.Mmap(int(f.Fd()), 0, int(unsafe.Sizeof(board{})), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*board)(unsafe.Pointer(&memory[0])), nil
}

func (b *board) wait(events [2]*Event, i, rounds int) {
	for r := range rounds {
		b.arrived.Add(1)
		events[r%2].Wait()
		b.stamps[i] = time.Now().UnixNano()
		b.done.Add(1)
	}
}

func init() {
	roles["figure"] = func(e *Event) {
		other, err := Inherited("second")
		if err != nil {
			panic(err)
		}
		b, err := openBoard(os.Args[1])
		if err != nil {
			panic(err)
		}
		var i, rounds int
		fmt.Sscan(os.Args[2], &i)
		fmt.Sscan(os.Args[3], &rounds)
		b.wait([2]*Event{e, other}, i, rounds)
	}
}

// wakeUps measures the time from Set to the end of n waits, in processes or
// goroutines: the median and the 99th percentile of all, and the median of the
// last of a round.
func wakeUps(b *testing.B, n, rounds int, processes bool) []float64 {
	events := [2]*Event{newTest(b), newTest(b)}
	path := filepath.Join(b.TempDir(), "board")
	check1(b, os.WriteFile(path, make([]byte, unsafe.Sizeof(board{})), 0o600))
	shared, err := openBoard(path)
	check1(b, err)
	for i := range n {
		if !processes {
			go shared.wait(events, i, rounds)
			continue
		}
		cmd := command(b, events[0], "figure", path, fmt.Sprint(i), fmt.Sprint(rounds))
		check1(b, events[1].Share(cmd, "second"))
		_, err := cmd.StdinPipe()
		check1(b, err)
		check1(b, cmd.Start())
		defer cmd.Wait()
	}
	until := func(counter *atomic.Int64, n int) {
		for counter.Load() < int64(n) {
			time.Sleep(200 * time.Microsecond)
		}
	}
	var took, last []float64
	for r := range rounds {
		until(&shared.arrived, n*(r+1))
		time.Sleep(2 * time.Millisecond) // they fall asleep
		began := time.Now().UnixNano()
		events[r%2].Set()
		until(&shared.done, n*(r+1))
		events[r%2].Clear()
		for _, at := range shared.stamps[:n] {
			took = append(took, float64(at-began))
		}
		last = append(last, float64(slices.Max(shared.stamps[:n])-began))
	}
	slices.Sort(took)
	slices.Sort(last)
	return []float64{took[len(took)/2], took[len(took)*99/100], last[len(last)/2]}
}

// BenchmarkFigures measures the table of the documentation, and Python's
// multiprocessing.Event on the same work right after:
//
//	go test -run '^$' -bench Figures -benchtime 1x ./interprocess
func BenchmarkFigures(b *testing.B) {
	var python map[string][]float64
	version := "no python3 here"
	if python3, err := exec.LookPath("python3"); err == nil {
		python = map[string][]float64{}
		out, err := exec.Command(python3, "testdata/figures.py").Output()
		check1(b, err)
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			name, text, _ := strings.Cut(lines.Text(), "\t")
			if name == "version" {
				version = "Python " + text
			}
			for _, field := range strings.Fields(text) {
				var f float64
				fmt.Sscan(field, &f)
				python[name] = append(python[name], f)
			}
		}
	}
	ns := func(f func(n int)) float64 {
		const n = 5e6
		best := time.Duration(1 << 62)
		for range 5 {
			began := time.Now()
			f(n)
			best = min(best, time.Since(began))
		}
		return float64(best.Nanoseconds()) / n
	}
	e, word := newTest(b), new(atomic.Uint32)
	load := ns(func(n int) {
		for range n {
			word.Load()
		}
	})
	swaps := ns(func(n int) {
		for range n {
			word.CompareAndSwap(word.Load(), 1)
			word.CompareAndSwap(word.Load(), 0)
		}
	})
	isSet := ns(func(n int) {
		for range n {
			e.IsSet()
		}
	})
	setClear := ns(func(n int) {
		for range n {
			e.Set()
			e.Clear()
		}
	})
	e.Set()
	setOnSet := ns(func(n int) {
		for range n {
			e.Set()
		}
	})
	fmt.Printf("%s, %s/%s, GOMAXPROCS %d, %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), version)
	fmt.Printf("an atomic load %.1f ns, two compare-and-swaps %.1f ns\n", load, swaps)
	fmt.Printf("%-28s %10.1f ns %20.1f ns, %.1f of a load\n", "IsSet", isSet, figure(python["IsSet"], 0), isSet/load)
	fmt.Printf("%-28s %10.1f ns %20.1f ns\n", "Set on a set event", setOnSet, figure(python["Set on a set event"], 0))
	fmt.Printf("%-28s %10.1f ns %20.1f ns, %.2f of two compare-and-swaps\n", "Set and Clear, nobody waits", setClear, figure(python["Set and Clear"], 0), setClear/swaps)
	for _, row := range []struct {
		name      string
		n, rounds int
		processes bool
	}{
		{"1 process", 1, 300, true},
		{"16 processes", 16, 60, true},
		{"100 processes", 100, 15, true},
		{"1000 waits in one process", 1000, 5, false},
	} {
		own, other := wakeUps(b, row.n, row.rounds, row.processes), python[row.name]
		fmt.Printf("%-28s %7.0f / %.0f / %.0f µs %10.0f / %.0f / %.0f µs (median / 99 %% / median of the last), medians %.2f and %.2f\n", row.name,
			own[0]/1e3, own[1]/1e3, own[2]/1e3, figure(other, 0)/1e3, figure(other, 1)/1e3, figure(other, 2)/1e3, own[0]/figure(other, 0), own[2]/figure(other, 2))
	}
}

func figure(figures []float64, i int) float64 {
	if i >= len(figures) {
		return 0
	}
	return figures[i]
}
