// Package event provides an Event: a flag that goroutines set, clear, test
// and wait for.
package event
