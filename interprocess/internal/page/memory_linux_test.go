package page

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
)

func addressOf(p *Page) uintptr { return uintptr(unsafe.Pointer(p.Word)) }

// mappings returns the number of mappings of this process.
func mappings(t *testing.T) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Count(string(maps), "\n")
}

func spares() int {
	spare.Lock()
	defer spare.Unlock()
	return len(spare.addresses)
}

// collected returns when the collector has found n pages unreachable.
func collected(t *testing.T, n int) {
	t.Helper()
	hosttest.Eventually(t, "the collector", func() bool {
		runtime.GC()
		return spares() >= n
	})
}

// After Close, what still uses Word finds private memory there, and no other page
// as long as it holds the Page.
func TestWordAfterClose(t *testing.T) {
	path := tempPath(t)
	a, b := created(t, path, word), opened(t, path)
	require.NoError(t, a.Close())
	a.Word.Store(5)
	assert.EqualValues(t, word, b.Word.Load(), "the memory is still shared")
	collected(t, 0)
	for range 100 {
		assert.NotEqual(t, addressOf(a), addressOf(opened(t, path)))
	}
	assert.EqualValues(t, 5, a.Word.Load())
}

// A page that could not be detached, for lack of memory, is when the collector
// finds it.
func TestCloseWithoutMemory(t *testing.T) {
	if !hosttest.Inside(t) {
		hosttest.MustPass(t, hosttest.Again(t)) // with no spare page
		return
	}
	path := tempPath(t)
	b := created(t, path, word)
	func() {
		a := opened(t, path)
		mmap := hosttest.Failure{Call: mmapCall, Errno: syscall.ENOMEM, Arg: 2, Value: size}
		hosttest.Failing(t, []hosttest.Failure{mmap}, func() { assert.NoError(t, a.Close()) })
		a.Word.Store(5)
		assert.EqualValues(t, 5, b.Word.Load())
	}()
}

// A process has at most two mappings for each page that is open, and a few more,
// in whatever order pages are closed and collected, and its pages are its own.
func TestMappings(t *testing.T) {
	if !hosttest.Inside(t) {
		hosttest.MustPass(t, hosttest.Again(t)) // nobody else maps memory there
		return
	}
	const all, few, others = 2000, 50, 40
	pages := make([]*Page, all)
	open := func(i int) {
		p, err := New(kind)
		require.NoError(t, err)
		p.Word.Store(uint32(i))
		pages[i] = p
	}
	rightWords := func() {
		for i, p := range pages {
			if p != nil {
				require.EqualValues(t, i, p.Word.Load(), "two pages share memory")
			}
		}
	}
	before := mappings(t)
	for i := range pages {
		open(i)
	}
	require.Greater(t, mappings(t)-before, all/2, "pages merge while they are open")
	for range 5 {
		order := rand.Perm(all)
		for i, n := range order[few:] {
			if i%2 == 0 { // the others are collected without Close
				require.NoError(t, pages[n].Close())
			}
			pages[n] = nil
			if i%(all/4) == 0 {
				runtime.GC()
			}
		}
		collected(t, all-few)
		rightWords()
		require.LessOrEqual(t, mappings(t)-before, 2*few+others)
		for _, n := range order[few:] {
			open(n)
		}
		rightWords()
		require.LessOrEqual(t, mappings(t)-before, all+others)
	}
	runtime.KeepAlive(pages)
}

// Why spare pages are not unmapped: that splits what the kernel has merged.
func TestUnmappingSplitsMappings(t *testing.T) {
	if !hosttest.Inside(t) {
		hosttest.MustPass(t, hosttest.Again(t))
		return
	}
	const all = 2000
	region, err := syscall.Mmap(-1, 0, all*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	require.NoError(t, err)
	before := mappings(t)
	for _, i := range rand.Perm(all)[:all/2] {
		_, _, errno := syscall.Syscall(syscall.SYS_MUNMAP, uintptr(unsafe.Pointer(&region[i*size])), size, 0)
		require.Zero(t, errno, fmt.Sprint(i))
	}
	assert.Greater(t, mappings(t)-before, all/8)
}
