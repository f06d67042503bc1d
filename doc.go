// Package event provides an Event: a flag that goroutines set, clear, test and
// wait for, like threading.Event and asyncio.Event in Python, or .NET's
// ManualResetEventSlim. It can pause and resume goroutines, or tell them to stop.
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
// # Choosing a wait
//
//   - [Event.WaitContext] gives up when a context is done. Most callers should
//     use it.
//   - [Event.WaitTimeout] gives up after some time.
//   - [Event.Wait] never gives up.
//   - [Event.Done] is for select, where the event is one of several things to
//     wait for.
//   - [Event.IsSet] tests the flag.
//
// While the event is set, no wait looks at its context or timeout. A loop must
// check the context itself:
//
//	for e.WaitContext(ctx) == nil && ctx.Err() == nil {
//		step()
//	}
//
// # Promises
//
//  1. Zero value. The zero Event is an unset event, ready to use.
//  2. Order. All calls, and receives from the channels of Done, are
//     linearizable. In particular, once IsSet has returned true, every channel
//     that Done returned before is closed; and once a wait has succeeded, only a
//     Clear makes IsSet false.
//  3. No lost wake-up. Set releases every goroutine that is waiting at that
//     moment, even if Clear follows at once.
//  4. No early wake-up. A wait that begins after Clear returned is released
//     only by a later Set.
//  5. Giving up. A wait that gives up changes neither the flag nor another
//     wait, and leaves no goroutine or timer behind.
//  6. Ties. WaitTimeout and WaitContext succeed if the event is set when they
//     begin, or is set before the timeout has passed or the context is done,
//     even if it is cleared meanwhile. They never fail early. A Set that comes
//     while they give up may still win.
//  7. Memory model. Set synchronizes before each call that observes it and
//     before each later Clear, as described at [Event]. A consumer that calls
//     Clear and then looks at the shared state sees all that was written before
//     every Set that this Clear undoes.
//  8. Cost. On a set event, IsSet and the waits cost one atomic load. Set and
//     Clear cost one compare-and-swap, unless a goroutine has had to wait or has
//     called Done while the event was unset. None of these allocates or, once Set
//     has returned, locks. A call that meets a Set at work waits at most for the
//     channel to be closed, as a waiter does, not for the Set to return. On an
//     unset event, the first Done, or the first wait that has to wait, allocates
//     one channel for all waiters, and each WaitTimeout that has to wait its timer.
//     No call starts a goroutine. An Event takes 24 bytes on 64-bit systems and 16
//     on others.
//  9. Synctest. Waits block durably in a bubble of [testing/synctest]. Create and
//     use the event and the context inside one bubble, or outside all: a Set from
//     outside crashes if a wait or Done inside has created the channel. A select
//     over Done and a channel from outside does not block durably. After Clear,
//     synctest.Wait returns when every worker of a pool waits.
//  10. Misuse. A nil *Event or a nil context panics. Otherwise, any number of calls
//     in any order is allowed.
//
// # When not to use an Event
//
// For something that happens once, close a channel, cancel a [context.Context]
// or use a [sync.Once]: readers know that these are never undone.
//
// For passing values, use a channel: an event says that there is something to
// do, not how much. If only the consumer calls Clear, and then takes all items, as
// in the ProducerConsumer example, none is stranded.
//
// For a condition over shared state, such as “the queue is not full”, use
// [sync.Cond] or a channel: when a wait returns, another goroutine may have
// cleared the event again. In place of a sync.Cond with a timeout, let an event
// mirror the condition, set and cleared under the mutex, and loop:
//
//	mu.Lock()
//	for !condition() {
//		mu.Unlock()
//		if !holds.WaitTimeout(time.Until(deadline)) {
//			return errTimeout
//		}
//		mu.Lock()
//	}
//
// # From Python
//
//	threading                     Go
//	e.is_set()                    e.IsSet()
//	e.wait()                      e.Wait(), which returns nothing
//	e.wait(timeout=1.5)           e.WaitTimeout(1500 * time.Millisecond)
//	Timer(60, e.set).start()      time.AfterFunc(time.Minute, e.Set)
//	(none)                        e.WaitContext(ctx), <-e.Done(), e.Swap(true)
//
// # Deliberate omissions
//
//   - Results of Set and Clear: the methods would no longer be a func(), which
//     [time.AfterFunc] and [context.AfterFunc] take. Use Swap.
//   - An initial state: call Set on the new event.
//   - Pulse: Set then Clear releases all waiters, each at least once; if another
//     goroutine sets the event as well, that Clear undoes its Set.
//   - Waiting for Clear: use a second event, and a mutex around both changes.
//   - Waiting for any of several events: select on Done, or [reflect.Select] for
//     a number known only at run time.
//   - A value or an error: assign a variable before Set.
//   - Auto-reset, which releases one waiter for each Set: use a channel of
//     capacity 1.
//   - A timeout together with a context: use [context.WithTimeout].
//   - A clock to replace in tests: use testing/synctest.
package event
