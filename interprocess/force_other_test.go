//go:build !linux || eventpoll

package interprocess

var paths = []string{"poller"}

func force(path string) { forced = path }
