package interprocess

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// New returns a new, unset event without a name, for this process and for the
// children with which [Event.Share] shares it. The event is gone when the last
// of them has closed it or ended.
//
// On Linux the event is a memfd that cannot be resized or, where the system has
// none, a file in /dev/shm or in the directory for temporary files if that is in
// memory, whose name is removed at once. On Windows it is in memory. Elsewhere
// it is a file in /dev/shm or in the directory for temporary files, which may be
// on a disk.
//
// The error wraps that of the operating system or, where processes share no
// memory or Linux offers none outside a disk, [errors.ErrUnsupported].
func New() (*Event, error) {
	e, err := newAnonymous()
	return e, wrap("new", "event", err)
}

// Create makes a new, unset event at path, a file of mode 0600 that appears
// there atomically, and opens it. The package comment says where to put it.
// The program that creates an event should remove the file, with os.Remove.
// Processes that have the event open keep it. On Windows, os.Remove fails while
// any process has the file mapped.
//
// Errors wrap [fs.ErrExist] if path exists, [fs.ErrNotExist] or
// [fs.ErrPermission] if the directory does not exist or is not writable,
// [errors.ErrUnsupported] if it is on a file system that cannot hold an event,
// or else the error of the operating system, such as that of a full disk. A
// Create that fails does not change what is at path.
func Create(path string) (*Event, error) {
	e, err := create(path, publish)
	return e, wrap("create", path, err)
}

// Open opens the event that [Create] or [OpenOrCreate] made at path.
//
// Errors wrap [fs.ErrNotExist] if path does not exist; [ErrFormat] if it is not
// an event, or one of another version, byte order or way to wake: choose another
// path, or remove the file; [ErrStale] if it is an event from before the last
// boot: call OpenOrCreate; [fs.ErrPermission] if it belongs to another user or
// its mode lets other users in: create it as the user who opens it;
// [errors.ErrUnsupported] if it is on a file system that cannot hold an event;
// or else the error of the operating system.
func Open(path string) (*Event, error) {
	e, err := open(path)
	return e, wrap("open", path, err)
}

// OpenOrCreate opens the event at path, or creates it if path does not exist or
// is an event from before the last boot, and reports whether it created the
// event. Any number of programs may call it at once, and be killed and
// restarted at any time: as long as the file is not removed, one of them
// creates the event, and all of them hold the same one.
//
// The flag is as the last program left it, even one that crashed; a program that
// owns the flag calls Clear after it has opened the event. Do not remove the
// file to reset the event: processes that have it open keep the old event, and
// do not see the new one.
//
// Errors are those of [Open] and [Create], other than [fs.ErrExist] and
// [ErrStale].
func OpenOrCreate(path string) (e *Event, created bool, err error) {
	for {
		e, err = open(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e, err = create(path, publish)
			created = err == nil
		case errors.Is(err, ErrStale):
			e, err = replace(path)
			created = err == nil
		}
		if !errors.Is(err, fs.ErrExist) { // else another program was faster
			return e, created, wrap("open or create", path, err)
		}
	}
}

func open(path string) (*Event, error) {
	f, err := openFile(path)
	if err != nil {
		// What path is says more than why it cannot be opened.
		if info, e := os.Lstat(path); e == nil && !info.Mode().IsRegular() {
			err = notRegular(info.Mode())
		}
		return nil, err
	}
	return attach(f)
}

// create makes a file with a new event, and moves it to path atomically, with
// publish. Nothing can fail after that.
func create(path string, publish func(temp, path string) error) (*Event, error) {
	f, err := writeTemp(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	id, page, file, err := checkAndMap(f)
	if err != nil {
		return nil, err
	}
	if h := hooks.Load(); h != nil {
		h.publishing()
	}
	if err := publish(f.Name(), path); err != nil {
		unmap(page)
		file.Close()
		return nil, err
	}
	return newEvent(page, id, file), nil
}

// replace replaces a stale event with a new one. Only the process that holds
// the lock of the old file, which ends with the process, may do that, and only
// while the old file is at path. The error wraps fs.ErrExist if there is no
// stale event any more.
func replace(path string) (*Event, error) {
	old, err := openFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrExist // the old file is not at path any more
	}
	if err != nil {
		return nil, err
	}
	defer old.Close()
	if err := lock(old); err != nil {
		return nil, err
	}
	locked, err := old.Stat()
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err != nil || !os.SameFile(info, locked) {
		return nil, fs.ErrExist
	}
	if _, err := check(old.Fd()); !errors.Is(err, ErrStale) {
		return nil, fs.ErrExist
	}
	return create(path, os.Rename)
}

// writeTemp makes a file with a new event in dir, under an unpredictable name.
// It writes the whole page: if the file had holes, touching its memory on a
// full disk would kill the process.
func writeTemp(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".goevent-*")
	if err != nil {
		return nil, err
	}
	if err := writePage(f); err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	return f, nil
}

func writePage(f *os.File) error {
	if err := f.Chmod(0o600); err != nil { // whatever the umask
		return err
	}
	_, err := f.Write(newPage())
	return err
}

// attach returns a handle to the event in f, which it closes if it fails.
func attach(f *os.File) (*Event, error) {
	id, page, file, err := checkAndMap(f)
	if err != nil {
		return nil, err
	}
	return newEvent(page, id, file), nil
}

// checkAndMap checks and maps f, which it closes if it fails.
func checkAndMap(f *os.File) (id string, page []byte, file resource, err error) {
	if id, err = check(f.Fd()); err != nil {
		f.Close()
		return "", nil, nil, err
	}
	page, file, err = mapFile(f)
	return id, page, file, err
}

// check returns the ID of the event in the file fd, or why this process cannot
// use it: first what the file is, then who may open it, and where it is.
func check(fd uintptr) (id string, err error) {
	head, err := readHead(fd)
	if err != nil {
		return "", err
	}
	boot, id, err := parse(head)
	if err != nil {
		return "", err
	}
	if err := checkOwner(fd); err != nil {
		return "", err
	}
	inMemory, err := checkFileSystem(fd)
	if err != nil {
		return "", err
	}
	// What is in memory does not outlast the boot, whatever a container calls it.
	if !inMemory && boot != bootID && boot != noBoot && bootID != noBoot {
		return "", ErrStale
	}
	return id, nil
}

// notRegular returns the error for a file that is not regular.
func notRegular(mode fs.FileMode) error {
	found := "special file"
	switch {
	case mode.IsDir():
		found = "directory"
	case mode&fs.ModeSymlink != 0:
		found = "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		found = "named pipe"
	case mode&fs.ModeSocket != 0:
		found = "socket"
	case mode&fs.ModeDevice != 0:
		found = "device"
	}
	return mismatch(ErrFormat, found, "regular file")
}

// wrap adds the operation and its object to err, unless it is nil, in place of
// those that package os has added.
func wrap(operation, object string, err error) error {
	if err == nil {
		return nil
	}
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		err = p.Err
	case errors.As(err, &l):
		err = l.Err
	}
	return fmt.Errorf("interprocess: %s %s: %w", operation, object, err)
}
