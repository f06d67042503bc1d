//go:build unix || windows

package page

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
)

func tempPath(t testing.TB) string { return filepath.Join(hosttest.MemoryDir(t), "page") }

// created returns a page at path, which is closed when the test ends.
func created(t testing.TB, path string, word uint32) *Page {
	t.Helper()
	p, err := Create(path, kind, word)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func opened(t testing.TB, path string) *Page {
	t.Helper()
	p, err := Open(path, kind)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// snapshot returns the mode and content of every file in dir.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		var text []byte
		if info.Mode().IsRegular() {
			text, _ = os.ReadFile(filepath.Join(dir, entry.Name()))
		}
		files[entry.Name()] = fmt.Sprint(info.Mode(), info.Size(), string(text))
	}
	return files
}

func TestNew(t *testing.T) {
	a, err := New(kind)
	require.NoError(t, err)
	defer a.Close()
	b, err := New(kind)
	require.NoError(t, err)
	defer b.Close()
	assert.NotEqual(t, a.ID, b.ID)
	a.Word.Store(word)
	assert.Zero(t, b.Word.Load(), "two pages are one")
}

func TestCreateAndOpen(t *testing.T) {
	path := tempPath(t)
	a := created(t, path, word)
	assert.Len(t, snapshot(t, filepath.Dir(path)), 1, "files left behind")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	want, _ := content(kind, word)
	copy(want[len(want)-10:], "later")
	copy(want, header(4, a.ID))
	copy(text[len(text)-10:], "later") // unknown bytes are left to later versions
	assert.Equal(t, want, text)
	require.NoError(t, os.WriteFile(path+"2", text, 0o600))

	b, c := opened(t, path), opened(t, path+"2")
	assert.Equal(t, a.ID, b.ID)
	assert.EqualValues(t, word, b.Word.Load())
	a.Word.Store(5)
	assert.EqualValues(t, 5, b.Word.Load(), "no memory is shared")
	assert.EqualValues(t, word, c.Word.Load())
	require.NoError(t, a.Close())
	assert.EqualValues(t, 5, b.Word.Load())
	assert.EqualValues(t, 5, opened(t, path).Word.Load())
}

// Where Open finds a file, it has its whole content, with the word that was given
// to Create. One of those that create it does.
func TestCreateRace(t *testing.T) {
	for range 100 {
		path := tempPath(t)
		const n = 4
		creators, openers := make(chan error, n), make(chan error, n)
		for range n {
			go func() {
				p, err := Create(path, kind, word)
				if err == nil {
					p.Close()
				}
				creators <- err
			}()
			go func() {
				p, err := Open(path, kind)
				for errors.Is(err, fs.ErrNotExist) {
					runtime.Gosched()
					p, err = Open(path, kind)
				}
				if err == nil {
					assert.EqualValues(t, word, p.Word.Load())
					p.Close()
				}
				openers <- err
			}()
		}
		succeeded := 0
		hosttest.Within(t, "all calls", func() {
			for range n {
				if err := <-creators; err == nil {
					succeeded++
				} else {
					assert.ErrorIs(t, err, fs.ErrExist)
				}
				assert.NoError(t, <-openers)
			}
		})
		require.Equal(t, 1, succeeded)
	}
}

// A badPath does not lead to a usable page.
type badPath struct {
	name   string
	place  func(t *testing.T, path string) string // prepares path and returns what to open, or skips
	is     error                                  // what the error of Open wraps
	says   string                                 // what it says after the path, or "" for the system's text
	create error                                  // what the error of Create wraps, or nil if it succeeds
}

var badPaths = []badPath{
	{"missing", func(_ *testing.T, path string) string { return path }, fs.ErrNotExist, "", nil},
	{"missing directory", func(_ *testing.T, path string) string { return filepath.Join(path, "page") },
		fs.ErrNotExist, "", fs.ErrNotExist},
	{"no path", func(*testing.T, string) string { return "" }, fs.ErrNotExist, "", fs.ErrNotExist},
	{"empty", file(0, ""), ErrFormat, "size 0, want 4096", fs.ErrExist},
	{"truncated", file(100, header(0, "goevent")), ErrFormat, "size 100, want 4096", fs.ErrExist},
	{"longer", file(size+1, header(0, "goevent")), ErrFormat, "size 4097, want 4096", fs.ErrExist},
	{"directory", func(t *testing.T, path string) string { require.NoError(t, os.Mkdir(path, 0o700)); return path },
		ErrFormat, "directory, want regular file", fs.ErrExist},
	{"symbolic link", func(t *testing.T, path string) string {
		return symlink(t, file(size, header(0, "goevent"))(t, path+".real"), path)
	}, ErrFormat, "symbolic link, want regular file", fs.ErrExist},
	{"dangling link", func(t *testing.T, path string) string { return symlink(t, "nowhere", path) },
		ErrFormat, "symbolic link, want regular file", fs.ErrExist},
}

// file returns a place for a file of n bytes that begins with head.
func file(n int, head string) func(t *testing.T, path string) string {
	return func(t *testing.T, path string) string {
		text := make([]byte, n)
		copy(text, head)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
}

func symlink(t *testing.T, target, path string) string {
	if err := os.Symlink(target, path); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Skip("a symbolic link that cannot be found:", err) // Wine
	}
	return path
}

func TestRefusedPaths(t *testing.T) {
	rows := badPaths
	for _, row := range badHeaders {
		rows = append(rows, badPath{row.name, file(size, row.head), ErrFormat, row.says, fs.ErrExist})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { refused(t, tempPath(t), row) })
	}
}

func refused(t *testing.T, base string, row badPath) {
	t.Helper()
	path := row.place(t, base)
	before := snapshot(t, filepath.Dir(base))
	p, err := Open(path, kind)
	assert.Nil(t, p)
	wantError(t, err, "open", path, row.is, row.says)
	if row.create != nil {
		p, err := Create(path, kind, word)
		assert.Nil(t, p)
		wantError(t, err, "create", path, row.create, "")
	}
	assert.Equal(t, before, snapshot(t, filepath.Dir(base)), "the directory has changed")
}

// wantError checks that err is of op and path, wraps is and no other of the
// errors that callers distinguish, and names no path twice.
func wantError(t *testing.T, err error, op, path string, is error, says string) {
	t.Helper()
	require.ErrorIs(t, err, is)
	for _, other := range []error{ErrFormat, fs.ErrPermission, fs.ErrNotExist, fs.ErrExist, errors.ErrUnsupported} {
		assert.Equal(t, errors.Is(is, other), errors.Is(err, other), "%v wraps %v", err, other)
	}
	p, ok := err.(*fs.PathError)
	require.True(t, ok, "%T", err)
	assert.Equal(t, op, p.Op)
	assert.Equal(t, path, p.Path)
	assert.NotContains(t, p.Err.Error(), ".goevent", "the name of a temporary file")
	if len(path) > 1 {
		assert.NotContains(t, p.Err.Error(), path)
	}
	if says != "" {
		assert.EqualError(t, p.Err, is.Error()+": "+says)
	}
}
