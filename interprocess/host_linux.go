package interprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// boot returns the identity of the host's current boot, or noBoot if the system
// has none.
func boot() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return noBoot
	}
	return strings.TrimSpace(string(id))
}

// Why a file system cannot hold an event.
const (
	otherHosts = "shares no memory"               // with the other hosts or programs that see its files
	mayFail    = "may fail a write to its memory" // with SIGBUS, when the disk is full
)

// unsuitable lists the file systems that cannot hold an event, by the f_type of
// statfs(2). The values are from the kernel's magic.h and file systems or, for
// those outside the kernel, from stat.c in GNU coreutils.
var unsuitable = map[uint32]struct{ name, why string }{
	0x01021997: {"9p", otherHosts},
	0x61636673: {"ACFS", otherHosts},
	0x5346414f: {"AFS", otherHosts},
	0x6b414653: {"AFS", otherHosts},
	0x61756673: {"aufs", otherHosts},
	0x19830326: {"BeeGFS", otherHosts},
	0x00c36400: {"Ceph", otherHosts},
	0xff534d42: {"CIFS", otherHosts},
	0x73757245: {"Coda", otherHosts},
	0x65735546: {"FUSE", otherHosts},
	0x01161970: {"GFS2", otherHosts},
	0x47504653: {"GPFS", otherHosts},
	0x20200302: {"HMDFS", otherHosts},
	0x00c0ffee: {"hostfs", otherHosts},
	0x013111a8: {"IBRIX", otherHosts},
	0x0bd00bd0: {"Lustre", otherHosts},
	0x0000564c: {"NCP", otherHosts},
	0x00006969: {"NFS", otherHosts},
	0x7461636f: {"OCFS2", otherHosts},
	0x20030528: {"OrangeFS", otherHosts},
	0xaad7aaea: {"PanFS", otherHosts},
	0x7c7c6673: {"Parallels shared folder", otherHosts},
	0x0000517b: {"SMB", otherHosts},
	0xfe534d42: {"SMB2", otherHosts},
	0xbeefdead: {"StorNext", otherHosts},
	0x786f4256: {"VirtualBox shared folder", otherHosts},
	0xbacbacbc: {"VMware shared folder", otherHosts},
	0xa501fcf5: {"VxFS", otherHosts},

	0xca451a4e: {"bcachefs", mayFail},
	0x9123683e: {"btrfs", mayFail},
	0x00003434: {"NILFS2", mayFail},
	0x24051905: {"UBIFS", mayFail},
}

// checkFileSystem reports whether the file system of fd is in memory, or why it
// cannot hold an event.
func checkFileSystem(fd uintptr) (inMemory bool, err error) {
	var st syscall.Statfs_t
	for {
		if err = syscall.Fstatfs(int(fd), &st); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return false, os.NewSyscallError("statfs", err)
	}
	return judgeFileSystem(uint32(st.Type))
}

// judgeFileSystem is checkFileSystem for an f_type.
func judgeFileSystem(magic uint32) (inMemory bool, err error) {
	const (
		tmpfs = 0x01021994
		ramfs = 0x858458f6
	)
	if u, bad := unsuitable[magic]; bad {
		return false, fmt.Errorf("%w: file system %s %s", errors.ErrUnsupported, u.name, u.why)
	}
	return magic == tmpfs || magic == ramfs, nil
}

// newer has the numbers of the system calls that package syscall lacks.
var newer = map[string]struct{ memfdCreate, renameat2, mmap uintptr }{
	"386":      {356, 353, 192},
	"amd64":    {319, 316, syscall.SYS_MMAP},
	"arm":      {385, 382, 192},
	"arm64":    {279, 276, syscall.SYS_MMAP},
	"loong64":  {279, 276, syscall.SYS_MMAP},
	"mips":     {4354, 4351, syscall.SYS_MMAP},
	"mipsle":   {4354, 4351, syscall.SYS_MMAP},
	"mips64":   {5314, 5311, syscall.SYS_MMAP},
	"mips64le": {5314, 5311, syscall.SYS_MMAP},
	"ppc64":    {360, 357, syscall.SYS_MMAP},
	"ppc64le":  {360, 357, syscall.SYS_MMAP},
	"riscv64":  {279, 276, syscall.SYS_MMAP},
	"s390x":    {350, 347, syscall.SYS_MMAP},
}[runtime.GOARCH]

// needsMemory reports whether New fails if its file cannot be in memory: on a
// disk, Set and the waits would block whenever the disk does.
const needsMemory = true

// memoryFile returns a file in memory with a new event, which cannot be resized.
func memoryFile() (*os.File, error) {
	const (
		cloexec, allowSealing, noexecSeal = 1, 2, 8
		addSeals                          = 1033 // F_ADD_SEALS
		sealSeal, sealShrink, sealGrow    = 1, 2, 4
	)
	name := []byte("goevent\x00")
	create := func(flags uintptr) (uintptr, syscall.Errno) {
		fd, _, errno := syscall.Syscall(newer.memfdCreate, uintptr(unsafe.Pointer(&name[0])), flags, 0)
		return fd, errno
	}
	fd, errno := create(cloexec | allowSealing | noexecSeal)
	if errno == syscall.EINVAL { // before Linux 6.3
		fd, errno = create(cloexec | allowSealing)
	}
	if errno != 0 {
		return nil, os.NewSyscallError("memfd_create", errno)
	}
	f := os.NewFile(fd, "goevent")
	err := writePage(f)
	if err == nil {
		_, _, errno = syscall.Syscall(syscall.SYS_FCNTL, fd, addSeals, sealSeal|sealShrink|sealGrow)
		if errno != 0 {
			err = os.NewSyscallError("fcntl", errno)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// renameNoReplace renames the file temp to path, unless that exists.
func renameNoReplace(temp, path string) error {
	from, err := syscall.BytePtrFromString(temp)
	if err != nil {
		return err
	}
	to, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	const atCWD, noReplace = -100, 1
	at := atCWD // not constant, for its conversion
	_, _, errno := syscall.Syscall6(newer.renameat2, uintptr(at), uintptr(unsafe.Pointer(from)),
		uintptr(at), uintptr(unsafe.Pointer(to)), noReplace, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// lock acquires the lock of f, which ends when f is closed or the process ends.
func lock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return os.NewSyscallError("flock", err)
		}
	}
}

const mappingsMerge = true

// detach atomically replaces the page with private memory and returns the word
// as it was then. A method that still runs finds that memory in its place, but
// takes no result from it, since the handle is closed. Adjacent replacements
// are one mapping to the kernel.
func (e *Event) detach() (word uint32) {
	word = e.word.Load()
	args := [6]uintptr{uintptr(unsafe.Pointer(&e.page[0])), pageSize, syscall.PROT_READ | syscall.PROT_WRITE,
		syscall.MAP_PRIVATE | syscall.MAP_ANON | syscall.MAP_FIXED, ^uintptr(0), 0}
	var errno syscall.Errno
	if runtime.GOARCH == "s390x" {
		_, _, errno = syscall.Syscall(newer.mmap, uintptr(unsafe.Pointer(&args)), 0, 0)
	} else {
		_, _, errno = syscall.Syscall6(newer.mmap, args[0], args[1], args[2], args[3], args[4], args[5])
	}
	// Unless that failed for lack of memory, only the file has the word now.
	if b := make([]byte, unsafe.Sizeof(word)); errno == 0 {
		if _, err := e.file.ReadAt(b, wordAt); err == nil {
			word = binary.NativeEndian.Uint32(b)
		}
	}
	return word
}

// threadLimit returns how many more threads this process may have, as far as
// RLIMIT_NPROC and the pids controller of its cgroups tell.
func threadLimit() int {
	limit := 1 << 20
	limits, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return 64
	}
	for line := range strings.Lines(string(limits)) {
		if n, ok := strings.CutPrefix(line, "Max processes"); ok {
			if n, err := strconv.Atoi(strings.Fields(n + " -")[0]); err == nil && n < 4096 {
				limit = n - threadsOfUser() // a higher limit has room for 256 more
			}
		}
	}
	cgroups, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(cgroups)) { // such as 0::/system.slice or 5:pids:/system.slice
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 || fields[1] != "" && fields[1] != "pids" {
			continue
		}
		// A container may see its own group at the root.
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			number := func(file string) (int, error) {
				n, _ := os.ReadFile(path.Join("/sys/fs/cgroup", fields[1], group, file))
				return strconv.Atoi(strings.TrimSpace(string(n)))
			}
			if most, err := number("pids.max"); err == nil {
				used, _ := number("pids.current")
				limit = min(limit, most-used)
			}
			if group == "/" {
				break
			}
		}
	}
	return max(0, limit)
}

// threadsOfUser returns how many threads the user of this process has, as far as
// /proc shows them.
func threadsOfUser() (threads int) {
	processes, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, name := range processes {
		status, _ := os.ReadFile(name)
		number := func(field string) int { // the real user ID is the first of four
			_, rest, _ := strings.Cut(string(status), "\n"+field+":\t")
			n, err := strconv.Atoi(rest[:max(0, strings.IndexAny(rest, "\t\n"))])
			if err != nil {
				return -1
			}
			return n
		}
		if number("Uid") == os.Getuid() {
			threads += number("Threads")
		}
	}
	return threads
}

// yield lets another process run, if one is ready to.
func yield() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }

// An alarm ends one wait at a time, after a duration that may be reset
// meanwhile. It is a timerfd: the Go scheduler, which waits for descriptors
// anyway, is woken once for each wait, while a Go timer takes about ten
// wake-ups. Without a descriptor to spare, the alarm is a Go timer.
type alarm struct {
	file  *os.File
	conn  syscall.RawConn
	timer *time.Timer
}

func newAlarm() *alarm {
	const clockMonotonic = 1
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno == 0 {
		f := os.NewFile(fd, "timerfd")
		if conn, err := f.SyscallConn(); err == nil && f.SetReadDeadline(time.Time{}) == nil {
			return &alarm{file: f, conn: conn}
		}
		f.Close()
	}
	return &alarm{timer: time.NewTimer(maxPause)}
}

// set makes the current wait, or the next one, end after d.
func (a *alarm) set(d time.Duration) {
	if a.timer != nil {
		a.timer.Reset(d)
		return
	}
	value := [2]syscall.Timespec{1: syscall.NsecToTimespec(int64(d))} // the interval is 0
	a.conn.Control(func(fd uintptr) {
		syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&value)), 0, 0, 0)
	})
}

func (a *alarm) wait() {
	if a.timer != nil {
		<-a.timer.C
		return
	}
	a.conn.Read(func(fd uintptr) bool {
		var expirations uint64
		_, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&expirations)), unsafe.Sizeof(expirations))
		return errno != syscall.EAGAIN
	})
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
		return
	}
	a.file.Close()
}
