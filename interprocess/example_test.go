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

// The examples start this program again, to run one of these functions.
var roles = map[string]func(){
	"greeter":    greeter,
	"impatient":  impatient,
	"patient":    patient,
	"setter":     setter,
	"runner":     runner,
	"printer":    printer,
	"job":        job,
	"stranger":   stranger,
	"server":     server,
	"client":     client,
	"supervisor": supervisor,
	"worker":     worker,
}

func init() {
	if self := os.Getenv("EVENT_TEST_SELF"); self != "" {
		os.Args[0] = self // see TestMain
	}
	if role := os.Getenv("ROLE"); role != "" {
		roles[role]()
		os.Exit(0)
	}
}

// program returns the command that runs roles[role].
func program(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "ROLE="+role)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// start starts cmd and returns its output.
func start(cmd *exec.Cmd) *bufio.Scanner {
	cmd.Stdout = nil
	out := must(cmd.StdoutPipe())
	check(cmd.Start())
	return bufio.NewScanner(out)
}

// printLines waits for the next n lines of output and prints them.
func printLines(output *bufio.Scanner, n int) {
	for range n {
		output.Scan()
		fmt.Println(output.Text())
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// A parent creates an event and shares it with a child, which waits for it.
func Example() {
	cmd := program("greeter")

	ready := must(interprocess.New()) // in the parent
	check(ready.Share(cmd, "ready"))
	check(cmd.Start())
	ready.Set()

	check(cmd.Wait())
	check(ready.Close())
	// Output:
	// child: the event is set
}

func greeter() {
	ready := must(interprocess.Inherited("ready")) // in the child
	ready.Wait()
	fmt.Println("child: the event is", ready)
}

// Of three workers, one gives up after a timeout, one waits for the parent and
// then sets another event, and one waits for that event.
func Example_threeWorkers() {
	never := must(interprocess.New())
	defer never.Close()
	begin := must(interprocess.New())
	defer begin.Close()
	done := must(interprocess.New())
	defer done.Close()

	impatient := program("impatient")
	check(never.Share(impatient, "never"))
	check(impatient.Run())

	patient, setter := program("patient"), program("setter")
	check(done.Share(patient, "done"))
	check(begin.Share(setter, "begin"))
	check(done.Share(setter, "done"))
	check(patient.Start())
	check(setter.Start())

	fmt.Println("parent: sets begin")
	begin.Set()
	check(setter.Wait())
	check(patient.Wait())
	// Output:
	// impatient: timed out
	// parent: sets begin
	// setter: begins, sets done
	// patient: done
}

func impatient() {
	never := must(interprocess.Inherited("never"))
	if !never.WaitTimeout(10 * time.Millisecond) {
		fmt.Println("impatient: timed out")
	}
}

func setter() {
	begin := must(interprocess.Inherited("begin"))
	done := must(interprocess.Inherited("done"))
	begin.Wait()
	fmt.Println("setter: begins, sets done")
	done.Set()
}

func patient() {
	done := must(interprocess.Inherited("done"))
	done.Wait()
	fmt.Println("patient: done")
}

// Five runners wait at a starting gate. The parent opens it when all of them
// are there.
func Example_startingGate() {
	gate := must(interprocess.New())
	defer gate.Close()

	var outputs []*bufio.Scanner
	for i := range 5 {
		cmd := program("runner", fmt.Sprint(i+1))
		check(gate.Share(cmd, "gate"))
		outputs = append(outputs, start(cmd))
		defer cmd.Wait()
	}
	for _, output := range outputs {
		printLines(output, 1)
	}
	fmt.Println("the gate opens")
	gate.Set()
	for _, output := range outputs {
		printLines(output, 1)
	}
	// Output:
	// 1 is ready
	// 2 is ready
	// 3 is ready
	// 4 is ready
	// 5 is ready
	// the gate opens
	// 1 runs
	// 2 runs
	// 3 runs
	// 4 runs
	// 5 runs
}

func runner() {
	gate := must(interprocess.Inherited("gate"))
	fmt.Println(os.Args[1], "is ready")
	gate.Wait()
	fmt.Println(os.Args[1], "runs")
}

// A child waits for two events and a channel in one select statement.
func ExampleEvent_Done() {
	stop := must(interprocess.New())
	defer stop.Close()
	reload := must(interprocess.New())
	defer reload.Close()

	cmd := program("printer")
	check(stop.Share(cmd, "stop"))
	check(reload.Share(cmd, "reload"))
	pages := must(cmd.StdinPipe())
	output := start(cmd)

	fmt.Fprintln(pages, "page 1")
	printLines(output, 1)
	reload.Set()
	printLines(output, 1)
	fmt.Fprintln(pages, "page 2")
	printLines(output, 1)
	stop.Set()
	printLines(output, 1)
	check(cmd.Wait())
	// Output:
	// prints page 1
	// reloads its configuration
	// prints page 2
	// stops
}

// printer is the child of ExampleEvent_Done.
func printer() {
	stop := must(interprocess.Inherited("stop"))
	reload := must(interprocess.Inherited("reload"))

	pages := make(chan string)
	go func() {
		for input := bufio.NewScanner(os.Stdin); input.Scan(); {
			pages <- input.Text()
		}
	}()
	for {
		select { // calls Done anew each time
		case <-stop.Done():
			fmt.Println("stops")
			return
		case <-reload.Done():
			reload.Clear() // first: a Set during the reload asks for another one
			fmt.Println("reloads its configuration")
		case page := <-pages:
			fmt.Println("prints", page)
		}
	}
}

// A child makes an event cancel the context that its work depends on.
func Example_cancelContext() {
	stop := must(interprocess.New())
	defer stop.Close()

	cmd := program("job")
	check(stop.Share(cmd, "stop"))
	output := start(cmd)
	printLines(output, 1)
	stop.Set()
	printLines(output, 1)
	check(cmd.Wait())
	// Output:
	// the job begins
	// the job ends: context canceled
}

// job is the child of Example_cancelContext.
func job() {
	stop := must(interprocess.Inherited("stop"))

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		stop.WaitContext(ctx) // ends with the job even if the event is never set
	}()

	fmt.Println("the job begins")
	<-ctx.Done() // instead of calls that take ctx
	fmt.Println("the job ends:", ctx.Err())
}

// Two unrelated programs use a path. The one that creates the event starts first.
func ExampleCreate() {
	dir := must(os.MkdirTemp("/dev/shm", "example"))
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "stop") // for a real program, see “Where to put the file”

	stop := must(interprocess.Create(path))
	defer os.Remove(path)
	defer stop.Close()

	cmd := program("stranger", path)
	check(cmd.Start())
	stop.Set()
	check(cmd.Wait())
	// Output:
	// the other program stops
}

func stranger() {
	stop := must(interprocess.Open(os.Args[1]))
	stop.Wait()
	fmt.Println("the other program stops")
}

// A server tells its clients by an event that it is ready. Both open the event
// with OpenOrCreate, so either may start first, and either may crash and be
// restarted. The server sets the flag, so it also clears the flag that a crash
// has left set.
func ExampleOpenOrCreate() {
	dir := must(os.MkdirTemp("/dev/shm", "example"))
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "ready") // for a real program, see “Where to put the file”

	client := program("client", path)
	clientOutput := start(client)
	printLines(clientOutput, 1)
	server := program("server", path)
	printLines(start(server), 3)
	printLines(clientOutput, 1)
	check(client.Wait())

	check(server.Process.Kill())
	server.Wait()
	fmt.Println("the server is killed")

	server = program("server", path)
	printLines(start(server), 3)
	check(program("client", path).Run())
	check(server.Process.Kill())
	server.Wait()
	// Output:
	// client: created the event: true
	// server: created the event: false
	// server: the flag was unset
	// server: starts up; the flag is unset
	// client: the server is ready
	// the server is killed
	// server: created the event: false
	// server: the flag was set
	// server: starts up; the flag is unset
	// client: created the event: false
	// client: the server is ready
}

// server is the program that owns the flag.
func server() {
	ready, created, err := interprocess.OpenOrCreate(os.Args[1], false)
	check(err)
	fmt.Println("server: created the event:", created)
	fmt.Println("server: the flag was", ready)
	ready.Clear()
	fmt.Println("server: starts up; the flag is", ready)
	ready.Set()
	time.Sleep(time.Minute) // serves
}

func client() {
	ready, created, err := interprocess.OpenOrCreate(os.Args[1], false)
	check(err)
	fmt.Println("client: created the event:", created)
	ready.Wait()
	fmt.Println("client: the server is ready")
}

// A worker ends with its supervisor, even if the supervisor is killed and can no
// longer set the event that the worker waits for. Its standard input is a pipe
// whose other end only the supervisor has, so reading it ends when the
// supervisor does, and cancels the worker's context.
func Example_supervisor() {
	cmd := program("supervisor", "1")
	output := start(cmd)
	printLines(output, 1)
	check(cmd.Process.Kill())
	printLines(output, 1)
	cmd.Wait()
	// Output:
	// worker: waits
	// worker: the supervisor has ended: context canceled
}

// supervisor starts as many workers as its argument says.
func supervisor() {
	stop := must(interprocess.New())
	var n int
	fmt.Sscan(os.Args[1], &n)
	var workers []*exec.Cmd
	for range n {
		cmd := program("worker")
		check(stop.Share(cmd, "stop"))
		must(cmd.StdinPipe()) // stays open until the worker or this process ends
		check(cmd.Start())
		workers = append(workers, cmd)
	}
	for _, cmd := range workers {
		check(cmd.Wait())
	}
}

func worker() {
	stop := must(interprocess.Inherited("stop"))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	fmt.Println("worker: waits")
	if err := stop.WaitContext(ctx); err != nil {
		fmt.Println("worker: the supervisor has ended:", err)
	}
}
