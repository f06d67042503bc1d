//go:build unix || windows

package interprocess

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badPaths are paths that do not lead to a usable event. Each row has the error
// that Open's error wraps, its text after the path, and the error that Create's
// error wraps. Where the text is empty, it is the system's.
var badPaths = []badPath{
	{"missing", func(_ *testing.T, path string) string { return path }, fs.ErrNotExist, "", nil},
	{"missing directory", func(_ *testing.T, path string) string { return filepath.Join(path, "event") },
		fs.ErrNotExist, "", fs.ErrNotExist},
	{"no path", func(*testing.T, string) string { return "" }, fs.ErrNotExist, "", fs.ErrNotExist},

	{"empty", content(func([]byte) []byte { return nil }), ErrFormat, "size 0, want 4096", fs.ErrExist},
	{"truncated", content(func(p []byte) []byte { return p[:100] }), ErrFormat, "size 100, want 4096", fs.ErrExist},
	{"longer", content(func(p []byte) []byte { return append(p, 0) }), ErrFormat, "size 4097, want 4096", fs.ErrExist},
	{"zeros", content(func(p []byte) []byte { clear(p); return p }), ErrFormat, "no event header", fs.ErrExist},
	{"garbage", content(func([]byte) []byte { return bytes.Repeat([]byte{0xee, ' '}, pageSize/2) }),
		ErrFormat, "no event header", fs.ErrExist},
	{"longer first word", field(0, "goevents"), ErrFormat, "no event header", fs.ErrExist},
	{"header without end", content(func(p []byte) []byte { return bytes.ReplaceAll(p, []byte("\n"), []byte(" ")) }),
		ErrFormat, "incomplete event header", fs.ErrExist},
	{"header cut short", content(func(p []byte) []byte { clear(p[copy(p, "goevent 1\n"):]); return p }),
		ErrFormat, "incomplete event header", fs.ErrExist},
	{"no ID", field(5, ""), ErrFormat, "incomplete event header", fs.ErrExist},
	{"more than an ID", field(5, "a b"), ErrFormat, "incomplete event header", fs.ErrExist},
	{"other version", field(1, "2"), ErrFormat, `version "2", want 1`, fs.ErrExist},
	{"long version", field(1, strings.Repeat("9", 99)), ErrFormat, `version "99999999999999999999", want 1`, fs.ErrExist},
	{"binary version", field(1, "\x00"), ErrFormat, `version "\x00", want 1`, fs.ErrExist},
	{"other byte order", field(2, "middle"), ErrFormat, `byte order "middle", want ` + header()[2], fs.ErrExist},
	{"other wake-up", field(3, "bell"), ErrFormat, `wake-up "bell", want ` + wakes, fs.ErrExist},
	{"earlier boot", onDisk(field(4, "0-0")), ErrStale, "event of an earlier boot", fs.ErrExist},
	{"other version of an earlier boot", content(func(p []byte) []byte {
		clear(p[copy(p, "goevent 2 little - 0-0 ID\n"):])
		return p
	}), ErrFormat, `version "2", want 1`, fs.ErrExist},

	{"directory", func(t *testing.T, path string) string { require.NoError(t, os.Mkdir(path, 0o700)); return path },
		ErrFormat, "directory, want regular file", fs.ErrExist},
	{"symbolic link", func(t *testing.T, path string) string {
		e, err := Create(path + ".real")
		require.NoError(t, err)
		require.NoError(t, e.Close())
		return symlink(t, path+".real", path)
	}, ErrFormat, "symbolic link, want regular file", fs.ErrExist},
	{"dangling link", func(t *testing.T, path string) string { return symlink(t, "nowhere", path) },
		ErrFormat, "symbolic link, want regular file", fs.ErrExist},
}

type badPath struct {
	name   string
	place  func(t *testing.T, path string) string // prepares path and returns what to open, or skips
	is     error
	says   string
	create error // nil if Create succeeds
}

// content returns a place for a file with the content of an event as edited.
func content(edit func(page []byte) []byte) func(t *testing.T, path string) string {
	return func(t *testing.T, path string) string {
		require.NoError(t, os.WriteFile(path, edit(newPage()), 0o600))
		return path
	}
}

// field returns a place for an event with another field i in its header.
func field(i int, value string) func(t *testing.T, path string) string {
	return content(func(page []byte) []byte {
		line, _, _ := bytes.Cut(page, []byte("\n"))
		fields := strings.Split(string(line), " ")
		fields[i] = value
		clear(page)
		copy(page, strings.Join(fields, " ")+"\n")
		return page
	})
}

// onDisk is place, but skips the test where files do not outlast the boot.
func onDisk(place func(t *testing.T, path string) string) func(t *testing.T, path string) string {
	return func(t *testing.T, path string) string {
		if bootID == noBoot {
			t.Skip("this system does not identify its boots")
		}
		f, err := os.Open(filepath.Dir(path))
		require.NoError(t, err)
		defer f.Close()
		if inMemory, err := checkFileSystem(f.Fd()); err != nil || inMemory {
			t.Skip("the directory for temporary files is in memory")
		}
		return place(t, path)
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
	for _, row := range badPaths {
		t.Run(row.name, func(t *testing.T) { refusedPath(t, tempPath(t), row) })
	}
}

func refusedPath(t *testing.T, base string, row badPath) {
	path := row.place(t, base)
	before := snapshot(t, filepath.Dir(base))

	e, err := Open(path)
	assert.Nil(t, e)
	wantError(t, err, row.is, "open "+path, row.says)

	// OpenOrCreate fails as Open does or, if Open finds nothing, as Create does.
	if row.create != nil && row.is != ErrStale {
		want := row
		if errors.Is(row.is, fs.ErrNotExist) {
			want.is = row.create
		}
		e, created, err := OpenOrCreate(path)
		assert.Nil(t, e)
		assert.False(t, created)
		wantError(t, err, want.is, "open or create "+path, want.says)
	}
	if row.create != nil {
		e, err := Create(path)
		assert.Nil(t, e)
		wantError(t, err, row.create, "create "+path, "")
	}
	assert.Equal(t, before, snapshot(t, filepath.Dir(base)), "the directory has changed")
}

// wantError checks the whole message of err, and that it wraps is and no other
// of the errors that callers distinguish. If says is empty, the text is the
// system's; says omits ErrFormat's own text.
func wantError(t *testing.T, err, is error, operation, says string) {
	t.Helper()
	require.ErrorIs(t, err, is)
	for _, other := range []error{ErrFormat, ErrStale, ErrClosed, fs.ErrPermission, fs.ErrNotExist, fs.ErrExist,
		fs.ErrInvalid, errors.ErrUnsupported} {
		assert.Equal(t, errors.Is(is, other), errors.Is(err, other), "%v wraps %v", err, other)
	}
	var errno syscall.Errno
	switch {
	case says == "":
		require.ErrorAs(t, err, &errno)
		says = errno.Error()
	case is == ErrFormat:
		says = "not a usable event: " + says
	}
	assert.EqualError(t, err, "interprocess: "+operation+": "+says)
}

// snapshot returns the mode and content of every file in dir.
func snapshot(t *testing.T, dir string) map[string]string {
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

// refused checks that err wraps is and that its message contains all of says.
func refused(t *testing.T, e *Event, err, is error, says ...string) {
	t.Helper()
	require.ErrorIs(t, err, is)
	assert.Nil(t, e)
	for _, s := range append(says, "interprocess: ") {
		assert.ErrorContains(t, err, s)
	}
}

// Create keeps a file that appears at the path while it runs, and leaves no
// other file behind.
func TestCreateKeepsAnotherFile(t *testing.T) {
	path := tempPath(t)
	hooked(t, testHooks{publishing: func() { assert.NoError(t, os.WriteFile(path, []byte("precious"), 0o600)) }})
	e, err := Create(path)
	assert.Nil(t, e)
	wantError(t, err, fs.ErrExist, "create "+path, "")
	files := snapshot(t, filepath.Dir(path))
	assert.Len(t, files, 1)
	assert.Contains(t, files["event"], "precious")
}

// The file appears at the path atomically, with its whole content.
func TestCreateIsAtomic(t *testing.T) {
	path := tempPath(t)
	hooked(t, testHooks{publishing: func() {
		_, err := os.Lstat(path)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		temps, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".goevent-*"))
		assert.NoError(t, err)
		if assert.Len(t, temps, 1) {
			text, err := os.ReadFile(temps[0])
			assert.NoError(t, err)
			assert.Len(t, text, pageSize)
		}
	}})
	e, err := Create(path)
	require.NoError(t, err)
	defer e.Close()
	assert.Len(t, snapshot(t, filepath.Dir(path)), 1, "files left behind")
}

// Goroutines create and open one path concurrently: one creates the event, and
// none opens an incomplete file.
func TestCreateRace(t *testing.T) {
	for range rounds(100) {
		path := tempPath(t)
		const n = 8
		created, opened := make(chan error, n), make(chan error, n)
		try := func(f func(string) (*Event, error), result chan<- error) {
			e, err := f(path)
			if err == nil {
				e.Close()
			}
			result <- err
		}
		for range n {
			go try(Create, created)
			go try(Open, opened)
		}
		creators := 0
		for range n {
			if err := <-created; err == nil {
				creators++
			} else {
				assert.ErrorIs(t, err, fs.ErrExist)
			}
			if err := <-opened; err != nil {
				assert.ErrorIs(t, err, fs.ErrNotExist)
			}
		}
		require.Equal(t, 1, creators)
	}
}
