package interprocess

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/futex"
	"example.com/event/interprocess/internal/hosttest"
)

// faster checks that most of what took so long was not the backstop's work: that
// comes 250 ms after the last look.
func faster(t *testing.T, took []time.Duration) {
	t.Helper()
	slices.Sort(took)
	assert.Less(t, took[len(took)/2], backstop/3, "median")
}

// More handles wait than have places in the kernel. After silence, a Set of any of
// them is heard.
func TestMoreEventsThanPlaces(t *testing.T) {
	hubEnds(t)
	events := make([]*Event, 40)
	released := make([]<-chan error, len(events))
	for i := range events {
		events[i] = newTest(t)
		released[i] = events[i].startWait(events[i].generation(), limit{})
		parked(t, events[i])
	}
	hub.mu.Lock()
	gates := len(hub.gates)
	hub.mu.Unlock()
	assert.Equal(t, len(events)-futex.Threads, gates)
	time.Sleep(2 * backstop)
	var took []time.Duration
	for i, e := range events {
		time.Sleep(time.Millisecond)
		began := time.Now()
		e.Set()
		assert.NoError(t, arrives(t, fmt.Sprint("wait ", i), released[i]))
		took = append(took, time.Since(began))
	}
	faster(t, took)
}

// A Set that is killed before it rings is noticed all the same.
func TestHubLooksWithoutARing(t *testing.T) {
	forced(t, withBell)
	e := newTest(t)
	for range 2 {
		e.Clear()
		released := e.startWait(e.generation(), limit{})
		parked(t, e)
		e.word.Or(set)
		assert.NoError(t, arrives(t, "the wait", released))
	}
}

// A Set that comes before the hub's mark does not ring. The wait returns at once
// all the same.
func TestSetBeforeTheMark(t *testing.T) {
	forced(t, withBell)
	other := newTest(t)
	released := other.startWait(0, limit{})
	parked(t, other) // so the hub looks rarely
	var took []time.Duration
	for range 11 {
		e := newTest(t)
		hub.mu.Lock()
		result := e.startWait(0, limit{})
		eventually(t, "a leader", func() bool { g := e.lastGate(); return g != nil && len(g.token) == 0 })
		e.Set()
		began := time.Now()
		hub.mu.Unlock()
		assert.NoError(t, arrives(t, "the wait", result))
		took = append(took, time.Since(began))
	}
	faster(t, took)
	other.Set()
	assert.NoError(t, arrives(t, "the other wait", released))
}

// Set rings if a hub may be listening and the flag was not set before. The kernel
// queues the event of a ring before Set returns.
func TestSetRings(t *testing.T) {
	events, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	require.NoError(t, err)
	defer syscall.Close(events)
	e := newTest(t)
	_, err = syscall.InotifyAddWatch(events, fmt.Sprint("/proc/self/fd/", e.page.File.Fd()), syscall.IN_ATTRIB)
	require.NoError(t, err)
	for word, want := range map[uint32]bool{
		0: false, asleep: false, listening: true, asleep | listening: true,
		set | listening: false, set | asleep | listening: false,
	} {
		e.word.Store(word)
		e.Set()
		n, _ := syscall.Read(events, make([]byte, 4096))
		assert.Equal(t, want, n > 0, "word %b", word)
	}
}

// watched returns when the hub watches the word for e, even if it hears no ring.
func (e *Event) watched(t *testing.T) {
	t.Helper()
	eventually(t, "the hub to watch", func() bool {
		watched, _ := inHub(e.lastGate())
		return watched
	})
}

// A handle whose file the bell cannot hear is looked at often, beside one that it
// hears.
func TestDeafHandle(t *testing.T) {
	forced(t, withBell)
	hears := newTest(t)
	released := hears.startWait(0, limit{})
	parked(t, hears)
	deaf, other := handles(t)
	require.NoError(t, deaf.page.File.Close())
	var took []time.Duration
	for range 11 {
		result := deaf.startWait(deaf.generation(), limit{})
		deaf.watched(t)
		began := time.Now()
		other.Set()
		assert.NoError(t, arrives(t, "the deaf handle", result))
		took = append(took, time.Since(began))
		other.Clear()
	}
	faster(t, took)
	hears.Set()
	assert.NoError(t, arrives(t, "the handle that hears", released))
}

// A handle that is closed, and a file whose name is removed, leave other handles
// to the event in the hub.
func TestHandlesOfOneEventInTheHub(t *testing.T) {
	forced(t, withBell)
	path := tempPath(t)
	first, err := Create(path)
	closing(t, first, err)
	second, err := Open(path)
	closing(t, second, err)
	setter, err := Open(path)
	closing(t, setter, err)
	closed := first.startWait(0, limit{})
	parked(t, first)
	other := second.startWait(0, limit{})
	parked(t, second)
	require.NoError(t, first.Close())
	require.NoError(t, os.Remove(path))
	assert.Equal(t, ErrClosed, arrives(t, "the wait of the closed handle", closed))
	setter.Set()
	assert.NoError(t, arrives(t, "the wait of the other", other))
	var took []time.Duration
	for range 11 {
		setter.Clear()
		result := second.startWait(second.generation(), limit{})
		parked(t, second)
		began := time.Now()
		setter.Set()
		assert.NoError(t, arrives(t, "the wait", result))
		took = append(took, time.Since(began))
	}
	faster(t, took)
}

// A kernel that refuses to let threads sleep after it has been probed, as under a
// filter that is installed late, leaves the waits to the hub.
func TestKernelStopsToServe(t *testing.T) {
	if futex.Kind() == "" {
		t.Skip("no leader sleeps in the kernel in this build")
	}
	e := newTest(t)
	go func() {
		e.watched(t)
		assert.Empty(t, sleepers, "places in the kernel")
		e.Set()
	}()
	const futexWaitBitset = 9
	hosttest.Failing(t, []hosttest.Failure{futexFailure(futexWaitBitset)}, func() { assert.True(t, e.WaitTimeout(hang)) })
}
