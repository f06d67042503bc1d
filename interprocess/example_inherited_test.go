//go:build unix || windows

package interprocess_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"

	"example.com/event/interprocess"
)

// A program signals its readiness to a parent that asks for it, and also runs
// without one.
//
// The program starts itself again with the argument “daemon”, first as a shell
// would, then with an event.
func ExampleInherited() {
	if len(os.Args) == 2 && os.Args[1] == "daemon" {
		daemon()
		return
	}
	startDaemon(func(*exec.Cmd) error { return nil })

	started, err := interprocess.New()
	if err != nil {
		log.Fatal(err)
	}
	defer started.Close()
	startDaemon(func(cmd *exec.Cmd) error { return started.Share(cmd, "started") })
	fmt.Println("started:", started)
	// Output:
	// daemon: nobody waits
	// daemon: sets the event
	// started: set
}

func daemon() {
	// First of all: a child that is started before inherits the event too.
	started, err := interprocess.Inherited("started")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Fatal(err) // something between the parent and this program closed the descriptor
	}
	if started == nil {
		fmt.Println("daemon: nobody waits")
		return
	}
	defer started.Close()
	fmt.Println("daemon: sets the event")
	started.Set()
}

func startDaemon(share func(*exec.Cmd) error) {
	cmd := exec.Command(os.Args[0], "daemon")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := share(cmd); err != nil {
		log.Fatal(err)
	}
	if err := cmd.Run(); err != nil {
		log.Fatal(err)
	}
}
