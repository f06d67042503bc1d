// Package page makes, opens, maps and inherits a page of memory that processes
// share.
//
// It promises that a page appears under its path atomically and whole, that what
// is found there is checked before it is used, and that memory stays mapped as
// long as its Page is reachable.
package page

import (
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

	shared resource
	memory *mapping
}

// newPage returns the Page of mapped memory.
func newPage(m *mapping, id string, shared resource) *Page {
	p := &Page{Word: (*atomic.Uint32)(unsafe.Add(m.address, wordAt)), ID: id, shared: shared, memory: m}
	runtime.AddCleanup(p, (*mapping).release, m)
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
func (p *Page) Pass(cmd *exec.Cmd) (number uintptr, err error) { return p.pass(cmd) }

// Passes reports whether cmd passes the page with the ID to its child under the
// number.
func Passes(cmd *exec.Cmd, number uintptr, id string) bool { return passes(cmd, number, id) }

// File returns the file of the page, or nil on Windows.
func (p *Page) File() *os.File { return p.file() }

// Close closes the file of the page. On Linux, it also replaces the memory by
// private memory, so that methods that still use Word find no shared one.
// Elsewhere the memory stays shared until p is unreachable.
func (p *Page) Close() error {
	p.memory.detach()
	return p.shared.Close()
}

func open(path, kind string) (*Page, error) {
	f, err := openFile(path)
	if err != nil {
		// What path is says more than why it cannot be opened.
		if info, e := os.Lstat(path); e == nil && !info.Mode().IsRegular() {
			err = notRegular(info.Mode())
		}
		return nil, err
	}
	defer f.Close()
	return attach(f, kind)
}

// create writes the page to a file with an unpredictable name in the directory
// of path, and moves it to path. Nothing can fail after that. It writes the whole
// page: if the file had holes, touching its memory on a full disk would kill the
// process.
func create(path, kind string, word uint32) (*Page, error) {
	if path == "" {
		return nil, fs.ErrNotExist
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, fs.ErrExist // even if the directory is not writable
	}
	dir, _ := filepath.Split(path) // does not clean: link/.. is not the directory of link
	if dir == "" {
		dir = "."
	}
	f, err := writeTemp(dir, kind, word)
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	p, err := attach(f, kind)
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

// writeTemp makes a file with a new page in dir.
func writeTemp(dir, kind string, word uint32) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".goevent-*")
	if err != nil {
		return nil, err
	}
	if err := write(f, kind, word); err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	return f, nil
}

func write(f *os.File, kind string, word uint32) error {
	if err := f.Chmod(0o600); err != nil { // whatever the umask
		return err
	}
	page, _ := content(kind, word)
	if _, err := f.Write(page); err != nil {
		return err
	}
	return f.Sync() // before it is published: a disk may lose power
}

// attach checks and maps f: first what the file is, then who may open it, and
// where it is.
func attach(f *os.File, kind string) (*Page, error) {
	head, err := readHead(f.Fd())
	if err != nil {
		return nil, err
	}
	id, err := parse(head, kind)
	if err != nil {
		return nil, err
	}
	if err := checkOwner(f.Fd()); err != nil {
		return nil, err
	}
	if err := checkFileSystem(f.Fd()); err != nil {
		return nil, err
	}
	return share(f.Fd(), id)
}

// pathError returns err with an operation and a path in place of those that
// package os has added, or nil.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: path, Err: cause(err)}
}

// cause returns err without an operation and paths that package os has added.
func cause(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
