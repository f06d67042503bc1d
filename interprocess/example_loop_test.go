//go:build unix || windows

package interprocess_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"example.com/event/interprocess"
)

// A loop that does something every millisecond until the event is set or the
// handle is closed. With WaitTimeout it would run hot after Close: that reports
// false both for a timeout and for a closed handle.
func ExampleEvent_WaitContext() {
	stop, err := interprocess.New()
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		for {
			err := waitAtMost(stop, time.Millisecond)
			if !errors.Is(err, context.DeadlineExceeded) {
				ended <- err
				return
			}
			// Do something.
		}
	}()
	stop.Close()
	fmt.Println(<-ended)
	// Output:
	// interprocess: event is closed
}

func waitAtMost(e *interprocess.Event, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return e.WaitContext(ctx)
}
