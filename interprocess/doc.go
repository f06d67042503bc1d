// Package interprocess provides an Event that processes share: a flag that
// they set, clear, test and wait for.
package interprocess
