package rival

import (
	"context"
	"time"
)

// What the user of a bare channel writes.

func isClosed[T any](c <-chan T) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func within(d time.Duration, c <-chan struct{}) bool {
	if isClosed(c) {
		return true
	}
	if d <= 0 {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

func unless(ctx context.Context, c <-chan struct{}) error {
	if isClosed(c) {
		return nil
	}
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func watch[T any](c <-chan T) func() bool { return func() bool { return isClosed(c) } }
