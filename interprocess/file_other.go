//go:build !unix && !windows

package interprocess

import (
	"errors"
	"os"
	"os/exec"
)

type resource = *os.File

func newAnonymous() (*Event, error)                 { return nil, errors.ErrUnsupported }
func openFile(string) (*os.File, error)             { return nil, errors.ErrUnsupported }
func publish(temp, path string) error               { return errors.ErrUnsupported }
func readHead(uintptr) ([]byte, error)              { return nil, errors.ErrUnsupported }
func checkOwner(uintptr) error                      { return errors.ErrUnsupported }
func mapFile(*os.File) ([]byte, resource, error)    { return nil, nil, errors.ErrUnsupported }
func unmap([]byte)                                  {}
func pass(*exec.Cmd, resource) (uintptr, error)     { return 0, errors.ErrUnsupported }
func passes(*exec.Cmd, uintptr, string) bool        { return false }
func openInherited(uintptr, string) (*Event, error) { return nil, errors.ErrUnsupported }
