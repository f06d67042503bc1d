// Package interprocess provides an Event that processes share: a flag that they
// set, clear, test and wait for, like Python's multiprocessing.Event. It has the
// methods of event.Event except Swap, with the same meaning, except that the
// channels of Done are closed soon after Set, not by it.
//
// A parent shares an event with a child that it starts:
//
//	e, err := interprocess.New() // in the parent; error handling is left out
//	cmd := exec.Command("child")
//	err = e.Share(cmd, "ready")
//	err = cmd.Start()
//	e.Set()
//
//	e, err := interprocess.Inherited("ready") // in the child
//	e.Wait()
//
// Unrelated processes meet at a path. Either may come first:
//
//	e, created, err := interprocess.OpenOrCreate("/run/backup/pause")
//
// # Choosing a wait
//
//   - [Event.WaitContext] gives up when a context is done. Most callers should
//     use it.
//   - [Event.WaitTimeout] gives up after some time.
//   - [Event.Wait] never gives up.
//   - [Event.Done] is for select, where the event is one of several things to
//     wait for.
//   - [Event.IsSet] does not wait.
//
// # From Python
//
//	multiprocessing                  interprocess                           example
//	Event() before Process(...)      New, Share; Inherited in the child     Package
//	e.set(), e.clear(), e.is_set()   e.Set(), e.Clear(), e.IsSet()          OpenOrCreate
//	e.wait()                         e.Wait()                               StartingGate
//	e.wait(1.5)                      e.WaitTimeout(1500*time.Millisecond)   ThreeWorkers
//	a manager's Event, by address    OpenOrCreate                           OpenOrCreate
//	-                                e.WaitContext(ctx), <-e.Done()         Supervisor, Event.Done
//
// # Guarantees
//
//   - One flag, one order: the calls of all processes are linearizable.
//   - No lost wake-up: Set releases all waiters in all processes, even if Clear
//     follows at once.
//   - No early wake-up: a wait that begins after Clear returned is not released
//     by a Set before it.
//   - A wait that gives up changes nothing and leaves nothing behind.
//   - The event wins ties with a timeout, a context and Close.
//   - A process that is killed or stopped at any instant, in any method, neither
//     blocks another process nor costs it a wake-up, and leaves the event
//     usable. A Set that was in progress has either happened or not. (Two
//     exceptions concern files: a New, Create or OpenOrCreate that is killed may
//     leave a file named .goevent-* in its directory, and an OpenOrCreate that
//     is stopped while it replaces a stale event delays others.)
//
// A waiter does not notice the death of the process that should set the event.
// A supervisor's children should also wait for the end of a pipe whose other end
// only the supervisor holds, as in the Supervisor example.
//
// # Platforms
//
// On Linux, waits sleep in the kernel, and a wake-up takes some ten
// microseconds. Each handle that waits occupies one thread. There are at most 256
// of these, or a quarter of what RLIMIT_NPROC and the cgroup's pids.max leave when
// the process first waits, if that is less. A wait of less than a second takes one
// only while fewer than an eighth are taken. A program that calls
// [runtime/debug.SetMaxThreads] must leave room for these threads.
//
// Elsewhere, and for further waits, one goroutine polls the events that have
// waiters. It runs only while there are any. The longer nothing has changed, the
// less often it polls, so a wait may end late:
//
//	nothing has changed for   a wait may end later by
//	up to 1 ms                                  60 µs
//	10 ms                                      0.6 ms
//	100 ms                                       6 ms
//	1 s                                         60 ms
//	4 s and more                               250 ms
//
// With more than ten events, it is at least 5 µs for each, up to 250 ms. Add the
// granularity of the system's timers. A change is a wait that begins or is
// released. Waits of a second or more move to the kernel as threads become free.
//
// Before it sleeps, a handle's wait spins for at most 10 µs, on Linux and Windows
// yielding to other processes: two processes that answer each other at once then
// need not sleep. Where waits always take longer, only one in 32 spins that long.
//
// Where Linux cannot set and wake in one step, as under some emulators, a kill
// between the two delays a wake-up by up to 100 ms. On js, wasip1 and plan9 the
// package compiles, and the constructors return [errors.ErrUnsupported].
//
// # Where to put the file
//
// Agree on one absolute path, in the configuration of all programs, in a
// directory that only their user can write to:
//
//   - Linux: a directory in /run, such as /run/backup, which tmpfiles.d creates
//     at boot. It is in memory, and nothing removes files from it.
//   - macOS: a directory for the programs in ~/Library/Application Support.
//   - BSDs, Solaris, illumos, AIX: a directory for the programs in /var/run.
//   - Windows: a directory for the programs in %LOCALAPPDATA%. A file cannot be
//     removed while it is mapped.
//
// Other places have these problems:
//
//   - The file is removed. When a login user's last session ends, systemd removes
//     the user's files in /dev/shm (RemoveIPC) and XDG_RUNTIME_DIR. systemd
//     removes a service's RuntimeDirectory when the service stops. tmpfiles.d
//     and others remove old files from /tmp. Processes that have the event open
//     keep it, and new ones do not find it.
//   - The paths differ. XDG_RUNTIME_DIR is unset under su, cron and for services,
//     and a path joined to "" is relative.
//   - The disk blocks. While a file system on a disk is frozen or busy, for a
//     snapshot or a backup, Set, Clear and the beginning of a wait may block for
//     as long, and with them the garbage collector: on ext4, frozen for 2 s, Set,
//     Clear and WaitTimeout(100 ms) each took 2 s.
//   - The disk is full. On btrfs, bcachefs, NILFS2 and UBIFS a write to mapped
//     memory then kills the process, so Create and Open refuse these file systems.
//     They cannot recognize an overlay file system, such as a container's root,
//     whose files are on one of these.
//   - The memory is not shared. Network and FUSE file systems share no memory;
//     Create and Open refuse those they recognize. A copy of the file, and a file
//     in a lower layer of an overlay file system, are other events with the same
//     content, which nothing can tell apart.
//   - The event is stale. On a disk, the file outlives a reboot. Linux and macOS
//     identify their boots, so Open returns [ErrStale], and OpenOrCreate replaces
//     the event; elsewhere, the flag is as it was. A container may have its own
//     boot ID: then a file on a disk that it shares with the host is stale to
//     one of them.
//
// # Limits
//
//   - An event is for one host and one user: the file has mode 0600, or on
//     Windows the ACL of its directory. That user can damage it: a file that is
//     truncated while it is mapped kills the processes that touch it (a memfd of
//     New cannot be truncated), and a process that uses the word as a
//     priority-inheriting futex makes the kernel refuse wake-ups.
//   - A wait that sleeps through 2^30 Clears may miss that the event was set.
//   - Set takes time for each thread that it wakes. With a hundred of them it may
//     take several milliseconds, since they may run before it returns.
//   - With GOMAXPROCS=1, while a wait is in the kernel, the scheduler takes some
//     0.1 ms (5 ms at worst, as measured) to run other goroutines.
//   - A wait does not block durably in the sense of [testing/synctest]. Do not
//     use an Event in a bubble.
//   - Under the race detector, a Set is ordered before every call that observes
//     any Set, on any event: some races go unseen, and none is reported wrongly.
//
// # Deliberate omissions
//
//   - Swap: the kernel sets the flag and wakes in one step, which does not return
//     the old value, and a kill between two steps could lose a wake-up. To elect
//     a process, use the result created of OpenOrCreate, or a lock.
//   - Auto-reset, which releases one waiter for each Set: use a pipe or a socket,
//     of which one process reads each message.
//   - Waiting for Clear: use a second event.
//   - Values: write them to a file or to shared memory before Set.
//   - Other users and other hosts: use a socket, or a key of etcd, Consul or NATS.
package interprocess
