package interprocess

import (
	"sync"
	"time"
)

// The poller polls the words of the gates whose leaders do not sleep in the
// kernel. It is one goroutine, which runs while there are any.
var poller struct {
	mu      sync.Mutex
	gates   map[*gate]*Event // nil while the goroutine does not run
	alarm   *alarm           // ends the pause before the next poll
	changed time.Time        // when a gate was last added or opened
	next    time.Time        // when alarm ends the pause
}

// The pause between two polls is a sixteenth of the time since the last change, or
// 5 µs for each gate if that is longer (to poll one takes 0.1 µs), within these
// bounds.
const (
	minPause = 50 * time.Microsecond
	maxPause = 250 * time.Millisecond
)

func pauseAfter(idle time.Duration, gates int) time.Duration {
	return min(max(minPause, idle/16, time.Duration(gates)*5*time.Microsecond), maxPause)
}

// poll is lead with the help of the poller. If a place in the kernel becomes
// free meanwhile, it takes the place and returns true.
func (e *Event) poll(g *gate, l limit, places chan<- struct{}) (hasPlace bool) {
	timeout, stop := l.timer()
	defer stop()
	startPolling(g, e)
	select {
	case <-g.open:
	case <-l.done:
	case <-timeout:
	case places <- struct{}{}:
		hasPlace = true
	}
	poller.mu.Lock()
	delete(poller.gates, g)
	poller.mu.Unlock()
	return hasPlace
}

// startPolling makes the poller poll e for g, and soon.
func startPolling(g *gate, e *Event) {
	poller.mu.Lock()
	defer poller.mu.Unlock()
	start := poller.gates == nil
	if start {
		poller.gates = make(map[*gate]*Event)
		poller.alarm = newAlarm()
	}
	poller.gates[g] = e
	poller.changed = time.Now()
	// Waits that keep beginning must not put off the next poll.
	if start || poller.next.Sub(poller.changed) > pauseAfter(0, len(poller.gates)) {
		pauseAt(poller.changed)
	}
	if start {
		go func(a *alarm) {
			defer a.stop()
			for a.wait(); look(); a.wait() {
			}
		}(poller.alarm)
	}
}

// look opens the gates whose generation is over, and sets the alarm for the next
// poll. It reports false if no gates are left.
func look() bool {
	poller.mu.Lock()
	defer poller.mu.Unlock()
	now := time.Now()
	for g, e := range poller.gates {
		if e.ended(g.generation) {
			g.release()
			delete(poller.gates, g)
			poller.changed = now
		}
	}
	if len(poller.gates) == 0 {
		poller.gates = nil
		return false
	}
	pauseAt(now)
	return true
}

// pauseAt sets the alarm for the next poll.
func pauseAt(now time.Time) {
	pause := pauseAfter(now.Sub(poller.changed), len(poller.gates))
	poller.next = now.Add(pause)
	poller.alarm.set(pause)
}
