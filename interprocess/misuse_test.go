//go:build unix || windows

package interprocess

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Using a handle that was never opened panics.
func TestZeroEvent(t *testing.T) {
	const message = "interprocess: use of the zero Event; make one by New, Create, Open, OpenOrCreate or Inherited"
	for name, use := range map[string]func(*Event){
		"Set":         (*Event).Set,
		"Clear":       (*Event).Clear,
		"IsSet":       func(e *Event) { e.IsSet() },
		"Wait":        (*Event).Wait,
		"WaitTimeout": func(e *Event) { e.WaitTimeout(time.Hour) },
		"WaitContext": func(e *Event) { _ = e.WaitContext(context.Background()) },
		"Done":        func(e *Event) { e.Done() },
		"Share":       func(e *Event) { _ = e.Share(exec.Command("x"), "x") },
	} {
		var e Event
		assert.PanicsWithValue(t, message, func() { use(&e) }, name)
		require.NoError(t, e.Close(), name)
		assert.PanicsWithValue(t, message, func() { use(&e) }, "%s after Close", name)
		assert.Equal(t, "closed", e.String())
		assert.Equal(t, "closed", fmt.Sprint(&e))
	}
}

func TestNilContextPanics(t *testing.T) {
	e := newTest(t)
	for range 2 {
		//lint:ignore SA1012 a nil context is what this test is about
		assert.PanicsWithValue(t, "interprocess: nil context", func() { _ = e.WaitContext(nil) })
		e.Set()
	}
	assert.True(t, e.WaitTimeout(0), "the panic left a lock behind")
	e.Close()
	//lint:ignore SA1012 a nil context is what this test is about
	assert.PanicsWithValue(t, "interprocess: nil context", func() { _ = e.WaitContext(nil) })
}
