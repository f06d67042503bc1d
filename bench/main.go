// Bench fills the tables of both READMEs from the results and draws chart.svg.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"log"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func main() {
	files, err := render()
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(name, text, 0o666)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
}

// render returns the files to write.
func render() (files map[string][]byte, err error) {
	files = make(map[string][]byte)
	for _, t := range []*table{&goroutines, &processes, &overview} {
		if err := t.read(); err != nil {
			return nil, err
		}
		readme := files[t.readme]
		if readme == nil {
			if readme, err = os.ReadFile(t.readme); err != nil {
				return nil, err
			}
		}
		old := regexp.MustCompile(`(?s)\| \| ` + t.impls[0] + ` \|.*?\n\nMedians[^\n]*\n`) // the table and its caption
		if !old.Match(readme) {
			return nil, fmt.Errorf("%s has no table of %s", t.readme, t.impls[0])
		}
		files[t.readme] = old.ReplaceAllLiteral(readme, []byte(t.markdown()))
	}
	files["chart.svg"], err = goroutines.chart()
	return files, err
}

// A table compares the first of its impls with the others.
type table struct {
	file    string
	readme  string // has the table
	impls   []string
	rows    []row
	brief   bool // only medians
	machine string
	values  map[string][]float64 // of "name impl unit", in the order of the rounds
}

// A row shows the benchmark of that name, without its impl. A row with a label
// is also in the chart.
type row struct{ title, name, unit, floor, label string }

var goroutines = table{file: "results.txt", readme: "README.md",
	impls: []string{"event", "floor", "sync.Cond", "mutex+channel", "exsync", "missinggo", "context"},
	rows: []row{
		{"`IsSet`", "IsSet", "sec/op", "an atomic load", "IsSet"},
		{"`Wait` on a set event", "Wait", "sec/op", "an atomic load", "Wait, set"},
		{"`WaitTimeout` on a set event", "WaitTimeout", "sec/op", "an atomic load", "WaitTimeout, set"},
		{"`WaitContext` on a set event", "WaitContext", "sec/op", "an atomic load", ""},
		{"`Set` on a set event", "SetOnSet", "sec/op", "a compare-and-swap", ""},
		{"`Set` and `Clear`", "SetClear", "sec/op", "two compare-and-swaps", "Set and Clear"},
		{"ping-pong, one processor", "PingPong", "sec/op", "a channel for each wait", ""},
		{"ping-pong, two processors", "PingPong-2", "sec/op", "a channel for each wait", "ping-pong"},
		{"broadcast to 10,000, each", "Broadcast/waiters=10000-2", "sec/waiter", "closing a channel", "broadcast"},
		{"memory of 10,000 waiters, each", "Broadcast/waiters=10000-2", "B/waiter", "a channel", ""},
	},
}

// overview has a row that a rival wins.
var overview = table{file: "results.txt", readme: "../README.md", brief: true,
	impls: []string{"event", "mutex+channel", "sync.Cond"},
	rows: []row{
		{"`IsSet`", "IsSet", "sec/op", "", ""},
		{"`Set` and `Clear`, nobody waiting", "SetClear", "sec/op", "", ""},
		{"ping-pong, two processors", "PingPong-2", "sec/op", "", ""},
		{"broadcast to 10,000, each", "Broadcast/waiters=10000-2", "sec/waiter", "", ""},
	},
}

var processes = table{file: "interprocess.txt", readme: "README.md",
	impls: []string{"interprocess", "multiprocessing"},
	rows: []row{
		{"`IsSet`", "IsSet", "sec/op", "", ""},
		{"`Set` on a set event", "SetOnSet", "sec/op", "", ""},
		{"`Set` and `Clear`", "SetClear", "sec/op", "", ""},
		{"ping-pong between two processes", "RoundTrip/cpus=all", "sec/op", "", ""},
		{"the same on one processor", "RoundTrip/cpus=1", "sec/op", "", ""},
		{"from `Set` to the end of the wait of one process, median", "Wake/procs=1", "sec-p50", "", ""},
		{"the same, 99th percentile", "Wake/procs=1", "sec-p99", "", ""},
		{"of 16 processes, median", "Wake/procs=16", "sec-p50", "", ""},
		{"the same, 99th percentile", "Wake/procs=16", "sec-p99", "", ""},
		{"of 100 processes, median", "Wake/procs=100", "sec-p50", "", ""},
		{"the same, 99th percentile", "Wake/procs=100", "sec-p99", "", ""},
		{"of 1,000 waits in one process, median", "Wake/waits=1000", "sec-p50", "", ""},
		{"the same, 99th percentile", "Wake/waits=1000", "sec-p99", "", ""},
	},
}

var implPart = regexp.MustCompile(`/impl=([^/-]+)`)

func (t *table) read() error {
	t.values = make(map[string][]float64)
	in := benchfmt.Files{Paths: []string{t.file}}
	for in.Scan() {
		switch rec := in.Result().(type) {
		case *benchfmt.SyntaxError:
			return rec
		case *benchfmt.Result:
			get := rec.GetConfig
			t.machine = fmt.Sprintf("%s, %s processors, %s/%s, %s", get("cpu"), get("processors"), get("goos"), get("goarch"), get("versions"))
			for _, v := range rec.Values {
				key := fmt.Sprintf("%s %s %s", implPart.ReplaceAll(rec.Name, nil), implPart.FindSubmatch(rec.Name)[1], v.Unit)
				t.values[key] = append(t.values[key], v.Value)
			}
		}
	}
	return in.Err()
}

// median returns the medians of the values of impl and of their ratios to base
// within each round. If there are none, ok is false.
func (t *table) median(row row, impl, base string) (value, ratio benchmath.Summary, ok bool) {
	values, bases := t.values[row.name+" "+impl+" "+row.unit], t.values[row.name+" "+base+" "+row.unit]
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
	caption := "Medians of the rounds with their 95 % confidence intervals; × is the median of the ratios within each round. "
	if t.brief {
		caption = "Medians. "
	}
	for _, row := range t.rows {
		text += "| " + row.title
		for i, impl := range t.impls {
			cell := "–"
			value, ratio, ok := t.median(row, impl, t.impls[0])
			switch {
			case ok && t.brief:
				cell = benchunit.Scale(value.Center, benchunit.ClassOf(row.unit)) + row.unit[:1]
			case ok && i == 0:
				cell = "**" + amount(value, row.unit) + "**"
			case ok:
				cell = amount(value, row.unit) + ", ×" + digits(ratio.Center)
			}
			if impl == "floor" {
				cell = row.floor + ": " + cell
			}
			text += " | " + cell
		}
		text += " |\n"
	}
	return text + "\n" + caption + t.machine + ".\n"
}

func amount(s benchmath.Summary, unit string) string {
	return benchunit.Scale(s.Center, benchunit.ClassOf(unit)) + unit[:1] + " ±" + s.PctRangeString()
}

// digits formats x with three digits, or with all digits before the point.
func digits(x float64) string {
	return fmt.Sprintf("%.*f", max(0, 2-int(math.Log10(x))), x)
}

// head follows the start tag of the chart, which is inverted in dark mode.
const head = ` role="img">
<title>Time as a ratio to this library</title>
<style>
text { font-family: "Liberation Sans", Arial, Helvetica, sans-serif !important; }
@media (prefers-color-scheme: dark) { svg { filter: invert(0.95) hue-rotate(180deg); } }
</style>
<g`

// chart draws a bar for each rival that can be cleared. The axis is linear and
// shows logarithms, so that a bar begins at this library.
func (t *table) chart() ([]byte, error) {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.X.Label.Text = "time as a ratio to this library; dashed: the floor"
	p.X.Tick.Marker = plot.ConstantTicks{{Value: -1, Label: "×0.1"}, {Value: 0, Label: "×1"}, {Value: 1, Label: "×10"}, {Value: 2, Label: "×100"}}
	p.Y.Label.Text, p.Y.Padding = " ", 10 // room for fonts that are wider
	p.Legend.Left, p.Legend.XOffs, p.Legend.Padding = true, 300, 2
	rows := slices.DeleteFunc(slices.Clone(t.rows), func(r row) bool { return r.label == "" })
	slices.Reverse(rows) // puts the first on top
	titles := make([]string, len(rows))
	line := func(x, from, to float64, dashes ...vg.Length) {
		p.Add(&plotter.Line{XYs: plotter.XYs{{X: x, Y: from}, {X: x, Y: to}}, LineStyle: draw.LineStyle{Color: color.Black, Width: 1, Dashes: dashes}})
	}
	for i, impl := range []string{"sync.Cond", "mutex+channel", "exsync", "missinggo"} {
		logs, labels := make(plotter.Values, len(rows)), plotter.XYLabels{}
		for y, row := range rows {
			_, ratio, _ := t.median(row, impl, "event")
			logs[y], titles[y] = math.Log10(ratio.Center), row.label
			labels.XYs = append(labels.XYs, plotter.XY{X: max(0, logs[y]), Y: float64(y)})
			labels.Labels = append(labels.Labels, "×"+digits(ratio.Center))
		}
		bars, err := plotter.NewBarChart(logs, 9)
		texts, err2 := plotter.NewLabels(labels)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		bars.Horizontal, bars.LineStyle.Width, bars.Offset = true, 0, vg.Length(15-10*i)
		bars.Color = color.RGBA{0x20 + uint8(i)*0x30, 0x50 + uint8(i)*0x26, 0x90 + uint8(i)*0x18, 0xFF}
		texts.Offset = vg.Point{X: 4, Y: bars.Offset}
		for j := range texts.TextStyle {
			texts.TextStyle[j].Font, texts.TextStyle[j].YAlign = font.From(plot.DefaultFont, 9), draw.YCenter
		}
		p.Add(bars, texts)
		p.Legend.Add(impl, bars)
	}
	for y, row := range rows {
		_, floor, _ := t.median(row, "floor", "event")
		line(math.Log10(floor.Center), float64(y)-0.4, float64(y)+0.4, 2, 2)
	}
	line(0, -0.5, float64(len(rows))-0.5)
	p.NominalY(titles...)
	p.X.Min, p.X.Max = -1.2, 2.8
	svg, err := p.WriterTo(560, 400, "svg")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = svg.WriteTo(&b)
	return bytes.Replace(b.Bytes(), []byte(">\n<g"), []byte(head), 1), err
}
