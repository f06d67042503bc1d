//go:build !unix && !windows

package interprocess

import (
	"errors"
	"io/fs"
	"testing"
)

func TestUnsupported(t *testing.T) {
	for name, f := range map[string]func() (*Event, error){
		"New":    New,
		"Create": func() (*Event, error) { return Create(tempPath(t)) },
		"Open":   func() (*Event, error) { return Open(tempPath(t)) },
	} {
		if e, err := f(); e != nil || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
	if e, err := Inherited("x"); e != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Inherited: %v, %v", e, err)
	}
	t.Setenv("GOEVENT_x", "3:ID")
	if e, err := Inherited("x"); e != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Inherited: %v, %v", e, err)
	}
}
