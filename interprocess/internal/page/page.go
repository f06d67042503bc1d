//go:build unix || windows

// Package page makes, opens, maps and inherits a page of memory that processes
// share.
//
// It promises that a page appears under its path atomically and whole, that what
// is found there is checked before it is used, and that memory stays mapped as
// long as its Page is reachable.
package page

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// A Page is a mapped page, and what a child process can inherit of it.
type Page struct {
	Word *atomic.Uint32 // shared with all processes that have mapped the page
	ID   string         // the same in all of these processes, and in no other page
	File *os.File       // on Windows only a handle, of a section of memory

	memory mapping
}

// newPage returns the Page of mapped memory.
func newPage(m mapping, id string, f *os.File) *Page {
	p := &Page{Word: (*atomic.Uint32)(unsafe.Add(m.address, wordAt)), ID: id, File: f, memory: m}
	runtime.AddCleanup(p, mapping.release, m)
	return p
}

// New returns a page without a path, whose word is zero. All processes that use
// the page agree on its kind, a word of text.
func New(kind string) (*Page, error) { return newAnonymous(kind) }

// Create makes a page at path with the given word, in a file of mode 0600 that
// appears there atomically.
func Create(path, kind string, word uint32) (*Page, error) {
	p, err := create(path, kind, word)
	return p, pathError("create", path, err)
}

// Open opens the page at path.
func Open(path, kind string) (*Page, error) {
	p, err := open(path, kind)
	return p, pathError("open", path, err)
}

// Inherit opens the page with the ID that this process has inherited as the
// given descriptor or handle, and keeps its children from inheriting it in turn.
// It leaves the descriptor alone if that is anything else.
func Inherit(number uintptr, kind, id string) (*Page, error) { return inherit(number, kind, id) }

// Pass makes cmd pass the page to its child, and returns its number there.
func (p *Page) Pass(cmd *exec.Cmd) (number uintptr, err error) { return pass(cmd, p.File) }

// Passes reports whether cmd passes the page with the ID to its child under the
// number.
func Passes(cmd *exec.Cmd, number uintptr, id string) bool { return passes(cmd, number, id) }

// Close closes File. On Linux, it also replaces the memory by private memory, so
// that methods that still use Word find no shared one. Elsewhere the memory stays
// shared until p is unreachable.
func (p *Page) Close() error {
	_ = p.memory.detach()
	return p.File.Close()
}

// fileTypes has the names of what is not a regular file.
var fileTypes = map[fs.FileMode]string{
	fs.ModeDir: "directory", fs.ModeSymlink: "symbolic link", fs.ModeNamedPipe: "named pipe",
	fs.ModeSocket: "socket", fs.ModeDevice: "device", fs.ModeDevice | fs.ModeCharDevice: "device",
}

// open looks at what is at path only in order to say what it is instead of why it
// cannot be opened, and not to open a device. What counts is what attach finds.
func open(path, kind string) (*Page, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if found := fileTypes[info.Mode().Type()]; found != "" {
		return nil, mismatch(ErrFormat, found, "regular file")
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return attach(f.Fd(), kind, "")
}

// create writes the page to a file with an unpredictable name in the directory
// of path, and moves it to path. Nothing can fail after that.
func create(path, kind string, word uint32) (*Page, error) {
	switch _, err := os.Lstat(path); {
	case err == nil:
		return nil, fs.ErrExist // even if the directory is not writable
	case path == "" || !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	dir, _ := filepath.Split(path) // does not clean: link/.. is not the directory of link
	f, err := os.CreateTemp(cmp.Or(dir, "."), ".goevent-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	p, err := fill(f, kind, word)
	f.Close() // Windows does not rename an open file
	if err != nil {
		return nil, err
	}
	if err := publish(f.Name(), path); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// fill writes a page to f, and opens it. It writes the whole page: if the file had
// holes, touching its memory on a full disk would kill the process.
func fill(f *os.File, kind string, word uint32) (*Page, error) {
	if err := f.Chmod(0o600); err != nil { // whatever the umask
		return nil, err
	}
	if _, err := f.Write(content(kind, word)); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil { // before it is published: a disk may lose power
		return nil, err
	}
	return attach(f.Fd(), kind, "")
}

// pathError returns err with an operation and a path in place of those that
// package os has added, or nil.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
