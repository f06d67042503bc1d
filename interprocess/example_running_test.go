//go:build unix || windows

package interprocess_test

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"example.com/event/interprocess"
)

// A control program pauses and resumes a worker. They meet at a path, and either
// may come first. The event means “running” and is set from the start, because a
// worker can wait for Set but not for Clear.
//
// The arguments are “worker PATH”, “pause PATH”, “resume PATH” or “status PATH”;
// without them, the program demonstrates these.
func ExampleOpenOrCreate() {
	role := ""
	if len(os.Args) == 3 {
		role = os.Args[1]
	}
	switch role {
	case "worker":
		work(os.Args[2])
	case "pause", "resume", "status":
		control(role, os.Args[2])
	default:
		demonstrate()
	}
	// Output:
	// control: status: set
	// control: pause
	// a worker is killed
	// control: status: unset
	// control: resume
	// worker: first job
	// worker: second job
}

func work(path string) {
	running, _, err := interprocess.OpenOrCreate(path, true)
	if err != nil {
		log.Fatal(err)
	}
	defer running.Close()

	queue := bufio.NewScanner(os.Stdin)
	for {
		running.Wait() // a worker that is paused takes no job
		if !queue.Scan() {
			return
		}
		running.Wait() // it may have been paused while the queue was empty
		fmt.Println("worker:", queue.Text())
	}
}

func control(command, path string) {
	running, _, err := interprocess.OpenOrCreate(path, true)
	if err != nil {
		log.Fatal(err)
	}
	defer running.Close()

	switch command {
	case "pause":
		fmt.Println("control: pause")
		running.Clear()
	case "resume":
		fmt.Println("control: resume")
		running.Set()
	case "status":
		fmt.Println("control: status:", running)
	}
}

func demonstrate() {
	parent := os.TempDir()
	if runtime.GOOS == "linux" {
		parent = "/dev/shm" // on Linux, the file must be in memory
	}
	dir, err := os.MkdirTemp(parent, "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "running")

	start := func(role string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], role, path)
		cmd.Stdin = strings.NewReader("first job\nsecond job\n")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			log.Fatal(err)
		}
		return cmd
	}
	start("status").Wait()
	start("pause").Wait()

	killed := start("worker")
	killed.Process.Kill()
	killed.Wait()
	fmt.Println("a worker is killed")

	worker := start("worker")
	start("status").Wait()
	start("resume").Wait()
	worker.Wait()
}
