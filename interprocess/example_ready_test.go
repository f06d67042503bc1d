//go:build unix || windows

package interprocess_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"time"

	"example.com/event/interprocess"
)

// A parent waits until its child is ready or has ended. The program starts
// itself again as the child, which is the process that inherits the event.
func Example() {
	ready, err := interprocess.Inherited("ready") // before any other process is started
	switch {
	case err == nil:
		serve(ready)
	case errors.Is(err, fs.ErrNotExist):
		startServer("-fail=false")
		startServer("-fail=true")
	default:
		log.Fatal(err)
	}
	// Output:
	// the server is ready
	// the server has ended: exit status 1
}

// startServer is the parent.
func startServer(argument string) {
	ready, err := interprocess.New()
	if err != nil {
		log.Fatal(err)
	}
	defer ready.Close()

	server := exec.Command(os.Args[0], argument)
	server.Stderr = os.Stderr
	if err := ready.Share(server, "ready"); err != nil {
		log.Fatal(err)
	}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		server.Wait()
		cancel()
	}()

	// A server that sets the event and ends at once was ready: the event wins ties.
	if ready.WaitContext(ctx) != nil {
		fmt.Println("the server has ended:", server.ProcessState)
		return
	}
	fmt.Println("the server is ready")
	server.Process.Kill()
	<-ctx.Done()
}

// serve is the child.
func serve(ready *interprocess.Event) {
	if os.Args[1] == "-fail=true" {
		os.Exit(1)
	}
	ready.Set()
	time.Sleep(time.Minute) // serves
}
