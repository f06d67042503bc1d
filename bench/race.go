package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"example.com/event/bench/rival"
)

// askRaces runs the command race, built with -race, for each rival. It notes
// why if that can't be done.
func askRaces(rivals []rival.Rival, rounds int) []Answer {
	dir, err := os.MkdirTemp("", "bench")
	race := filepath.Join(dir, "race.exe")
	if err == nil {
		defer os.RemoveAll(dir)
		err = buildRace(race)
	}
	var answers []Answer
	for _, r := range rivals {
		a := Answer{Question: askRace, Rival: r.Name}
		for err == nil && a.Rounds < rounds {
			var clean bool
			if clean, err = runRace(race, r.Name); clean {
				a.Passed++
			}
			a.Rounds++
		}
		if err != nil {
			a.Note = "not asked: " + err.Error()
		}
		answers = append(answers, a)
	}
	return answers
}

func buildRace(race string) error {
	out, err := exec.Command("go", "build", "-race", "-o", race, "./race").CombinedOutput()
	if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); err != nil && lines[0] != "" {
		return errors.New(lines[len(lines)-1]) // says which compiler is missing
	}
	return err
}

// runRace reports whether there was no race. What takes a minute has failed.
func runRace(race, name string) (clean bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, race, name)
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1")
	err = cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return false, nil
	}
	return err == nil, err
}
