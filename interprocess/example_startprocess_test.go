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

// A program that starts its children with [os.StartProcess] shares an event with
// a command that it never starts, and takes the environment and the files from
// that.
func ExampleEvent_Share() {
	begin, err := interprocess.Inherited("begin")
	switch {
	case err == nil:
		begin.Wait()
		fmt.Println("child: begins")
	case errors.Is(err, fs.ErrNotExist):
		startProcess()
	default:
		log.Fatal(err)
	}
	// Output:
	// parent: sets the event
	// child: begins
}

func startProcess() {
	begin, err := interprocess.New()
	if err != nil {
		log.Fatal(err)
	}
	defer begin.Close()

	cmd := exec.Command(os.Args[0])
	if err := begin.Share(cmd, "begin"); err != nil {
		log.Fatal(err)
	}
	child, err := os.StartProcess(os.Args[0], os.Args[:1], &os.ProcAttr{
		Env:   cmd.Env,
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, cmd.ExtraFiles...),
		Sys:   cmd.SysProcAttr, // on Windows, it has the handle in place of ExtraFiles
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("parent: sets the event")
	begin.Set()
	if _, err := child.Wait(); err != nil {
		log.Fatal(err)
	}
}
