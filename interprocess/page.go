package interprocess

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"
)

// An event is one page, in a file or, on Windows, in memory. It begins with a
// line of text that nobody changes,
//
//	goevent 1 little futex-wake-op BOOT ID
//
// which says what it is; the version of this layout; the byte order of the
// word; how its sleepers are woken, since a process that does it in another way
// might leave them asleep; the boot of the host; and what tells this event from
// all others. The word has a cache line of its own. The rest is zero.
const (
	pageSize = 4096
	wordAt   = 256
)

// header returns the fields of the line but the ID, as this process wants them.
func header() []string {
	order := "big"
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		order = "little"
	}
	return []string{"goevent", "1", order, wakes, bootID}
}

// bootID is asked once, while it can be: not by a process that has no descriptor
// to spare or has left its root directory.
var bootID = boot()

// noBoot is the boot of a process that could not find out. It may be any.
const noBoot = "-"

// newPage returns the content of a new event.
func newPage() []byte {
	page := make([]byte, pageSize)
	copy(page, strings.Join(append(header(), rand.Text()), " ")+"\n")
	return page
}

// check returns the ID of the event in page, or what is wrong with page.
func check(page []byte) (id string, err error) {
	line, _, _ := bytes.Cut(page[:wordAt], []byte("\n"))
	found := append(strings.Split(string(line), " "), "", "", "", "", "", "")
	for i, want := range header() {
		if i == 4 && (want == noBoot || found[i] == noBoot) {
			continue
		}
		if found[i] != want {
			what := []string{
				"a file that begins with", "a file of version", "a word of byte order",
				"an event whose sleepers are woken by", "an event of the host's present boot",
			}[i]
			return "", refuse(ErrFormat, fmt.Sprintf("%s %q", what, want), fmt.Sprintf("%.40q", found[i]))
		}
	}
	if id = found[5]; id == "" {
		return "", refuse(ErrFormat, "a complete first line", fmt.Sprintf("%q", line))
	}
	return id, nil
}

// refuse returns an error that wraps kind.
func refuse(kind error, want, found string) error {
	return fmt.Errorf("%w: want %s, found %s", kind, want, found)
}

// failed says in err, if it is one, which call failed and for what.
func failed(call, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("interprocess: %s %s: %w", call, what, err)
}

// attach returns an Event of a page that is mapped; f is its descriptor. If it
// fails it unmaps the page and closes f.
func attach(page []byte, f resource) (*Event, error) {
	id, err := check(page)
	if err != nil {
		unmap(page)
		f.Close()
		return nil, err
	}
	e := &Event{word: (*atomic.Uint32)(unsafe.Pointer(&page[wordAt])), id: id, file: f}
	e.live.Store(true)
	runtime.AddCleanup(e, unmap, page)
	return e, nil
}

func open(path string) (*Event, error) {
	var e *Event
	f, err := openFile(path)
	if err == nil {
		e, err = mapFile(f)
	} else if info, e := os.Lstat(path); e == nil && !info.Mode().IsRegular() {
		// What is there says more than why it could not be opened. This is for
		// the message only: what counts is asked of the descriptor.
		err = refuse(ErrFormat, "a regular file", describe(info.Mode()))
	}
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err // the path is said already
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("want an event, found nothing: %w; make it with Create", err)
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("want a file that this user owns and nobody else can open: %w; make the event as the user who opens it, with mode 0600", err)
	case errors.Is(err, ErrFormat):
		err = fmt.Errorf("%w; give another path or, if this one was an event, remove it and make it anew with Create", err)
	}
	return e, err
}

// create writes the event aside and then links it, so that there is nothing
// under the name or all of it.
func create(path string) (*Event, error) {
	f, id, err := writeAside(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	made, err := f.Stat()
	f.Close()
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	os.Remove(f.Name()) // before it is mapped: Windows would not let it go
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("want a name that is free: %w; Open the event, or remove the file", err)
	} else if err != nil {
		return nil, fmt.Errorf("want a folder that takes hard links: %w", err)
	}
	at("linked")
	e, err := open(path)
	if err == nil && e.id != id {
		e.Close()
		return nil, fmt.Errorf("somebody else has replaced the file just made: %w", fs.ErrExist)
	}
	if err != nil { // it may have no more descriptors, or memory to map
		if there, e := os.Lstat(path); e == nil && os.SameFile(made, there) {
			os.Remove(path)
		}
	}
	return e, err
}

// writeAside makes a file in dir under a name that nobody can foresee, with a
// new event in it, and returns its ID. It writes all of the page: a file that
// was only made that long kills who touches it when the disk is full.
func writeAside(dir string) (f *os.File, id string, err error) {
	f, err = os.CreateTemp(dir, ".goevent-*")
	if err != nil {
		return nil, "", fmt.Errorf("want a folder in which this process may make a file: %w", err)
	}
	page := newPage()
	if err = f.Chmod(0o600); err == nil { // whatever the umask
		_, err = f.Write(page)
	}
	if err == nil {
		err = checkFile(f)
	}
	if err == nil {
		id, err = check(page)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, "", fmt.Errorf("want a folder in this host's memory or on its disk, with room for %d bytes: %w", pageSize, err)
	}
	return f, id, nil
}

// describe says what kind of file there is in the place of a regular one.
func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// A child finds its event through a variable of its environment, as the number
// of a descriptor or handle, a colon and the ID.
const prefix = "GOEVENT_"

func (e *Event) share(cmd *exec.Cmd, name string) error {
	switch {
	case cmd == nil:
		return errors.New("want a command, found nil")
	case !isName(name):
		return errors.New("want a name of letters, digits and underscores")
	case !e.live.Load():
		return ErrClosed
	case cmd.Process != nil:
		return errors.New("want a command that is not started, found one that is; a child inherits only when it starts")
	}
	for _, entry := range cmd.Env {
		key, value, _ := strings.Cut(entry, "=")
		// Case is nothing on Windows. What this process has itself inherited
		// is no use to the child and gives way.
		if strings.EqualFold(key, prefix+name) && value != os.Getenv(key) {
			return fmt.Errorf("want a name that is free, found %s in cmd.Env; share each event under a name of its own", entry)
		}
	}
	number, err := hand(cmd, e.file)
	if err != nil {
		return err
	}
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("%s%s=%d:%s", prefix, name, number, e.id))
	return nil
}

func inherited(name string) (*Event, error) {
	value, ok := os.LookupEnv(prefix + name)
	if !ok || !isName(name) {
		return nil, fmt.Errorf("want the variable that the parent's Share sets, found none: %w", fs.ErrNotExist)
	}
	text, id, ok := strings.Cut(value, ":")
	number, err := strconv.ParseUint(text, 10, 31)
	if !ok || err != nil || number < 3 {
		return nil, fmt.Errorf("%w: want a variable that the parent's Share set, a descriptor from 3 on, a colon and an ID, found %q", ErrFormat, value)
	}
	e, err := adopt(uintptr(number))
	if err == nil && e.id != id {
		e.Close()
		err = fmt.Errorf("%w: want event %s, found %s", ErrFormat, id, e.id)
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err != nil {
		return nil, fmt.Errorf("want descriptor %d as the parent's Share handed it on: %w; start this program with the command that the event was shared with, as the same user", number, err)
	}
	keep(uintptr(number))
	return e, nil
}

func isName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
