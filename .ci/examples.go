//go:build ignore

// Examples checks that the examples of both packages are programs: each, as Go's
// documentation shows it, is built in a module of its own that imports the
// library, and prints what it says. As root, they run as nobody, and may start few
// processes.
//
//	go run .ci/examples.go
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		log.Fatal(err)
	}
	err = check(dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func check(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil { // nobody runs programs in it
		return err
	}
	examples := map[string]*doc.Example{}
	for _, pkg := range []string{".", "interprocess"} {
		if err := write(dir, pkg, examples); err != nil {
			return err
		}
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	for _, command := range [][]string{
		{"go", "mod", "init", "examples"},
		{"go", "mod", "edit", "-require=example.com/event@v0.0.0", "-replace=example.com/event=" + root},
		{"go", "vet", "./..."},
		{"go", "build", "-o", "bin/", "./..."},
	} {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", command, err, out)
		}
	}
	var failed []error
	for name, example := range examples {
		if err := run(filepath.Join(dir, "bin", name), example); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	fmt.Println(len(examples), "examples,", len(failed), "failed")
	return errors.Join(failed...)
}

// write writes the examples of pkg to dir, each as a program, and adds them to
// examples.
func write(dir, pkg string, examples map[string]*doc.Example) error {
	paths, err := filepath.Glob(filepath.Join(pkg, "*_test.go"))
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	for _, example := range doc.Examples(files...) {
		name := fmt.Sprintf("%s_Example%s", filepath.Base(pkg), example.Name)
		if example.Play == nil || example.Output == "" {
			return fmt.Errorf("%s is not a program, or does not say what it prints", name)
		}
		var program bytes.Buffer
		if err := format.Node(&program, fset, example.Play); err != nil {
			return err
		}
		name = strings.TrimLeft(name, "._")
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name, "main.go"), program.Bytes(), 0o644); err != nil {
			return err
		}
		examples[name] = example
	}
	return nil
}

func run(program string, example *doc.Example) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if os.Geteuid() == 0 {
		cmd.Path, cmd.Args = "/bin/bash", []string{"bash", "-c", `ulimit -u 300; exec "$0"`, program}
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	out, err := cmd.CombinedOutput()
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	want := strings.Split(strings.TrimSpace(example.Output), "\n")
	if example.Unordered {
		slices.Sort(got)
		slices.Sort(want)
	}
	if err == nil && !slices.Equal(got, want) {
		err = errors.New("it should print what it says")
	}
	if err != nil {
		return fmt.Errorf("%w; it printed:\n%s", err, out)
	}
	return nil
}
