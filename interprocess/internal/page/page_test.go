//go:build unix || windows

package page_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
	"example.com/event/interprocess/internal/page"
)

const (
	kind = "test"
	word = 0x01020304
	size = 4096
)

// byteOrder is that of this process.
var byteOrder = map[bool]string{true: "little", false: "big"}[binary.NativeEndian.Uint16([]byte{1, 0}) == 1]

// header returns the beginning of a page with another field.
func header(field int, value string) string {
	fields := []string{"goevent", "2", byteOrder, kind, "ID"}
	fields[field] = value
	return strings.Join(fields, " ") + "\n"
}

func tempPath(t testing.TB) string { return filepath.Join(hosttest.MemoryDir(t), "page") }

// created returns a page at path, which is closed when the test ends.
func created(t testing.TB, path string, word uint32) *page.Page {
	t.Helper()
	p, err := page.Create(path, kind, word)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func opened(t testing.TB, path string) *page.Page {
	t.Helper()
	p, err := page.Open(path, kind)
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
	a, err := page.New(kind)
	require.NoError(t, err)
	defer a.Close()
	b, err := page.New(kind)
	require.NoError(t, err)
	defer b.Close()
	assert.NotEqual(t, a.ID, b.ID)
	assert.GreaterOrEqual(t, len(a.ID), 26)
	a.Word.Store(word)
	assert.Zero(t, b.Word.Load(), "two pages are one")
}

func TestCreateAndOpen(t *testing.T) {
	path := tempPath(t)
	a := created(t, path, word)
	assert.Len(t, snapshot(t, filepath.Dir(path)), 1, "files left behind")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	want := make([]byte, size) // all versions of this package agree on it
	copy(want, header(4, a.ID))
	binary.NativeEndian.PutUint32(want[256:], word)
	assert.Equal(t, want, text)
	copy(text[size-10:], "later") // unknown bytes are left to later versions
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

// A badPath does not lead to a usable page.
type badPath struct {
	name   string
	place  func(t *testing.T, path string) string // prepares path and returns what to open, or skips
	is     error                                  // what the error of Open wraps
	says   string                                 // matches what it says after the path
	create error                                  // what the error of Create wraps, or nil if it succeeds
}

var badPaths = []badPath{
	{"missing", func(_ *testing.T, path string) string { return path }, fs.ErrNotExist, "", nil},
	{"missing directory", func(_ *testing.T, path string) string { return filepath.Join(path, "page") },
		fs.ErrNotExist, "", fs.ErrNotExist},
	{"no path", func(*testing.T, string) string { return "" }, fs.ErrNotExist, "", fs.ErrNotExist},
	{"empty", file(0, ""), page.ErrFormat, "size 0, want 4096", fs.ErrExist},
	{"truncated", file(100, header(0, "goevent")), page.ErrFormat, "size 100, want 4096", fs.ErrExist},
	{"longer", file(size+1, header(0, "goevent")), page.ErrFormat, "size 4097, want 4096", fs.ErrExist},
	{"directory", func(t *testing.T, path string) string { require.NoError(t, os.Mkdir(path, 0o700)); return path },
		page.ErrFormat, "directory, want regular file", fs.ErrExist},
	{"symbolic link", func(t *testing.T, path string) string {
		return symlink(t, file(size, header(0, "goevent"))(t, path+".real"), path)
	}, page.ErrFormat, "symbolic link, want regular file", fs.ErrExist},
	{"dangling link", func(t *testing.T, path string) string { return symlink(t, "nowhere", path) },
		page.ErrFormat, "symbolic link, want regular file", fs.ErrExist},
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

// badHeaders are what files with the size of a page begin with, and match what
// the errors say.
var badHeaders = []struct{ name, head, says string }{
	{"zeros", "", "no event header"},
	{"garbage", strings.Repeat("\xee ", 100), "no event header"},
	{"longer first word", header(0, "goevents"), "no event header"},
	{"first word only", "goevent ", ""},
	{"no end of line", strings.TrimSpace(header(0, "goevent")), ""},
	{"cut short", "goevent 2 little\n", ""},
	{"no ID", header(4, ""), ""},
	{"more than an ID", header(4, "a b"), ""},
	{"earlier version", header(1, "1"), `\b1\b.*, want.*\b2\b`},
	{"later version", header(1, "3"), `\b3\b.*, want.*\b2\b`},
	{"long version", header(1, strings.Repeat("9", 99)), `\b9+.*, want.*\b2\b`},
	{"binary version", header(1, "\x00"), `\\x00.*, want.*\b2\b`},
	{"other byte order", header(2, "middle"), "middle.*, want.*" + byteOrder},
	{"other wake-up", header(3, "bell"), "bell.*, want.*" + kind},
}

func TestRefusedPaths(t *testing.T) {
	rows := badPaths
	for _, row := range badHeaders {
		rows = append(rows, badPath{row.name, file(size, row.head), page.ErrFormat, row.says, fs.ErrExist})
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { refused(t, tempPath(t), row) })
	}
}

func refused(t *testing.T, base string, row badPath) {
	t.Helper()
	path := row.place(t, base)
	before := snapshot(t, filepath.Dir(base))
	p, err := page.Open(path, kind)
	assert.Nil(t, p)
	wantError(t, err, "open", path, row.is, row.says)
	if row.create != nil {
		p, err := page.Create(path, kind, word)
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
	for _, other := range []error{page.ErrFormat, fs.ErrPermission, fs.ErrNotExist, fs.ErrExist, errors.ErrUnsupported} {
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
	assert.Regexp(t, says, p.Err.Error())
}
