//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package bell

import (
	"errors"
	"os"
)

func open() (*os.File, error) { return nil, errors.ErrUnsupported }
func listen(_, _ int) error   { return errors.ErrUnsupported }
func (*Bell) hear() error     { return errors.ErrUnsupported }
