//go:build unix

package interprocess

import "syscall"

// freeDescriptors is how many descriptors this process may open, about.
func freeDescriptors() int {
	var limit syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return int(min(limit.Cur, 1<<20)) - 200
}

// number is the descriptor of e.
func number(e *Event) uintptr { return e.file.Fd() }
