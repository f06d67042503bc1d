package hosttest

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// OnThread runs f on a separate thread, which f may change, since the thread
// ends with f. It then ends the test if f has failed it.
func OnThread(t testing.TB, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
	if t.Failed() {
		t.FailNow()
	}
}

// Unprivileged runs f as a user other than root.
func Unprivileged(t testing.TB, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	OnThread(t, func() {
		const nobody = 65534
		_, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody)
		require.Zero(t, errno)
		f()
	})
}

// A Failure is a system call that fails: always or, if Arg is not 0, if its
// argument of that number, from 1, is Value.
type Failure struct {
	Call  uintptr
	Errno syscall.Errno
	Arg   uint32
	Value uint32
}

// Failing runs f on a thread on which the system calls fail, and those of the
// processes that f starts. It skips the test if the host has no seccomp.
func Failing(t testing.TB, failures []Failure, f func()) {
	t.Helper()
	if Emulated() {
		t.Skip("an emulator does not filter system calls")
	}
	const loadWord, jumpEqual, ret, allow, fail = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000
	var filter []syscall.SockFilter
	for _, c := range failures {
		if c.Arg != 0 {
			filter = append(filter,
				syscall.SockFilter{Code: loadWord, K: 8 + 8*c.Arg},
				syscall.SockFilter{Code: jumpEqual, K: c.Value, Jf: 3})
		}
		filter = append(filter,
			syscall.SockFilter{Code: loadWord, K: 0},
			syscall.SockFilter{Code: jumpEqual, K: uint32(c.Call), Jf: 1},
			syscall.SockFilter{Code: ret, K: fail | uint32(c.Errno)})
	}
	filter = append(filter, syscall.SockFilter{Code: ret, K: allow})
	program := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	var refused syscall.Errno
	OnThread(t, func() {
		const setNoNewPrivs, setSeccomp, modeFilter = 38, 22, 2
		if _, _, refused = syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); refused != 0 {
			return
		}
		_, _, refused = syscall.RawSyscall(syscall.SYS_PRCTL, setSeccomp, modeFilter, uintptr(unsafe.Pointer(&program)))
		if refused == 0 {
			f()
		}
	})
	if refused != 0 {
		t.Skip("system calls cannot be made to fail here:", refused)
	}
}
