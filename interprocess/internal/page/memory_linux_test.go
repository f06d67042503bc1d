package page_test

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
	"example.com/event/interprocess/internal/page"
)

// mappings returns the number of mappings of this process.
func mappings(t *testing.T) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Count(string(maps), "\n")
}

// After Close, what still uses Word finds private memory there, and no other page
// as long as it holds the Page.
func TestWordAfterClose(t *testing.T) {
	path := tempPath(t)
	a, b := created(t, path, word), opened(t, path)
	require.NoError(t, a.Close())
	a.Word.Store(5)
	assert.EqualValues(t, word, b.Word.Load(), "the memory is still shared")
	runtime.GC()
	for range 100 {
		assert.NotSame(t, a.Word, opened(t, path).Word)
	}
	assert.EqualValues(t, 5, a.Word.Load())
}

// A process has at most two mappings for each page that is open, and a few more,
// in whatever order pages are closed and collected, and its pages are its own.
func TestMappings(t *testing.T) {
	if !hosttest.Inside(t) {
		hosttest.MustPass(t, hosttest.Again(t)) // nobody else maps memory there
		return
	}
	const all, few, others = 2000, 50, 40
	pages := make([]*page.Page, all)
	open := func(i int) {
		p, err := page.New(kind)
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
		hosttest.Eventually(t, "mappings of few pages", func() bool {
			runtime.GC()
			return mappings(t)-before <= 2*few+others
		})
		rightWords()
		for _, n := range order[few:] {
			open(n)
		}
		rightWords()
		require.LessOrEqual(t, mappings(t)-before, all+others)
	}
	runtime.KeepAlive(pages)
}
