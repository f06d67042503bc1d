//go:build !eventpoll

package interprocess

// native is how this machine wakes, as probed.
var native = wakes

// modes are the ways to wait: as probed; in the kernel for at most two events,
// with the poller for the others; in the kernel, as if that could not set and
// wake in one step; with the poller.
var modes = []string{"native", "two sleepers", "two steps", "poller"}

// force makes this process wait in mode from now on. No wait is in progress,
// which the race detector cannot know.
//
//go:norace
func force(mode string) {
	forced = mode
	wakes = native
	switch mode {
	case "two steps":
		wakes = "futex-wake"
	case "poller":
		wakes = "poll"
	}
	places := make(chan struct{}, maxSleepers())
	if mode == "two sleepers" {
		places = make(chan struct{}, min(2, maxSleepers()))
	}
	sleepers = func() chan struct{} { return places }
}
