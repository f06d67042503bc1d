//go:build unix || windows

package interprocess_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"example.com/event/interprocess"
)

// The children of these examples are this program again, in a role.
func init() {
	if role := os.Getenv("ROLE"); role != "" {
		roles[role]()
		os.Exit(0)
	}
}

// roles is filled by the functions beside the examples.
var roles = map[string]func(){
	"greeter":           greeter,
	"patient":           patient,
	"impatient":         impatient,
	"setter":            setter,
	"worker":            worker,
	"stranger":          stranger,
	"supervised worker": supervisedWorker,
}

// child returns the command of a child in role, whose output is the parent's.
func child(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "ROLE="+role)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The parent makes an event and starts a child that waits for it.
func Example() {
	ready, err := interprocess.New()
	check(err)
	defer ready.Close()

	cmd := child("greeter")
	check(ready.Share(cmd, "ready"))
	check(cmd.Start())

	fmt.Println("parent: set")
	ready.Set()
	check(cmd.Wait())
	// Output:
	// parent: set
	// child: the event is set
}

func greeter() {
	ready, err := interprocess.Inherited("ready")
	check(err)
	ready.Wait()
	fmt.Println("child: the event is", ready)
}

// Three workers: one waits without limit, for the second child to set what it
// waits for; one gives up after a time; one waits for the parent.
func Example_threeWorkers() {
	never, err := interprocess.New()
	check(err)
	defer never.Close()
	begin, err := interprocess.New()
	check(err)
	defer begin.Close()
	done, err := interprocess.New()
	check(err)
	defer done.Close()

	impatient := child("impatient")
	check(never.Share(impatient, "never"))
	check(impatient.Run())

	patient, setter := child("patient"), child("setter")
	check(done.Share(patient, "done"))
	check(done.Share(setter, "done"))
	check(begin.Share(setter, "go"))
	check(patient.Start())
	check(setter.Start())

	fmt.Println("parent: sets the setter going")
	begin.Set()
	check(setter.Wait())
	check(patient.Wait())
	// Output:
	// impatient: gave up
	// parent: sets the setter going
	// setter: was set going, sets in turn
	// patient: at last
}

func impatient() {
	never, err := interprocess.Inherited("never")
	check(err)
	if !never.WaitTimeout(10 * time.Millisecond) {
		fmt.Println("impatient: gave up")
	}
}

func patient() {
	done, err := interprocess.Inherited("done")
	check(err)
	done.Wait()
	fmt.Println("patient: at last")
}

func setter() {
	start, err := interprocess.Inherited("go")
	check(err)
	done, err := interprocess.Inherited("done")
	check(err)
	start.Wait()
	fmt.Println("setter: was set going, sets in turn")
	done.Set()
}

// Five workers wait at a starting gate; the parent opens it when all are there.
func Example_startingGate() {
	gate, err := interprocess.New()
	check(err)
	defer gate.Close()

	var workers []*exec.Cmd
	for i := range 5 {
		cmd := child("worker", fmt.Sprint(i+1))
		cmd.Stdout = nil
		check(gate.Share(cmd, "gate"))
		out, err := cmd.StdoutPipe()
		check(err)
		check(cmd.Start())
		line, err := bufio.NewReader(io.LimitReader(out, 6)).ReadString('\n')
		check(err)
		fmt.Print(i+1, " is ", line)
		defer func() {
			rest, err := io.ReadAll(out)
			check(err)
			check(cmd.Wait())
			fmt.Print(string(rest))
		}()
		workers = append(workers, cmd)
	}
	fmt.Println("all", len(workers), "are there: go")
	gate.Set()
	// Unordered output:
	// 1 is ready
	// 2 is ready
	// 3 is ready
	// 4 is ready
	// 5 is ready
	// all 5 are there: go
	// 1 runs
	// 2 runs
	// 3 runs
	// 4 runs
	// 5 runs
}

func worker() {
	gate, err := interprocess.Inherited("gate")
	check(err)
	fmt.Println("ready")
	gate.Wait()
	fmt.Println(os.Args[1], "runs")
}

// Two programs that are not related meet at a path.
func ExampleCreate() {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "stop") // in earnest: in /dev/shm or $XDG_RUNTIME_DIR

	stop, err := interprocess.Create(path)
	check(err)
	defer os.Remove(path)
	defer stop.Close()

	other := child("stranger", path)
	check(other.Start())
	stop.Set()
	check(other.Wait())
	// Output:
	// the other program stops
}

func stranger() {
	stop, err := interprocess.Open(os.Args[1])
	check(err)
	stop.Wait()
	fmt.Println("the other program stops")
}

// A supervisor tells its workers through one event to finish. One of them is
// killed while it waits for that event; the event does not mind.
func Example_supervisor() {
	drain, err := interprocess.New()
	check(err)
	defer drain.Close()

	var workers []*exec.Cmd
	for range 3 {
		cmd := child("supervised worker")
		cmd.Stdout = nil
		check(drain.Share(cmd, "drain"))
		out, err := cmd.StdoutPipe()
		check(err)
		check(cmd.Start())
		_, err = bufio.NewReader(out).ReadString('\n') // it works
		check(err)
		workers = append(workers, cmd)
	}
	check(workers[0].Process.Kill())
	workers[0].Wait()
	fmt.Println("a worker was killed")

	drain.Set()
	for _, cmd := range workers[1:] {
		check(cmd.Wait())
		fmt.Println("a worker has finished")
	}
	drain.Clear()
	fmt.Println("drain is", drain, "for the next generation")
	// Output:
	// a worker was killed
	// a worker has finished
	// a worker has finished
	// drain is unset for the next generation
}

func supervisedWorker() {
	drain, err := interprocess.Inherited("drain")
	check(err)
	fmt.Println("working")
	if err := drain.WaitContext(context.Background()); err != nil {
		os.Exit(1)
	}
}
