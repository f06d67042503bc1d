// Package event provides an Event: a flag that goroutines set, clear, test
// and wait for, like Python's threading.Event for threads.
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
//   - [Event.IsSet] does not wait.
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
//     that Done returned before is closed; and once a wait has succeeded, IsSet
//     is true until the next Clear.
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
//     Clear cost one compare-and-swap, unless a goroutine has had to wait since
//     the last Clear. All of these are lock-free once Set has returned, and do
//     not allocate. The first waiter after a Clear allocates one channel for all
//     waiters, and a wait with a timeout its timer. No call starts a goroutine.
//     An Event takes 24 bytes on 64-bit systems and 16 on others.
//  9. Synctest. Waits block durably in a bubble of [testing/synctest], with the
//     exceptions listed under Testing.
//  10. Misuse. WaitContext panics if its context is nil. Nothing else panics:
//     any number of calls in any order is allowed.
//
// # Ties in a select
//
// If several channels are ready, a select chooses one at random. To let the
// event win, keep its channel, and test it again in the other cases:
//
//	done := e.Done()
//	select {
//	case <-done:
//		return nil
//	case err := <-failed:
//		select {
//		case <-done: // the event wins
//			return nil
//		default:
//			return err
//		}
//	}
//
// # Copying, overwriting and embedding
//
// An Event must not be overwritten, since the Set that ended a wait may still
// be running when the wait returns: it would unlock a mutex that is no longer
// locked, a fatal error. Reset an event with Clear, not with
//
//	*e = event.Event{}
//
// Go vet reports copies, but neither this nor two similar mistakes. A slice of
// structs copies its elements when it grows: keep pointers in it. A struct from
// a [sync.Pool] must not be zeroed as a whole: clear its event.
//
// In a struct, make an Event a named field. An embedded Event adds its methods
// to the struct, so that printing a pointer to the struct prints only "set" or
// "unset", and Done makes it look like a context.
//
// # Timers and other callbacks
//
// Set fits [time.AfterFunc] and [context.AfterFunc]. As with any callback, when
// stopping it reports false, Set may not have run yet, and can still undo a
// Clear. If nothing else sets or clears the event, wait for it before the Clear:
//
//	if !timer.Stop() {
//		e.Wait()
//	}
//	e.Clear()
//
// # When not to use an Event
//
// For something that happens once, close a channel, cancel a [context.Context]
// or use a [sync.Once] or [sync.WaitGroup]: readers know that these are never
// undone.
//
// For passing values, use a channel: an event says that there is something to
// do, not how much. A producer that calls Set and then Clear for each item
// strands items, because a Set while the consumer is busy is undone by the time
// the consumer waits again. Let the consumer call Clear, and then take all
// items, as in the ProducerConsumer example.
//
// For a condition over shared state, such as “the queue is not full”, use
// [sync.Cond] or a channel: when a wait returns, another goroutine may have
// cleared the event again.
//
// # From Python
//
//	threading                     Go
//	e = Event()                   var e event.Event
//	e.set()                       e.Set()
//	e.clear()                     e.Clear()
//	e.is_set()                    e.IsSet()
//	e.wait()                      e.Wait()
//	e.wait(timeout=1.5)           e.WaitTimeout(1500 * time.Millisecond)
//	e.wait(timeout=0)             e.IsSet()
//	Timer(60, e.set).start()      time.AfterFunc(time.Minute, e.Set)
//	(none)                        e.WaitContext(ctx), <-e.Done(), e.Swap(true)
//	Lock()                        sync.Mutex
//	Condition()                   sync.Cond
//
// As in Python, a timed wait reports true if the event was set in time. Wait
// returns nothing.
//
// # Debugging
//
// Waiting goroutines appear in goroutine dumps and profiles under the name of
// the method, such as event.(*Event).Wait, and in profiles with the labels that
// [runtime/pprof.Do] gave them. Wait, WaitContext with a context that cannot be
// done, and a receive from Done appear in the goroutine leak profile (since Go
// 1.27) if no running goroutine can reach the event.
//
// # Testing
//
// Waits in a bubble of [testing/synctest] block durably, except for WaitContext
// with a context whose Done channel was created outside the bubble, for a select
// over Done and another channel created outside, and for a wait for an unset
// event that was first waited for outside.
//
// The channel is created by the first goroutine to wait, never before, so an
// Event may be created, set and cleared outside a bubble and used inside. Like
// a channel, an unset event belongs to the bubble in which it was first waited
// for, even by a wait that gave up, until it is set: waiting for it or setting
// it from outside crashes the program.
//
// # Deliberate omissions
//
//   - Results of Set and Clear: the methods would no longer be a func(), which
//     [time.AfterFunc] and [context.AfterFunc] take. Use Swap.
//   - An initial state: call Set on the new event.
//   - Pulse: Set then Clear releases all waiters, each at least once: one that
//     waits again before the Clear passes again. If another goroutine sets the
//     event as well, that Clear undoes its Set.
//   - Waiting for Clear: use a second event, and a mutex around both changes.
//   - Waiting for any of several events: select on Done, or [reflect.Select] for
//     a number known only at run time.
//   - A value or an error: assign a variable before Set.
//   - Auto-reset, which releases one waiter for each Set: use a channel of
//     capacity 1.
//   - A timeout together with a context: use [context.WithTimeout].
//   - A clock to replace in tests: use testing/synctest.
package event
