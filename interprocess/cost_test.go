//go:build unix || windows

package interprocess

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAllocations(t *testing.T) {
	e := newTest(t)
	ctx := context.Background()
	for name, f := range map[string]func(){
		"Set, Clear, IsSet, String": func() { e.Set(); e.Clear(); e.IsSet(); _ = e.String() },
		"waits on a set event": func() {
			e.Set()
			e.Wait()
			e.WaitTimeout(time.Hour)
			_ = e.WaitContext(ctx)
			_ = e.WaitContext(cancelled)
			<-e.Done()
		},
		"a wait that does not wait": func() { e.Clear(); e.WaitTimeout(0) },
	} {
		assert.Zero(t, testing.AllocsPerRun(100, f), name)
	}
}

// Calls on a set event neither lock nor ask the context.
func TestSetEventIsLockFree(t *testing.T) {
	e := newTest(t)
	e.Set()
	e.mu.Lock()
	defer e.mu.Unlock()
	asked := foreignContext{done: func() <-chan struct{} { t.Error("Done was called"); return nil }}
	within(t, "the calls to return", func() {
		e.Set()
		e.Wait()
		e.WaitTimeout(hang)
		assert.NoError(t, e.WaitContext(asked))
		<-e.Done()
		e.IsSet()
		_ = e.String()
		e.Clear()
	})
}

// A wait that sleeps in the kernel needs no timer, and without a context no
// goroutine. It has nothing to do with the poller.
func TestSleepNeedsNothingElse(t *testing.T) {
	if !sleeps() {
		t.Skip("no leader sleeps in the kernel in this build")
	}
	quiesce(t)
	e := newTest(t)
	e.WaitTimeout(time.Microsecond) // makes the gate
	_, before, _ := pollerState()
	assert.Zero(t, testing.AllocsPerRun(20, func() { e.WaitTimeout(100 * time.Microsecond) }))
	go e.WaitTimeout(time.Hour)
	parked(t, e)
	assert.Zero(t, goroutines("wakeWhenDone"))
	_, after, _ := pollerState()
	assert.Equal(t, before, after)
	e.Set()
}

// A wait in the kernel ends when its context does, not a millisecond later.
func TestContextEndsSleepAtOnce(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		if !sleeps() {
			t.Skip("the poller is slower")
		}
		e := newTest(t)
		expired, cancelled := time.Hour, time.Hour
		for range 100 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			deadline, _ := ctx.Deadline()
			require.Equal(t, context.DeadlineExceeded, e.WaitContext(ctx))
			expired = min(expired, time.Since(deadline))
			cancel()

			ctx, cancel = context.WithCancel(context.Background())
			var waiter sync.WaitGroup
			waiter.Go(func() { e.WaitContext(ctx) })
			parked(t, e)
			start := time.Now()
			cancel()
			waiter.Wait()
			cancelled = min(cancelled, time.Since(start))
		}
		assert.Less(t, expired, 700*time.Microsecond)
		assert.Less(t, cancelled, 700*time.Microsecond)
	})
}

// A process that waits uses hardly any processor time, in any mode. The time
// measured here includes its start and end.
func TestWaitersSleep(t *testing.T) {
	if os.Getenv("EVENT_TEST_SELF") != "" {
		t.Skip("an emulator takes processor time itself")
	}
	const while = 1200 * time.Millisecond
	var events []*Event
	var waiters []*child
	defer force(forced)
	for _, mode := range modes {
		force(mode)
		e := newTest(t)
		events = append(events, e)
		waiters = append(waiters, startCommand(t, plain(t, command(t, e, "waits"))))
	}
	for _, c := range waiters {
		c.says("waiting")
	}
	time.Sleep(while)
	for i, c := range waiters {
		force(modes[i])
		events[i].Set()
		c.says("released")
		c.kill()
		used := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		assert.Less(t, used, while/10, modes[i])
	}
}

func init() {
	roles["waits"] = func(e *Event) { // in every way at once
		var waiters sync.WaitGroup
		for _, w := range waits {
			waiters.Go(func() { w.wait(e) })
		}
		for !e.hasLeader() {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("waiting")
		waiters.Wait()
		fmt.Println("released")
	}
}

// A spin that ends without a Set makes the next shorter, down to a few polls. The
// 32nd is as long as the first again, as is one after a spin that a Set ends.
func TestSpinShrinks(t *testing.T) {
	if os.Getenv("EVENT_TEST_SELF") != "" {
		t.Skip("an emulator distorts times")
	}
	quiesce(t)
	e := newTest(t)
	generation := e.generation()
	least := func(after uint32) time.Duration {
		least := time.Duration(math.MaxInt64)
		for range 500 {
			misses.Store(after)
			start := time.Now()
			require.False(t, e.spin(generation))
			least = min(least, time.Since(start))
			require.Equal(t, after+1, misses.Load())
		}
		return least
	}
	for _, full := range []uint32{0, 32, 64} {
		longest := least(full)
		if longest == 0 {
			t.Skip("the clock is too coarse")
		}
		for _, n := range []uint32{5, 6, 31} {
			assert.Greater(t, longest, 2*least(full+n), "after %d misses", full+n)
		}
	}
	e.Set()
	for _, n := range []uint32{3, 31, 32} {
		misses.Store(n)
		assert.True(t, e.spin(generation), "after %d misses", n)
		assert.Zero(t, misses.Load(), "after a spin with a Set")
	}
}

// A Set that comes while the wait spins finds no sleeper to wake. Here another
// goroutine on the only processor makes it; that goroutine runs first, unless
// the scheduler picks the wait again.
func TestSetWithinTheSpin(t *testing.T) {
	if !sleeps() {
		t.Skip("no leader sleeps in the kernel in this build")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const n = 100
	sleepsBegun, marked := 0, 0
	hooked(t, testHooks{announced: func() { sleepsBegun++ }})
	for range n {
		e, err := New()
		require.NoError(t, err)
		var setter sync.WaitGroup
		setter.Go(e.Set)
		e.Wait()
		setter.Wait()
		if e.word.Load() != set {
			marked++
		}
		require.NoError(t, e.Close())
	}
	assert.Less(t, sleepsBegun, n/2, "waits that were about to sleep")
	assert.Equal(t, sleepsBegun, marked, "events marked as slept on")
}

// Two processes that answer each other at once often do so within the spin.
func TestAnswerWithinTheSpin(t *testing.T) {
	const n = 4000
	assert.Less(t, answers(t, n), n, "every wait was about to sleep")
}

// answers lets another process answer n times, and returns how many of the waits
// for that were about to sleep.
func answers(t *testing.T, n int) (sleepsBegun int) {
	if !sleeps() {
		t.Skip("no leader sleeps in the kernel in this build")
	}
	request, reply := newTest(t), newTest(t)
	cmd := plain(t, command(t, request, "relay"))
	require.NoError(t, reply.Share(cmd, "reply"))
	startCommand(t, cmd).says("ready")
	hooked(t, testHooks{announced: func() { sleepsBegun++ }})
	within(t, "the replies", func() {
		for range n {
			request.Set()
			reply.Wait()
			reply.Clear()
		}
	})
	return sleepsBegun
}

// A wait that reaches its deadline wakes no thread: the kernel ends its sleep.
func TestDeadlineWakesNoOthers(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		var woken atomic.Int64
		hooked(t, testHooks{wokeLeader: func() { woken.Add(1) }})
		for range 20 {
			require.False(t, e.WaitTimeout(time.Millisecond))
		}
		var waiters sync.WaitGroup
		for range 4 {
			waiters.Go(func() { e.WaitTimeout(time.Millisecond) })
		}
		waiters.Wait()
		assert.Zero(t, woken.Load())

		// Neither does a Set, of a wait whose context could end.
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for range 20 {
			waiters.Go(func() { e.WaitContext(ctx) })
			parked(t, e)
			e.Set()
			waiters.Wait()
			e.Clear()
		}
		quiesce(t)
		assert.Zero(t, woken.Load())

		// Neither does a context's deadline, unless the kernel ends the sleep late.
		for range 20 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			require.Equal(t, context.DeadlineExceeded, e.WaitContext(ctx))
			cancel()
		}
		assert.Less(t, woken.Load(), int64(15))

		// If the wait has ended by then, a random choice would be wrong in half of
		// the cases; a late one may be wrong too.
		woken.Store(0)
		g := e.join(e.generation())
		finished := make(chan struct{})
		close(finished)
		for range 100 {
			e.wakeWhenDone(g, limit{cancelled.Done(), time.Now()}, finished)
		}
		assert.Less(t, woken.Load(), int64(20))
	})
}

// A wait that begins or is released makes the poller look more often again.
func TestChangeShortensPauses(t *testing.T) {
	quiesce(t)
	defer force(forced)
	force("poller")
	idle := func() {
		poller.mu.Lock()
		defer poller.mu.Unlock()
		poller.changed = time.Now().Add(-time.Hour)
	}
	polls := func(events int) func() bool {
		return func() bool {
			gates, changed, _ := pollerState()
			return gates == events && time.Since(changed) < time.Minute
		}
	}
	a, b := newTest(t), newTest(t)
	a.Done()
	eventually(t, "the poller to look at a", polls(1))
	idle()
	b.Done()
	eventually(t, "the poller to look at b", polls(2))
	idle()
	a.Set()
	eventually(t, "the poller to release a", polls(1))
	g := b.join(b.generation())
	for range 20 {
		idle()
		now := time.Now()
		startPolling(g, b)
		_, changed, next := pollerState()
		require.False(t, changed.Before(now))
		require.False(t, next.Before(now.Add(-time.Minute)), "the next poll") // it may be a little overdue
	}
}

// A wait that begins does not put off the next poll, so waits that keep beginning
// do not delay the others.
func TestBeginningWaitsDoNotDelayPolls(t *testing.T) {
	quiesce(t)
	defer force(forced)
	force("poller")
	a, b := newTest(t), newTest(t)
	a.Done()
	b.Done()
	eventually(t, "the poller to poll both", func() bool {
		gates, _, _ := pollerState()
		return gates == 2
	})
	for range rounds(2000) {
		_, _, before := pollerState()
		startPolling(b.gate, b)
		_, _, after := pollerState()
		require.False(t, after.After(before) && time.Now().Before(before))
	}
}

// Waits that began when all places in the kernel were taken move there.
func TestWaitMovesToTheKernel(t *testing.T) {
	defer force(forced)
	force("two sleepers")
	if cap(sleepers()) != 2 {
		t.Skip("no leader sleeps in the kernel in this build")
	}
	var waiters sync.WaitGroup
	var events [4]*Event
	for i := range events {
		events[i] = newTest(t)
		waiters.Go(events[i].Wait)
		parked(t, events[i])
	}
	inKernel := func(e *Event) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.gate.parks.Load()%2 == 1
	}
	assert.True(t, inKernel(events[0]) && inKernel(events[1]))
	assert.False(t, inKernel(events[2]) || inKernel(events[3]))
	events[0].Set()
	eventually(t, "one to move", func() bool { return inKernel(events[2]) || inKernel(events[3]) })
	assert.False(t, inKernel(events[2]) && inKernel(events[3]))
	require.NoError(t, events[1].Close())
	eventually(t, "the other to move", func() bool { return inKernel(events[2]) && inKernel(events[3]) })
	gates, _, _ := pollerState()
	assert.Zero(t, gates)
	events[2].Set()
	events[3].Set()
	within(t, "the waits", waiters.Wait)
}

// Waits that end soon sleep in the kernel only while most places there are free.
// Here their contexts are not done at the deadline, so that the waits stay.
func TestShortWaitLeavesThePlaces(t *testing.T) {
	if !sleeps() {
		t.Skip("no leader sleeps in the kernel in this build")
	}
	quiesce(t)
	places := make(chan struct{}, 16)
	before := sleepers
	sleepers = func() chan struct{} { return places }
	done := make(chan struct{})
	var waiters sync.WaitGroup
	defer func() {
		close(done)
		waiters.Wait()
		sleepers = before
	}()
	for i, row := range []struct {
		deadline time.Duration // 0 is none
		inKernel bool
	}{
		{900 * time.Millisecond, true},
		{900 * time.Millisecond, true},
		{900 * time.Millisecond, false},
		{time.Hour, true},
		{0, true},
		{time.Millisecond, false},
	} {
		e := newTest(t)
		l := limit{done: done}
		if row.deadline > 0 {
			l.deadline = time.Now().Add(row.deadline)
		}
		generation := e.generation()
		waiters.Go(func() { e.waitFor(generation, l) })
		parked(t, e)
		assert.Equal(t, row.inKernel, !e.gate.polled(), "wait %d", i)
	}
}

// The pauses are those of the package comment.
func TestPauses(t *testing.T) {
	for _, row := range []struct {
		idle  time.Duration
		gates int
		want  time.Duration
	}{
		{0, 1, 50 * time.Microsecond},
		{800 * time.Microsecond, 1, 50 * time.Microsecond},
		{16 * time.Millisecond, 1, time.Millisecond},
		{1600 * time.Millisecond, 1, 100 * time.Millisecond},
		{4 * time.Second, 1, 250 * time.Millisecond},
		{time.Hour, 1, 250 * time.Millisecond},
		{0, 10, 50 * time.Microsecond},
		{0, 10_000, 50 * time.Millisecond},
		{16 * time.Millisecond, 10_000, 50 * time.Millisecond},
		{time.Second, 10_000, 62500 * time.Microsecond},
		{0, 1_000_000, 250 * time.Millisecond},
	} {
		assert.Equal(t, row.want, pauseAfter(row.idle, row.gates), "%v, %d gates", row.idle, row.gates)
	}
}
