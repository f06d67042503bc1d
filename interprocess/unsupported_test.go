//go:build !unix && !windows

package interprocess

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnsupported(t *testing.T) {
	t.Setenv("GOEVENT_x", "3:ID")
	for name, f := range map[string]func() (*Event, error){
		"New":    New,
		"Create": func() (*Event, error) { return Create(tempPath(t)) },
		"Open":   func() (*Event, error) { return Open(tempPath(t)) },
		"OpenOrCreate": func() (*Event, error) {
			e, created, err := OpenOrCreate(tempPath(t))
			assert.False(t, created)
			return e, err
		},
		"Inherited": func() (*Event, error) { return Inherited("x") },
	} {
		e, err := f()
		assert.Nil(t, e, name)
		assert.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
	_, err := Inherited("y")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
