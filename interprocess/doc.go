// Package interprocess provides an Event that processes share: a flag that they
// set, clear, test and wait for. It is for Go what multiprocessing.Event is for
// Python, with the methods of the Event of package event.
//
// A parent shares an event with a child that it starts, and the child waits for
// it:
//
//	e, err := interprocess.New() // in the parent; errors are left out here
//	cmd := exec.Command("child")
//	err = e.Share(cmd, "ready")
//	err = cmd.Start()
//	e.Set()
//
//	e, err := interprocess.Inherited("ready") // in the child
//	e.Wait()
//
// Processes that are not related meet at a path: one calls [Create], the others
// [Open].
//
// # Which wait
//
// Wait waits without limit, WaitTimeout for a time, WaitContext until a context
// ends. To wait for one of several things, give each a goroutine, and cancel the
// others' context when one is done.
//
// # From Python
//
//	multiprocessing                  interprocess                           example
//	Event() before Process(...)      New, Share; Inherited in the child     first
//	e.set(), e.clear(), e.is_set()   e.Set(), e.Clear(), e.IsSet()          Supervisor
//	e.wait()                         e.Wait()                               StartingGate
//	e.wait(1.5)                      e.WaitTimeout(1500*time.Millisecond)   ThreeWorkers
//	a manager's Event, by address    Create and Open                        Create
//	-                                e.WaitContext(ctx), e.Close()          Supervisor
//
// The examples are whole programs: three workers, a starting gate, two programs
// that meet at a path, and a supervisor one of whose workers is killed.
//
// # What is guaranteed
//
// The flag is one for all processes: the calls behave as if they happened one at
// a time. Set releases everybody who waits at that moment, in every process,
// even if Clear follows at once. A wait that begins after Clear has returned is
// not released by a Set before it. A wait that gives up changes nothing and
// leaves nothing behind. If the event was set in time, the wait says so,
// whatever else has ended meanwhile. [Event] has the terms of memory.
//
// A process may be killed (kill -9) or stopped at any instant, in any method:
// that never blocks another process, loses nobody's wake-up, and never leaves
// the event unusable. A Set that was under way has then happened for everybody
// or for nobody. There is no lock, no count of waiters and no acknowledgement in
// the memory that processes share. A process that is stopped while it waits
// finds, when it goes on, that the event has been set since. (A Create or
// New that is killed may leave a file that begins with .goevent- in its folder.) Only the
// user whose event it is can harm it: a file that is cut short while processes
// have it mapped kills them when they touch it.
//
// # Platforms
//
// On Linux a wait sleeps in the kernel, and a wake-up takes some ten
// microseconds. Up to 256 events a process are waited for in this way, each with
// a thread, however many goroutines wait. Beyond those, and on macOS, the BSDs,
// Solaris, illumos, AIX and Windows, one goroutine looks at the flags that are
// waited for, every 50 µs at first, then every 2 ms, and every 10 ms when nothing
// has changed for a second, or as finely as the system can sleep; that is how much later a wait may end, and nothing
// runs while nobody waits. The guarantees are the same. Where Linux cannot set and
// wake in one step, as under some emulators, a kill between the two may delay a
// wake-up by 100 ms. On js, wasip1 and plan9 the package compiles, and New,
// Create, Open and Inherited fail with [errors.ErrUnsupported] or, where nothing
// was inherited, [fs.ErrNotExist].
//
// # Where to put the file
//
// In /dev/shm, or in the folder that XDG_RUNTIME_DIR names: both lie in memory
// and are empty after a reboot. On a disk the file outlasts a reboot; Open then
// refuses it on Linux and macOS, which name their boots, and elsewhere finds the
// flag as it was left. Who made the event removes the file; those who have it
// open go on with it. Windows does not let a file go while it is mapped: there,
// remove it when the processes that opened it have ended.
//
// The file has mode 0600, and only its owner can open it: an event belongs to one
// user. On Windows, the access list of the folder decides. File systems of other
// hosts, and those of FUSE, share no memory and are refused where the system
// tells (Linux, macOS, FreeBSD, DragonFly, Windows).
//
// # Limits
//
// An event is for one host and one user. Programs that share it must agree on
// the byte order and the way to wake, which Open checks. A wait that sleeps
// through 2^30 calls to Clear may miss that the event was set. Set takes time for
// each process that it wakes: with a hundred of them it may return after several
// milliseconds, since those it wakes run at once. A wait is a system call or
// depends on other processes: it is not durably blocking in the sense of package
// testing/synctest, so an Event does not belong in a bubble.
package interprocess
