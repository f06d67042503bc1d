//go:build unix || windows

package interprocess

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClosedHandle(t *testing.T) {
	open := openHandles.Load()
	a, b := handles(t)
	b.Set()
	require.NoError(t, a.Close())
	for range 2 {
		assert.False(t, a.IsSet())
		assert.Equal(t, "closed", a.String())
		within(t, "Wait", a.Wait)
		assert.False(t, a.WaitTimeout(time.Hour))
		assert.False(t, a.WaitTimeout(0))
		for _, ctx := range []context.Context{context.Background(), cancelled} {
			assert.Equal(t, ErrClosed, a.WaitContext(ctx))
		}
		assert.True(t, isClosed(a.Done()))
		a.Clear()
		assert.True(t, b.IsSet(), "Clear of a closed handle has an effect")
		require.NoError(t, a.Close())
	}
	b.Clear()
	a.Set()
	assert.False(t, b.IsSet(), "Set of a closed handle has an effect")
	assert.Equal(t, open+1, openHandles.Load())
	assert.EqualError(t, ErrClosed, "interprocess: event is closed")
}

// Only Close can end these waits.
func TestCloseEndsWaits(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for range rounds(200) {
			e, err := New()
			require.NoError(t, err)
			var waiters sync.WaitGroup
			waiters.Go(e.Wait)
			waiters.Go(func() { assert.False(t, e.WaitTimeout(time.Hour)) })
			waiters.Go(func() { assert.Equal(t, ErrClosed, e.WaitContext(context.Background())) })
			waiters.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				assert.Equal(t, ErrClosed, e.WaitContext(ctx))
			})
			if rand.IntN(2) == 0 {
				parked(t, e)
			}
			require.NoError(t, e.Close())
			within(t, "the waits", waiters.Wait)
		}
	})
}

// Close ends all calls of 100 goroutines that wait, set and clear.
func TestCloseUnderLoad(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		for range rounds(20) {
			e, err := New()
			require.NoError(t, err)
			var users sync.WaitGroup
			var calls atomic.Int64
			for i := range 100 {
				users.Go(func() {
					for e.String() != "closed" {
						switch i % 5 {
						case 0:
							e.Wait()
						case 1:
							if err := e.WaitContext(context.Background()); err != nil {
								assert.Equal(t, ErrClosed, err)
							}
						case 2:
							<-e.Done()
						case 3:
							e.WaitTimeout(time.Hour)
						case 4:
							e.Set()
							e.Clear()
						}
						calls.Add(1)
						runtime.Gosched()
					}
				})
			}
			eventually(t, "some calls to return", func() bool { return calls.Load() > 500 })
			require.NoError(t, e.Close())
			within(t, "all to find it closed", users.Wait)
		}
	})
}

// A Set before Close wins: for waits that have not tested the word since, in the
// first generation and in later ones, and even if Clear follows.
func TestSetBeforeCloseWins(t *testing.T) {
	steps := map[string]func(*Event){"Set": (*Event).Set, "Set, Clear": func(e *Event) { e.Set(); e.Clear() }}
	for name, step := range steps {
		for earlier := range 2 {
			open := func(t *testing.T) (a, b *Event) {
				a, b = handles(t)
				for range earlier {
					a.Set()
					a.Clear()
				}
				return a, b
			}
			t.Run(name, func(t *testing.T) {
				t.Run("before the wait joins", func(t *testing.T) {
					a, b := open(t)
					assert.NoError(t, a.WaitContext(hook{context.Background(), func() <-chan struct{} {
						step(b)
						assert.NoError(t, a.Close())
						return nil
					}}))
				})
				t.Run("before the sleep", func(t *testing.T) {
					if !sleeps() {
						t.Skip("no leader sleeps in the kernel in this build")
					}
					a, b := open(t)
					generation := a.generation()
					follower := make(chan error, 1)
					hooked(t, testHooks{parking: func() {
						go func() { follower <- a.waitFor(generation, limit{}) }()
						step(b)
						a.mu.Lock()
						open := a.gate.open
						a.mu.Unlock()
						go a.Close()
						<-open
					}})
					assert.NoError(t, a.WaitContext(context.Background()))
					assert.NoError(t, <-follower)
				})
				t.Run("asleep", func(t *testing.T) {
					everyMode(t, func(t *testing.T) {
						a, b := open(t)
						generation := a.generation()
						results := make(chan error, 2)
						for range 2 {
							go func() { results <- a.waitFor(generation, limit{}) }()
						}
						parked(t, a)
						step(b)
						assert.NoError(t, a.Close())
						for range 2 {
							within(t, "the waits", func() { assert.NoError(t, <-results) })
						}
					})
				})
			})
		}
	}
}

// Close comes after a wait has found the event unset and before it joins the gate.
func TestCloseBeforeTheWaitJoins(t *testing.T) {
	for earlier := range 2 {
		e := newTest(t)
		for range earlier {
			e.Set()
			e.Clear()
		}
		within(t, "the wait", func() {
			assert.Equal(t, ErrClosed, e.WaitContext(hook{context.Background(), func() <-chan struct{} {
				assert.NoError(t, e.Close())
				return nil
			}}))
		})
	}
}

// needsDetach skips tests of what Close does at once only on Linux.
func needsDetach(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the page is unmapped later on this system")
	}
}

// A method that began before Close has no effect on the event after it: here,
// each step that changes the word is made after Close.
func TestNothingOutlivesClose(t *testing.T) {
	needsDetach(t)
	for name, step := range map[string]func(e *Event, word uint32){
		"Set":                  func(e *Event, word uint32) { e.word.CompareAndSwap(word, word|set) },
		"Set, waking":          func(e *Event, _ uint32) { e.word.Or(set) },
		"Clear":                func(e *Event, word uint32) { e.word.CompareAndSwap(word, word&^(set|asleep)+next) },
		"announce of a leader": func(e *Event, word uint32) { e.announce(word) },
	} {
		for _, isSet := range []bool{false, true} {
			a, b := handles(t)
			if isSet {
				b.Set()
			}
			word, open := a.load()
			require.True(t, open)
			require.NoError(t, a.Close())
			step(a, word)
			assert.Equal(t, word, b.word.Load(), name)
		}
	}
}

// The same with the methods themselves, at random moments.
func TestSetDoesNotOutliveClose(t *testing.T) {
	needsDetach(t)
	path := tempPath(t)
	b, err := Create(path)
	require.NoError(t, err)
	defer b.Close()
	for range rounds(10_000) {
		a, err := Open(path)
		require.NoError(t, err)
		var setter sync.WaitGroup
		begun := make(chan struct{})
		setter.Go(func() {
			a.Set()
			close(begun)
			for a.String() != "closed" {
				a.Clear()
				a.Set()
			}
		})
		<-begun
		require.NoError(t, a.Close())
		word := b.word.Load()
		require.Equal(t, word, a.last, "the waits of the closed handle go by another word")
		setter.Wait()
		require.Equal(t, word, b.word.Load(), "the event has changed after Close")
	}
}

// An event that stays set is never "unset", even while a handle to it is closed.
func TestStringDuringClose(t *testing.T) {
	path := tempPath(t)
	b, err := Create(path)
	require.NoError(t, err)
	defer b.Close()
	b.Set()
	for range rounds(500) {
		a, err := Open(path)
		require.NoError(t, err)
		var printer sync.WaitGroup
		begun := make(chan struct{})
		printer.Go(func() {
			close(begun)
			says := a.String()
			for says == "set" {
				says = a.String()
			}
			assert.Equal(t, "closed", says)
		})
		<-begun
		require.NoError(t, a.Close())
		within(t, "the printer", printer.Wait)
	}
}

// Close unmaps the page even while the handle is reachable.
func TestCloseUnmaps(t *testing.T) {
	needsDetach(t)
	dir := tempDir(t)
	mappings := func() int {
		maps, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		return strings.Count(string(maps), dir) + strings.Count(string(maps), "memfd:goevent")
	}
	before := mappings()
	var all []*Event
	for i, open := range []func(string) (*Event, error){
		Create, Open, Open, func(string) (*Event, error) { return New() },
	} {
		e, err := open(filepath.Join(dir, "event"))
		require.NoError(t, err)
		all = append(all, e)
		assert.Equal(t, before+i+1, mappings())
	}
	for i, e := range all {
		require.NoError(t, e.Close())
		assert.Equal(t, before+len(all)-i-1, mappings())
	}
	runtime.KeepAlive(all)
}

// Each handle has one descriptor, from the call that opens it until Close.
func TestDescriptors(t *testing.T) {
	if len(descriptors()) == 0 {
		t.Skip("no /proc in which to count descriptors")
	}
	path := tempPath(t)
	t.Run("warm-up", func(t *testing.T) { newTest(t).Close() })
	before := len(descriptors())
	var all []*Event
	for i, open := range []func(string) (*Event, error){
		Create, Open, func(string) (*Event, error) { return New() },
		func(path string) (*Event, error) { e, _, err := OpenOrCreate(path); return e, err },
		func(path string) (*Event, error) { e, _, err := OpenOrCreate(path + "2"); return e, err },
		func(string) (*Event, error) {
			t.Setenv("GOEVENT_x", variable(all[0]))
			return Inherited("x")
		},
	} {
		e, err := open(path)
		require.NoError(t, err)
		all = append(all, e)
		assert.Len(t, descriptors(), before+i+1)
	}
	for i, e := range all {
		require.NoError(t, e.Close())
		assert.Len(t, descriptors(), before+len(all)-i-1)
	}
	assert.Len(t, snapshot(t, filepath.Dir(path)), 2, "files left behind")
}

// A call that fails leaves no descriptor, mapping or file, and does not leave
// them to the garbage collector.
func TestFailureLeavesNothing(t *testing.T) {
	if len(descriptors()) == 0 {
		t.Skip("no /proc to count them by")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	path := tempPath(t)
	e, err := Create(path)
	require.NoError(t, err)
	defer e.Close()
	require.NoError(t, os.WriteFile(path+"2", make([]byte, pageSize), 0o600))
	t.Setenv("GOEVENT_x", variable(e)+"x")
	for name, row := range map[string]struct {
		fail func() (*Event, error)
		want error
	}{
		"Create":       {func() (*Event, error) { return Create(path) }, fs.ErrExist}, // found after mapping the page
		"Open":         {func() (*Event, error) { return Open(path + "2") }, ErrFormat},
		"OpenOrCreate": {func() (*Event, error) { e, _, err := OpenOrCreate(path + "2"); return e, err }, ErrFormat},
		"Inherited":    {func() (*Event, error) { return Inherited("x") }, ErrFormat},
	} {
		files, open, mapped := snapshot(t, filepath.Dir(path)), descriptors(), mappings()
		_, err := row.fail()
		assert.ErrorIs(t, err, row.want, name)
		assert.Equal(t, open, descriptors(), name)
		assert.Equal(t, mapped, mappings(), name)
		assert.Equal(t, files, snapshot(t, filepath.Dir(path)), name)
	}
}
