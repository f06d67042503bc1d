package interprocess

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/bell"
	"example.com/event/interprocess/internal/futex"
)

// The pauses between two looks are long, unless there are gates for which nobody
// rings.
func TestPauses(t *testing.T) {
	for _, row := range []struct {
		idle        time.Duration
		gates, deaf int
		want        time.Duration
	}{
		{0, 1, 0, 250 * time.Millisecond},
		{0, 1, 1, 50 * time.Microsecond},
		{1600 * time.Millisecond, 1, 1, 100 * time.Millisecond},
		{time.Hour, 1, 1, 250 * time.Millisecond},
		{0, 10_000, 1, 50 * time.Millisecond},
	} {
		assert.Equal(t, row.want, pause(row.idle, row.gates, row.deaf), row)
	}
}

// hear returns a bell that hears rings of e.
func (e *Event) hear(t *testing.T) *bell.Bell {
	t.Helper()
	b, err := bell.New()
	require.NoError(t, err)
	t.Cleanup(b.Close)
	require.NoError(t, b.Listen(e.page.File()))
	return b
}

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
	gates, deaf, _ := hubState()
	assert.Equal(t, len(events)-futex.Threads, gates)
	assert.Zero(t, deaf)
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

// Two processes whose waits are in their hubs answer each other.
func TestHubAnswersHub(t *testing.T) {
	inTheHub(t)
	request, reply := relayed(t)
	var took []time.Duration
	for range 50 {
		began := time.Now()
		request.Set()
		within(t, "the reply", reply.Wait)
		reply.Clear()
		took = append(took, time.Since(began))
	}
	faster(t, took)
}

// A Set that is killed before it rings is noticed all the same.
func TestHubLooksWithoutARing(t *testing.T) {
	inTheHub(t)
	e := newTest(t)
	for range 2 {
		e.Clear()
		released := e.startWait(e.generation(), limit{})
		parked(t, e)
		e.word.Or(set)
		assert.NoError(t, arrives(t, "the wait", released))
	}
}

// Set rings if a hub may be listening and the flag was not set before. The kernel
// queues the event of a ring before Set returns.
func TestSetRings(t *testing.T) {
	events, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	require.NoError(t, err)
	defer syscall.Close(events)
	e := newTest(t)
	_, err = syscall.InotifyAddWatch(events, fmt.Sprint("/proc/self/fd/", e.page.File().Fd()), syscall.IN_ATTRIB)
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

// A hub without waits ends with all that it has, and the next wait starts another.
func TestHubEndsAndStarts(t *testing.T) {
	inTheHub(t)
	e := newTest(t)
	hubEnds(t)
	resources := func() string {
		open, _ := filepath.Glob("/proc/self/fd/*")
		return fmt.Sprint(len(open), goroutines("interprocess.watch("), goroutines("/bell."))
	}
	var before string
	eventually(t, "the last hub to be gone", func() bool {
		before = resources()
		return strings.HasSuffix(before, " 0 0")
	})
	for range 2 {
		released := e.startWait(e.generation(), limit{})
		parked(t, e)
		assert.NotEqual(t, before, resources())
		e.Set()
		e.Clear()
		assert.NoError(t, arrives(t, "the wait", released))
		hubEnds(t)
		eventually(t, "its resources to be gone", func() bool { return before == resources() })
	}
}

// A wait that has returned has left the hub, however it ended and whether or not
// it heard.
func TestWaitsLeaveTheHub(t *testing.T) {
	inTheHub(t)
	for _, deaf := range []bool{false, true} {
		for name, end := range map[string]func(e *Event, cancel func()){
			"Set":    func(e *Event, _ func()) { e.Set() },
			"Close":  func(e *Event, _ func()) { e.Close() },
			"cancel": func(_ *Event, cancel func()) { cancel() },
			"time":   func(*Event, func()) {},
		} {
			e := newTest(t)
			if deaf {
				e.page.File().Close()
			}
			done := make(chan struct{})
			l := limit{done: done}
			if name == "time" {
				l = limit{deadline: time.Now().Add(20 * time.Millisecond)}
			}
			result := e.startWait(0, l)
			if name != "time" {
				parked(t, e)
				gates, n, _ := hubState()
				assert.Equal(t, 1, gates)
				assert.Equal(t, map[bool]int{false: 0, true: 1}[deaf], n)
			}
			end(e, func() { close(done) })
			arrives(t, "the wait", result)
			gates, n, _ := hubState()
			assert.Zero(t, gates, name)
			assert.Zero(t, n, name)
		}
	}
}

// A handle whose file the bell cannot hear is looked at often, beside others that
// it hears.
func TestDeafHandle(t *testing.T) {
	inTheHub(t)
	deaf, other := handles(t)
	hears := newTest(t)
	for range 3 {
		deaf.page.File().Close()
		first := hears.startWait(hears.generation(), limit{})
		parked(t, hears)
		second := deaf.startWait(deaf.generation(), limit{})
		parked(t, deaf)
		assert.False(t, inHub(hears.lastGate()).deaf)
		assert.Zero(t, other.word.Load()&listening, "the word of a deaf handle is marked")
		other.Set()
		other.Clear()
		assert.NoError(t, arrives(t, "the deaf handle", second))
		_, n, _ := hubState()
		assert.Zero(t, n)
		hears.Set()
		hears.Clear()
		assert.NoError(t, arrives(t, "the handle that hears", first))
	}
}

// A handle that is closed, and a file whose name is removed, leave other handles
// to the event in the hub.
func TestHandlesOfOneEventInTheHub(t *testing.T) {
	inTheHub(t)
	path := tempPath(t)
	first, err := Create(path)
	closing(t, first, err)
	second, err := Open(path)
	closing(t, second, err)
	setter, err := Open(path)
	closing(t, setter, err)
	closed := first.startWait(0, limit{})
	parked(t, first)
	parked2 := second.startWait(0, limit{})
	parked(t, second)
	require.NoError(t, first.Close())
	require.NoError(t, os.Remove(path))
	assert.Equal(t, ErrClosed, arrives(t, "the wait of the closed handle", closed))
	setter.Set()
	assert.NoError(t, arrives(t, "the wait of the other", parked2))
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
	const futexWaitBitset = 9
	refuses := map[string]forbidden{}
	for arch, c := range forbiddenIn[twoSteps] {
		c.value = futexWaitBitset
		refuses[arch] = c
	}
	e := newTest(t)
	done := sandboxed(t, refuses, e.Wait)
	eventually(t, "the wait to be in the hub", func() bool { return inHub(e.lastGate()) != nil })
	assert.Empty(t, sleepers, "places in the kernel")
	e.Set()
	arrives(t, "the wait", done)
}
