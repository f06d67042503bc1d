//go:build !unix && !windows

package page

import (
	"errors"
	"os"
	"os/exec"
	"unsafe"
)

type resource = *os.File

type mapping struct{ address unsafe.Pointer }

func (*mapping) detach()  {}
func (*mapping) release() {}

func newAnonymous(string) (*Page, error)             { return nil, errors.ErrUnsupported }
func openFile(string) (*os.File, error)              { return nil, errors.ErrUnsupported }
func publish(temp, path string) error                { return errors.ErrUnsupported }
func readHead(uintptr) ([]byte, error)               { return nil, errors.ErrUnsupported }
func checkOwner(uintptr) error                       { return errors.ErrUnsupported }
func checkFileSystem(uintptr) error                  { return errors.ErrUnsupported }
func share(uintptr, string) (*Page, error)           { return nil, errors.ErrUnsupported }
func (*Page) file() *os.File                         { return nil }
func (*Page) pass(*exec.Cmd) (uintptr, error)        { return 0, errors.ErrUnsupported }
func passes(*exec.Cmd, uintptr, string) bool         { return false }
func inherit(uintptr, string, string) (*Page, error) { return nil, errors.ErrUnsupported }
