//go:build !eventpoll

package interprocess

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// What the victims of TestKillAtEveryInstruction do between two marks: the
// operations whole, the two steps of a wait that touch the word, and, as the
// control, a Set in two steps.
var victims = map[string]func(e *Event){
	"Set":          (*Event).Set,
	"Clear":        (*Event).Clear,
	"announce":     func(e *Event) { e.announce(e.word.Load() &^ (set | asleep)) },
	"park":         func(e *Event) { park(e.word, e.word.Load()|asleep, time.Time{}) },
	"wait":         func(e *Event) { e.WaitTimeout(time.Millisecond) },
	"two-step Set": func(e *Event) { wakes = "futex-wake"; setAndWake(e.word) },
}

func init() {
	roles["victim of ptrace"] = func(e *Event) {
		op := victims[os.Args[1]]
		mark()
		op(e)
		mark()
		time.Sleep(hang) // to be killed
	}
	if os.Getenv("EVENT_TEST_ROLE") == "victim of ptrace" {
		runtime.LockOSThread() // the thread that is traced
	}
}

// mark stops the thread and tells its tracer.
func mark() {
	syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(syscall.Getpid()), uintptr(syscall.Gettid()), uintptr(syscall.SIGSTOP))
}

// A victim is killed at every instruction boundary of an operation while
// somebody sleeps. Afterwards a survivor's Set must release the sleeper, and a
// survivor must be able to do everything else. The two-step Set leaves the
// sleeper asleep: so the test can fail.
func TestKillAtEveryInstruction(t *testing.T) {
	if native != "futex-wake-op" {
		t.Skip("the kernel cannot set and wake in one step here")
	}
	every := 120
	if raceEnabled || testing.Short() {
		every = 0
	}
	for op := range victims {
		t.Run(op, func(t *testing.T) {
			control := op == "two-step Set"
			stuck, kills, began := 0, 0, time.Now()
			for n, stride := 1, 1; ; n += stride {
				// Every one of the first 120, which is about all of Set and
				// Clear; then fewer and fewer, for as long as the test may take.
				// Under the race detector it starts with fewer.
				if kills >= every && !control {
					stride = 1 + n/20
				}
				if kills >= max(every, 50) && !control && time.Since(began) > 5*time.Second {
					break
				}
				ok, ended := killAt(t, op, n)
				if ended {
					break
				}
				kills++
				if !ok {
					if stuck++; !control {
						t.Fatalf("killed after %d instructions, it has left the event unusable", n)
					} else if stuck == 3 {
						break // enough
					}
				}
			}
			t.Logf("killed at %d boundaries, of which %d left the event unusable", kills, stuck)
			if kills < 10 {
				t.Error("too few: is it the operation that was traced?")
			}
			if control && stuck == 0 {
				t.Error("the control has not failed")
			}
		})
	}
}

// killAt runs a new victim n instructions into op and kills it, while a wait of
// this process sleeps, or reports that op ended before. It reports whether the
// event is usable then.
func killAt(t *testing.T, op string, n int) (ok, ended bool) {
	runtime.LockOSThread() // who traces must be one thread
	defer runtime.UnlockOSThread()
	e, err := New()
	check1(t, err)
	defer e.Close()
	if op == "Clear" {
		e.Set()
	}

	cmd := plain(t, command(t, e, "victim of ptrace", op))
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("ptrace is not allowed here:", err)
	}
	pid := cmd.Process.Pid
	defer func() {
		syscall.Kill(pid, syscall.SIGKILL)
		cmd.Wait()
	}()
	if s := stop(t, pid, false); s != syscall.SIGTRAP { // at exec
		t.Skip("ptrace is not allowed here:", s)
	}
	for sig := syscall.Signal(0); ; {
		check1(t, syscall.PtraceCont(pid, int(sig)))
		if sig = stop(t, pid, false); sig == syscall.SIGSTOP {
			break // the first mark
		}
	}

	generation := e.word.Load() &^ (set | asleep)
	released := make(chan struct{})
	go func() {
		e.waitFor(generation, limit{})
		close(released)
	}()
	if op != "Clear" {
		asleepInKernel(t, e)
	}

	for i := 0; i < n && !ended; i++ {
		check1(t, syscall.PtraceSingleStep(pid))
		switch stop(t, pid, op == "park") {
		case syscall.SIGTRAP:
		case syscall.SIGSTOP: // the second mark
			ended = true
		case 0: // asleep in the kernel, to be killed there
			ended = true
		default:
			i-- // another signal, which the victim does without
		}
	}
	syscall.Kill(pid, syscall.SIGKILL)
	syscall.Wait4(pid, nil, 0, nil)

	e.Set()
	select {
	case <-released:
		ok = true
	case <-time.After(time.Second):
	}
	if !ok { // frees the sleeper of the control
		wake(e.word)
		e.Clear()
	}
	e.Clear()
	if ok && n%20 == 1 { // to a fresh process too
		start(t, e, "use").says("works")
	}
	return ok && !e.IsSet() && !e.WaitTimeout(0), ended
}

// stop waits until pid stops and returns the signal that stopped it, or 0 if it
// maySleep and does, in the kernel.
func stop(t *testing.T, pid int, maySleep bool) syscall.Signal {
	t.Helper()
	for began := time.Now(); ; {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		switch waited := time.Since(began); {
		case err == syscall.EINTR:
		case err != nil:
			t.Fatal(err)
		case got == pid && status.Stopped():
			return status.StopSignal()
		case got == pid:
			t.Fatalf("the victim has ended: %#x", status)
		case maySleep && waited > 200*time.Millisecond && strings.Contains(proc(pid, "status"), "\nState:\tS"):
			return 0
		case waited > hang:
			t.Fatal("the victim does not stop")
		case waited > 100*time.Microsecond:
			time.Sleep(20 * time.Microsecond)
		}
	}
}

// asleepInKernel returns when a thread of this process sleeps on the word of e.
func asleepInKernel(t *testing.T, e *Event) {
	t.Helper()
	parked(t, e)
	want := fmt.Sprintf("202 0x%x ", uintptr(unsafe.Pointer(e.word)))
	eventually(t, "a sleeper", func() bool {
		threads, _ := filepath.Glob("/proc/self/task/*/syscall")
		for _, thread := range threads {
			if text, err := os.ReadFile(thread); os.IsPermission(err) || strings.HasPrefix(string(text), want) {
				return true // or the system does not say
			}
		}
		return false
	})
}

func proc(pid int, file string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	return string(text)
}
