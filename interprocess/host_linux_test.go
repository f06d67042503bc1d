package interprocess

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// These tests set up hosts that occur in practice: mounts, limits, cgroups,
// system calls that fail, descriptors that another program closed. Each skips,
// with the reason, where that is not allowed.

// A process that may have few threads waits for many events, even if others have
// used up most of them.
func TestThreadLimit(t *testing.T) {
	const limit, others, events = 64, 45, 100
	user := 10_000 + os.Getpid()%50_000 // not that of another run of this test
	start := func(t *testing.T, attr *syscall.SysProcAttr) (pid int) {
		cmd := exec.Command("sleep", "60")
		cmd.SysProcAttr = attr
		check1(t, cmd.Start())
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd.Process.Pid
	}
	use := func(t *testing.T) {
		var done sync.WaitGroup
		all := make([]*Event, events)
		for i := range all {
			all[i] = newTest(t)
			done.Go(all[i].Wait)
		}
		eventually(t, "all waits to block", func() bool { return blocked() == events })
		for _, e := range all {
			e.Set()
			e.Clear()
		}
		within(t, "all waits to end", done.Wait)
	}
	t.Run("pids.max", func(t *testing.T) {
		if inside(t) {
			use(t)
			return
		}
		group := cgroup(t, "pids", "pids.max")
		check1(t, os.WriteFile(group+"/pids.max", fmt.Append(nil, limit), 0))
		mustPass(t, again(t, "echo $$ >'"+group+"/cgroup.procs'"))
		for range others {
			check1(t, os.WriteFile(group+"/cgroup.procs", fmt.Append(nil, start(t, nil)), 0))
		}
		mustPass(t, again(t, "echo $$ >'"+group+"/cgroup.procs'"))
	})
	t.Run("RLIMIT_NPROC", func(t *testing.T) {
		if inside(t) {
			use(t)
			return
		}
		needRoot(t, "setpriv", "prlimit") // the limit does not hold for root
		binary, err := os.Open(os.Args[0])
		check1(t, err)
		defer binary.Close()
		run := func() {
			cmd := again(t, "")
			cmd.ExtraFiles = []*os.File{binary} // its directory may be closed to other users
			cmd.Args = substitute(cmd.Args, os.Args[0], "setpriv", fmt.Sprint("--reuid=", user), "--regid=61234", "--clear-groups",
				"prlimit", fmt.Sprint("--nproc=", limit), "/proc/self/fd/3")
			mustPass(t, cmd)
		}
		run()
		for range others {
			start(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}})
		}
		run()
	})
}

// The limit is the least of those that the host has, less what is in use. Here
// /proc and the control groups are plain files, as each kind of host shows them.
func TestThreadLimitByHost(t *testing.T) {
	if !inside(t) {
		mustPass(t, againWithMounts(t, "mount -t tmpfs none /proc && mount -t tmpfs none /sys/fs/cgroup"))
		return
	}
	if got := boot(); got != noBoot {
		t.Errorf("without /proc, the boot is %q", got)
	}
	if got := threadLimit(); got != 64 {
		t.Errorf("without /proc, the limit is %d", got)
	}
	const many = 1 << 20
	processes := func(soft string) string {
		if soft != "" {
			soft += "                 unlimited            processes"
		}
		return "Max file size             unlimited            unlimited            bytes\nMax processes             " + soft + "\n"
	}
	status := func(user, threads int) string {
		return fmt.Sprintf("Name:\tUid:\t9\nUid:\t%d\t0\t0\t0\nThreads:\t%d\nSigQ:\t1\n", user, threads)
	}
	for name, row := range map[string]struct {
		limit string // of the processes of the user
		files map[string]string
		want  int
	}{
		"no limit":   {"unlimited", nil, many},
		"no text":    {"", nil, many},
		"high limit": {"4096", nil, many},
		"limit of the user": {"4095", map[string]string{"/proc/7/status": status(os.Getuid(), 20),
			"/proc/8/status": status(os.Getuid()+1, 5), "/proc/99/status": status(os.Getuid(), 1), "/proc/9/status": "Name:\tx\nThreads:\t5\n"}, 4074},
		"used up": {"10", map[string]string{"/proc/7/status": status(os.Getuid(), 20)}, 0},
		"group": {"unlimited", map[string]string{"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/pids.max": "50\n",
			"/sys/fs/cgroup/a/b/pids.current": "20\n"}, 30},
		"group above": {"unlimited", map[string]string{"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/pids.max": "max\n",
			"/sys/fs/cgroup/a/pids.max": "50\n", "/sys/fs/cgroup/a/pids.current": "1\n"}, 49},
		"lower above": {"unlimited", map[string]string{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/pids.max": "50\n",
			"/sys/fs/cgroup/pids.max": "40\n"}, 40},
		"higher above": {"unlimited", map[string]string{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/pids.max": "50\n",
			"/sys/fs/cgroup/pids.max": "60\n"}, 50},
		"root of a container": {"unlimited", map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/pids.max": "9\n"}, 9},
		"outside a container": {"unlimited", map[string]string{"/proc/self/cgroup": "0::/../../x\n", "/sys/fs/cgroup/x/pids.max": "9\n"}, 9},
		"no path":             {"unlimited", map[string]string{"/proc/self/cgroup": "0::\n", "/sys/fs/cgroup/pids.max": "9\n"}, 9},
		"path of colons":      {"unlimited", map[string]string{"/proc/self/cgroup": "0::/a:b\n", "/sys/fs/cgroup/a:b/pids.max": "9\n"}, 9},
		"garbage":             {"unlimited", map[string]string{"/proc/self/cgroup": "pids\n6:pids\n6:\n"}, many},
		"version 1": {"unlimited", map[string]string{"/proc/self/cgroup": "7:memory:/a\n6:pids:/a\n\n",
			"/sys/fs/cgroup/pids/a/pids.max": "30\n", "/sys/fs/cgroup/memory/a/pids.max": "1\n", "/sys/fs/cgroup/a/pids.max": "2\n"}, 30},
		"user and group": {"100", map[string]string{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/pids.max": "200\n"}, 100},
	} {
		files := map[string]string{"/proc/self/limits": processes(row.limit)}
		maps.Copy(files, row.files)
		for file, content := range files {
			check1(t, os.MkdirAll(filepath.Dir(file), 0o700))
			check1(t, os.WriteFile(file, []byte(content), 0o600))
		}
		if got := threadLimit(); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
		if got, want := maxSleepers(), min(256, row.want/4); sleeps() && got != want {
			t.Errorf("%s: %d sleepers, want %d", name, got, want)
		}
		for file := range files {
			check1(t, os.Remove(file))
		}
	}
	works(t, newTest(t))
}

// The boot has another identity in some containers. An inherited event and one
// in memory are nevertheless of this boot; one on a disk is stale.
func TestOtherBootID(t *testing.T) {
	if !inside(t) {
		dir := t.TempDir()
		for _, sub := range []string{"tmpfs", "ramfs", "disk"} {
			check1(t, os.Mkdir(filepath.Join(dir, sub), 0o700))
		}
		check1(t, os.WriteFile(filepath.Join(dir, "boot_id"), []byte("01234567-89ab-cdef-0123-456789abcdef\n"), 0o444))
		cmd := againWithMounts(t, "cd '"+dir+`' && mount -t tmpfs none tmpfs && mount -t ramfs none ramfs &&
			{ EVENT_TEST_BOOT=first "$@" || exit 1; } && mount --bind boot_id /proc/sys/kernel/random/boot_id`)
		cmd.Env = append(cmd.Env, "EVENT_TEST_DIR="+dir)
		check1(t, newTest(t).Share(cmd, "test"))
		mustPass(t, cmd)
		return
	}
	dir := os.Getenv("EVENT_TEST_DIR")
	names := []string{"tmpfs", "ramfs", "disk"}
	if inMemory(t, dir) {
		names = names[:2] // no disk here
	}
	if os.Getenv("EVENT_TEST_BOOT") == "first" {
		for _, name := range names {
			e, err := Create(filepath.Join(dir, name, "event"))
			check1(t, err)
			check1(t, e.Close())
		}
		return
	}
	if e, err := Inherited("test"); err != nil {
		t.Error(err)
	} else {
		e.Set()
		e.Close()
	}
	for _, name := range names {
		e, err := Open(filepath.Join(dir, name, "event"))
		switch {
		case name == "disk":
			if !errors.Is(err, ErrStale) {
				t.Errorf("%s: got %v, want %v", name, err, ErrStale)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			e.Set()
			e.Close()
		}
	}
}

func inMemory(t *testing.T, path string) bool {
	var st syscall.Statfs_t
	check1(t, syscall.Statfs(path, &st))
	const tmpfs, ramfs = 0x01021994, 0x858458f6
	return uint32(st.Type) == tmpfs || uint32(st.Type) == ramfs
}

// A program between parent and child closes the descriptor or puts another file
// in its place. Inherited reports what it finds there, not who may open it, and
// leaves it alone.
func TestForeignDescriptor(t *testing.T) {
	file := func(size int, mode os.FileMode) func(t *testing.T) *os.File {
		return func(t *testing.T) *os.File {
			path := tempPath(t)
			check1(t, os.WriteFile(path, bytes.Repeat([]byte("x"), size), 0o600))
			check1(t, os.Chmod(path, mode))
			return opened(t, path)
		}
	}
	for _, c := range []struct {
		name  string
		place func(t *testing.T) *os.File // nil if the descriptor is to be closed
		says  string
	}{
		{"closed", nil, ""},
		{"closed, used by the runtime", nil, ""},
		{"device", func(t *testing.T) *os.File { return opened(t, os.DevNull) }, "device"},
		{"directory", func(t *testing.T) *os.File {
			f, err := os.Open(t.TempDir())
			check1(t, err)
			t.Cleanup(func() { f.Close() })
			return f
		}, "directory"},
		{"pipe", func(t *testing.T) *os.File {
			r, w, err := os.Pipe()
			check1(t, err)
			t.Cleanup(func() { r.Close(); w.Close() })
			return w
		}, "pipe"},
		{"socket", func(t *testing.T) *os.File {
			fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			check1(t, err)
			f, other := os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket")
			t.Cleanup(func() { f.Close(); other.Close() })
			return f
		}, "socket"},
		{"shorter file", file(100, 0o644), "100"},
		{"shorter file, private", file(100, 0o600), "100"},
		{"file of the size of an event", file(pageSize, 0o644), ""},
		{"file of another user", func(t *testing.T) *os.File {
			f := file(100, 0o600)(t)
			if err := f.Chown(os.Geteuid()+1, -1); err != nil {
				t.Skip("only root can give files away:", err)
			}
			return f
		}, "100"},
		{"another event", otherEvent, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if inside(t) {
				foreign(t, c.says)
				return
			}
			prepare, number := "", 3
			switch c.name {
			case "closed":
				number = 9 // what the runtime opens gets a lower number
				prepare = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-"
			case "closed, used by the runtime":
				// Go's runtime reads the limit of the group now and then, from
				// a descriptor.
				prepare = "echo $$ >'" + cgroup(t, "cpu", "cpu.max", "cpu.cfs_quota_us") + "/cgroup.procs' && exec 3>&-"
			}
			cmd := again(t, prepare)
			cmd.Env = append(cmd.Env, fmt.Sprint("EVENT_TEST_NUMBER=", number))
			for len(cmd.ExtraFiles) < number-3 {
				cmd.ExtraFiles = append(cmd.ExtraFiles, os.Stderr)
			}
			check1(t, newTest(t).Share(cmd, "test"))
			if c.place != nil {
				cmd.ExtraFiles[0] = c.place(t)
			}
			mustPass(t, cmd)
		})
	}
}

// foreign calls Inherited where the descriptor is not that of the event.
func foreign(t *testing.T, says string) {
	var number int
	fmt.Sscan(os.Getenv("EVENT_TEST_NUMBER"), &number)
	before := descriptor(number)
	t.Log(before)
	switch {
	case before == "closed":
		says = "closed"
	case strings.Contains(t.Name(), "runtime") && !strings.Contains(before, "cpu"):
		t.Skip("Go's runtime has no file open there")
	}
	e, err := Inherited("test")
	if after := descriptor(number); after != before {
		t.Errorf("the descriptor was %s, is %s", before, after)
	}
	if e != nil || !errors.Is(err, ErrFormat) || errors.Is(err, fs.ErrPermission) {
		t.Fatalf("got %v and the error %v", e, err)
	}
	t.Log(err)
	if !strings.Contains(err.Error(), says) && !(says == "closed" && errors.Is(err, syscall.EBADF)) {
		t.Errorf("the message is %q, without %q", err, says)
	}
	for _, word := range []string{"mode", "user", "permission"} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("the message is %q, with %q", err, word)
		}
	}
}

// descriptor describes fd: file, flags and offset.
func descriptor(fd int) string {
	var st syscall.Stat_t
	if syscall.Fstat(fd, &st) == syscall.EBADF {
		return "closed"
	}
	name, _ := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	status, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	offset, _ := syscall.Seek(fd, 0, io.SeekCurrent)
	return fmt.Sprintf("%s (%d:%d, flags %#x %#x, at %d)", name, st.Dev, st.Ino, flags, status, offset)
}

func opened(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	check1(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func otherEvent(t *testing.T) *os.File {
	path := tempPath(t)
	e, err := Create(path)
	check1(t, err)
	check1(t, e.Close())
	return opened(t, path)
}

// A process loses its record locks on a file when it closes any descriptor of
// it, so Inherited must not open and close a file that is not the event.
func TestForeignDescriptorKeepsRecordLocks(t *testing.T) {
	for name, place := range map[string]func(t *testing.T) *os.File{
		"shorter file": func(t *testing.T) *os.File {
			path := tempPath(t)
			check1(t, os.WriteFile(path, []byte("a database"), 0o600))
			return opened(t, path)
		},
		"file of the size of an event": func(t *testing.T) *os.File {
			path := tempPath(t)
			check1(t, os.WriteFile(path, make([]byte, pageSize), 0o600))
			return opened(t, path)
		},
		"another event": otherEvent,
	} {
		t.Run(name, func(t *testing.T) {
			if inside(t) {
				lock := syscall.Flock_t{Type: syscall.F_WRLCK}
				check1(t, syscall.FcntlFlock(3, syscall.F_SETLK, &lock))
				if e, err := Inherited("test"); err == nil {
					t.Fatal("it is the event:", e)
				}
				fmt.Println("tried")
				io.ReadAll(os.Stdin)
				return
			}
			cmd := again(t, "")
			check1(t, newTest(t).Share(cmd, "test"))
			f := place(t)
			cmd.ExtraFiles[0] = f
			in, err := cmd.StdinPipe()
			check1(t, err)
			out := new(watched)
			cmd.Stdout = out
			check1(t, cmd.Start())
			defer cmd.Wait()
			defer in.Close()
			defer cmd.Process.Kill()
			eventually(t, "the child to try", func() bool { return strings.Contains(out.String(), "tried\n") })
			lock := syscall.Flock_t{Type: syscall.F_WRLCK}
			check1(t, syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock))
			if lock.Type != syscall.F_WRLCK || int(lock.Pid) != cmd.Process.Pid {
				t.Errorf("the lock of process %d is gone: found %+v", cmd.Process.Pid, lock)
			}
		})
	}
}

// watched is a buffer that can be read while a command writes to it.
type watched struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// New depends on no directory: in these tests, there is none for temporary files.
func TestNewInMemory(t *testing.T) {
	needMemfd(t)
	for name, prepare := range map[string]string{
		"missing":   "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3",
		"read-only": "mount -t tmpfs -o ro none /dev/shm",
		"full":      "mount -t tmpfs -o size=4k none /dev/shm && echo full >/dev/shm/file",
		"noexec":    "mount -t tmpfs -o noexec none /dev/shm",
	} {
		t.Run(name, func(t *testing.T) {
			if !inside(t) {
				cmd := againWithMounts(t, prepare)
				cmd.Env = append(cmd.Env, "TMPDIR=/missing")
				mustPass(t, cmd)
				return
			}
			works(t, newTest(t))
		})
	}
}

// Where there is no memfd_create, New uses /dev/shm.
func TestNewWithoutMemfd(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSYS, syscall.EPERM} {
		t.Run(errno.Error(), func(t *testing.T) {
			var e *Event
			var err error
			failing(t, []failure{{call: "memfd_create", errno: errno}}, func() { e, err = New() })
			check1(t, err)
			defer e.Close()
			works(t, e)
		})
	}
}

// Without /dev/shm too, New uses the directory for temporary files, but not a disk.
func TestNewWithoutMemfdAndSharedMemory(t *testing.T) {
	for _, memory := range []bool{true, false} {
		t.Run(fmt.Sprint("memory: ", memory), func(t *testing.T) {
			if !inside(t) {
				dir := "/dev"
				if !memory {
					dir = dirOn(t, false)
				}
				cmd := againWithMounts(t, "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3")
				mustPass(t, cmd, "TMPDIR="+dir)
				return
			}
			var e *Event
			var err error
			before := len(descriptors())
			failing(t, []failure{{call: "memfd_create", errno: syscall.ENOSYS}}, func() { e, err = New() })
			if memory {
				check1(t, err)
				works(t, e)
				check1(t, e.Close())
			} else {
				refused(t, e, err, errors.ErrUnsupported, "interprocess: new event: ")
			}
			if after := len(descriptors()); after != before {
				t.Errorf("%d descriptors, then %d", before, after)
			}
			if left, _ := filepath.Glob(os.TempDir() + "/.goevent*"); left != nil {
				t.Errorf("files left behind: %v", left)
			}
		})
	}
}

func works(t *testing.T, e *Event) {
	t.Helper()
	e.Set()
	if !e.IsSet() || !e.WaitTimeout(0) {
		t.Error("unset after Set")
	}
	e.Clear()
	if e.IsSet() || e.WaitTimeout(time.Microsecond) {
		t.Error("set after Clear")
	}
}

// No process that has the descriptor can truncate the page.
func TestNewIsSealed(t *testing.T) {
	needMemfd(t)
	cmd := exec.Command("true")
	check1(t, newTest(t).Share(cmd, "test"))
	f := cmd.ExtraFiles[0]
	if got := seals(f); got&7 != 7 { // F_SEAL_SEAL, SHRINK, GROW
		t.Errorf("the seals are %#x", got)
	}
	for _, size := range []int64{0, pageSize + 1} {
		if err := f.Truncate(size); !errors.Is(err, syscall.EPERM) {
			t.Errorf("truncate to %d: %v", size, err)
		}
	}
	info, err := f.Stat()
	check1(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("the mode is %v", info.Mode())
	}
}

func seals(f *os.File) uintptr {
	const getSeals = 1034
	seals, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), getSeals, 0)
	if errno != 0 {
		return 0
	}
	return seals
}

// Linux before 6.3 refuses a flag of memfd_create. What else fails is reported,
// and the file closed.
func TestMemfdThatFails(t *testing.T) {
	needMemfd(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close a forgotten file
	var f *os.File
	var err error
	noexec := failure{call: "memfd_create", errno: syscall.EINVAL, argument: 2, value: 11}
	failing(t, []failure{noexec}, func() { f, err = memoryFile() })
	check1(t, err)
	if got := seals(f); got&7 != 7 {
		t.Errorf("without MFD_NOEXEC_SEAL, the seals are %#x", got)
	}
	f.Close()
	for want, failures := range map[string][]failure{
		"memfd_create: function not implemented": {{call: "memfd_create", errno: syscall.ENOSYS}},
		"write goevent: disk quota exceeded":     {{call: "write", errno: syscall.EDQUOT, argument: 3, value: pageSize}},
		"fcntl: operation not permitted":         {{call: "fcntl", errno: syscall.EPERM, argument: 2, value: 1033}},
	} {
		before := descriptors()
		failing(t, failures, func() { f, err = memoryFile() })
		if f != nil || err == nil || err.Error() != want {
			t.Errorf("%v, %v; want %s", f, err, want)
		}
		if after := descriptors(); !slices.Equal(before, after) {
			t.Errorf("%s: descriptors %v, then %v", want, before, after)
		}
	}
}

// renameat2 has the meaning that Create relies on, for relative paths too.
func TestRenameNoReplace(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "b"} {
		check1(t, os.WriteFile(name, []byte(name), 0o600))
	}
	for _, row := range []struct {
		from, to string
		want     error
	}{
		{"a", "b", syscall.EEXIST}, {"none", "c", syscall.ENOENT}, {"a\x00", "c", syscall.EINVAL}, {"a", "c\x00", syscall.EINVAL},
		{"a", "c", nil},
	} {
		if err := renameNoReplace(row.from, row.to); err != row.want {
			t.Errorf("%q to %q: %v, want %v", row.from, row.to, err, row.want)
		}
	}
	for name, want := range map[string]string{"b": "b", "c": "a"} {
		if got, _ := os.ReadFile(name); string(got) != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

// The alarm is a timer of the monotonic clock, which ends one wait for each time
// that it is set.
func TestAlarm(t *testing.T) {
	ends := func(t *testing.T, a *alarm) {
		start := time.Now()
		a.set(time.Hour)
		a.set(5 * time.Millisecond)
		a.wait()
		if d := time.Since(start); d < 5*time.Millisecond || d > hang {
			t.Errorf("the wait took %v", d)
		}
	}
	t.Run("timerfd", func(t *testing.T) {
		a := newAlarm()
		defer a.stop()
		if a.timer != nil {
			t.Fatal("not a timerfd")
		}
		ends(t, a)
		a.set(time.Hour)
		var info []byte
		a.conn.Control(func(fd uintptr) { info, _ = os.ReadFile(fmt.Sprint("/proc/self/fdinfo/", fd)) })
		for _, want := range []string{"flags:\t02004002\n", "clockid: 1\n", `it_value: \(3599, \d+\)`, `it_interval: \(0, 0\)`} {
			if !regexp.MustCompile(want).Match(info) {
				t.Errorf("no %q in %s", want, info)
			}
		}
	})
	t.Run("no descriptor", func(t *testing.T) {
		var a *alarm
		failing(t, []failure{{call: "timerfd_create", errno: syscall.EMFILE}}, func() { a = newAlarm() })
		if a.timer == nil {
			t.Fatal("a timerfd")
		}
		ends(t, a)
		a.set(time.Hour)
		a.stop()
		if a.timer.Stop() {
			t.Error("the timer ran on")
		}
	})
}

// Android and vfat have no hard links: there, Create renames the file, with a
// call that never replaces another one.
func TestCreateWithoutHardLinks(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EACCES} {
		t.Run(errno.Error(), func(t *testing.T) {
			path := tempPath(t)
			var e, again *Event
			var err, errAgain error
			noLinks := []failure{{call: "link", errno: errno}, {call: "linkat", errno: errno}}
			failing(t, noLinks, func() {
				e, err = Create(path)
				again, errAgain = Create(path)
			})
			check1(t, err)
			defer e.Close()
			refused(t, again, errAgain, fs.ErrExist, path)
			if got := list(t, filepath.Dir(path)); len(got) != 1 {
				t.Errorf("left behind: %v", got)
			}
			other, err := Open(path)
			check1(t, err)
			defer other.Close()
			e.Set()
			if !other.IsSet() {
				t.Error("the name is of another event")
			}
		})
	}
	t.Run("nor renameat2", func(t *testing.T) {
		path := tempPath(t)
		var e *Event
		var err error
		failing(t, []failure{
			{call: "link", errno: syscall.EPERM},
			{call: "linkat", errno: syscall.EPERM},
			{call: "renameat2", errno: syscall.EINVAL},
		}, func() { e, err = Create(path) })
		if e != nil || err == nil {
			t.Error("Create succeeded, perhaps over another file")
		}
		t.Log(err)
		if got := list(t, filepath.Dir(path)); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

func list(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	files, err := os.ReadDir(dir)
	check1(t, err)
	return files
}

// What a command passes to its child and is no file is not read: that may take a
// message away, or block. Here it is the log of the kernel, where each descriptor
// reads one message at a time.
func TestShareBesideDevice(t *testing.T) {
	open := func() *os.File {
		f, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	read := func(f *os.File) string {
		buf := make([]byte, 1<<14)
		n, err := syscall.Read(int(f.Fd()), buf)
		if err != nil {
			t.Skip("no message that is short:", err)
		}
		return string(buf[:n])
	}
	f, ahead := open(), open()
	syscall.SetNonblock(int(f.Fd()), true) // which Fd undoes
	syscall.SetNonblock(int(ahead.Fd()), true)
	message := read(ahead)
	for len(message) > wordAt {
		read(f)
		message = read(ahead)
	}
	t.Setenv("GOEVENT_other", "3:ID")
	check1(t, newTest(t).Share(&exec.Cmd{ExtraFiles: []*os.File{f}}, "test"))
	if got := read(f); got != message {
		t.Errorf("the next message is %q, want %q", got, message)
	}
}

// Create reports an exhausted quota as such, and leaves nothing behind.
func TestCreateOverQuota(t *testing.T) {
	path := tempPath(t)
	var e *Event
	var err error
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close a forgotten file
	open := descriptors()
	var full []failure
	for _, call := range []string{"write", "pwrite64"} {
		full = append(full, failure{call: call, errno: syscall.EDQUOT, argument: 3, value: pageSize})
	}
	failing(t, full, func() { e, err = Create(path) })
	refused(t, e, err, syscall.EDQUOT)
	if got := list(t, filepath.Dir(path)); len(got) != 0 || !slices.Equal(descriptors(), open) {
		t.Errorf("left behind: %v, descriptors %v", got, descriptors())
	}
}

// Create does not make an event that others could open.
func TestCreateWithoutChmod(t *testing.T) {
	path := tempPath(t)
	var e *Event
	var err error
	failing(t, []failure{{call: "fchmod", errno: syscall.EPERM}}, func() { e, err = Create(path) })
	refused(t, e, err, syscall.EPERM)
	if got := list(t, filepath.Dir(path)); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// A process without the lock of a stale event does not replace it.
func TestReplaceWithoutLock(t *testing.T) {
	page := stalePage(t)
	path := filepath.Join(dirOn(t, false), "event")
	check1(t, os.WriteFile(path, page, 0o600))
	var e *Event
	var err error
	failing(t, []failure{{call: "flock", errno: syscall.ENOLCK}}, func() { e, _, err = OpenOrCreate(path) })
	refused(t, e, err, syscall.ENOLCK, path)
	if got, _ := os.ReadFile(path); !bytes.Equal(got, page) {
		t.Error("the stale event was replaced")
	}
}

// A handle whose page Close could not replace, for lack of memory, still has no
// effect.
func TestCloseWithoutMemory(t *testing.T) {
	e, other := handles(t)
	e.Set()
	e.Clear()
	failing(t, []failure{{call: "mmap", errno: syscall.ENOMEM, argument: 2, value: pageSize}}, func() { e.Close() })
	if e.last != other.word.Load() {
		t.Errorf("the handle was closed with the word %#x, want %#x", e.last, other.word.Load())
	}
	e.Set()
	if other.IsSet() {
		t.Error("a closed handle sets the event")
	}
	other.Set()
	e.Clear()
	if !other.IsSet() {
		t.Error("a closed handle clears the event")
	}
}

// Where files are copied on write, a write to a mapped page needs space, and
// kills the process if there is none. Create and Open refuse such file systems.
func TestCopyOnWrite(t *testing.T) {
	if !inside(t) {
		needRoot(t, "mkfs.btrfs", "losetup")
		dir := t.TempDir()
		mustPass(t, againWithMounts(t, "cd '"+dir+"' && truncate -s 128M image && mkfs.btrfs -q image && mkdir disk && mount -o loop image disk"), "EVENT_TEST_DIR="+dir+"/disk")
		return
	}
	dir := os.Getenv("EVENT_TEST_DIR")
	path := filepath.Join(dir, "event")
	e, err := Create(path)
	refused(t, e, err, errors.ErrUnsupported, path)
	if got := list(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	inMemory := filepath.Join("/dev/shm", filepath.Base(filepath.Dir(dir))+fmt.Sprint(os.Getpid()))
	e, err = Create(inMemory)
	check1(t, err)
	check1(t, e.Close())
	content, err := os.ReadFile(inMemory)
	os.Remove(inMemory)
	check1(t, err)
	for _, page := range [][]byte{content, stalePage(t)} {
		check1(t, os.WriteFile(path, page, 0o600))
		e, err = Open(path)
		refused(t, e, err, errors.ErrUnsupported, path)
	}
}

// A hostile process that locks the word as a mutex with priority inheritance
// makes every futex wake fail. Close returns even then.
func TestCloseUnderPILock(t *testing.T) {
	if inside(t) {
		pi(t)
		return
	}
	cmd := again(t, "")
	mustPass(t, cmd)
}

func pi(t *testing.T) {
	path := tempPath(t)
	e, err := Create(path)
	check1(t, err)
	word := wordOf(t, path, e)
	// A live owner, whose thread ID reads as unset and maybe asleep.
	owner := make(chan uint32)
	found := make(chan struct{})
	for range 64 {
		go func() {
			runtime.LockOSThread()
			if id := uint32(syscall.Gettid()); id%4 == 2 {
				select {
				case owner <- id:
				case <-found:
				}
			}
			<-found
		}()
	}
	defer close(found)
	select {
	case *word = <-owner:
	case <-time.After(hang):
		t.Skip("no thread has an ID that fits")
	}
	const lockPI, waiters = 6, 1 << 31
	go func() {
		runtime.LockOSThread()
		syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), lockPI, 0, 0, 0, 0)
	}()
	eventually(t, "the other to lock", func() bool { return *word&waiters != 0 })

	go e.Wait()
	eventually(t, "the wait to block", func() bool { return blocked() == 1 })
	within(t, "Close", func() { e.Close() })
}

// wordOf maps the file of e once more and returns the word in it, which it
// finds by the change that Set makes.
func wordOf(t *testing.T, path string, e *Event) *uint32 {
	f := opened(t, path)
	page, err := syscall.Mmap(int(f.Fd()), 0, pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check1(t, err)
	before := bytes.Clone(page)
	e.Set()
	for i := range page {
		if page[i] != before[i] {
			e.Clear()
			return (*uint32)(unsafe.Pointer(&page[i&^3]))
		}
	}
	t.Fatal("Set changes nothing")
	return nil
}

// inside reports whether this process is one that again started for t.
func inside(t *testing.T) bool { return os.Getenv("EVENT_TEST_INSIDE") == t.Name() }

// again returns a command that runs t once more in another process, which the
// shell commands in prepare set up. "$@" in them is the test itself.
func again(t *testing.T, prepare string) *exec.Cmd {
	t.Helper()
	if os.Getenv("EVENT_TEST_SELF") != "" {
		t.Skip("an emulator does not emulate the host")
	}
	if prepare == "" {
		prepare = ":"
	}
	var pattern []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command("sh", "-c", "{ "+prepare+"\n} || exit 77; exec \"$@\"", "sh",
		os.Args[0], "-test.v", "-test.run="+strings.Join(pattern, "/"), fmt.Sprint("-test.short=", testing.Short()))
	cmd.Env = append(os.Environ(), "EVENT_TEST_INSIDE="+t.Name())
	return cmd
}

// againWithMounts is again, as root, with private mounts.
func againWithMounts(t *testing.T, prepare string) *exec.Cmd {
	t.Helper()
	needRoot(t, "unshare", "mount")
	cmd := again(t, prepare)
	cmd.Args = append([]string{"unshare", "-m"}, cmd.Args...)
	cmd.Path, _ = exec.LookPath("unshare")
	return cmd
}

// mustPass runs a command of again and gives t its outcome.
func mustPass(t *testing.T, cmd *exec.Cmd, env ...string) {
	t.Helper()
	cmd.Env = append(cmd.Env, env...)
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	check1(t, cmd.Start())
	defer time.AfterFunc(2*hang, func() { cmd.Process.Kill() }).Stop()
	err := cmd.Wait()
	out := buf.String()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 77, err != nil && strings.HasPrefix(out, "unshare:"):
		t.Skipf("this machine does not allow it: %s", out)
	case strings.Contains(out, "--- SKIP: "+t.Name()):
		t.Skip(out)
	case err != nil || !strings.Contains(out, "--- PASS: "+t.Name()):
		if len(out) > 5000 {
			out = out[:5000] + "..."
		}
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(out)
}

func needRoot(t *testing.T, commands ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can do this")
	}
	for _, command := range commands {
		if _, err := exec.LookPath(command); err != nil {
			t.Skip(err)
		}
	}
}

func substitute(list []string, old string, with ...string) (all []string) {
	for _, s := range list {
		if s == old {
			all = append(all, with...)
		} else {
			all = append(all, s)
		}
	}
	return all
}

// cgroup makes a control group that has one of files from controller, and
// removes it when the test ends.
func cgroup(t *testing.T, controller string, files ...string) (dir string) {
	t.Helper()
	needRoot(t)
	for _, root := range []string{"/sys/fs/cgroup/" + controller, "/sys/fs/cgroup"} {
		dir, err := os.MkdirTemp(root, "event-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() {
			eventually(t, "the group to be empty", func() bool { return syscall.Rmdir(dir) == nil })
		})
		for _, file := range files {
			if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
				return dir
			}
		}
	}
	t.Skipf("no control group with %s can be made here", strings.Join(files, " or "))
	return ""
}

func needMemfd(t *testing.T) {
	t.Helper()
	number, ok := callNumbers[runtime.GOARCH]["memfd_create"]
	if !ok || os.Getenv("EVENT_TEST_SELF") != "" {
		t.Skip("the number of memfd_create is not known here")
	}
	fd, _, errno := syscall.Syscall(uintptr(number), uintptr(unsafe.Pointer(&[]byte("probe\x00")[0])), 1, 0)
	if errno != 0 {
		t.Skip("memfd_create:", errno)
	}
	syscall.Close(int(fd))
}

// blocked returns the number of goroutines of this process that block in a wait.
func blocked() (n int) {
	buf := make([]byte, 2048*runtime.NumGoroutine())
	for {
		if size := runtime.Stack(buf, true); size < len(buf) {
			buf = buf[:size]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	for stack := range bytes.SplitSeq(buf, []byte("\n\n")) {
		header, rest, _ := bytes.Cut(stack, []byte("\n"))
		if !bytes.Contains(rest, []byte(".(*Event).Wait")) {
			continue
		}
		_, state, _ := bytes.Cut(header, []byte("["))
		for _, s := range []string{"select", "syscall", "chan receive"} {
			if bytes.HasPrefix(state, []byte(s)) {
				n++
			}
		}
	}
	return n
}
