//go:build !unix && !windows

package page

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUnsupported(t *testing.T) {
	for name, f := range map[string]func() (*Page, error){
		"New":     func() (*Page, error) { return New(kind) },
		"Create":  func() (*Page, error) { return Create(t.TempDir()+"/page", kind, word) },
		"Open":    func() (*Page, error) { return Open(t.TempDir()+"/page", kind) },
		"Inherit": func() (*Page, error) { return Inherit(3, kind, "ID") },
	} {
		p, err := f()
		assert.Nil(t, p, name)
		assert.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
}
