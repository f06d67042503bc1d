//go:build !linux || eventpoll

package interprocess

var modes = []string{"poller"}

func force(mode string) { forced = mode }
