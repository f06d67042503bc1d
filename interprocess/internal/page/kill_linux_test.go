package page

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
)

// The child of TestCreateKilled calls Create between two marks, on its main
// thread, which is traced.
func init() {
	path := os.Getenv("EVENT_TEST_CREATE")
	if path == "" {
		return
	}
	runtime.LockOSThread()
	mark := func() { syscall.Tgkill(os.Getpid(), syscall.Gettid(), syscall.SIGSTOP) }
	mark()
	Create(path, kind, word)
	mark()
	os.Exit(0)
}

// A process in Create is killed before and after every system call: others see
// no other steps. They find nothing or a whole page.
func TestCreateKilled(t *testing.T) {
	if hosttest.Emulated() {
		t.Skip("an emulator does not trace")
	}
	step := 1
	if testing.Short() {
		step = 3
	}
	kills, found, ended := 0, 0, false
	for n := 0; !ended; n += step {
		path := tempPath(t)
		hosttest.Within(t, "the child", func() { ended = killedAt(t, path, n) })
		kills++
		p, err := Open(path, kind)
		if err == nil {
			assert.EqualValues(t, word, p.Word.Load())
			assert.NoError(t, p.Close())
			found++
		} else {
			assert.ErrorIs(t, err, fs.ErrNotExist)
			created(t, path, word)
		}
		temps, err := filepath.Glob(filepath.Dir(path) + "/.goevent-*")
		require.NoError(t, err)
		assert.LessOrEqual(t, len(temps), 1)
		assert.Len(t, snapshot(t, filepath.Dir(path)), 1+len(temps))
		if t.Failed() {
			t.Fatal("killed at boundary ", n)
		}
	}
	t.Logf("%d kills, %d with a page", kills, found)
	assert.NotZero(t, found, "was Create traced?")
	assert.Greater(t, kills-found, 5, "was Create traced?")
}

// killedAt kills a child at the n-th boundary of a system call in Create. It
// reports whether Create has fewer.
func killedAt(t *testing.T, path string, n int) (ended bool) {
	runtime.LockOSThread() // the tracer must be one thread
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "EVENT_TEST_CREATE="+path, "GODEBUG=asyncpreemptoff=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); errors.Is(err, fs.ErrPermission) {
		t.Skip("ptrace is not allowed here:", err)
	} else {
		require.NoError(t, err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	pid := cmd.Process.Pid
	stop := func() syscall.Signal {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, syscall.WALL, nil)
		require.NoError(t, err)
		require.True(t, status.Stopped(), "the child has ended: %#x", status)
		return status.StopSignal()
	}
	require.Equal(t, syscall.SIGTRAP, stop()) // at exec
	require.NoError(t, syscall.PtraceSetOptions(pid, syscall.PTRACE_O_TRACESYSGOOD))
	for sig := syscall.Signal(0); sig != syscall.SIGSTOP; sig = stop() {
		require.NoError(t, syscall.PtraceCont(pid, int(sig)))
	}
	for i := 0; i < n; {
		require.NoError(t, syscall.PtraceSyscall(pid, 0))
		switch stop() {
		case syscall.SIGTRAP | 0x80:
			i++
		case syscall.SIGSTOP: // the second mark
			return true
		} // the child does not get other signals
	}
	return false
}
