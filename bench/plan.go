package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"

	"example.com/event/bench/rival"
)

// A plan is how much is measured.
type plan struct {
	rounds  int
	loop    time.Duration // how long a loop takes, about, at least
	sizes   []int         // of broadcasts
	waiters int           // of all broadcasts of a size in a round, at least
	largest int           // rounds of the largest size
	share   int           // of the rounds of a question, one in so many
}

var (
	full  = plan{rounds: 20, loop: 20 * time.Millisecond, sizes: []int{1, 10, 100, 1000, 10_000, 100_000, 1_000_000}, waiters: 50_000, largest: 10, share: 1}
	quick = plan{rounds: 6, loop: 500 * time.Microsecond, sizes: []int{1, 10, 100, 1000, 10_000}, waiters: 5000, largest: 6, share: 10}
)

// measure does everything in rounds, in each of which everybody has a turn, and
// then asks.
func (p plan) measure(command string) *Results {
	r := &Results{
		Command:    command,
		Date:       time.Now().UTC().Truncate(time.Second),
		CPU:        strings.TrimSpace(cpuid.CPU.BrandName),
		Platform:   runtime.GOOS + "/" + runtime.GOARCH,
		Go:         runtime.Version(),
		GOMAXPROCS: runtime.GOMAXPROCS(0),
		Modules:    modules(),
	}
	if r.CPU == "" {
		r.CPU = "an unknown CPU"
	}

	progress("calibrating")
	var loops []loop
	for _, w := range works() {
		for _, v := range rival.All {
			if run := w.loop(v); run != nil {
				loops = append(loops, loop{w, v.Name, run, w.calibrate(run, p.loop)})
			}
		}
	}
	for round := range p.rounds {
		progress("round %d of %d", round+1, p.rounds)
		for _, l := range loops {
			r.add(l.name, "ns", l.bare, l.rival, l.time(l.run, l.n))
		}
	}

	// Broadcasts come later, the largest last: a process that has had a million
	// goroutines collects garbage slower. A new stack is as large as the runtime
	// found stacks to be on average: let that not be the few large ones of this
	// program, but those of a thousand goroutines that do nothing.
	stop := make(chan struct{})
	defer close(stop)
	for range 1000 {
		go func() { <-stop }()
	}
	for i, waiters := range p.sizes {
		rounds := p.rounds
		if i == len(p.sizes)-1 {
			rounds = p.largest
		}
		events := max(1, p.waiters/waiters)
		progress("broadcasts to %s", count(waiters))
		broadcast(rival.All[0], waiters, events) // the first so many goroutines cost more
		for round := range rounds {
			for j := range rival.All { // each is the first one in turn
				v := rival.All[(j+round)%len(rival.All)]
				if ns, bytes, ok := broadcast(v, waiters, events); ok {
					r.add(broadcastName(waiters), "ns", rival.Channel, v.Name, ns)
					r.add(memoryName(waiters), "B", rival.Channel, v.Name, bytes)
				}
			}
		}
	}
	r.sum()

	for _, q := range questions() {
		progress("asking: %s", q.name)
		q.rounds /= p.share
		for _, v := range rival.Asked() {
			r.Answers = append(r.Answers, q.ask(v))
		}
	}
	progress("asking: %s", askRace)
	r.Answers = append(r.Answers, askRaces(rival.Asked(), max(1, 10/p.share))...)
	return r
}

// A loop is a work that a rival does.
type loop struct {
	work
	rival string
	run   func(n int)
	n     int
}

var started = time.Now()

func progress(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, a...))
}

// modules returns the versions of the rivals.
func modules() map[string]string {
	libraries := []string{"go.mau.fi/util", "github.com/anacrolix/missinggo/v2", "go.etcd.io/etcd/pkg/v3", "storj.io/common"}
	versions := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if slices.Contains(libraries, m.Path) {
				versions[m.Path] = m.Version
			}
		}
	}
	return versions
}
