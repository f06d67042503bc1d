package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"example.com/event/bench/rival"
)

// A work is done by every rival that can, n times in a loop.
type work struct {
	name string
	bare string                        // the primitive that it costs at least
	one  bool                          // at GOMAXPROCS=1
	loop func(rival.Rival) func(n int) // nil if the rival can't
}

func works() []work {
	ws := []work{
		{name: "test the flag", bare: rival.Bool, loop: testFlag},
		{name: "Wait on a set event", bare: rival.Channel, loop: waitSet},
		{name: "WaitTimeout on a set event", bare: rival.Channel, loop: timeoutSet},
		{name: "WaitContext on a set event", bare: rival.Channel, loop: contextSet},
		{name: "Set and Clear", bare: rival.Bool, loop: setClear},
		{name: "Set on a set event", bare: rival.Bool, loop: setSet},
		{name: "WaitTimeout(0), not set", bare: rival.Channel, loop: timeoutExpires},
		{name: "ping-pong, GOMAXPROCS 1", bare: rival.Cond, one: true, loop: pingPong},
		{name: "ping-pong, all cores", bare: rival.Cond, loop: pingPong},
	}
	for _, g := range goroutines {
		ws = append(ws,
			work{name: parallelName("test the flag", g), bare: rival.Bool, loop: parallel(g, testFlag)},
			work{name: parallelName("Set and Clear", g), bare: rival.Bool, loop: parallel(g, setClear)})
	}
	return ws
}

// goroutines are how many do a work in parallel; the last one is a multiple of
// the others.
var goroutines = []int{1, 2, 4, 8}

func parallelName(work string, g int) string { return fmt.Sprintf("%s, %d at once", work, g) }

// time returns the nanoseconds that one of the n times takes.
func (w work) time(loop func(int), n int) float64 {
	if w.one {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	start := time.Now()
	loop(n)
	return float64(time.Since(start)) / float64(n)
}

// calibrate returns an n for which the loop takes about d at least. It looks for
// one for a tenth of that, which must be reached three times: once may be an
// accident.
func (w work) calibrate(loop func(int), d time.Duration) int {
	n := goroutines[len(goroutines)-1]
	for float64(n)*min(w.time(loop, n), w.time(loop, n), w.time(loop, n)) < float64(d/10) {
		n *= 2
	}
	return n * 10
}

func testFlag(r rival.Rival) func(int) {
	e, ok := r.New().(rival.Flag)
	if !ok {
		return nil
	}
	return func(n int) {
		for range n {
			e.IsSet()
		}
	}
}

func waitSet(r rival.Rival) func(int) {
	e, ok := r.New().(interface {
		rival.Set
		rival.Wait
	})
	if !ok {
		return nil
	}
	e.Set()
	return func(n int) {
		for range n {
			e.Wait()
		}
	}
}

func timeoutSet(r rival.Rival) func(int) {
	e, ok := r.New().(interface {
		rival.Set
		rival.Timeout
	})
	if !ok {
		return nil
	}
	e.Set()
	return func(n int) {
		for range n {
			e.WaitTimeout(time.Hour)
		}
	}
}

func contextSet(r rival.Rival) func(int) {
	e, ok := r.New().(interface {
		rival.Set
		rival.Context
	})
	if !ok {
		return nil
	}
	e.Set()
	return func(n int) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for range n {
			e.WaitContext(ctx)
		}
	}
}

func setClear(r rival.Rival) func(int) {
	switch e := r.New().(type) {
	case interface {
		rival.Set
		rival.Clear
	}:
		return func(n int) {
			for range n {
				e.Set()
				e.Clear()
			}
		}
	case rival.Pulse:
		return func(n int) {
			for range n {
				e.Pulse()
			}
		}
	}
	return nil
}

func setSet(r rival.Rival) func(int) {
	e, ok := r.New().(interface {
		rival.Set
		rival.Flag
	})
	if !ok || r.SetOnce {
		return nil
	}
	e.Set()
	return func(n int) {
		for range n {
			e.Set()
		}
	}
}

func timeoutExpires(r rival.Rival) func(int) {
	e, ok := r.New().(rival.Timeout)
	if !ok {
		return nil
	}
	return func(n int) {
		for range n {
			e.WaitTimeout(0)
		}
	}
}

// pingPong times a round trip.
func pingPong(r rival.Rival) func(int) {
	ping, ok := r.New().(rival.Resettable)
	if !ok {
		return nil
	}
	pong := r.New().(rival.Resettable)
	return func(n int) {
		go func() {
			for range n {
				ping.Wait()
				ping.Clear()
				pong.Set()
			}
		}()
		for range n {
			ping.Set()
			pong.Wait()
			pong.Clear()
		}
	}
}

// parallel divides the n times among g goroutines that share the event.
func parallel(g int, loop func(rival.Rival) func(int)) func(rival.Rival) func(int) {
	return func(r rival.Rival) func(int) {
		one := loop(r)
		if one == nil {
			return nil
		}
		return func(n int) {
			var wg sync.WaitGroup
			for range g {
				wg.Go(func() { one(n / g) })
			}
			wg.Wait()
		}
	}
}
