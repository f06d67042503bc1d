package event_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"example.com/event"
)

func ExampleEvent() {
	var ready event.Event // the zero value is an unset event
	var config string

	go func() {
		config = "loaded"
		ready.Set() // wakes all waiters; later waits return at once
	}()

	ready.Wait()
	fmt.Println(config) // no data race: Set synchronizes before the return of Wait
	// Output: loaded
}

func ExampleNew() {
	e := event.New()
	fmt.Println(e)
	// Output: unset
}

func ExampleEvent_Set() {
	var e event.Event
	time.AfterFunc(time.Millisecond, e.Set) // Set is a func()
	e.Wait()
	e.Set() // no effect: already set
	fmt.Println(e.IsSet())
	// Output: true
}

func ExampleEvent_Clear() {
	var e event.Event
	e.Set()
	e.Clear()
	fmt.Println(e.IsSet())
	// Output: false
}

// The goroutine that sets the event does the work.
func ExampleEvent_Swap() {
	var closed event.Event
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			if !closed.Swap(true) {
				fmt.Println("closing")
			}
		})
	}
	callers.Wait()
	// Output: closing
}

func ExampleEvent_IsSet() {
	var stop event.Event
	n := 0
	for !stop.IsSet() {
		n++
		if n == 3 {
			stop.Set()
		}
	}
	fmt.Println(n)
	// Output: 3
}

func ExampleEvent_Wait() {
	var e event.Event
	go e.Set()
	e.Wait()
	e.Wait() // returns at once until the next Clear
	fmt.Println("set")
	// Output: set
}

func ExampleEvent_WaitTimeout() {
	var e event.Event
	fmt.Println(e.WaitTimeout(time.Millisecond))
	e.Set()
	fmt.Println(e.WaitTimeout(time.Millisecond))
	fmt.Println(e.WaitTimeout(0)) // the event wins ties
	// Output:
	// false
	// true
	// true
}

func ExampleEvent_WaitContext() {
	var e event.Event
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fmt.Println(e.WaitContext(ctx))
	e.Set()
	fmt.Println(e.WaitContext(ctx)) // the event wins ties
	// Output:
	// context canceled
	// <nil>
}

func ExampleEvent_Done() {
	var e event.Event
	results := make(chan int)
	go e.Set()
	select {
	case <-results:
		fmt.Println("a result")
	case <-e.Done():
		fmt.Println("set")
	}
	// Output: set
}

// If several channels are ready, select chooses one at random. Here the event
// wins over the job nevertheless.
func ExampleEvent_Done_ties() {
	var stop event.Event
	jobs := make(chan string, 1)
	jobs <- "a job"
	stop.Set()

	stopped := stop.Done()
	select {
	case <-stopped:
		fmt.Println("stopped")
	case job := <-jobs:
		select {
		case <-stopped:
			fmt.Println("stopped")
		default:
			fmt.Println(job)
		}
	}
	// Output: stopped
}

func ExampleEvent_String() {
	var e event.Event
	fmt.Println(&e)
	e.Set()
	fmt.Println(&e)
	// Output:
	// unset
	// set
}

// A starting gate: five workers wait, and one Set releases all of them.
func Example_startingGate() {
	var gate event.Event
	var workers sync.WaitGroup
	for i := range 5 {
		workers.Go(func() {
			gate.Wait()
			fmt.Println("worker", i, "runs")
		})
	}
	fmt.Println("the gate opens")
	gate.Set()
	workers.Wait()
	// Unordered output:
	// the gate opens
	// worker 0 runs
	// worker 1 runs
	// worker 2 runs
	// worker 3 runs
	// worker 4 runs
}

// Three workers: one waits without a limit, one with a timeout that expires,
// one for a Set from the main goroutine.
func Example_threeWorkers() {
	var first, second, third, expired event.Event
	var workers sync.WaitGroup
	workers.Go(func() {
		first.Wait()
		fmt.Println("worker 1: no limit, set at last")
	})
	workers.Go(func() {
		if !second.WaitTimeout(10 * time.Millisecond) {
			fmt.Println("worker 2: timed out")
			expired.Set()
		}
	})
	workers.Go(func() {
		third.Wait()
		fmt.Println("worker 3: set by main")
		first.Set()
	})

	expired.Wait()
	third.Set()
	workers.Wait()
	// Output:
	// worker 2: timed out
	// worker 3: set by main
	// worker 1: no limit, set at last
}

// A race of two: the second runner starts when the first signals, and clears
// the event when it has arrived, ready for the next race.
func Example_race() {
	var baton event.Event
	var race sync.WaitGroup
	race.Go(func() {
		baton.Wait()
		fmt.Println("second: runs")
		baton.Clear()
	})
	race.Go(func() {
		fmt.Println("first: runs")
		baton.Set()
	})
	race.Wait()
	fmt.Println("baton:", &baton)
	// Output:
	// first: runs
	// second: runs
	// baton: unset
}

// A producer and a consumer: an event says that there is something to do, not
// how much, so the consumer first clears it and then takes all items.
//
// The tempting way is wrong:
//
//	// producer                 // consumer
//	push(item)                  for {
//	items.Set()                     items.Wait()
//	items.Clear()                   handle(pop())
//	                            }
//
// Three pushes while the consumer is in handle are three Sets without a waiter,
// each undone by its Clear. Then the consumer waits, with three items in the
// queue, for a Set that may never come. Without the Clear, it pops from an
// empty queue instead.
//
// If the consumer calls Clear before it takes the items, each item is either
// among them, or its Set is still to come and ends the next Wait.
func Example_producerConsumer() {
	var (
		items  event.Event
		mu     sync.Mutex
		queue  []int
		closed bool
	)
	push := func(batch ...int) {
		mu.Lock()
		queue = append(queue, batch...)
		closed = len(batch) == 0
		mu.Unlock()
		items.Set()
	}
	go func() {
		for i := range 100 {
			push(i)
		}
		push() // nothing more to come
	}()

	sum := 0
	for done := false; !done; {
		items.Wait()
		items.Clear()
		mu.Lock()
		batch := queue
		queue, done = nil, closed
		mu.Unlock()
		for _, item := range batch {
			sum += item
		}
	}
	fmt.Println("sum of all items:", sum)
	// Output: sum of all items: 4950
}

// Pause and resume: each worker of a pool, here one, passes a gate before each
// step. Clear shuts the gate, Set opens it. The loop also tests the context, since
// WaitContext returns nil at an open gate even if the context is done.
func Example_pauseAndResume() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var running, paused event.Event
	var worker sync.WaitGroup
	worker.Go(func() {
		for step := 1; running.WaitContext(ctx) == nil && ctx.Err() == nil; step++ {
			fmt.Println("step", step)
			switch step {
			case 2: // pause
				running.Clear()
				paused.Set()
			case 4: // stop
				cancel()
			}
		}
	})

	running.Set()
	paused.Wait()
	fmt.Println("paused")
	running.Set()
	worker.Wait()
	// Output:
	// step 1
	// step 2
	// paused
	// step 3
	// step 4
}

// Readiness: requests wait until the server has warmed up, but no longer than
// their context allows.
func Example_readiness() {
	var ready event.Event
	handle := func(ctx context.Context) string {
		if err := ready.WaitContext(ctx); err != nil {
			return "503 " + err.Error()
		}
		return "200 OK"
	}

	impatient, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	fmt.Println(handle(impatient))

	go ready.Set() // warmed up
	fmt.Println(handle(context.Background()))
	// Output:
	// 503 context deadline exceeded
	// 200 OK
}

// Select over two events and a ticker. Done is called anew in each round, so
// that a cleared event is waited for again.
func Example_select() {
	var reload, stop event.Event
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for ticks := 0; ; {
		select {
		case <-ticker.C:
			ticks++
			if ticks == 3 {
				fmt.Println("third tick")
				reload.Set()
			}
		case <-reload.Done():
			fmt.Println("reload")
			reload.Clear()
			stop.Set()
		case <-stop.Done():
			fmt.Println("stop")
			return
		}
	}
	// Output:
	// third tick
	// reload
	// stop
}

// Graceful shutdown: an interrupt sets the event, and workers finish the piece
// of work that they have begun.
func Example_gracefulShutdown() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var shutdown event.Event
	context.AfterFunc(ctx, shutdown.Set)

	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for !shutdown.IsSet() {
				time.Sleep(time.Millisecond) // a piece of work
			}
			fmt.Println("worker: finished")
		})
	}
	stop() // ends ctx, as an interrupt would
	workers.Wait()
	// Output:
	// worker: finished
	// worker: finished
}
