//go:build unix || windows

package interprocess_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"

	"example.com/event/interprocess"
)

// A supervisor runs three workers, replaces one that dies, and stops them. They
// also stop if the supervisor is killed: a wait does not notice the death of the
// process that should set the event, but the end of a pipe does.
//
// The program starts itself again as the supervisor, twice, and kills the second
// one. The workers are the processes that inherit the event.
func Example_supervisor() {
	stop, err := interprocess.Inherited("halt")
	switch {
	case err == nil:
		workUntil(stop)
	case !errors.Is(err, fs.ErrNotExist):
		log.Fatal(err)
	case len(os.Args) == 2 && os.Args[1] == "supervisor":
		supervise()
	default:
		runSupervisor(false)
		runSupervisor(true)
	}
	// Output:
	// supervisor: a worker has died
	// supervisor: three workers run
	// worker: stops
	// worker: stops
	// worker: stops
	// supervisor: a worker has died
	// supervisor: three workers run
	// the supervisor is killed
	// worker: the supervisor has died
	// worker: the supervisor has died
	// worker: the supervisor has died
}

// workUntil is a worker.
func workUntil(stop *interprocess.Event) {
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin) // ends when the supervisor does
		cancel(errors.New("the supervisor has died"))
	}()
	go func() {
		if stop.WaitContext(ctx) == nil {
			cancel(errors.New("stops"))
		}
	}()
	<-ctx.Done() // in place of work that takes ctx
	fmt.Println("worker:", context.Cause(ctx))
}

// supervise stops the workers when its standard input ends.
func supervise() {
	stop, err := interprocess.New()
	if err != nil {
		log.Fatal(err)
	}
	died := make(chan error)
	start := func() *exec.Cmd {
		worker := exec.Command(os.Args[0])
		worker.Stdout, worker.Stderr = os.Stdout, os.Stderr
		if err := stop.Share(worker, "halt"); err != nil {
			log.Fatal(err)
		}
		if _, err := worker.StdinPipe(); err != nil { // open until the worker or this process ends
			log.Fatal(err)
		}
		if err := worker.Start(); err != nil {
			log.Fatal(err)
		}
		go func() { died <- worker.Wait() }()
		return worker
	}
	first := start()
	start()
	start()
	first.Process.Kill()
	<-died
	fmt.Println("supervisor: a worker has died")
	start()
	fmt.Println("supervisor: three workers run")

	io.Copy(io.Discard, os.Stdin)
	stop.Set()
	for range 3 {
		<-died
	}
}

// runSupervisor shows what the supervisor and its workers print.
func runSupervisor(kill bool) {
	supervisor := exec.Command(os.Args[0], "supervisor")
	supervisor.Stderr = os.Stderr
	stdin, err := supervisor.StdinPipe()
	if err != nil {
		log.Fatal(err)
	}
	stdout, err := supervisor.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() { // until the supervisor and all workers have ended
		fmt.Println(lines.Text())
		switch {
		case lines.Text() != "supervisor: three workers run":
		case kill:
			fmt.Println("the supervisor is killed")
			supervisor.Process.Kill()
		default:
			stdin.Close()
		}
	}
	supervisor.Wait()
}
