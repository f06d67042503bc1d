//go:build !eventpoll

package interprocess

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/bell"
	"example.com/event/interprocess/internal/futex"
)

// traced is what a traced child does between two marks: every method, the steps
// of a wait that touch the word or the kernel, and, as the control of the tests, a
// Set in two steps.
var traced = map[string]func(e *Event){
	"Set":         (*Event).Set,
	"Clear":       (*Event).Clear,
	"IsSet":       func(e *Event) { e.IsSet() },
	"String":      func(e *Event) { _ = e.String() },
	"Wait":        (*Event).Wait,
	"WaitTimeout": func(e *Event) { e.WaitTimeout(time.Millisecond) },
	"WaitContext": func(e *Event) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = e.WaitContext(ctx)
	},
	"Done":  func(e *Event) { e.Done() },
	"Close": func(e *Event) { e.Close() },
	"mark":  func(e *Event) { e.mark(asleep, e.generation()) },
	"sleep": func(e *Event) {
		new(futex.Sleeper).Sleep(e.word, e.word.Load()|asleep, 0, time.Time{}, func() bool { return false })
	},
	"two-step Set": func(e *Event) {
		w := e.word.Load()
		e.word.CompareAndSwap(w, w|set)
		wakeAll(e)
	},
	"OpenOrCreate": func(*Event) {
		e, _, _ := OpenOrCreate(os.Args[2], true)
		mark()
		e.Clear() // tells which event it is
	},
}

// wakeAll wakes all threads that sleep on the word of e.
func wakeAll(e *Event) {
	const futexWake = 1
	syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(e.word.Uint32)), futexWake, math.MaxInt32, 0, 0, 0)
}

func init() {
	roles["traced"] = func(e *Event) {
		f := traced[os.Args[1]]
		mark()
		f(e)
		mark()
		time.Sleep(hang) // to be killed
	}
	if os.Getenv("EVENT_TEST_ROLE") == "traced" {
		runtime.LockOSThread() // the thread that is traced
	}
}

// mark stops the thread and tells its tracer.
func mark() {
	syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(syscall.Getpid()), uintptr(syscall.Gettid()), uintptr(syscall.SIGSTOP))
}

// A tracee is a child that runs one of traced, instruction by instruction.
type tracee struct {
	t           *testing.T
	pid         int
	stops       atomic.Int64
	interrupted atomic.Bool // by watch, out of its sleep in the kernel
	asleep      bool        // the last stop was such an interruption
	ended       chan struct{}
}

// trace starts a tracee with e and returns when it has reached its first mark.
// The thread must be locked, and is the only one that may call the methods.
func trace(t *testing.T, e *Event, name string, args ...string) *tracee {
	cmd := command(t, e, "traced", append([]string{name}, args...)...)
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	if err := cmd.Start(); err != nil {
		t.Skip("ptrace is not allowed here:", err)
	}
	c := &tracee{t: t, pid: cmd.Process.Pid, ended: make(chan struct{})}
	t.Cleanup(func() {
		close(c.ended)
		c.kill()
		cmd.Wait()
	})
	go c.watch()
	if s := c.stop(); s != syscall.SIGTRAP { // at exec
		t.Skip("ptrace is not allowed here:", s)
	}
	for s := syscall.Signal(0); ; {
		require.NoError(t, syscall.PtraceCont(c.pid, int(s)))
		if s = c.stop(); s == syscall.SIGSTOP {
			return c
		}
	}
}

func (c *tracee) kill() { syscall.Kill(c.pid, syscall.SIGKILL) }

// step runs one instruction. It reports true at the second mark. If the
// instruction is a system call in which the child sleeps, step sets asleep; the
// next step makes the call again.
func (c *tracee) step() (ended bool) {
	c.t.Helper()
	c.asleep = false
	for {
		require.NoError(c.t, syscall.PtraceSingleStep(c.pid))
		switch s := c.stop(); {
		case s == syscall.SIGTRAP:
			return false
		case s == syscall.SIGSTOP:
			return true
		case s == syscall.SIGURG && c.interrupted.Swap(false):
			c.asleep = true
			return false
		}
		// Another signal, which the child does not get.
	}
}

// finish lets the child go on to the next mark.
func (c *tracee) finish() {
	c.t.Helper()
	for s := syscall.Signal(0); s != syscall.SIGSTOP; s = c.stop() {
		require.NoError(c.t, syscall.PtraceCont(c.pid, 0))
	}
}

func (c *tracee) stop() syscall.Signal {
	c.t.Helper()
	s := stop(c.t, c.pid)
	c.stops.Add(1)
	return s
}

// stop waits until a traced child stops and returns the signal that has stopped
// it.
func stop(t *testing.T, pid int) syscall.Signal {
	t.Helper()
	defer time.AfterFunc(2*hang, func() { syscall.Kill(pid, syscall.SIGKILL) }).Stop()
	for {
		var status syscall.WaitStatus
		switch _, err := syscall.Wait4(pid, &status, 0, nil); {
		case err == syscall.EINTR:
		case err != nil:
			t.Fatal(err)
		case !status.Stopped():
			t.Fatalf("the child has ended, or it did not stop: %#x", status)
		default:
			return status.StopSignal()
		}
	}
}

// watch interrupts the child when it sleeps on the word.
func (c *tracee) watch() {
	var stops int64
	for since := time.Now(); !isClosed(c.ended); time.Sleep(5 * time.Millisecond) {
		if now := c.stops.Load(); now != stops {
			stops, since = now, time.Now()
		}
		if time.Since(since) > 10*time.Millisecond && c.sleepsOnWord() {
			c.interrupted.Store(true)
			syscall.Kill(c.pid, syscall.SIGURG)
		}
	}
}

func (c *tracee) sleepsOnWord() bool {
	return onWord(fmt.Sprintf("/proc/%d/task/%[1]d", c.pid), "")
}

// onWord reports whether a thread sleeps on a word that processes share, at addr
// if that is not empty.
func onWord(task, addr string) bool {
	stat, _ := os.ReadFile(task + "/stat")
	if !strings.Contains(string(stat), ") S ") {
		return false
	}
	text, err := os.ReadFile(task + "/syscall")
	if os.IsPermission(err) {
		return true // the system does not say
	}
	const futexWaitBitset = "0x9"
	call := strings.Fields(string(text)) // number, address, operation
	return len(call) > 2 &&
		(call[0] == fmt.Sprint(syscall.SYS_FUTEX) || call[0] == fmt.Sprint(syscall.SYS_RESTART_SYSCALL)) && // an interrupted one
		(addr == "" || call[1] == addr) && call[2] == futexWaitBitset
}

// asleep starts a wait for e and returns when it is asleep, in the kernel or in
// the hub.
func (e *Event) asleep(t *testing.T) (result <-chan error) {
	t.Helper()
	c, thread := make(chan error, 1), make(chan int, 1)
	generation := e.generation()
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- syscall.Gettid()
		c <- e.waitFor(generation, limit{})
	}()
	if mode == withBell {
		parked(t, e)
		return c
	}
	task := fmt.Sprint("/proc/self/task/", <-thread)
	word := fmt.Sprintf("0x%x", uintptr(unsafe.Pointer(e.word.Uint32)))
	eventually(t, "a thread to sleep on the word", func() bool { return onWord(task, word) })
	return c
}

// released reports whether a wait ends before d has passed.
func released(result <-chan error, d time.Duration) bool {
	select {
	case err := <-result:
		return err == nil
	case <-time.After(d):
		return false
	}
}

func needsOneStep(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("there are many more instructions, and the detector's are not the package's")
	}
	if futex.Kind() != "futex-wake-op" {
		t.Skip("the kernel cannot set and wake in one step here")
	}
}

// A child is killed at every instruction boundary of the operations that touch
// the word, while a wait sleeps. Afterwards a Set must release the wait. The
// two-step Set leaves it asleep, which shows that the test can fail. Between the
// Set and its ring, only the backstop can help the hub.
func TestKillAtEveryInstruction(t *testing.T) {
	needsOneStep(t)
	for _, row := range []struct{ name, mode string }{
		{"Set", oneStep}, {"Set", withBell}, {"Clear", oneStep}, {"mark", oneStep}, {"sleep", oneStep},
		{"WaitTimeout", oneStep}, {"two-step Set", oneStep},
	} {
		t.Run(row.name+", "+row.mode, func(t *testing.T) {
			if row.mode == withBell {
				forced(t, withBell)
			}
			control := row.name == "two-step Set"
			every := rounds(100)
			kills, stuck := 0, 0
			// In long operations it skips more and more boundaries, fewer of
			// which TestStopAtEveryInstruction skips.
			for n, stride := 1, 1; kills < every*5/4 || control; n += stride {
				switch {
				case row.mode == withBell: // where many kills leave the wait to the backstop
					stride = 1 + rand.IntN(2000/every)
				case kills >= every && !control:
					stride = 1 + n/10
				}
				usable, ended := killAt(t, row.name, n)
				if ended {
					break
				}
				kills++
				if usable {
					continue
				}
				if stuck++; !control {
					t.Fatalf("killed after %d instructions, it has left the event unusable", n)
				} else if stuck == 3 {
					break // enough
				}
			}
			t.Logf("killed at %d boundaries, of which %d left the event unusable", kills, stuck)
			assert.GreaterOrEqual(t, kills, 3, "boundaries")
			assert.Equal(t, control, stuck > 0)
		})
	}
}

// killAt kills a child n instructions into the operation while a wait of this
// process sleeps, or reports that the operation has ended before. It also
// reports whether the event is usable afterwards.
func killAt(t *testing.T, name string, n int) (usable, ended bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e, err := New()
	require.NoError(t, err)
	defer e.Close()
	if name == "Clear" {
		e.Set()
	}
	c := trace(t, e, name)
	var waiter <-chan error
	if name != "Clear" {
		waiter = e.asleep(t)
	}
	for range n {
		if ended = c.step(); ended || c.asleep {
			break
		}
	}
	if c.asleep { // kill it there
		require.NoError(t, syscall.PtraceSingleStep(c.pid))
		eventually(t, "the child to sleep again", c.sleepsOnWord)
	}
	c.kill()
	syscall.Wait4(c.pid, nil, 0, nil)

	if waiter == nil {
		e.Clear()
		waiter = e.asleep(t)
	}
	e.Set()
	patience := hang
	if name == "two-step Set" {
		patience = 200 * time.Millisecond
	}
	if usable = released(waiter, patience); !usable {
		wakeAll(e) // the sleeper of the control
	}
	e.Clear()
	return usable && !e.IsSet() && !e.WaitTimeout(0), ended || c.asleep
}

// A child is stopped at every instruction boundary of every method. Meanwhile
// this process sets, clears and waits, and then restores the word, so that the
// child goes on as if nothing had happened.
func TestStopAtEveryInstruction(t *testing.T) {
	needsOneStep(t)
	for name := range traced {
		if name == "OpenOrCreate" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			control := name == "two-step Set"
			e := newTest(t)
			if name == "Clear" {
				e.Set()
			}
			c := trace(t, e, name)
			boundaries, blocked := 0, 0
			most := rounds(1000)
			var waiter <-chan error
			for n, next := 0, 0; !c.step(); n++ {
				if !c.asleep && (!c.touches() || n < next) {
					continue
				}
				if boundaries++; boundaries > most {
					next = n + n/10 // fewer and fewer in a long method
				}
				if !e.usable(t, &waiter, control) {
					if blocked++; !control {
						t.Fatalf("stopped after %d instructions, it blocks this process", n)
					}
				}
				if c.asleep {
					waiter = nil
					e.Set() // the child goes on, and so does the waiter
				}
			}
			t.Logf("stopped at %d boundaries, of which %d blocked this process", boundaries, blocked)
			assert.GreaterOrEqual(t, boundaries, 3)
			assert.Equal(t, control, blocked > 0)
		})
	}
}

// A child is stopped at every instruction boundary of Set and Clear, and goes on
// after a wait has gone to sleep: its Set ends that wait, and its Clear does not
// hide the wait from the next Set. If a hub has marked the word instead, its Set
// rings, even if a Clear removes the mark as soon as the flag is set.
func TestOvertakenAtEveryInstruction(t *testing.T) {
	needsOneStep(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	heard, err := bell.New()
	require.NoError(t, err)
	defer heard.Close()
	for _, row := range []struct {
		call             string
		word             uint32
		inHub, thenClear bool
	}{
		{call: "Set"}, {call: "Clear", word: set},
		{call: "Set", word: asleep, inHub: true}, {call: "Set", word: asleep, inHub: true, thenClear: true},
	} {
		boundaries := 0
		for n := 1; ; n++ {
			if row.inHub { // a Set that wakes sleepers takes many more instructions
				n += rand.IntN(1000 / rounds(100))
			}
			e := newTest(t)
			e.word.Store(row.word)
			c := trace(t, e, row.call)
			for range n {
				require.False(t, c.step())
			}
			if e.IsSet() != (row.word == set) {
				break // the call has taken effect, so the wait would come after it
			}
			boundaries++
			e.Clear()
			var waiter <-chan error
			if row.inHub {
				require.NoError(t, heard.Listen(e.page.File))
				e.mark(listening, 0)
			} else {
				waiter = e.asleep(t)
			}
			for row.thenClear && !e.IsSet() {
				require.False(t, c.step())
			}
			if row.thenClear {
				e.Clear()
			}
			require.Empty(t, heard.Rung)
			c.finish()
			c.kill()
			if row.call == "Clear" { // of the child, which has had no effect
				e.Set()
			}
			if row.inHub {
				arrives(t, fmt.Sprintf("the ring of a Set that was stopped after %d instructions", n), heard.Rung)
			} else {
				require.True(t, released(waiter, hang), "%s stopped after %d instructions", row.call, n)
			}
		}
		t.Logf("%+v: %d boundaries", row, boundaries)
		assert.GreaterOrEqual(t, boundaries, 3)
	}
}

// A process is stopped in OpenOrCreate before and after every system call, and
// then killed or continued, after this process has called OpenOrCreate too. No
// other points matter: until a process has a handle, others see only the effects
// of its system calls.
func TestOpenOrCreateAtEverySystemCall(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	gate := newTest(t)
	for n, ended := 0, false; !ended; n += 1 + 50/rounds(100) {
		for _, kill := range []bool{false, true} {
			path := tempPath(t)
			c := trace(t, gate, "OpenOrCreate", path)
			require.NoError(t, syscall.PtraceSetOptions(c.pid, syscall.PTRACE_O_TRACESYSGOOD))
			for i := 0; i < n && !ended; i++ {
				require.NoError(t, syscall.PtraceSyscall(c.pid, 0))
				switch c.stop() {
				case syscall.SIGTRAP | 0x80:
				case syscall.SIGSTOP: // OpenOrCreate has returned
					ended = true
				default:
					i-- // another signal, which the child does not get
				}
			}
			if ended {
				assert.Greater(t, n, 10, "system calls")
				return
			}
			_, err := os.Lstat(path)
			e, created := openOrCreate(t, path, true)
			assert.Equal(t, err != nil, created)
			if kill {
				c.kill()
				syscall.Wait4(c.pid, nil, 0, nil)
				assert.True(t, e.IsSet(), "stopped at %d", n)
			} else {
				c.finish()
				c.finish()
				assert.False(t, e.IsSet(), "stopped at %d, the child has another event", n)
			}
			again, created := openOrCreate(t, path, true)
			assert.False(t, created)
			assert.Equal(t, e.page.ID, again.page.ID)
			left := leftovers(t, filepath.Dir(path), 1)
			assert.True(t, left == 0 || kill && left == 1, "stopped at %d: %d temporary files left", n, left)
		}
	}
}

// touches reports whether the child is in code that can touch the word: that of
// this package, an atomic operation or a system call. The Go runtime, which
// takes the processor from a goroutine after 10 ms, does not.
func (c *tracee) touches() bool {
	var registers syscall.PtraceRegs
	require.NoError(c.t, syscall.PtraceGetRegs(c.pid, &registers))
	f := runtime.FuncForPC(uintptr(registers.Rip))
	if f == nil {
		return false
	}
	for _, pkg := range []string{"example.com/event/interprocess", "sync/atomic.", "syscall.", "internal/runtime/syscall"} {
		if strings.HasPrefix(f.Name(), pkg) {
			return true
		}
	}
	return false
}

// usable reports whether this process can set, clear and wait. A waiter that is
// not nil is asleep already. usable restores the word, and puts a new waiter to
// sleep if the event is unset.
func (e *Event) usable(t *testing.T, waiter *<-chan error, control bool) bool {
	t.Helper()
	word := e.word.Load()
	if *waiter == nil {
		e.Clear()
		*waiter = e.asleep(t)
	}
	e.Set()
	patience := hang
	if control {
		patience = 100 * time.Millisecond
	}
	ok := released(*waiter, patience)
	if !ok {
		wakeAll(e)
		released(*waiter, hang)
	}
	ok = ok && e.IsSet() && e.WaitTimeout(0)
	e.Clear()
	ok = ok && !e.IsSet() && !e.WaitTimeout(0)

	e.word.Store(word) // its generation comes again
	*waiter = nil
	if word&set == 0 {
		*waiter = e.asleep(t)
	}
	return ok
}
