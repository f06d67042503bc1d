// Package event provides an Event: a flag that goroutines set, clear, test
// and wait for, as Python's threading.Event is for threads.
//
//	var ready event.Event // the zero value is an unset event
//	var config string
//
//	go func() {
//		config = "loaded"
//		ready.Set() // wakes all who wait, now and later
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
//   - [Event.Done] is for select, where an event is one of several things.
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
// No luck. A wait on an event that is set succeeds, also with a timeout that
// has passed or a context that is done.
//
// Memory. In the terminology of [the Go memory model], a call to Set
// “synchronizes before” the return of any wait, receive or IsSet that
// observes it, and before any Clear that comes after it. The latter makes
// 'clear, then look at the shared state' free of races and of lost updates,
// whoever else set the event meanwhile.
//
// Cost. Nothing is allocated while nobody waits; then it is one channel for
// all waiters from one Clear to the next. An Event takes 24 bytes on 64-bit
// systems and 16 on others. IsSet and the waits on a set event are lock-free.
//
// # When not to use an Event
//
// For something that happens once, a channel that is closed, a
// [context.Context], a [sync.WaitGroup] or [sync.Once] says so in its type.
//
// For passing values, use a channel: an event says that there is something to
// do, not how much. In particular, a producer that calls Set and then Clear
// for each item loses items, because those Sets that come while the consumer
// is busy are gone when it waits again. The consumer must call Clear itself,
// and then take all items there are; see the ProducerConsumer example.
//
// For a condition over shared state, such as “the queue is not full”, use
// [sync.Cond] or a channel: when a wait returns, the event was set, but
// another goroutine may have cleared it by then.
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
// Results mean the same: true, that the event was set in time.
//
// # Testing
//
// In a bubble of [testing/synctest], every wait blocks durably. The channel is
// made by the first goroutine to wait, never before, so an Event made outside
// a bubble can be used inside. But like a channel, an event that has been
// waited for in a bubble must be set in that bubble.
//
// # What is missing on purpose
//
//   - Results of Set and Clear: then they were no longer a func() for
//     [time.AfterFunc], [context.AfterFunc] and defer.
//   - Pulse: Set then Clear releases everybody who waits.
//   - Waiting for Clear: use a second event.
//   - Waiting for any of several events: select on Done.
//   - Auto-reset, which releases one waiter for each Set: use a channel of
//     capacity 1.
//   - A clock to replace in tests: use testing/synctest.
//
// [the Go memory model]: https://go.dev/ref/mem
package event
