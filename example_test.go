package event_test

import (
	"context"
	"errors"
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
	e.Set() // it is set already
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
	e.Wait() // returns at once until somebody calls Clear
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

func ExampleEvent_String() {
	var e event.Event
	fmt.Println(&e)
	e.Set()
	fmt.Println(&e)
	// Output:
	// unset
	// set
}

// A starting gate: five workers wait, one Set lets them all go.
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

// An event says that there is something to do, not how much. So the consumer
// must clear it first and then take all that there is.
//
// The tempting way is wrong:
//
//	// producer                 // consumer
//	push(item)                  for {
//	items.Set()                     items.Wait()
//	items.Clear()                   handle(pop())
//	                            }
//
// Three pushes while the consumer is in handle are three Sets that nobody is
// waiting for, each undone by its Clear. When the consumer comes back it
// waits, with three items in the queue, for a Set that may never come. Leave
// out the Clear, and it pops an empty queue instead.
//
// With the consumer's Clear before its look at the queue, an item is either
// there to be seen, or its Set is still to come and ends the next Wait.
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

// Pause and resume: a worker passes a gate before each step. Clear shuts the
// gate, Set opens it; a pause takes effect at the next gate.
func Example_pauseAndResume() {
	var running, paused event.Event
	var worker sync.WaitGroup
	worker.Go(func() {
		for i := range 4 {
			running.Wait()
			fmt.Println("step", i)
			if i == 1 { // something calls for a pause
				running.Clear()
				paused.Set()
			}
		}
	})

	running.Set()
	paused.Wait()
	fmt.Println("paused")
	running.Set()
	worker.Wait()
	// Output:
	// step 0
	// step 1
	// paused
	// step 2
	// step 3
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

// Graceful shutdown: an interrupt sets the event, workers finish what they
// have begun.
func Example_gracefulShutdown() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var shutdown event.Event
	context.AfterFunc(ctx, shutdown.Set)

	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for !shutdown.WaitTimeout(time.Millisecond) {
				// one more piece of work
			}
			fmt.Println("worker: finished")
		})
	}
	stop() // as an interrupt would, this ends ctx
	workers.Wait()
	fmt.Println("shut down:", errors.Is(ctx.Err(), context.Canceled))
	// Output:
	// worker: finished
	// worker: finished
	// shut down: true
}
