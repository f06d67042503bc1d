//go:build !unix && !windows

package page

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"sync/atomic"
)

// The API of page.go, where processes share no memory.

type Page struct {
	Word *atomic.Uint32
	ID   string
	File *os.File
}

func New(string) (*Page, error)                      { return nil, errors.ErrUnsupported }
func Create(path, _ string, _ uint32) (*Page, error) { return nil, unsupported("create", path) }
func Open(path, _ string) (*Page, error)             { return nil, unsupported("open", path) }
func Inherit(uintptr, string, string) (*Page, error) { return nil, errors.ErrUnsupported }
func (*Page) Pass(*exec.Cmd) (uintptr, error)        { return 0, errors.ErrUnsupported }
func Passes(*exec.Cmd, uintptr, string) bool         { return false }
func (*Page) Close() error                           { return nil }

func unsupported(op, path string) error {
	return &fs.PathError{Op: op, Path: path, Err: errors.ErrUnsupported}
}
