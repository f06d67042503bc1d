package main

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"example.com/event/bench/rival"
)

// A question is asked by trying, in rounds, whether it is so.
type question struct {
	name   string
	rounds int
	try    func(rival.Rival) bool
}

// An Answer says in how many of the rounds it was so, or why nobody can know.
type Answer struct {
	Question string
	Rival    string
	Passed   int
	Rounds   int
	Note     string `json:",omitempty"`
}

const (
	askChannel = "flag true: channel closed"
	askRace    = "clean under -race"
)

func questions() []question {
	return []question{
		{"zero value usable", 10, zeroUsable},
		{"Set, Clear: all who wait go on", 200, setClearFrees},
		{"set, context cancelled: success", 1000, setWins},
		{askChannel, 20_000, flagThenClosed},
		{"nobody waits: nothing allocated", 100, noAllocation},
	}
}

// ask tries all rounds. One that panics has failed, and so has one that takes
// ten seconds: it is the last one.
func (q question) ask(r rival.Rival) Answer {
	a := Answer{Question: q.name, Rival: r.Name}
	if _, ok := r.New().(rival.Selectable); !ok && q.name == askChannel {
		a.Note = "has no channel"
		return a
	}
	a.Rounds = q.rounds
	result := make(chan bool, q.rounds)
	for i := range q.rounds {
		go func() {
			defer func() {
				if recover() != nil {
					result <- false
				}
			}()
			result <- q.try(r)
		}()
		select {
		case ok := <-result:
			if ok {
				a.Passed++
			}
		case <-time.After(10 * time.Second):
			a.Rounds = i + 1
			return a
		}
	}
	return a
}

func zeroUsable(r rival.Rival) bool {
	e := r.Zero().(rival.Resettable)
	if e.IsSet() {
		return false
	}
	panicked := make(chan any, 1)
	go func() {
		defer func() { panicked <- recover() }()
		e.Wait()
	}()
	settle()
	e.Set()
	if <-panicked != nil {
		return false
	}
	e.Clear()
	return !e.IsSet()
}

func setClearFrees(r rival.Rival) bool {
	e := r.New().(rival.Resettable)
	const waiters = 10
	var freed atomic.Int64
	for range waiters {
		go func() {
			e.Wait()
			freed.Add(1)
		}()
	}
	settle()
	e.Set()
	e.Clear()
	settle()
	defer e.Set() // for those who are left
	return freed.Load() == waiters
}

func setWins(r rival.Rival) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e := r.New().(rival.Resettable)
	e.Set()
	return e.WaitContext(ctx) == nil
}

func flagThenClosed(r rival.Rival) bool {
	e := r.New().(rival.Resettable)
	closed := e.(rival.Selectable).Watch()
	go e.Set()
	for i := 1; !e.IsSet(); i++ {
		if i%1000 == 0 {
			runtime.Gosched() // there may be one core only
		}
	}
	return closed()
}

func noAllocation(r rival.Rival) bool {
	e := r.New().(rival.Resettable)
	return testing.AllocsPerRun(1, func() {
		e.Set()
		e.IsSet()
		e.Clear()
	}) == 0
}
