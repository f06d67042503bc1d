// Package event provides an Event: a flag that goroutines set, clear, test
// and wait for, as Python's threading.Event is for threads.
//
//	var ready event.Event // the zero value is an unset event
//	var config string
//
//	go func() {
//		config = "loaded"
//		ready.Set() // wakes all waiters; later waits return at once
//	}()
//
//	ready.Wait()
//	fmt.Println(config) // no data race: Set synchronizes before the return of Wait
//
// # Which wait to choose
//
// Most callers should use [Event.WaitContext]: it ends with the request, or the
// program, that it is part of.
//
//   - [Event.Wait] waits for as long as it takes.
//   - [Event.WaitTimeout] gives up after some time.
//   - [Event.WaitContext] gives up when a context does.
//   - [Event.Done] is for select, when an event is one of several things to
//     wait for.
//   - [Event.IsSet] does not wait.
//
// # Guarantees
//
// One order. The calls of all goroutines behave as if they happened one at a
// time. Once IsSet has returned true, every channel that Done returned before
// is closed. When a wait has succeeded and nobody called Clear, IsSet is true.
//
// No lost wake-up. Set releases every goroutine that is waiting at that
// moment, even when Clear follows at once.
//
// No early wake-up. A goroutine that starts to wait after Clear returned is
// released by a later Set only.
//
// No trace. A wait that gives up changes nothing, neither the flag nor the
// other waiters, and leaves no goroutine or timer behind.
//
// No luck. The event wins ties. A wait on a set event succeeds even with a zero
// or negative timeout, or a context that is already done. A Set before the
// timeout has passed or the context is done counts even if Clear follows.
//
// Memory. In the terminology of [the Go memory model], a call to Set
// “synchronizes before” the return of any wait, receive or IsSet that
// observes it, and before any Clear that comes after it. That is why a
// consumer can clear the event and then look at the shared state without races
// or lost updates, no matter who else has set it in the meantime.
//
// Cost. Nothing is allocated until a goroutine has to wait; all waiters until
// the next Set share one channel. A timed wait adds its timer. An Event takes
// 24 bytes on 64-bit systems and 16 on others. IsSet and the waits on an event
// are lock-free once Set has returned.
//
// # When not to use an Event
//
// For something that happens once, close a channel, cancel a [context.Context]
// or use a [sync.Once] or [sync.WaitGroup]: readers know that these do not go
// back.
//
// For passing values, use a channel: an event says that there is something to
// do, not how much. In particular, a producer that calls Set and then Clear
// for each item leaves items behind, because a Set that comes while the
// consumer is busy has been undone by the time it waits again. The consumer
// must call Clear itself, and then take all items there are; see the
// ProducerConsumer example.
//
// For a condition over shared state, such as “the queue is not full”, use
// [sync.Cond] or a channel: when a wait returns, the event was set, but
// another goroutine may have cleared it since.
//
// For waking one waiter of many, use a channel of capacity 1.
//
// # From Python
//
//	threading.Event               Go
//	e = Event()                   var e event.Event
//	e.set()                       e.Set()
//	e.clear()                     e.Clear()
//	e.is_set()                    e.IsSet()
//	e.wait()                      e.Wait()
//	e.wait(timeout=1.5)           e.WaitTimeout(1500 * time.Millisecond)
//	e.wait(timeout=0)             e.IsSet()
//	Timer(60, e.set).start()      time.AfterFunc(time.Minute, e.Set)
//	(none)                        e.WaitContext(ctx), <-e.Done()
//
// As in Python, a timed wait reports true if the event was set in time. Wait
// has nothing to report.
//
// # Testing
//
// In a bubble of [testing/synctest], every wait blocks durably. The channel is
// made by the first goroutine to wait, never before, so an Event may be made,
// set and cleared outside a bubble and used inside. But like a channel, an
// unset event belongs to where it was first waited for, even by a wait that
// gave up, until it is set. If that was in a bubble, waiting for it or setting
// it from outside is a fatal error; if it was outside, a wait in a bubble does
// not block durably.
//
// # What is missing on purpose
//
//   - Results from Set and Clear: with one, they could not be passed to
//     [time.AfterFunc] or [context.AfterFunc], which want a func().
//   - Pulse: Set then Clear releases everybody who waits.
//   - Waiting for Clear: use a second event.
//   - Waiting for any of several events: select on Done.
//   - Auto-reset, which releases one waiter for each Set: use a channel of
//     capacity 1.
//   - A clock to replace in tests: use testing/synctest.
//
// [the Go memory model]: https://go.dev/ref/mem
package event
