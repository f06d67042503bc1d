package interprocess

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests read the costs of a process from /proc: mappings, context
// switches, processor time. Each bound is a multiple of the cost of plain Go on
// the same machine, or far from the failure that it must catch.

// Promise: closed handles leave at most 1,000 mappings, even where the garbage
// collector has no reason to run. The kernel allows a process 65,530.
func TestMappingsOfClosedHandles(t *testing.T) {
	for _, name := range []string{"Open", "New", "Open, handles kept", "New, handles kept", "New, every other open"} {
		t.Run(name, func(t *testing.T) {
			if inside(t) {
				live := make([]byte, 300<<20) // the next collection comes after as much
				runtime.GC()
				closeMany(t, filepath.Base(t.Name()))
				runtime.KeepAlive(live)
				return
			}
			mustPass(t, again(t, ""))
		})
	}
}

func closeMany(t *testing.T, how string) {
	n, others := 66000, 0
	if raceEnabled || testing.Short() || strings.HasSuffix(how, "open") {
		n = 5000
	}
	if free := freeDescriptors(); strings.HasSuffix(how, "open") && free < n {
		t.Skipf("only %d descriptors", free)
	}
	path := tempPath(t)
	e, err := Create(path)
	check1(t, err)
	defer e.Close()
	var kept []*Event
	before, most := mapped(t), 0
	for i := range n {
		if strings.HasSuffix(how, "open") {
			kept = append(kept, newTest(t))
			others++
		}
		var e *Event
		if strings.HasPrefix(how, "Open") {
			e, err = Open(path)
		} else {
			e, err = New()
		}
		if err != nil {
			t.Fatalf("after %d handles: %v", i, err)
		}
		e.Set()
		check1(t, e.Close())
		if strings.HasSuffix(how, "kept") {
			kept = append(kept, e)
		}
		if i%250 == 249 {
			most = max(most, mapped(t)-before-others)
			if most > 1000 {
				t.Fatalf("%d mappings of %d closed handles", most, i+1)
			}
		}
	}
	runtime.KeepAlive(kept)
	t.Logf("at most %d mappings of %d closed handles", most, n)
}

// freeDescriptors returns about the number of descriptors that this process may
// open.
func freeDescriptors() int {
	var limit syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return int(min(limit.Cur, 1<<20)) - 200
}

// mapped returns the number of mappings of this process.
func mapped(t *testing.T) int {
	maps, err := os.ReadFile("/proc/self/maps")
	check1(t, err)
	return bytes.Count(maps, []byte("\n"))
}

// Methods run while their handle is closed and unmapped.
func TestCloseUnderMethods(t *testing.T) {
	path := tempPath(t)
	event, err := Create(path)
	check1(t, err)
	defer event.Close()
	for i := range rounds(4000) {
		var e *Event
		if i%2 == 0 {
			e, err = Open(path)
		} else {
			e, err = New()
		}
		check1(t, err)
		var done sync.WaitGroup
		for _, method := range []func(){e.Set, e.Clear, func() { e.IsSet() }, func() { e.WaitTimeout(time.Microsecond) }} {
			done.Go(func() {
				for range 20 {
					method()
				}
			})
		}
		if i%3 == 0 {
			runtime.Gosched()
		}
		check1(t, e.Close())
		if i%100 == 0 {
			within(t, "the methods to return", done.Wait)
		} else {
			done.Wait()
		}
	}
}

// Promise: a process whose waits are in the poller costs little while nothing
// happens: at most 20 context switches a second after a second, and 4 after ten;
// 10,000 events take at most 2 % of a processor.
func TestIdlePoller(t *testing.T) {
	needCosts(t)
	n := min(10000, freeDescriptors())
	defer force(forced)
	force("poller")
	few, many := start(t, newTest(t), "idle", "1"), start(t, newTest(t), "idle", fmt.Sprint(n))
	for range n / 1000 {
		many.says("1,000 more") // on a busy machine 10,000 take long
	}
	many.says("waiting")
	few.says("waiting")
	began := time.Now()
	idle := func(d time.Duration, atMost float64) {
		t.Helper()
		time.Sleep(time.Until(began.Add(d)))
		from, before := time.Now(), switches(t, few.Process.Pid)
		time.Sleep(4 * time.Second)
		rate := float64(switches(t, few.Process.Pid)-before-2) / time.Since(from).Seconds() // one at either end
		t.Logf("after %v: %.1f context switches a second", d, rate)
		if rate > atMost {
			t.Errorf("after %v: %.1f context switches a second, want at most %.0f", d, rate, atMost)
		}
	}
	idle(1500*time.Millisecond, 20)
	from, before := time.Now(), processorTime(t, many.Process.Pid)
	idle(10500*time.Millisecond, 4)
	share := float64(processorTime(t, many.Process.Pid)-before) / float64(time.Since(from))
	t.Logf("%d events: %.2f %% of a processor", n, 100*share)
	if share > 0.02 {
		t.Errorf("%d idle events take %.2f %% of a processor, want at most 2 %%", n, 100*share)
	}
}

func init() {
	roles["idle"] = func(e *Event) { // waits for as many events as told, e included
		var n int
		fmt.Sscan(os.Args[1], &n)
		for i := range n {
			if i > 0 {
				var err error
				if e, err = New(); err != nil {
					fmt.Println(err)
					return
				}
			}
			go e.Wait()
			if i%1000 == 999 {
				fmt.Println("1,000 more")
			}
		}
		for blocked() < n {
			time.Sleep(100 * time.Millisecond)
		}
		runtime.GC()
		fmt.Println("waiting")
		select {}
	}
}

// Promise: a wait that times out wakes no other process, not even one whose ID
// is the same modulo 32.
func TestTimeoutsLeaveOthersAsleep(t *testing.T) {
	needCosts(t)
	e := newTest(t)
	sleeper := start(t, e, "idle", "1")
	sleeper.says("waiting")
	cmd := command(t, e, "times out")
	// The shell starts shells until one has such an ID and becomes the process.
	cmd.Args = []string{"sh", "-c", `
		while sh -c '[ $(($$ % 32)) = "$1" ] || exit 9; exec "$0"' "$0" "$1"; [ $? = 9 ]; do :; done`,
		os.Args[0], fmt.Sprint(sleeper.Process.Pid % 32)}
	cmd.Path = "/bin/sh"
	out := new(watched)
	cmd.Stdout = out
	in, err := cmd.StdinPipe()
	check1(t, err)
	check1(t, cmd.Start())
	defer cmd.Wait()
	defer in.Close() // ends the process
	defer cmd.Process.Kill()
	timeouts := func() int { return strings.Count(out.String(), "timeouts\n") }
	eventually(t, "timeouts", func() bool { return timeouts() > 0 })
	before := switches(t, sleeper.Process.Pid)
	eventually(t, "1,000 timeouts", func() bool { return timeouts() > 10 })
	n := switches(t, sleeper.Process.Pid) - before
	t.Logf("%d context switches for 1,000 timeouts of another process", n)
	if n > 100 {
		t.Errorf("a process that sleeps was woken up %d times by 1,000 timeouts of another", n)
	}
}

func init() {
	roles["times out"] = func(e *Event) {
		for {
			for range 100 {
				e.WaitTimeout(time.Millisecond)
			}
			fmt.Println("timeouts")
		}
	}
}

// Promise: a wait that times out costs about what it does on a channel.
func TestTimeoutCost(t *testing.T) {
	needCosts(t)
	const events, waits, d = 300, 600, 20 * time.Millisecond
	var all [events]*Event
	var channels [events]chan struct{}
	for i := range all {
		all[i], channels[i] = newTest(t), make(chan struct{})
	}
	cost := func(wait func(i int)) time.Duration {
		before := processorTime(t, os.Getpid())
		for range 10 {
			var done sync.WaitGroup
			for i := range waits {
				done.Go(func() { wait(i % events) })
			}
			done.Wait()
		}
		return (processorTime(t, os.Getpid()) - before) / (10 * waits)
	}
	onEvent := func(i int) { all[i].WaitTimeout(d) }
	onChannel := func(i int) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-channels[i]:
		case <-timer.C:
		}
	}
	cost(onEvent) // starts the threads
	var event, channel time.Duration
	for range 3 {
		event += cost(onEvent) / 3
		channel += cost(onChannel) / 3
	}
	t.Logf("%v of processor time for each wait, %v on a channel", event, channel)
	if event > 8*channel {
		t.Errorf("a wait that times out takes %v of processor time, on a channel %v", event, channel)
	}
}

// Promise: as long as a process waits for no more events than it has places in
// the kernel, all its waits are in the kernel, even those that began when there
// were more.
func TestWaitsMoveToTheKernel(t *testing.T) {
	needCosts(t)
	const first, more = 256, 44
	events := make([]*Event, first+more)
	var done sync.WaitGroup
	begin := func(from, to int) {
		for i := from; i < to; i++ {
			events[i] = newTest(t)
			done.Go(events[i].Wait)
		}
		eventually(t, "the waits to block", func() bool { return blocked() == to })
	}
	before := inKernel(t)
	begin(0, first)
	places := inKernel(t) - before
	if places < more {
		t.Skipf("only %d waits sleep in the kernel here", places)
	}
	begin(first, first+more)
	t.Logf("of %d waits %d are in the kernel", first+more, inKernel(t)-before)
	for _, e := range events[:first/2] {
		e.Set()
	}
	for _, e := range events[first/2 : first] {
		e.Close()
	}
	eventually(t, "the other waits to move to the kernel", func() bool { return inKernel(t)-before == more })
	for _, e := range events[first:] {
		e.Set()
	}
	within(t, "all waits to end", done.Wait)
}

// A wait that is about to sleep does not yield to other programs again and
// again: on a machine whose processors are busy, each time costs it
// milliseconds, during which no goroutine of its process may run.
func TestWaitsBeginOnABusyMachine(t *testing.T) {
	needCosts(t)
	for range 2 * runtime.NumCPU() {
		busy := exec.Command("sh", "-c", "while :; do :; done")
		check1(t, busy.Start())
		defer busy.Wait()
		defer busy.Process.Kill()
	}
	var events [400]*Event
	var done sync.WaitGroup
	within(t, "the waits to begin", func() {
		for i := range events {
			events[i] = newTest(t)
			done.Go(events[i].Wait)
		}
		for blocked() < len(events) {
			time.Sleep(time.Millisecond)
		}
	})
	for _, e := range events {
		e.Close()
	}
	within(t, "the waits to end", done.Wait)
}

// Two processes on one processor answer each other within the spin too, since it
// yields.
func TestAnswerWithinTheSpinOnOneProcessor(t *testing.T) {
	if inside(t) {
		const n = 1000
		if slept := answers(t, n); slept > n/2 {
			t.Errorf("%d of %d waits were about to sleep", slept, n)
		}
		return
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip(err)
	}
	mustPass(t, again(t, "taskset -cp $(taskset -cp $$ | grep -o '[0-9]*$') $$ >/dev/null"))
}

// The poller closes its timer when it ends.
func TestPollerClosesItsTimer(t *testing.T) {
	quiesce(t)
	defer force(forced)
	force("poller")
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close it
	e := newTest(t)
	before := descriptors()
	e.WaitTimeout(time.Millisecond)
	eventually(t, "the descriptors to be those before", func() bool { return slices.Equal(before, descriptors()) })
}

// Close does not start the collector while few handles are open.
func TestCloseOfFewRunsNoCollector(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	collections := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumGC
	}
	before := collections()
	for range 1000 {
		check1(t, newTest(t).Close())
	}
	if n := collections() - before; n != 0 {
		t.Errorf("%d collections", n)
	}
}

// needCosts skips tests of costs where these say nothing.
func needCosts(t *testing.T) {
	t.Helper()
	if raceEnabled || testing.Short() || os.Getenv("EVENT_TEST_SELF") != "" {
		t.Skip("the race detector or an emulator distorts costs, or -short")
	}
}

// tasks returns the content of file for every thread of process pid.
func tasks(t *testing.T, pid int, file string) (contents []string) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/%s", pid, file))
	check1(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if os.IsPermission(err) {
			t.Skip(err)
		}
		if err == nil { // else the thread has ended
			contents = append(contents, string(content))
		}
	}
	return contents
}

// switches returns how often the threads of process pid went to sleep.
func switches(t *testing.T, pid int) (sum int64) {
	for _, status := range tasks(t, pid, "status") {
		var n int64
		_, rest, _ := strings.Cut(status, "\nvoluntary_ctxt_switches:")
		fmt.Sscan(rest, &n)
		sum += n
	}
	return sum
}

// inKernel returns the number of threads of this process that sleep on a word
// that processes share; the futexes of Go's runtime are private.
func inKernel(t *testing.T) (n int) {
	const private = 128
	for _, call := range tasks(t, os.Getpid(), "syscall") {
		var number int
		var addr, op uint64
		fmt.Sscanf(call, "%d 0x%x 0x%x", &number, &addr, &op)
		if number == syscall.SYS_FUTEX && op&private == 0 {
			n++
		}
	}
	return n
}

// processorTime returns the time for which process pid has run.
func processorTime(t *testing.T, pid int) time.Duration {
	var sum time.Duration
	for _, stat := range tasks(t, pid, "schedstat") {
		var ns int64
		fmt.Sscan(stat, &ns)
		sum += time.Duration(ns)
	}
	if sum == 0 {
		t.Skip("this kernel does not say how long a thread has run")
	}
	return sum
}
