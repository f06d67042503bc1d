package rival

import "example.com/event"

// All but Watch is the event's own.
type this struct{ *event.Event }

func newThis() any { return this{new(event.Event)} }

func (e this) Watch() func() bool { return watch(e.Done()) }
