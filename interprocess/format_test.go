//go:build unix || windows

package interprocess

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// All versions of this package that can open an event agree on its layout.
func TestLayout(t *testing.T) {
	path := tempPath(t)
	e, err := Create(path)
	require.NoError(t, err)
	defer e.Close()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, page, 4096)

	order := map[bool]string{true: "little", false: "big"}[binary.NativeEndian.Uint16([]byte{1, 0}) == 1]
	boot := "-"
	if runtime.GOOS == "linux" {
		id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
		require.NoError(t, err)
		boot = strings.TrimSpace(string(id))
	} else if bootID != noBoot {
		boot = bootID
	}
	line := strings.Join([]string{"goevent 1", order, wakes, boot, e.id}, " ") + "\n"
	assert.Equal(t, line, string(page[:len(line)]))
	assert.Equal(t, make([]byte, pageSize-len(line)), page[len(line):], "an unset event has zeros after its header")

	for _, step := range []struct {
		name string
		do   func()
		word uint32
	}{
		{"Set", e.Set, 1},
		{"Set of a set event", e.Set, 1},
		{"Clear", e.Clear, 4},
		{"Clear of an unset event", e.Clear, 4},
		{"announce", func() { e.announce(4) }, 4 + 2},
		{"Clear of an unset event with sleepers", e.Clear, 4 + 2},
	} {
		step.do()
		page, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, step.word, binary.NativeEndian.Uint32(page[256:]), step.name)
	}
}

func TestIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		_, id, err := parse(newPage()[:wordAt])
		require.NoError(t, err)
		assert.GreaterOrEqual(t, len(id), 26)
		assert.False(t, seen[id], "two events have the ID %s", id)
		seen[id] = true
	}
	assert.NotEqual(t, newTest(t).id, newTest(t).id)
}

// The names of temporary files are unpredictable: otherwise another user could
// take them first.
func TestTemporaryNames(t *testing.T) {
	seen := map[string]bool{}
	for range 10 {
		path := tempPath(t)
		hooked(t, testHooks{publishing: func() {
			temps, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".goevent-*"))
			if assert.Len(t, temps, 1) {
				seen[filepath.Base(temps[0])] = true
			}
		}})
		e, err := Create(path)
		require.NoError(t, err)
		require.NoError(t, e.Close())
	}
	assert.Len(t, seen, 10)
}

// Unknown bytes after the header are left to later versions.
func TestRestOfThePage(t *testing.T) {
	path := tempPath(t)
	content(func(p []byte) []byte { copy(p[pageSize-10:], "later"); return p })(t, path)
	e, err := Open(path)
	require.NoError(t, err)
	defer e.Close()
	e.Set()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.Contains(page, []byte("later")))
}
