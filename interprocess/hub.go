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
	gates   map[*gate]*Event // nil while the goroutine does not run
	bell    *bell.Bell
	polls   bool        // bell does not hear rings of all gates: the pauses between looks grow
	timer   *time.Timer // of the next look
	changed time.Time   // when a gate was last added or released
}

// backstop is the longest pause between two looks: a ring that does not come, since
// setting and ringing are two steps, delays a wake-up by at most as much.
const backstop = futex.Backstop

// listen is lead with the help of the hub.
func (e *Event) listen(g *gate, l limit) {
	timeout, stop := l.timer()
	defer stop()
	heard := enterHub(g, e)
	defer func() {
		hub.mu.Lock()
		delete(hub.gates, g)
		hub.mu.Unlock()
	}()
	if heard {
		e.mark(listening, g.generation)
	}
	if e.ended(g.generation) { // the Set did not find the mark, or Close has closed the file
		return
	}
	select {
	case <-g.over:
	case <-l.done:
	case <-timeout:
	}
}

// enterHub makes the hub watch e for g, and reports whether it hears rings of e.
// If it does not, it polls until it ends.
func enterHub(g *gate, e *Event) (heard bool) {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if hub.gates == nil {
		var err error
		if hub.bell, err = bell.New(); err != nil {
			hub.bell = new(bell.Bell) // hears nothing
		}
		hub.gates, hub.polls, hub.timer = make(map[*gate]*Event), false, time.NewTimer(0)
		go watch(hub.bell, hub.timer)
	}
	hub.gates[g], hub.changed = e, time.Now()
	heard = hub.bell.Listen(e.page.File) == nil
	if !heard && e.live.Load() {
		hub.polls = true
		hub.timer.Reset(0)
	}
	return heard
}

// watch is the goroutine of the hub.
func watch(b *bell.Bell, timer *time.Timer) {
	defer b.Close()
	for look() {
		select {
		case <-b.Rung:
		case <-timer.C:
		}
	}
}

// look releases the gates whose generation is over, and sets the time of the next
// look. It ends the hub, and reports false, if there have been no gates for a
// while.
func look() (more bool) {
	hub.mu.Lock()
	defer hub.mu.Unlock()
	now := time.Now()
	for g, e := range hub.gates {
		if e.ended(g.generation) {
			g.release()
			delete(hub.gates, g)
			hub.changed = now
		}
	}
	idle := now.Sub(hub.changed)
	if len(hub.gates) == 0 && idle >= backstop {
		hub.gates = nil
		return false
	}
	pause := backstop
	if hub.polls { // a look at one gate takes 0.1 µs
		pause = min(pause, max(50*time.Microsecond, idle/16, time.Duration(len(hub.gates))*5*time.Microsecond))
	}
	hub.timer.Reset(pause)
	return true
}
