// Package interprocess provides an Event that processes share: a flag that they
// set, clear, test and wait for, like Python's multiprocessing.Event. It has the
// methods of event.Event except Swap, with the same meaning, except that the
// channels of Done are closed soon after Set, not by it.
//
// A parent waits until a child that it starts is ready or has ended; the package
// example is the whole program:
//
//	ready, err := interprocess.New() // in the parent
//	err = ready.Share(cmd, "ready")
//	err = cmd.Start()
//	go func() { cmd.Wait(); cancel() }()
//	err = ready.WaitContext(ctx) // nil if the child has called Set, even if it has ended since
//
//	ready, err := interprocess.Inherited("ready") // in the child, before it starts other processes
//	ready.Set()
//
// Unrelated programs meet at a path, and either may come first, as in the example
// of OpenOrCreate. Since no process can wait for Clear, the event means “running”:
//
//	running, _, err := interprocess.OpenOrCreate("/dev/shm/backup-running", true) // set at first
//	running.Wait()                                                                // the worker, before each step
//	running.Clear()                                                               // another program pauses it
//
// Most callers should use [Event.WaitContext]; package event says when to use another wait.
//
// # Guarantees
//
//   - One flag, one order: the calls of all processes are linearizable.
//   - No lost wake-up: Set releases all waiters in all processes, even if Clear
//     follows at once.
//   - No early wake-up: no Set before a Clear releases a wait that begins after it.
//   - A wait that gives up changes neither the flag nor another wait.
//   - The event wins ties with a timeout, a context and Close.
//   - A process killed or stopped at any instant, in any method, neither blocks
//     another nor costs it a wake-up, and leaves the event usable. Its call has
//     either taken effect or not.
//
// # What wakes a wait
//
//   - Linux: a futex, for at most four handles of a process at a time, each of
//     which occupies a thread; for the others, inotify on the event's file.
//   - Windows: a kernel event, for at most 64 handles, each of which occupies a
//     thread. The others are polled, and may end 250 ms late.
//   - macOS and the BSDs: kqueue on the event's file, with one thread for all.
//   - Solaris, illumos, AIX: polling. A wait may end 250 ms late.
//
// A wait may also end 250 ms late if inotify lacks /proc, a descriptor, an instance
// or a watch; if Set is called with fewer rights or, on Windows, in another container;
// or if a Set is killed between setting and waking. Tests run on Linux, macOS, Windows
// and FreeBSD; the other systems are only vetted. Js, wasip1 and plan9 have no events.
//
// # Where to put the file
//
//   - Linux, a user's programs: /dev/shm/NAME or $XDG_RUNTIME_DIR/NAME. Any place
//     on tmpfs or ramfs serves; temporary directories are often on a disk.
//   - Linux, a service: /run/NAME/, with systemd's RuntimeDirectory=NAME.
//   - Linux, the containers of a pod: an emptyDir with medium Memory. Mount the
//     directory, not the file, and run the containers as one user.
//   - macOS: ~/Library/Application Support/NAME/. Windows: %LOCALAPPDATA%\NAME\.
//     Others: the user's own directory. On a disk, file and flag outlive a reboot.
//
// A process does not notice that the file of its event is removed, and the next
// to create it has another event. So remove it only when no program uses it, not
// in a service whose old version overlaps with the new one. systemd removes a
// user's files at the last logout, unless the user lingers, and a RuntimeDirectory
// when the service stops, unless it is preserved: then restart all programs.
//
// # Limits
//
//   - An event is for one host and one user. That user can damage it: to truncate
//     the file kills the processes that use it.
//   - A wait that sleeps through exactly 2^29 Clears misses their Sets.
//   - If as many waits as GOMAXPROCS go to sleep at once, other goroutines pause, as
//     for all system calls that block: for up to some 20 ms.
//
// # When not to use an Event
//
//   - The waiter must see a death: a pipe as well, as in the Supervisor example.
//   - A reason, a value or a second outcome: a pipe, or two events.
//   - Operators set it in a shell: a file.
//   - Each Set should release one waiter; other users or hosts; containers that
//     share no memory: a socket.
//   - The other program may be too old to know the event: the old signal as well.
//   - To elect a process: a lock, or the result created of OpenOrCreate. (There
//     is no Swap: no kernel wakes and returns the old flag in one step.)
package interprocess
