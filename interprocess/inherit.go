package interprocess

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// A child finds an event through a variable of its environment, whose value is
// the number of a descriptor or handle, a colon and the ID of the event.
const prefix = "GOEVENT_"

// Share lets the child that cmd will start call [Inherited] with name, which
// consists of letters, digits and underscores. It appends a descriptor to
// cmd.ExtraFiles (on Windows, a handle to
// cmd.SysProcAttr.AdditionalInheritedHandles) and sets cmd.Env, so set those,
// and cmd.Dir, before. The handle must stay open until cmd has been started.
//
// The error is [ErrClosed] if the handle is closed. Share also fails if cmd is
// nil or has been started, if name is invalid, or if cmd already has an event of
// that name, ignoring case. It then leaves cmd as it is.
func (e *Event) Share(cmd *exec.Cmd, name string) error {
	if _, open := e.load(); !open {
		return ErrClosed
	}
	return wrap("share", strconv.Quote(name), e.share(cmd, name))
}

func (e *Event) share(cmd *exec.Cmd, name string) error {
	switch {
	case cmd == nil:
		return errors.New("nil command")
	case !isName(name):
		return errInvalidName
	case cmd.Process != nil:
		return errors.New("command already started")
	}
	var env []string
	for _, entry := range cmd.Environ() {
		key, value, _ := strings.Cut(entry, "=")
		if len(key) > len(prefix) && strings.EqualFold(key[:len(prefix)], prefix) { // Windows ignores case
			same := strings.EqualFold(key, prefix+name)
			number, id, err := parseVariable(value)
			switch {
			case err == nil && passes(cmd, number, id):
				if same {
					return fmt.Errorf("name already shared: %s", key)
				}
			case err == nil || same:
				continue // inherited by this process; useless to the child
			}
		}
		env = append(env, entry)
	}
	number, err := pass(cmd, e.file)
	if err != nil {
		return err
	}
	cmd.Env = append(env, fmt.Sprintf("%s%s=%d:%s", prefix, name, number, e.id))
	return nil
}

// Inherited returns, in a child process, the event that the parent shared under
// name. Each call returns another handle. The descriptor that the child was
// given stays open; the child's own children do not inherit it once Inherited has
// been called, so share the event with them again. A program that replaces itself
// with exec must do so before it calls Inherited.
//
// Errors wrap [fs.ErrInvalid] if name is not a name; [fs.ErrNotExist] if the
// parent shared no event under name; [ErrFormat] if the descriptor is not the
// event: a program in between, such as sudo or a shell, closed or replaced it,
// or the process that set the variable is not this one's parent;
// [fs.ErrPermission] if it is, but belongs to another user; or else the error of
// the operating system.
func Inherited(name string) (*Event, error) {
	e, err := inherited(name)
	return e, wrap("inherit", strconv.Quote(name), err)
}

func inherited(name string) (*Event, error) {
	if !isName(name) {
		return nil, errInvalidName
	}
	value, ok := os.LookupEnv(prefix + name)
	if !ok {
		return nil, fmt.Errorf("variable %s%s: %w", prefix, name, fs.ErrNotExist)
	}
	number, id, err := parseVariable(value)
	if err != nil {
		return nil, mismatch(ErrFormat, fmt.Sprintf("variable %s%s is %.40q", prefix, name, value), "number:ID")
	}
	e, err := openInherited(number, id)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", number, err)
	}
	return e, nil
}

func parseVariable(value string) (number uintptr, id string, err error) {
	text, id, ok := strings.Cut(value, ":")
	n, err := strconv.ParseUint(text, 10, 31)
	if err == nil && (!ok || n < 3) {
		err = strconv.ErrRange
	}
	return uintptr(n), id, err
}

var errInvalidName = fmt.Errorf("%w: name, want letters, digits and underscores", fs.ErrInvalid)

func isName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
