package interprocess

import (
	"context"
	"sync"
	"time"
)

// The poller looks at the words of the gates whose leaders do not sleep in the
// kernel. It is a goroutine that runs while there are any.
var poller struct {
	mu      sync.Mutex
	gates   map[*gate]*Event // of the leaders in Event.poll; nil while the goroutine does not run
	pause   time.Duration    // before the next look
	changed time.Time        // when a gate last came or opened
}

// The pause doubles from the first to the second while nothing changes, and is
// the third once nothing has changed for a second.
const (
	shortPause = 50 * time.Microsecond
	longPause  = 2 * time.Millisecond
	idlePause  = 10 * time.Millisecond
)

// poll is lead with the poller's help.
func (e *Event) poll(g *gate, ctx context.Context) {
	poller.mu.Lock()
	if poller.gates == nil {
		poller.gates = make(map[*gate]*Event)
		go runPoller()
	}
	poller.gates[g] = e
	poller.pause, poller.changed = shortPause, time.Now()
	poller.mu.Unlock()

	select {
	case <-g.open:
	case <-ctx.Done():
	}

	poller.mu.Lock()
	delete(poller.gates, g)
	poller.mu.Unlock()
}

func runPoller() {
	for pause := shortPause; pause > 0; pause = look() {
		time.Sleep(pause)
	}
}

// look opens the gates whose generation is over and returns the pause before
// the next look, or 0 if there is nothing left to look at.
func look() time.Duration {
	poller.mu.Lock()
	defer poller.mu.Unlock()
	now := time.Now()
	if now.Sub(poller.changed) > time.Second {
		poller.pause = idlePause
	} else {
		poller.pause = min(2*poller.pause, longPause)
	}
	for g, e := range poller.gates {
		if e.over(g.generation) {
			g.release()
			delete(poller.gates, g)
			poller.pause, poller.changed = shortPause, now
		}
	}
	if len(poller.gates) == 0 {
		poller.gates = nil
		return 0
	}
	return poller.pause
}
