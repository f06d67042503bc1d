//go:build !eventpoll

package interprocess

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func init() {
	const role = "traced open or create"
	roles[role] = func(*Event) {
		mark()
		e, created, err := OpenOrCreate(os.Args[1])
		mark()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(created, e.id)
		e.Wait()
	}
	if os.Getenv("EVENT_TEST_ROLE") == role {
		runtime.LockOSThread() // the thread that is traced
	}
}

// A process in OpenOrCreate is stopped before and after every system call, and
// then killed or continued, after another process has called OpenOrCreate too.
// No other points matter: until the process has a handle, others see only the
// effects of its system calls.
func TestOpenOrCreateAtEverySystemCall(t *testing.T) {
	for name, find := range beforehand {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, killed: %t", name, kill), func(t *testing.T) {
				dir, prepare := find(t)
				step := 1
				if testing.Short() {
					step = 4
				}
				n, ended := 0, false
				for ; !ended && !t.Failed(); n += step {
					dir := filepath.Join(dir, fmt.Sprint(n))
					check1(t, os.Mkdir(dir, 0o700))
					path := filepath.Join(dir, "event")
					prepare(path)
					ended = interrupt(t, path, n, name == "present", kill)
				}
				t.Logf("%d points", n/step)
				if n < 10 {
					t.Error("too few: was OpenOrCreate traced?")
				}
			})
		}
	}
}

// interrupt lets a child call OpenOrCreate, stops it at the n-th boundary of a
// system call, lets this process call OpenOrCreate until it is done or waits for
// the child, and then kills the child or continues it. It reports whether the
// child had fewer boundaries.
func interrupt(t *testing.T, path string, n int, present, kill bool) (ended bool) {
	runtime.LockOSThread() // the tracer must be one thread
	defer runtime.UnlockOSThread()

	cmd := plain(t, command(t, newTest(t), "traced open or create", path))
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	_, err := cmd.StdinPipe()
	check1(t, err)
	out, err := cmd.StdoutPipe()
	check1(t, err)
	if err := cmd.Start(); err != nil {
		t.Skip("ptrace is not allowed here:", err)
	}
	pid := cmd.Process.Pid
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if s := stop(t, pid); s != syscall.SIGTRAP { // at exec
		t.Skip("ptrace is not allowed here:", s)
	}
	check1(t, syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACESYSGOOD))
	untilMark := func() {
		for sig := syscall.Signal(0); sig != syscall.SIGSTOP; {
			check1(t, syscall.PtraceCont(pid, int(sig)))
			sig = stop(t, pid)
		}
	}
	untilMark()
	for i := 0; i < n && !ended; i++ {
		check1(t, syscall.PtraceSyscall(pid, 0))
		switch stop(t, pid) {
		case syscall.SIGTRAP | 0x80:
		case syscall.SIGSTOP: // the second mark
			ended = true
		default:
			i-- // another signal, which the child does not get
		}
	}

	var info syscall.Stat_t
	_ = syscall.Lstat(path, &info)
	waits := fmt.Sprintf(":%d 0 EOF", info.Ino)
	var e *Event
	var created bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		e, created, err = OpenOrCreate(path)
	}()
	eventually(t, "another OpenOrCreate to end or wait", func() bool {
		select {
		case <-done:
			return true
		default:
		}
		locks, _ := os.ReadFile("/proc/locks")
		for line := range strings.Lines(string(locks)) {
			if strings.Contains(line, "-> FLOCK") && strings.Contains(line, waits) {
				return true
			}
		}
		return false
	})

	if kill {
		check1(t, cmd.Process.Kill())
		cmd.Wait()
	} else {
		if !ended {
			untilMark()
		}
		check1(t, syscall.PtraceDetach(pid))
	}
	within(t, "the other OpenOrCreate", func() { <-done })
	check1(t, err)
	defer e.Close()
	if !kill {
		var line string
		within(t, "the child", func() { line, _ = bufio.NewReader(out).ReadString('\n') })
		if want := fmt.Sprintln(!created && !present, e.id); line != want {
			t.Errorf("stopped at %d, the child says %q, want %q", n, line, want)
		}
	}
	next, again := openOrCreate(t, path)
	if again {
		t.Errorf("stopped at %d: the event was gone", n)
	}
	if e.IsSet() {
		t.Errorf("stopped at %d: the event is set", n)
	}
	shared(t, e, next)
	if left := leftovers(t, filepath.Dir(path), 1); left > 1 || left > 0 && !kill {
		t.Errorf("stopped at %d: %d temporary files left", n, left)
	}
	return ended
}
