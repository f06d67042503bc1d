package page

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	kind = "test"
	word = 0x01020304
)

// All versions of this package that can open a page agree on its bytes.
func TestContent(t *testing.T) {
	order := map[bool]string{true: "little", false: "big"}[binary.NativeEndian.Uint16([]byte{1, 0}) == 1]
	seen := map[string]bool{}
	for range 1000 {
		page, id := content(kind, word)
		want := make([]byte, 4096)
		copy(want, "goevent 2 "+order+" test "+id+"\n")
		binary.NativeEndian.PutUint32(want[256:], word)
		require.True(t, bytes.Equal(want, page))
		require.GreaterOrEqual(t, len(id), 26)
		require.False(t, seen[id], "two pages have the ID %s", id)
		seen[id] = true
	}
}

// header returns the beginning of a page with another field.
func header(field int, value string) string {
	fields := []string{"goevent", "2", byteOrder(), kind, "ID"}
	fields[field] = value
	return strings.Join(fields, " ") + "\n"
}

// badHeaders have what parse says after the text of ErrFormat.
var badHeaders = []struct{ name, head, says string }{
	{"empty", "", "no event header"},
	{"zeros", strings.Repeat("\x00", wordAt), "no event header"},
	{"garbage", strings.Repeat("\xee ", wordAt/2), "no event header"},
	{"longer first word", header(0, "goevents"), "no event header"},
	{"first word only", "goevent ", "incomplete event header"},
	{"no end of line", strings.TrimSpace(header(0, "goevent")), "incomplete event header"},
	{"cut short", "goevent 2 little\n", "incomplete event header"},
	{"no ID", header(4, ""), "incomplete event header"},
	{"more than an ID", header(4, "a b"), "incomplete event header"},
	{"earlier version", header(1, "1"), `version "1", want 2`},
	{"later version", header(1, "3"), `version "3", want 2`},
	{"long version", header(1, strings.Repeat("9", 99)), `version "99999999999999999999", want 2`},
	{"binary version", header(1, "\x00"), `version "\x00", want 2`},
	{"other byte order", header(2, "middle"), `byte order "middle", want ` + byteOrder()},
	{"other wake-up", header(3, "bell"), `wake-up "bell", want test`},
}

func TestParse(t *testing.T) {
	page, id := content(kind, word)
	got, err := parse(page[:wordAt], kind)
	require.NoError(t, err)
	assert.Equal(t, id, got)
	for _, row := range badHeaders {
		got, err := parse([]byte(row.head), kind)
		assert.Empty(t, got, row.name)
		assert.ErrorIs(t, err, ErrFormat, row.name)
		assert.EqualError(t, err, "interprocess: not a usable event: "+row.says, row.name)
		assert.Equal(t, err, checkID([]byte(row.head), kind, "ID"), row.name)
	}
	assert.NoError(t, checkID(page, kind, id))
	err = checkID([]byte(header(4, "ID")), kind, strings.Repeat("x", 99))
	assert.ErrorIs(t, err, ErrFormat)
	assert.EqualError(t, err, "interprocess: not a usable event: event ID, want "+strings.Repeat("x", 40))
}

func TestNotRegular(t *testing.T) {
	for mode, want := range map[fs.FileMode]string{
		fs.ModeDir:                        "directory",
		fs.ModeSymlink:                    "symbolic link",
		fs.ModeNamedPipe:                  "named pipe",
		fs.ModeSocket:                     "socket",
		fs.ModeDevice:                     "device",
		fs.ModeDevice | fs.ModeCharDevice: "device",
		fs.ModeIrregular:                  "special file",
	} {
		err := notRegular(mode)
		assert.ErrorIs(t, err, ErrFormat)
		assert.EqualError(t, err, "interprocess: not a usable event: "+want+", want regular file")
	}
}

// Package os names files that the caller does not know, and operations too.
func TestPathError(t *testing.T) {
	assert.NoError(t, pathError("create", "path", nil))
	call := os.NewSyscallError("fstatfs", syscall.EIO)
	for _, err := range []error{
		&fs.PathError{Op: "open", Path: "temp", Err: syscall.EACCES},
		&os.LinkError{Op: "link", Old: "temp", New: "path", Err: syscall.EACCES},
		fmt.Errorf("wrapped: %w", &fs.PathError{Op: "write", Path: "temp", Err: syscall.EACCES}),
	} {
		assert.Equal(t, &fs.PathError{Op: "create", Path: "path", Err: syscall.EACCES}, pathError("create", "path", err))
	}
	for _, err := range []error{call, ErrFormat, errors.ErrUnsupported} {
		assert.Equal(t, &fs.PathError{Op: "open", Path: "path", Err: err}, pathError("open", "path", err))
	}
}
