//go:build unix || windows

package interprocess_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"time"

	"example.com/event/interprocess"
)

// A server waits for two events. It reloads its configuration once for a burst
// of requests, and calls Done anew in each round, since a closed channel stays
// closed.
func ExampleEvent_Done() {
	reload, err := interprocess.Inherited("reload")
	switch {
	case err == nil:
		waitForTwo(reload)
	case errors.Is(err, fs.ErrNotExist):
		requestReload()
	default:
		log.Fatal(err)
	}
	// Output:
	// the server reloads
	// the server stops
}

// waitForTwo is the server.
func waitForTwo(reload *interprocess.Event) {
	stop, err := interprocess.Inherited("stop")
	if err != nil {
		log.Fatal(err)
	}
	for {
		select {
		case <-reload.Done():
			time.Sleep(10 * time.Millisecond) // a burst ends
			reload.Clear()                    // first: a Set during the reload asks for another one
			fmt.Println("the server reloads")
		case <-stop.Done():
			fmt.Println("the server stops")
			return
		}
	}
}

func requestReload() {
	server := exec.Command(os.Args[0])
	server.Stderr = os.Stderr
	stdout, err := server.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	share := func(name string) *interprocess.Event {
		e, err := interprocess.New()
		if err != nil {
			log.Fatal(err)
		}
		if err := e.Share(server, name); err != nil {
			log.Fatal(err)
		}
		return e
	}
	reload, stop := share("reload"), share("stop")
	defer reload.Close()
	defer stop.Close()
	for range 3 {
		reload.Set()
	}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		fmt.Println(lines.Text())
		stop.Set()
	}
	server.Wait()
}
