// Race sets, clears, tests and waits for the event named by its argument from
// several goroutines at once. Built with -race, it fails if that is a data race.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"example.com/event/bench/rival"
)

func main() {
	if len(os.Args) == 2 {
		for _, r := range rival.Asked() {
			if r.Name == os.Args[1] {
				run(r.New().(rival.Resettable))
				return
			}
		}
	}
	fmt.Fprintln(os.Stderr, "usage: race NAME, the name of a resettable event")
	os.Exit(2)
}

func run(e rival.Resettable) {
	var waiters sync.WaitGroup
	for _, f := range []func(){
		e.Wait,
		e.Wait,
		func() { e.WaitTimeout(time.Millisecond) },
		func() { e.WaitContext(context.Background()) },
		func() { e.IsSet() },
	} {
		waiters.Go(func() {
			for range 1000 {
				f()
			}
		})
	}
	var finished atomic.Bool
	go func() {
		waiters.Wait()
		finished.Store(true)
	}()
	for !finished.Load() {
		e.Set()
		e.Clear()
	}
}
