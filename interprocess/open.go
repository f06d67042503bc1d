package interprocess

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"

	"example.com/event/interprocess/internal/futex"
	"example.com/event/interprocess/internal/page"
)

// ErrFormat is wrapped by the errors of Open, OpenOrCreate and Inherited for
// what is not an event, or one that this process cannot use.
var ErrFormat = page.ErrFormat

// kind is how sleeping threads are woken: a process that does it in another way
// might leave them asleep.
func kind() string { return cmp.Or(futex.Kind(), "bell") }

// New returns a new, unset event without a name, for this process and for the
// children with which [Event.Share] shares it. The event is gone when this process
// has closed it and the children have ended.
//
// On Linux the event is a memfd that cannot be resized, and on Windows it is in
// memory. Elsewhere it is a file in the directory for temporary files, whose name
// is removed at once.
//
// The error wraps that of the operating system or, where processes share no
// memory, [errors.ErrUnsupported].
func New() (*Event, error) {
	e, err := handle(page.New(kind()))
	if err != nil {
		err = fmt.Errorf("new event: %w", err)
	}
	return e, err
}

// Create makes a new, unset event at path, a file of mode 0600 that appears
// there atomically, and opens it. The package comment says where to put it.
//
// [os.Remove] removes the file; processes that have the event open keep it. On
// Windows, that fails while a process has the file mapped, which after Close lasts
// until the garbage collector runs. A Create that is killed may leave a file
// named .goevent-* in the directory.
//
// Errors are of type [*fs.PathError]. They wrap [fs.ErrExist] if path exists, even in
// a directory that is not writable; [fs.ErrNotExist] or [fs.ErrPermission] if the
// directory does not exist or is not writable; and [errors.ErrUnsupported] if it is
// on a file system that cannot hold an event. Others, such as those of a full or
// read-only file system or an exceeded quota, wrap only that of the operating
// system. A Create that fails does not change what is at path.
func Create(path string) (*Event, error) { return handle(page.Create(path, kind(), 0)) }

// Open opens the event that [Create] or [OpenOrCreate] made at path.
//
// Errors are of type [*fs.PathError]. They wrap [fs.ErrNotExist] if path does not
// exist; [ErrFormat] if it is not an event, or one of another version, byte order
// or way to wake: choose another path, or remove the file; [fs.ErrPermission] if
// it belongs to another user, or its mode lets other users in or this one not:
// create it as the user who opens it; and [errors.ErrUnsupported] if it is on a
// file system that cannot hold an event. Others wrap only that of the operating
// system.
func Open(path string) (*Event, error) { return handle(page.Open(path, kind())) }

// initial has the words of new events, unset and set.
var initial = map[bool]uint32{true: set}

// OpenOrCreate opens the event at path or, if path does not exist, creates it,
// set or unset, and reports whether it did. Any number of programs may call it at
// once, and be killed and restarted at any time: as long as the file is not
// removed, one of them creates the event, and all of them hold the same one.
//
// The flag is as the last program left it, even one that crashed; set matters only
// to the program that creates the event. To call Set or Clear after creating it
// instead would undo what another program has done meanwhile, or be missing if the
// creator is killed. Do not remove the file to reset the event: processes that
// have it open keep the old event, and do not see the new one.
//
// Errors are those of [Open] and [Create], other than [fs.ErrExist].
func OpenOrCreate(path string, set bool) (e *Event, created bool, err error) {
	for {
		e, err = Open(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return e, false, err
		}
		e, err = handle(page.Create(path, kind(), initial[set]))
		if !errors.Is(err, fs.ErrExist) { // else another program was faster
			return e, err == nil, err
		}
	}
}

// A child finds an event through a variable of its environment, whose value is
// the number of a descriptor or handle, a colon and the ID of the event.
const prefix = "GOEVENT_"

// Share lets the child that cmd will start call [Inherited] with name, which
// consists of letters, digits and underscores. It appends a descriptor to
// cmd.ExtraFiles (on Windows, a handle to
// cmd.SysProcAttr.AdditionalInheritedHandles) and sets cmd.Env, so set those,
// and cmd.Dir, before. Calls for the same cmd must not overlap. The handle must stay
// open until cmd has been started. The example shows how to start the child by
// [os.StartProcess].
//
// The error wraps [ErrClosed] if the handle is closed. Share also fails if cmd is
// nil or has been started, if name is invalid, or if cmd already has an event of
// that name, ignoring case. It then leaves cmd as it is.
func (e *Event) Share(cmd *exec.Cmd, name string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("share %q: %w", name, err)
		}
	}()
	_, live := e.load()
	switch {
	case !live:
		return ErrClosed
	case cmd == nil:
		return errors.New("nil command")
	case !isName(name):
		return errInvalidName
	case cmd.Process != nil:
		return errors.New("command already started")
	}
	inherited := cmd.Env
	if inherited == nil {
		inherited = cmd.Environ()
	}
	env := make([]string, 0, len(inherited)+1)
	for _, entry := range inherited {
		key, value, _ := strings.Cut(entry, "=")
		if len(key) >= len(prefix) && strings.EqualFold(key[:len(prefix)], prefix) { // Windows ignores case
			number, id, err := parseVariable(value)
			passes, same := err == nil && page.Passes(cmd, number, id), strings.EqualFold(key, prefix+name)
			if passes && same {
				return fmt.Errorf("name already shared: %s", key)
			}
			if same || err == nil && !passes {
				continue // inherited by this process; useless to the child
			}
		}
		env = append(env, entry)
	}
	number, err := e.page.Pass(cmd)
	if err != nil {
		return err
	}
	cmd.Env = append(env, fmt.Sprintf("%s%s=%d:%s", prefix, name, number, e.page.ID))
	return nil
}

// taken remembers the variables that Inherited has unset, with their values.
var taken sync.Map

// Inherited returns, in a child process, the event that the parent shared under
// name. Each call returns another handle. If the event is optional, go on without it
// if the error is [fs.ErrNotExist]: nobody shared it, or a program in between, such
// as sudo, removed the variable. Every other error says that it got lost on the way.
//
// Call Inherited first of all. Children that the child starts before that may find
// the event, or an error; those that it starts later do not: share it with them.
// The descriptor that the child was given stays open. A program that replaces
// itself with exec must do so before it calls Inherited.
//
// Errors wrap [fs.ErrInvalid] if name is not a name; [fs.ErrNotExist], on every
// system, if there is no variable for name; [ErrFormat] if the descriptor is not the
// event: a program in between, such as a shell, closed or replaced it, or the process
// that set the variable is not this one's parent; [fs.ErrPermission] if it is, but
// belongs to another user; or else the error of the operating system.
func Inherited(name string) (e *Event, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("inherit %q: %w", name, err)
		}
	}()
	if !isName(name) {
		return nil, errInvalidName
	}
	variable := prefix + name
	value, present := os.LookupEnv(variable)
	if !present {
		v, _ := taken.Load(variable)
		if value, present = v.(string); !present {
			return nil, notShared(variable)
		}
	}
	number, id, err := parseVariable(value)
	if err != nil {
		return nil, fmt.Errorf("%w: variable %s is %.40q, want number:ID", ErrFormat, variable, value)
	}
	e, err = handle(page.Inherit(number, kind(), id))
	if err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", number, err)
	}
	taken.Store(variable, value) // first: other calls look for it there once it is unset
	os.Unsetenv(variable)
	return e, nil
}

// notShared is the error for the name of a variable that is not set.
type notShared string

func (n notShared) Error() string { return "variable " + string(n) + " is not set" }

func (notShared) Is(target error) bool { return target == fs.ErrNotExist }

func parseVariable(value string) (number uintptr, id string, err error) {
	_, err = fmt.Sscanf(value, "%d:%s", &number, &id)
	return number, id, err
}

var errInvalidName = fmt.Errorf("%w: name, want letters, digits and underscores", fs.ErrInvalid)

func isName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
