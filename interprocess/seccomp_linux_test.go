package interprocess

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

// A failure is a system call that fails, always or, if argument is not 0, if the
// argument of that number is value.
type failure struct {
	call            string
	errno           syscall.Errno
	argument, value uint32
}

var callNumbers = map[string]map[string]uint32{
	"amd64": {
		"fchmod": 91, "fcntl": 72, "flock": 73, "fstat": 5, "futex": 202, "link": 86, "linkat": 265, "memfd_create": 319,
		"mmap": 9, "pwrite64": 18, "renameat2": 316, "timerfd_create": 283, "write": 1,
	},
	"arm64": {
		"fchmod": 52, "fcntl": 25, "flock": 32, "fstat": 80, "futex": 98, "linkat": 37, "memfd_create": 279,
		"mmap": 222, "pwrite64": 68, "renameat2": 276, "timerfd_create": 85, "write": 64,
	},
}

// failing runs f on a thread on which the system calls fail by a seccomp
// filter. The thread ends with f.
func failing(t *testing.T, failures []failure, f func()) {
	t.Helper()
	numbers := callNumbers[runtime.GOARCH]
	if numbers == nil || os.Getenv("EVENT_TEST_SELF") != "" {
		t.Skip("the numbers of system calls are not known here")
	}
	const loadWord, jumpEqual, ret, allow, fail = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000
	var filter []syscall.SockFilter
	for _, c := range failures {
		number, ok := numbers[c.call]
		if !ok {
			continue
		}
		if c.argument != 0 {
			filter = append(filter,
				syscall.SockFilter{Code: loadWord, K: 8 + 8*c.argument},
				syscall.SockFilter{Code: jumpEqual, K: c.value, Jf: 3})
		}
		filter = append(filter,
			syscall.SockFilter{Code: loadWord, K: 0},
			syscall.SockFilter{Code: jumpEqual, K: number, Jf: 1},
			syscall.SockFilter{Code: ret, K: fail | uint32(c.errno)})
	}
	filter = append(filter, syscall.SockFilter{Code: ret, K: allow})
	program := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with this goroutine
		const setNoNewPrivs, setSeccomp, modeFilter = 38, 22, 2
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
			done <- errno
			return
		}
		if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setSeccomp, modeFilter, uintptr(unsafe.Pointer(&program))); errno != 0 {
			done <- errno
			return
		}
		f()
	}()
	if err := <-done; err != nil {
		t.Skip("system calls cannot be made to fail here:", err)
	}
}
