package event_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"example.com/event"
)

func TestZeroValue(t *testing.T) {
	var zero event.Event
	for name, e := range map[string]*event.Event{"zero": &zero, "new": new(event.Event), "New": event.New()} {
		t.Run(name, func(t *testing.T) {
			assert.False(t, e.IsSet())
			done := e.Done()
			assert.False(t, isClosed(done))
			e.Set()
			assert.True(t, e.IsSet())
			assert.True(t, isClosed(done))
		})
	}
}
