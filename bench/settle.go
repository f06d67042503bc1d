package main

import (
	"log"
	"runtime/metrics"
	"time"
)

// settle returns when every other goroutine is parked: none runs and none is
// ready to. A waiter that is inside a mutex, or queues for one, is no
// exception: then somebody who runs or is ready to holds it.
//
// The runtime counts without stopping the world and can miss a goroutine on
// its way from one queue to another, hence twice.
func settle() {
	s := []metrics.Sample{
		{Name: "/sched/goroutines/running:goroutines"},
		{Name: "/sched/goroutines/runnable:goroutines"},
	}
	quiet := 0
	for start := time.Now(); quiet < 2; time.Sleep(20 * time.Microsecond) {
		metrics.Read(s)
		quiet++
		if s[0].Value.Uint64()+s[1].Value.Uint64() > 1 {
			quiet = 0
		}
		if time.Since(start) > time.Minute {
			log.Fatal("goroutines that should be parked still run after a minute")
		}
	}
}
