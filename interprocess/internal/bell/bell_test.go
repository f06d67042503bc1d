package bell_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/bell"
	"example.com/event/interprocess/internal/hosttest"
)

// newBell returns a bell, which is closed when the test ends.
func newBell(t *testing.T) *bell.Bell {
	t.Helper()
	b, err := bell.New()
	systems := []string{"linux", "android", "darwin", "ios", "dragonfly", "freebsd", "netbsd", "openbsd"}
	if !slices.Contains(systems, runtime.GOOS) {
		require.ErrorIs(t, err, errors.ErrUnsupported)
		t.Skip("this system has no bell")
	}
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// newFile returns a file that can be rung.
func newFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(hosttest.MemoryDir(t), "")
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// hears fails the test if b does not hear ring.
func hears(t *testing.T, b *bell.Bell, ring func()) {
	t.Helper()
	select {
	case <-b.Rung: // an earlier ring
	default:
	}
	ring()
	hosttest.Arrives(t, "the bell to ring", b.Rung)
}

// hearsFile fails the test if b does not hear a ring of f.
func hearsFile(t *testing.T, b *bell.Bell, f *os.File) {
	t.Helper()
	hears(t, b, func() { require.NoError(t, bell.Ring(f)) })
}

func TestRing(t *testing.T) {
	t.Run("is heard, every time", func(t *testing.T) {
		b, f := newBell(t), newFile(t)
		require.NoError(t, b.Listen(f))
		for range 1000 {
			hearsFile(t, b, f)
		}
	})

	t.Run("is heard by all bells, through all descriptors", func(t *testing.T) {
		f := newFile(t)
		other, err := os.OpenFile(f.Name(), os.O_RDWR, 0)
		require.NoError(t, err)
		defer other.Close()
		bells := []*bell.Bell{newBell(t), newBell(t), newBell(t)}
		for _, b := range bells {
			require.NoError(t, b.Listen(f))
		}
		require.NoError(t, bell.Ring(other))
		for _, b := range bells {
			hosttest.Arrives(t, "the bell to ring", b.Rung)
		}
	})

	t.Run("by another process is heard", func(t *testing.T) {
		if hosttest.Inside(t) {
			require.NoError(t, bell.Ring(os.NewFile(3, "inherited")))
			return
		}
		b, f := newBell(t), newFile(t)
		require.NoError(t, b.Listen(f))
		for range 3 {
			cmd := hosttest.Again(t)
			cmd.ExtraFiles = []*os.File{f}
			hears(t, b, func() { hosttest.MustPass(t, cmd) })
		}
	})

	t.Run("is heard for a time, not for ever", func(t *testing.T) {
		b, f := newBell(t), newFile(t)
		require.NoError(t, b.Listen(f))
		hearsFile(t, b, f)
		heard := 0
		for end := time.After(100 * time.Millisecond); ; {
			select {
			case <-b.Rung:
				heard++
				continue
			case <-end:
			}
			break
		}
		assert.LessOrEqual(t, heard, 3)
	})

	t.Run("is heard while the process starts others", func(t *testing.T) {
		if hosttest.Inside(t) {
			return
		}
		if hosttest.Emulated() {
			t.Skip("a child of a busy process sometimes hangs in qemu-user before it runs anything")
		}
		b, f := newBell(t), newFile(t)
		require.NoError(t, b.Listen(f))
		var started atomic.Int32
		var all sync.WaitGroup
		defer all.Wait()
		all.Go(func() {
			for range 5 {
				assert.NoError(t, hosttest.Again(t).Run())
				started.Add(1)
			}
		})
		for !t.Failed() && started.Load() < 5 {
			hearsFile(t, b, f)
		}
		hearsFile(t, b, f)
	})
}

func TestListen(t *testing.T) {
	t.Run("hears rings of many files", func(t *testing.T) {
		b := newBell(t)
		var files []*os.File
		for range 100 {
			files = append(files, newFile(t))
			require.NoError(t, b.Listen(files[len(files)-1]))
		}
		for _, f := range files {
			hearsFile(t, b, f)
		}
	})

	t.Run("hears rings of a file that is removed", func(t *testing.T) {
		b, before, after := newBell(t), newFile(t), newFile(t)
		require.NoError(t, b.Listen(before))
		for _, f := range []*os.File{before, after} {
			require.NoError(t, os.Remove(f.Name()))
		}
		require.NoError(t, b.Listen(after))
		hearsFile(t, b, before)
		hearsFile(t, b, after)
	})

	t.Run("may be repeated, without effect", func(t *testing.T) {
		b, f := newBell(t), newFile(t)
		for range 1000 {
			require.NoError(t, b.Listen(f))
		}
		hearsFile(t, b, f)
		require.NoError(t, b.Listen(f))
		hearsFile(t, b, f)
	})

	t.Run("hears rings of a file with the descriptor of one that is closed", func(t *testing.T) {
		b := newBell(t)
		path := filepath.Join(hosttest.MemoryDir(t), "file")
		for i := range 10 {
			if i%2 == 0 { // half of them are the same file as the one before
				os.Remove(path)
			}
			f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
			require.NoError(t, err)
			require.NoError(t, b.Listen(f))
			hearsFile(t, b, f)
			require.NoError(t, f.Close())
			require.Error(t, b.Listen(f))
		}
	})
}

func TestClose(t *testing.T) {
	t.Run("makes Listen fail", func(t *testing.T) {
		b, f := newBell(t), newFile(t)
		require.NoError(t, b.Listen(f))
		b.Close()
		require.Error(t, b.Listen(f))
		b.Close()
		require.Error(t, b.Listen(f))
	})

	t.Run("may come while the bell listens and rings", func(t *testing.T) {
		for range 20 {
			b, f := newBell(t), newFile(t)
			var all sync.WaitGroup
			all.Go(func() {
				for b.Listen(f) == nil {
					assert.NoError(t, bell.Ring(f))
				}
			})
			hosttest.Arrives(t, "the bell to ring", b.Rung)
			b.Close()
			hosttest.Within(t, "Listen to fail", all.Wait)
		}
	})

	t.Run("leaves no descriptor and no goroutine behind", func(t *testing.T) {
		f := newFile(t)
		unused := func() uintptr { // the lowest number
			f, err := os.Open(os.DevNull)
			require.NoError(t, err)
			defer f.Close()
			return f.Fd()
		}
		newBell(t).Close() // which may start Go's network poller
		none := func() bool { return hosttest.Goroutines("", "internal/bell.") == 0 }
		hosttest.Eventually(t, "the end of all goroutines", none)
		before := unused()
		for range 20 { // Linux allows a user 128 at a time
			b := newBell(t)
			require.NoError(t, b.Listen(f))
			b.Close()
		}
		hosttest.Eventually(t, "the end of all goroutines", none)
		assert.LessOrEqual(t, unused(), before)
	})
}
