package event_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"example.com/event"
)

func TestNilContextPanics(t *testing.T) {
	var e event.Event
	for range 2 {
		//lint:ignore SA1012 a nil context is what this test is about
		assert.PanicsWithValue(t, "event: nil context", func() { _ = e.WaitContext(nil) })
		e.Set()
	}
	assert.True(t, e.IsSet(), "the panic left a lock or a flag behind")
}
