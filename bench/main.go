// Bench measures this library beside what a user may take instead, and asks
// each whether it is right.
//
// Usage:
//
//	go run . [-quick] [-o dir]
//	go run . -draw [-o dir]
//
// It prints tables and writes to dir, by default the current one, results.json
// and the charts. If dir is the current one it also puts the tables where
// README.md and ../README.md have room for them. With -quick it takes seconds:
// the figures are rough and large broadcasts are left out. With -draw it
// measures nothing and makes the rest anew from results.json.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	quickly := flag.Bool("quick", false, "take seconds, for rough figures")
	draw := flag.Bool("draw", false, "measure nothing, draw the results that are there")
	dir := flag.String("o", ".", "directory to write to")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("unexpected argument %q", flag.Arg(0))
	}
	if *quickly && *draw {
		log.Fatal("-quick is for measuring, -draw measures nothing: choose one")
	}
	if err := run(*quickly, *draw, *dir); err != nil {
		log.Fatal(err)
	}
}

func run(quickly, draw bool, dir string) error {
	r, err := results(quickly, draw, filepath.Join(dir, "results.json"))
	if err != nil {
		return err
	}
	fmt.Println(r.tables())
	if err := r.charts(dir); err != nil {
		return err
	}
	if filepath.Clean(dir) == "." {
		return r.fillReadmes()
	}
	return nil
}

// results are read from the file or written to it.
func results(quickly, draw bool, file string) (*Results, error) {
	if draw {
		return readResults(file)
	}
	// If it can't be written, tell at once and not after minutes of measuring.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	p, command := full, "go run ."
	if quickly {
		p, command = quick, "go run . -quick"
	}
	r := p.measure(command)
	return r, r.write(file)
}
