//go:build !unix && !windows

package interprocess

import (
	"errors"
	"os"
	"os/exec"
)

type resource = *os.File

func anonymous() (*Event, error)                { return nil, errors.ErrUnsupported }
func openFile(string) (*os.File, error)         { return nil, errors.ErrUnsupported }
func checkFile(*os.File) error                  { return errors.ErrUnsupported }
func mapFile(*os.File) (*Event, error)          { return nil, errors.ErrUnsupported }
func unmap([]byte)                              {}
func hand(*exec.Cmd, resource) (uintptr, error) { return 0, errors.ErrUnsupported }
func adopt(uintptr) (*Event, error)             { return nil, errors.ErrUnsupported }
func keep(uintptr)                              {}
func boot() string                              { return noBoot }
