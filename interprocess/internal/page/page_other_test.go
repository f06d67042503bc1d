//go:build !unix && !windows

package page_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"example.com/event/interprocess/internal/page"
)

func TestUnsupported(t *testing.T) {
	for name, f := range map[string]func() (*page.Page, error){
		"New":     func() (*page.Page, error) { return page.New("test") },
		"Create":  func() (*page.Page, error) { return page.Create(t.TempDir()+"/page", "test", 0) },
		"Open":    func() (*page.Page, error) { return page.Open(t.TempDir()+"/page", "test") },
		"Inherit": func() (*page.Page, error) { return page.Inherit(3, "test", "ID") },
	} {
		p, err := f()
		assert.Nil(t, p, name)
		assert.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
}
