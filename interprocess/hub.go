package interprocess

import (
	"sync"
	"time"

	"example.com/event/interprocess/internal/bell"
	"example.com/event/interprocess/internal/futex"
)

// The hub watches the words of the gates for whose leaders no thread sleeps. It
// is one goroutine, which runs while there are any and a little longer. A bell
// tells it when to look at them.
var hub struct {
	mu      sync.Mutex
	gates   map[*gate]*watched // nil while the goroutine does not run
	bell    *bell.Bell         // or nil
	hurry   chan struct{}      // makes the goroutine look, and pause anew
	changed time.Time          // when a gate was last added or released
	deaf    int                // how many of gates the bell does not tell about
}

// A watched gate is one of the hub.
type watched struct {
	event *Event
	deaf  bool // its word is not marked: no Set rings for it
}

// backstop is the longest pause between two looks. A ring that does not come
// delays a wake-up by as much.
const backstop = futex.Backstop

// pause returns the time until the next look. It grows only while there are
// gates for which nobody rings: a sixteenth of the time since the last change,
// but at least 50 µs, and 5 µs for each gate (to look at one takes 0.1 µs).
func pause(idle time.Duration, gates, deaf int) time.Duration {
	if deaf == 0 {
		return backstop
	}
	return min(max(50*time.Microsecond, idle/16, time.Duration(gates)*5*time.Microsecond), backstop)
}

// listen is lead with the help of the hub.
func (e *Event) listen(g *gate, l limit) {
	timeout, stop := l.timer()
	defer stop()
	b := enterHub(g, e)
	defer leaveHub(g)
	if b != nil && b.Listen(e.page.File()) == nil {
		e.mark(listening, g.generation)
		if e.ended(g.generation) { // the Set did not find the mark
			return
		}
	} else {
		hearNothing(g)
	}
	select {
	case <-g.over:
	case <-l.done:
	case <-timeout:
	}
}

// enterHub makes the hub watch e for g, and returns its bell.
func enterHub(g *gate, e *Event) *bell.Bell {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.gates == nil {
		hub.gates = make(map[*gate]*watched)
		hub.hurry = make(chan struct{}, 1)
		hub.bell, _ = bell.New()
		go watch(hub.bell, hub.hurry)
	}
	hub.gates[g] = &watched{event: e}
	hub.changed = time.Now()
	return hub.bell
}

// hearNothing tells the hub that nobody rings for g.
func hearNothing(g *gate) {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if w := hub.gates[g]; w != nil {
		w.deaf = true
		hub.deaf++
		select {
		case hub.hurry <- struct{}{}:
		default:
		}
	}
}

func leaveHub(g *gate) {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	remove(g)
}

// remove removes g from the hub, whose mutex is locked.
func remove(g *gate) {
	if w := hub.gates[g]; w != nil {
		delete(hub.gates, g)
		if w.deaf {
			hub.deaf--
		}
	}
}

// watch is the goroutine of the hub.
func watch(b *bell.Bell, hurry <-chan struct{}) {
	var rung <-chan struct{}
	if b != nil {
		rung = b.Rung
		defer b.Close()
	}
	timer := time.NewTimer(0)
	for idle := false; ; {
		select {
		case <-rung:
			idle = false
		case <-hurry:
			idle = false
		case <-timer.C:
			idle = true
		}
		pause, ok := look(idle)
		if !ok {
			return
		}
		timer.Reset(pause)
	}
}

// look releases the gates whose generation is over, and returns the time until
// the next look. If the hub has been idle and no gates are left, it ends the hub
// and reports false.
func look(idle bool) (next time.Duration, ok bool) {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	now := time.Now()
	for g, w := range hub.gates {
		if w.event.ended(g.generation) {
			g.release()
			remove(g)
			hub.changed = now
		}
	}
	since := now.Sub(hub.changed)
	if len(hub.gates) == 0 && idle && since >= backstop {
		hub.gates, hub.bell = nil, nil
		return 0, false
	}
	return pause(since, len(hub.gates), hub.deaf), true
}
