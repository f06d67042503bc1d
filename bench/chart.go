package main

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"example.com/event/bench/rival"
)

var (
	paper = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	ink   = color.RGBA{0x1F, 0x23, 0x28, 0xFF}
	pale  = color.RGBA{0x59, 0x63, 0x6E, 0xFF}
	grid  = color.RGBA{0xD8, 0xDE, 0xE4, 0xFF}
)

const bold = 3 // as golang.org/x/image/font has it

// dark exchanges the colours above; those of the rivals suit both.
const dark = `<style>
svg { color-scheme: light dark; }
text { font-family: "Liberation Sans", Arial, Helvetica, sans-serif !important; }
@media (prefers-color-scheme: dark) {
	[style*="#FFFFFF"] { fill: #0D1117 !important; }
	[style*="fill:#1F2328"] { fill: #F0F6FC !important; }
	[style*="fill:#59636E"] { fill: #9198A1 !important; }
	[style*="stroke:#1F2328"] { stroke: #F0F6FC !important; }
	[style*="stroke:#59636E"] { stroke: #9198A1 !important; }
	[style*="stroke:#D8DEE4"] { stroke: #30363D !important; }
}
</style>
`

// A look tells a rival from others, also without its colour.
type look struct {
	color  color.RGBA
	glyph  draw.GlyphDrawer
	dashes []vg.Length
}

var looks = map[string]look{
	rival.This:                    {color.RGBA{0xE8, 0x59, 0x0C, 0xFF}, draw.CircleGlyph{}, nil},
	rival.Channel:                 {color.RGBA{0x86, 0x8E, 0x96, 0xFF}, draw.BoxGlyph{}, nil},
	rival.Bool:                    {color.RGBA{0xA0, 0x78, 0x55, 0xFF}, draw.BoxGlyph{}, []vg.Length{4, 2}},
	rival.Cond:                    {color.RGBA{0x10, 0x98, 0xAD, 0xFF}, draw.TriangleGlyph{}, nil},
	"mutex+channel":               {color.RGBA{0x84, 0x5E, 0xF7, 0xFF}, draw.SquareGlyph{}, nil},
	"exsync.Event":                {color.RGBA{0x2F, 0x9E, 0x44, 0xFF}, draw.PyramidGlyph{}, nil},
	"missinggo.SynchronizedEvent": {color.RGBA{0x22, 0x8B, 0xE6, 0xFF}, draw.CrossGlyph{}, nil},
	"context.WithCancel":          {color.RGBA{0xD6, 0x33, 0x6C, 0xFF}, draw.PlusGlyph{}, nil},
	"sync.WaitGroup":              {color.RGBA{0xB0, 0x8A, 0x00, 0xFF}, draw.RingGlyph{}, []vg.Length{4, 2}},
	"notify.Notifier":             {color.RGBA{0x74, 0x8F, 0x2A, 0xFF}, draw.TriangleGlyph{}, []vg.Length{4, 2}},
	"sync2.Fence":                 {color.RGBA{0xAE, 0x3E, 0xC9, 0xFF}, draw.SquareGlyph{}, []vg.Length{4, 2}},
}

// charts draws all and writes them to dir.
func (r *Results) charts(dir string) error {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	for name, draw := range map[string]func() ([]byte, error){
		"summary.svg":  r.summaryChart,
		"works.svg":    r.worksChart,
		"parallel.svg": r.parallelChart,
		"growth.svg":   r.growthChart,
	} {
		b, err := draw()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o666)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (r *Results) summaryChart() ([]byte, error) {
	return r.bars("What it costs, and what else would", summaryWorks)
}

func (r *Results) worksChart() ([]byte, error) {
	return r.bars("What the rest costs", []string{
		"WaitTimeout on a set event",
		"WaitContext on a set event",
		"Set on a set event",
		"WaitTimeout(0), not set",
		"ping-pong, GOMAXPROCS 1",
		broadcastName(1),
	})
}

func (r *Results) parallelChart() ([]byte, error) {
	var test, setClear []string
	for _, g := range goroutines {
		test = append(test, parallelName("test the flag", g))
		setClear = append(setClear, parallelName("Set and Clear", g))
	}
	return r.lines("Many goroutines use one event", "goroutines", goroutines, []panel{
		{"test the flag, ns", test},
		{"Set and Clear, ns", setClear},
	})
}

func (r *Results) growthChart() ([]byte, error) {
	var waiters []int
	var times, memory []string
	for _, n := range full.sizes {
		if _, ok := r.figure(broadcastName(n), rival.This); ok {
			waiters = append(waiters, n)
			times = append(times, broadcastName(n))
			memory = append(memory, memoryName(n))
		}
	}
	return r.lines("Many goroutines wait for one event", "waiters", waiters, []panel{
		{"broadcast, ns per waiter", times},
		{"memory, B per waiter", memory},
	})
}

// bars has a panel for each of the works and in it a bar for each rival.
func (r *Results) bars(title string, works []string) ([]byte, error) {
	const columns = 3
	names := r.rivals(works...)
	var plots [][]*plot.Plot
	for i, w := range works {
		p, err := r.barPanel(w, names)
		if err != nil {
			return nil, err
		}
		if i%columns == 0 {
			plots = append(plots, nil)
		} else {
			p.HideY()
		}
		plots[i/columns] = append(plots[i/columns], p)
	}
	height := vg.Length(len(plots))*vg.Length(14*len(names)+48) + 40
	svg, c := r.canvas(title, "logarithmic, less is better; dashed: the bare primitive", 640, height)
	align(plots, c)
	return r.finish(svg, title)
}

// barPanel has the logarithm of the figures on a linear axis: a bar chart
// draws from zero.
func (r *Results) barPanel(work string, names []string) (*plot.Plot, error) {
	this, ok := r.figure(work, rival.This)
	if !ok {
		return nil, fmt.Errorf("the results lack %q", work)
	}
	least, most := math.Inf(1), 0.0
	for _, name := range names {
		if f, ok := r.figure(work, name); ok {
			least, most = min(least, f.Median), max(most, f.Median)
		}
	}
	floor := math.Floor(math.Log10(least))
	if math.Log10(least)-floor < 0.1 { // its bar must be seen
		floor--
	}
	along := func(x float64) float64 { return math.Log10(x) - floor }

	p := newPlot(work + ", " + this.Unit)
	p.X.Min, p.X.Max = 0, along(most)*1.3
	p.X.Tick.Marker = decades(floor, along(most))
	p.X.LineStyle.Width = 0
	p.X.Tick.Length = 0
	lines := plotter.NewGrid()
	lines.Horizontal.Width = 0
	lines.Vertical.Color = grid
	p.Add(lines)

	at := &plotter.Labels{}
	for i, name := range names {
		y := float64(len(names) - 1 - i)
		f, ok := r.figure(work, name)
		style := textStyle(7.5, ink)
		style.XAlign, style.YAlign = draw.XRight, draw.YCenter
		at.XYs = append(at.XYs, plotter.XY{X: p.X.Max, Y: y})
		if !ok {
			style.Color = pale
			at.Labels = append(at.Labels, "can't")
			at.TextStyle = append(at.TextStyle, style)
			continue
		}
		bar, err := plotter.NewBarChart(plotter.Values{along(f.Median)}, 8.5)
		if err != nil {
			return nil, err
		}
		bar.Horizontal, bar.XMin, bar.Color, bar.LineStyle.Width = true, y, looks[name].color, 0
		if name == rival.This {
			style.Font.Weight = bold
		} else {
			faint := looks[name].color
			bar.Color = color.NRGBA{faint.R, faint.G, faint.B, 0xA0}
		}
		p.Add(bar)
		at.Labels = append(at.Labels, digits(f.Median))
		at.TextStyle = append(at.TextStyle, style)
	}
	if bare, ok := r.figure(work, this.Bare); ok {
		x := along(bare.Median)
		line, err := plotter.NewLine(plotter.XYs{{X: x, Y: -0.5}, {X: x, Y: float64(len(names)) - 0.5}})
		if err != nil {
			return nil, err
		}
		line.LineStyle = draw.LineStyle{Color: ink, Width: 0.8, Dashes: []vg.Length{3, 2}}
		p.Add(line)
	}
	p.Add(at)
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	var ticks plot.ConstantTicks
	for i, name := range names {
		ticks = append(ticks, plot.Tick{Value: float64(len(names) - 1 - i), Label: name})
	}
	p.Y.Tick.Marker = ticks
	p.Y.Tick.Length = 0
	p.Y.LineStyle.Width = 0
	return p, nil
}

func decades(floor, width float64) plot.ConstantTicks {
	var t plot.ConstantTicks
	for i := 0.0; i <= width; i++ {
		t = append(t, plot.Tick{Value: i, Label: fmt.Sprintf("%g", math.Pow(10, floor+i))})
	}
	return t
}

// A panel has a line for each rival, with a point for each work.
type panel struct {
	title string
	works []string
}

func (r *Results) lines(title, xLabel string, xs []int, panels []panel) ([]byte, error) {
	const legendWidth = 150
	svg, c := r.canvas(title, "logarithmic, less is better", 640, 300)
	legend := plot.NewLegend()
	legend.Top, legend.Left = true, true
	legend.TextStyle = textStyle(8, ink)
	legend.ThumbnailWidth = 26
	legend.Padding = 5
	var all []string
	for _, p := range panels {
		all = append(all, p.works...)
	}
	names := r.rivals(all...)
	plots := [][]*plot.Plot{nil}
	for i, panel := range panels {
		p := newPlot(panel.title)
		p.X.Label.Text = xLabel
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = only(xs), plot.LogTicks{Prec: -1}
		lines := plotter.NewGrid()
		lines.Horizontal.Color, lines.Vertical.Color = grid, grid
		p.Add(lines)
		for j := range names {
			name := names[len(names)-1-j] // this library lies on top
			points := plotter.XYs{}
			for k, w := range panel.works {
				if f, ok := r.figure(w, name); ok {
					points = append(points, plotter.XY{X: float64(xs[k]), Y: f.Median})
				}
			}
			line, dots, err := plotter.NewLinePoints(points)
			if err != nil && len(points) > 0 {
				return nil, err
			}
			if err == nil {
				style(line, dots, name)
				p.Add(line, dots)
			}
		}
		p.Y.Min = math.Pow(10, math.Floor(math.Log10(p.Y.Min)))
		p.Y.Max = math.Pow(10, math.Ceil(math.Log10(p.Y.Max)))
		plots[0] = append(plots[0], p)
		if i == 0 {
			for _, name := range names {
				line, dots := new(plotter.Line), new(plotter.Scatter)
				style(line, dots, name)
				legend.Add(name, line, dots)
			}
		}
	}
	align(plots, draw.Crop(c, 0, -legendWidth, 0, 0))
	legend.Draw(draw.Crop(c, c.Max.X-c.Min.X-legendWidth+8, 0, 0, -26))
	return r.finish(svg, title)
}

func style(line *plotter.Line, dots *plotter.Scatter, name string) {
	l := looks[name]
	line.LineStyle = draw.LineStyle{Color: l.color, Width: 1.1, Dashes: l.dashes}
	dots.GlyphStyle = draw.GlyphStyle{Color: l.color, Radius: 2.6, Shape: l.glyph}
	if name == rival.This {
		line.Width, dots.Radius = 2.6, 3.6
	}
}

func only(xs []int) plot.ConstantTicks {
	var t plot.ConstantTicks
	for _, x := range xs {
		t = append(t, plot.Tick{Value: float64(x), Label: short(x)})
	}
	return t
}

func short(x int) string {
	if x%1_000_000 == 0 {
		return fmt.Sprintf("%dM", x/1_000_000)
	}
	if x%1000 == 0 {
		return fmt.Sprintf("%dk", x/1000)
	}
	return fmt.Sprint(x)
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Text = title
	p.Title.Padding = 4
	p.Title.TextStyle = textStyle(8.5, ink)
	p.Title.TextStyle.XAlign = draw.XCenter
	p.Title.TextStyle.YAlign = draw.YTop
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.LineStyle.Color, a.Tick.LineStyle.Color = pale, pale
		a.Tick.Label.Color, a.Tick.Label.Font.Size = ink, 8
		a.Label.TextStyle.Color, a.Label.TextStyle.Font.Size = ink, 8
	}
	return p
}

func textStyle(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: font.From(plot.DefaultFont, size), Handler: plot.DefaultTextHandler}
}

// canvas returns the room for the panels, below the title and the conditions.
func (r *Results) canvas(title, how string, width, height vg.Length) (*vgsvg.Canvas, draw.Canvas) {
	svg := vgsvg.New(width, height)
	c := draw.New(svg)
	c.FillPolygon(paper, []vg.Point{{}, {X: width}, {X: width, Y: height}, {Y: height}})
	c = draw.Crop(c, 10, -10, 8, -8)
	big, small := textStyle(12, ink), textStyle(8, pale)
	big.Font.Weight = bold
	c.FillText(big, vg.Point{X: c.Min.X, Y: c.Max.Y - 10}, title)
	c.FillText(small, vg.Point{X: c.Min.X, Y: c.Max.Y - 23}, fmt.Sprintf("%s. %s, %s, GOMAXPROCS %d, %s",
		how, r.CPU, r.Go, r.GOMAXPROCS, r.Date.Format("2 January 2006")))
	return svg, draw.Crop(c, 0, 0, 0, -32)
}

func align(plots [][]*plot.Plot, c draw.Canvas) {
	t := draw.Tiles{Rows: len(plots), Cols: len(plots[0]), PadX: 14, PadY: 10}
	for i, row := range plot.Align(plots, t, c) {
		for j, c := range row {
			plots[i][j].Draw(c)
		}
	}
}

// finish adds what readers of the text and of the dark need.
func (r *Results) finish(svg *vgsvg.Canvas, title string) ([]byte, error) {
	var b bytes.Buffer
	if _, err := svg.WriteTo(&b); err != nil {
		return nil, err
	}
	head, rest, ok := strings.Cut(b.String(), "xlink\">\n")
	if !ok {
		return nil, fmt.Errorf("no head in the SVG of %q", title)
	}
	rest = textElement.ReplaceAllStringFunc(rest, fitted)
	return fmt.Appendf(nil, "%sxlink\" role=\"img\">\n<title>%s</title>\n<desc>Measured %s</desc>\n%s%s",
		head, html.EscapeString(title), html.EscapeString(r.conditions()), dark, rest), nil
}

var textElement = regexp.MustCompile(`<text ([^>]*font-weight:(\w+);[^>]*font-size:([0-9.]+)px[^>]*>)([^<]*)`)

// fitted gives a text element the width that it was laid out for: a reader
// without its font has another one, in which it might run over its neighbours.
func fitted(element string) string {
	m := textElement.FindStringSubmatch(element)
	f := plot.DefaultFont
	if m[2] == "bold" {
		f.Weight = bold
	}
	size, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return element
	}
	face := font.DefaultCache.Lookup(f, vg.Length(size))
	return fmt.Sprintf(`<text textLength="%.4g" lengthAdjust="spacingAndGlyphs" %s%s`,
		face.Width(html.UnescapeString(m[4])).Points(), m[1], m[4])
}
