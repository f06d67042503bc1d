package main

import (
	"bytes"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// style exchanges paper and ink in the dark.
const style = ` role="img">
<title>Time of four rivals as a ratio to this library</title>
<style>
svg { color-scheme: light dark; }
text { font-family: "Liberation Sans", Arial, Helvetica, sans-serif !important; }
@media (prefers-color-scheme: dark) {
	[style*="fill:#FFFFFF"] { fill: #0D1117 !important; }
	text, [style*="fill:#000000"] { fill: #F0F6FC !important; }
	[style*="stroke:#000000"] { stroke: #F0F6FC !important; }
}
</style>
<g`

// chart has a bar for each rival that can be cleared. The axis is linear and
// shows logarithms, so that bars begin at this library.
func (t *table) chart() ([]byte, error) {
	const names, numbers, end = -2.4, 2.5, 3 // texts begin left and right of all bars
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.X.Label.Text = "time as a ratio to this library; dotted: the floor"
	p.X.Tick.Marker = plot.ConstantTicks{{Value: -1, Label: "×0.1"}, {Value: 0, Label: "×1"}, {Value: 1, Label: "×10"}, {Value: 2, Label: "×100"}}
	p.HideY()
	var labels plotter.XYLabels
	label := func(x, y float64, text string) {
		labels.XYs, labels.Labels = append(labels.XYs, plotter.XY{X: x, Y: y}), append(labels.Labels, text)
	}
	line := func(x, from, to float64, dashes ...vg.Length) {
		style := draw.LineStyle{Color: color.Black, Width: 1, Dashes: dashes}
		p.Add(&plotter.Line{XYs: plotter.XYs{{X: x, Y: from}, {X: x, Y: to}}, LineStyle: style})
	}
	y := 0.0
	for _, row := range t.rows {
		if row.chart == "" {
			continue
		}
		event, _, _ := t.median(row, "event")
		label(names, y, row.chart+", this library: "+amount(event, row.unit))
		for _, impl := range []string{"sync.Cond", "mutex+channel", "exsync", "missinggo"} {
			_, ratio, _ := t.median(row, impl)
			y--
			bar, err := plotter.NewBarChart(plotter.Values{math.Log10(ratio.Center)}, 8)
			if err != nil {
				return nil, err
			}
			bar.Horizontal, bar.XMin, bar.Color, bar.LineStyle.Width = true, y, color.RGBA{0x4C, 0x8D, 0xC9, 0xFF}, 0
			p.Add(bar)
			label(names+0.1, y, impl)
			label(numbers, y, "×"+digits(ratio.Center))
		}
		_, floor, _ := t.median(row, "floor")
		line(0, y+3.5, y-0.5)
		line(math.Log10(floor.Center), y+3.5, y-0.5, 1.5, 1.5)
		y -= 1.5
	}
	texts, err := plotter.NewLabels(labels)
	if err != nil {
		return nil, err
	}
	for i := range texts.TextStyle {
		texts.TextStyle[i].Font.Size, texts.TextStyle[i].YAlign = 8, draw.YCenter
	}
	p.Add(texts)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = names, end, y+1, 0.5
	svg, err := p.WriterTo(480, 400, "svg")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = svg.WriteTo(&b)
	return bytes.Replace(b.Bytes(), []byte(">\n<g"), []byte(style), 1), err
}
