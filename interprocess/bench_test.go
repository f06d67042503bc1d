//go:build unix

package interprocess

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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

// wakeUps measures the microseconds from Set to the end of n waits, in processes
// or goroutines: the median and the 99th percentile of all, and the median of
// the last of a round.
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
			took = append(took, float64(at-began)/1e3)
		}
		last = append(last, float64(slices.Max(shared.stamps[:n])-began)/1e3)
	}
	slices.Sort(took)
	slices.Sort(last)
	return []float64{took[len(took)/2], took[len(took)*99/100], last[len(last)/2]}
}

// BenchmarkFigures prints the figures of an Event and of Python's
// multiprocessing.Event, on the same work in turns, if there is a python3:
//
//	go test -run '^$' -bench Figures -benchtime 1x ./interprocess
func BenchmarkFigures(b *testing.B) {
	python3, err := exec.LookPath("python3")
	if err != nil {
		b.Log("without Python's figures:", err)
	}
	python := func(args ...any) (figures []float64) {
		if python3 == "" {
			return nil
		}
		cmd := exec.Command(python3, append([]string{"testdata/figures.py"}, strings.Fields(fmt.Sprintln(args...))...)...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		check1(b, err)
		for field := range strings.FieldsSeq(string(out)) {
			f, err := strconv.ParseFloat(field, 64)
			check1(b, err)
			figures = append(figures, f)
		}
		return figures
	}

	e, word := newTest(b), new(atomic.Uint32)
	fmt.Printf("\n%-29s %30s %30s  ratio\n", "medians of the turns", "this package", "multiprocessing")
	inTurns("an atomic load, ns", timed(func(n int) {
		for range n {
			word.Load()
		}
	}), nil)
	inTurns("IsSet, ns", timed(func(n int) {
		for range n {
			e.IsSet()
		}
	}), func() []float64 { return python("IsSet") })
	inTurns("two compare-and-swaps, ns", timed(func(n int) {
		for range n {
			word.CompareAndSwap(word.Load(), 1)
			word.CompareAndSwap(word.Load(), 0)
		}
	}), nil)
	inTurns("Set and Clear, ns", timed(func(n int) {
		for range n {
			e.Set()
			e.Clear()
		}
	}), func() []float64 { return python("SetClear") })
	e.Set()
	inTurns("Set on a set event, ns", timed(func(n int) {
		for range n {
			e.Set()
		}
	}), func() []float64 { return python("SetOnSet") })
	fmt.Println("from Set to the end of a wait, µs: median / 99 % / median of the last")
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
		inTurns(row.name, func() []float64 { return wakeUps(b, row.n, row.rounds, row.processes) },
			func() []float64 { return python("wakes", row.n, row.rounds, row.processes) })
	}
}

// timed makes a function that gives the nanoseconds of one of the n rounds of loop.
func timed(loop func(n int)) func() []float64 {
	return func() []float64 {
		const n = 5e6
		began := time.Now()
		loop(n)
		return []float64{float64(time.Since(began)) / n}
	}
}

// inTurns measures both in seven turns. It prints the medians, and that of the
// ratios of the first figures within a turn.
func inTurns(name string, own, other func() []float64) {
	var owns, others [3][]float64
	var ratios []float64
	for range 7 {
		o := own()
		for i, f := range o {
			owns[i] = append(owns[i], f)
		}
		if other == nil {
			continue
		}
		p := other()
		for i, f := range p {
			others[i] = append(others[i], f)
		}
		if p != nil {
			ratios = append(ratios, o[0]/p[0])
		}
	}
	line := func(turns [3][]float64) string {
		var s []string
		for _, t := range turns {
			if t != nil {
				s = append(s, fmt.Sprintf("%.1f", middle(t)))
			}
		}
		return strings.Join(s, " / ")
	}
	fmt.Printf("%-29s %30s %30s", name, line(owns), line(others))
	if ratios != nil {
		fmt.Printf("  %.3f", middle(ratios))
	}
	fmt.Println()
}

func middle(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
