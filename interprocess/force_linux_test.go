//go:build !eventpoll

package interprocess

// native is how this machine wakes: the probe's own answer.
var native = wakes

// paths are all ways to wait: the one that the probe chose; the poller for all
// events but two; the futex where the kernel cannot set and wake at once; the
// poller alone.
var paths = []string{"native", "more events than leaders", "probe failed", "poller"}

// force makes this process wait by path from now on.
func force(path string) {
	forced = path
	wakes = native
	switch path {
	case "probe failed":
		wakes = "futex-wake"
	case "poller":
		wakes = "poll"
	}
	places := make(chan struct{}, maxSleepers())
	if path == "more events than leaders" {
		places = make(chan struct{}, 2)
	}
	sleepers = func() chan struct{} { return places }
}
