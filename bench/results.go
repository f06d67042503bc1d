package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/perf/benchmath"

	"example.com/event/bench/rival"
)

// Results are what a run has seen.
type Results struct {
	Command    string
	Date       time.Time
	CPU        string
	Platform   string
	Go         string
	GOMAXPROCS int
	Modules    map[string]string // the versions of the rivals
	Figures    []Figure
	Answers    []Answer
}

// A Figure is what a work has cost a rival.
type Figure struct {
	Work   string
	Unit   string
	Rival  string
	Bare   string    // the primitive that the work costs at least
	Values []float64 // one a round
	Median float64
	Spread string  // of the median, at 95 % confidence, as benchstat has it
	Ratio  float64 // to this library: the median of the rounds' ratios
}

// add notes what a round has seen.
func (r *Results) add(work, unit, bare, name string, value float64) {
	i := slices.IndexFunc(r.Figures, func(f Figure) bool { return f.Work == work && f.Rival == name })
	if i < 0 {
		i = len(r.Figures)
		r.Figures = append(r.Figures, Figure{Work: work, Unit: unit, Rival: name, Bare: bare})
	}
	r.Figures[i].Values = append(r.Figures[i].Values, value)
}

// sum fills in what follows from the values.
func (r *Results) sum() {
	for i := range r.Figures {
		f := &r.Figures[i]
		s := summary(f.Values)
		f.Median, f.Spread = s.Center, s.PctRangeString()
		this, _ := r.figure(f.Work, rival.This)
		var ratios []float64
		for j, v := range f.Values {
			ratios = append(ratios, v/this.Values[j])
		}
		f.Ratio = summary(ratios).Center
	}
}

func summary(values []float64) benchmath.Summary {
	s := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	return benchmath.AssumeNothing.Summary(s, 0.95)
}

// figure reports false if the work was not measured or the rival can't do it.
func (r *Results) figure(work, name string) (Figure, bool) {
	for _, f := range r.Figures {
		if f.Work == work && f.Rival == name {
			return f, true
		}
	}
	return Figure{}, false
}

// rivals are those who did one of the works, in their order.
func (r *Results) rivals(works ...string) []string {
	var names []string
	for _, a := range rival.All {
		if slices.ContainsFunc(works, func(w string) bool { _, ok := r.figure(w, a.Name); return ok }) {
			names = append(names, a.Name)
		}
	}
	return names
}

func readResults(file string) (*Results, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Results)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func (r *Results) write(file string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o666)
}
