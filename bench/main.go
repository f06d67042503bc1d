// Bench fills the tables of ../README.md from results.txt and interprocess.txt
// and draws chart.svg.
package main

import (
	"fmt"
	"log"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

func main() {
	readme, chart, err := render()
	if err == nil {
		err = os.WriteFile("../README.md", readme, 0o666)
	}
	if err == nil {
		err = os.WriteFile("chart.svg", chart, 0o666)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// render returns the README with its tables filled in, and the chart.
func render() (readme, chart []byte, err error) {
	if readme, err = os.ReadFile("../README.md"); err != nil {
		return nil, nil, err
	}
	for _, t := range []*table{&goroutines, &processes} {
		if err := t.read(); err != nil {
			return nil, nil, err
		}
		between := regexp.MustCompile(`(?s)(<!-- table ` + t.file + ` -->\n).*?(<!-- end -->)`)
		if !between.Match(readme) {
			return nil, nil, fmt.Errorf("../README.md has no place for the table of %s", t.file)
		}
		readme = between.ReplaceAll(readme, []byte("${1}\n"+t.markdown()+"\n${2}"))
	}
	chart, err = goroutines.chart()
	return readme, chart, err
}

// A table compares the first of its impls with the others.
type table struct {
	file   string
	impls  []string
	rows   []row
	config map[string]string
	values map[key][]float64 // in the order of the rounds
}

// A row is of the benchmark with that name. What the floor is, it says; a
// charted row has a short title.
type row struct{ title, name, unit, floor, chart string }

type key struct{ name, impl, unit string }

var goroutines = table{
	file:  "results.txt",
	impls: []string{"event", "floor", "sync.Cond", "mutex+channel", "exsync", "missinggo", "context"},
	rows: []row{
		{"`IsSet`, set", "IsSet", "sec/op", "atomic load", "IsSet"},
		{"`Wait`, set", "Wait", "sec/op", "atomic load", "Wait, set"},
		{"`WaitTimeout`, set", "WaitTimeout", "sec/op", "atomic load", "WaitTimeout, set"},
		{"`WaitContext`, set", "WaitContext", "sec/op", "atomic load", ""},
		{"`Set`, set", "SetOnSet", "sec/op", "compare-and-swap", ""},
		{"`Set` and `Clear`", "SetClear", "sec/op", "two compare-and-swaps", "Set and Clear"},
		{"ping-pong, 1 processor", "PingPong", "sec/op", "channels made and closed", ""},
		{"ping-pong, 2 processors", "PingPong-2", "sec/op", "channels made and closed", "ping-pong"},
		{"broadcast to 10,000, each", "Broadcast/waiters=10000-2", "sec/waiter", "`close` of a channel", "broadcast to 10,000"},
		{"memory of 10,000, each", "Broadcast/waiters=10000-2", "B/waiter", "bare channel", ""},
	},
}

var processes = table{
	file:  "interprocess.txt",
	impls: []string{"interprocess", "multiprocessing"},
	rows: []row{
		{"`IsSet`, set", "IsSet", "sec/op", "", ""},
		{"`Set`, set", "SetOnSet", "sec/op", "", ""},
		{"`Set` and `Clear`", "SetClear", "sec/op", "", ""},
		{"ping-pong, two processes", "RoundTrip/cpus=all", "sec/op", "", ""},
		{"the same on one processor", "RoundTrip/cpus=1", "sec/op", "", ""},
		{"from `Set` to the end of a wait, 1 process: median", "Wake/procs=1", "sec-p50", "", ""},
		{"99th percentile", "Wake/procs=1", "sec-p99", "", ""},
		{"16 processes, each: median", "Wake/procs=16", "sec-p50", "", ""},
		{"99th percentile", "Wake/procs=16", "sec-p99", "", ""},
		{"100 processes, each: median", "Wake/procs=100", "sec-p50", "", ""},
		{"99th percentile", "Wake/procs=100", "sec-p99", "", ""},
		{"1,000 waits in a process, each: median", "Wake/waits=1000", "sec-p50", "", ""},
		{"99th percentile", "Wake/waits=1000", "sec-p99", "", ""},
	},
}

var implPart = regexp.MustCompile(`/impl=([^/-]+)`)

func (t *table) read() error {
	f, err := os.Open(t.file)
	if err != nil {
		return err
	}
	defer f.Close()
	t.config, t.values = make(map[string]string), make(map[key][]float64)
	in := benchfmt.NewReader(f, t.file)
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.SyntaxError:
			return rec
		case *benchfmt.Result:
			for _, c := range rec.Config {
				t.config[c.Key] = string(c.Value)
			}
			for _, v := range rec.Values {
				impl := string(implPart.FindSubmatch(rec.Name)[1])
				k := key{string(implPart.ReplaceAll(rec.Name, nil)), impl, v.Unit}
				t.values[k] = append(t.values[k], v.Value)
			}
		}
	}
	return in.Err()
}

// median returns that of the values of impl and that of their ratios to the
// first impl within each round, or ok false if there are none.
func (t *table) median(row row, impl string) (value, ratio benchmath.Summary, ok bool) {
	values, bases := t.values[key{row.name, impl, row.unit}], t.values[key{row.name, t.impls[0], row.unit}]
	if len(values) == 0 || len(values) != len(bases) {
		return value, ratio, false
	}
	ratios := slices.Clone(values)
	for i := range ratios {
		ratios[i] /= bases[i]
	}
	return summary(values), summary(ratios), true
}

func summary(values []float64) benchmath.Summary {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), 0.95)
}

func (t *table) markdown() string {
	text := "| | " + strings.Join(t.impls, " | ") + " |\n" + strings.Repeat("|---", 1+len(t.impls)) + "|\n"
	for _, row := range t.rows {
		text += "| " + row.title
		for i, impl := range t.impls {
			cell := "–"
			if value, ratio, ok := t.median(row, impl); ok && i == 0 {
				cell = "**" + amount(value, row.unit) + "**"
			} else if ok {
				cell = amount(value, row.unit) + ", ×" + digits(ratio.Center)
			}
			if impl == "floor" {
				cell = row.floor + " " + cell
			}
			text += " | " + cell
		}
		text += " |\n"
	}
	rounds := len(t.values[key{t.rows[0].name, t.impls[0], t.rows[0].unit}])
	c := t.config
	return text + fmt.Sprintf("\nMedians of %d rounds, 95 %% confidence intervals. %s, %s processors, %s/%s, %s.\n",
		rounds, c["cpu"], c["processors"], c["goos"], c["goarch"], c["versions"])
}

func amount(s benchmath.Summary, unit string) string {
	return benchunit.Scale(s.Center, benchunit.ClassOf(unit)) + unit[:1] + " ±" + s.PctRangeString()
}

// digits formats x with three digits, or all before the point.
func digits(x float64) string {
	return fmt.Sprintf("%.*f", max(0, 2-int(math.Log10(x))), x)
}
