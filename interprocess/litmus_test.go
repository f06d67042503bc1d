//go:build (unix || windows) && !race

package interprocess

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// Promise: Set orders what was written before it before a Clear that comes
// after, also if the event was set already. Otherwise a producer's item could be
// missed: neither seen by the consumer who clears and then looks, nor announced
// by the event. The processor must do so, hence no atomic operation stands
// beside the event's, and the race detector would call it a race.
func TestSetOfASetEventOrders(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("one processor sees its own writes in order")
	}
	e := newTest(t)
	var item, seen int
	var turn atomic.Int64
	meet := func(at int64) {
		turn.Add(1)
		for n := 0; turn.Load() < at; n++ {
			if n > 1000 {
				runtime.Gosched()
			}
		}
	}
	rounds := int64(count(300000))
	go func() { // the producer
		for r := range rounds {
			meet(6*r + 2)
			e.IsSet() // the word is at hand, the item is not: its write will take longer
			meet(6*r + 4)
			item = 1
			e.Set()
			meet(6*r + 6)
		}
	}()
	for r := range rounds { // the consumer
		item = 0
		e.Set()
		meet(6*r + 2)
		meet(6*r + 4)
		e.Clear()
		seen = item
		meet(6*r + 6)
		if seen == 0 && !e.IsSet() {
			t.Fatalf("round %d: the item is missed", r)
		}
	}
}
