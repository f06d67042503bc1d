//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package bell

import (
	"errors"
	"os"
)

type ears struct{}

func (*ears) open(chan<- struct{}) error { return errors.ErrUnsupported }
func (*ears) listen(*os.File) error      { return errors.ErrUnsupported }
func (*ears) close()                     {}
