package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"example.com/event/bench/rival"
)

// tables returns what is printed.
func (r *Results) tables() string {
	b := r.blocks()
	return b["conditions"] + "\n" + b["summary"] + "\n" + b["results"] + "\n" + b["answers"]
}

// blocks are the parts of the READMEs that follow from the results.
func (r *Results) blocks() map[string]string {
	return map[string]string{
		"conditions": r.conditions(),
		"versions":   r.versions(),
		"summary":    r.summary(),
		"results":    r.costs(),
		"answers":    r.answers(),
	}
}

func (r *Results) conditions() string {
	return fmt.Sprintf("`%s` on %s, %s, %s, GOMAXPROCS %d, %s.\n",
		r.Command, r.CPU, r.Platform, r.Go, r.GOMAXPROCS, r.Date.Format("2 January 2006"))
}

func (r *Results) versions() string {
	var all []string
	for _, m := range slices.Sorted(maps.Keys(r.Modules)) {
		all = append(all, fmt.Sprintf("`%s` %s", m, r.Modules[m]))
	}
	return strings.Join(all, ", ") + ".\n"
}

// The works of the summary, and of the first chart.
var summaryWorks = []string{
	"test the flag",
	"Wait on a set event",
	"Set and Clear",
	"ping-pong, all cores",
	broadcastName(10_000),
	memoryName(10_000),
}

// summary has the resettable rivals beside the primitive that the work costs
// at least.
func (r *Results) summary() string {
	head := []string{"", "**" + rival.This + "**", "bare primitive"}
	var names []string
	for _, v := range rival.All {
		if v.Zero != nil && v.Name != rival.This {
			names = append(names, v.Name)
		}
	}
	rows := [][]string{append(head, names...)}
	for _, w := range summaryWorks {
		this, _ := r.figure(w, rival.This)
		row := []string{w, "**" + amount(this) + "**", "—"}
		if bare, ok := r.figure(w, this.Bare); ok {
			row[2] = amount(bare) + ", " + this.Bare
		}
		for _, name := range names {
			f, _ := r.figure(w, name)
			row = append(row, fmt.Sprintf("%s, ×%s", amount(f), digits(f.Ratio)))
		}
		rows = append(rows, row)
	}
	return table(rows)
}

func (r *Results) costs() string {
	var b strings.Builder
	part := func(title string, works ...string) {
		fmt.Fprintf(&b, "### %s\n\n%s\n", title, r.cost(works))
	}
	part("An event that is set", "Wait on a set event", "WaitTimeout on a set event", "WaitContext on a set event", "Set on a set event")
	part("The flag, and two goroutines", "test the flag", "Set and Clear", "WaitTimeout(0), not set", "ping-pong, GOMAXPROCS 1", "ping-pong, all cores")
	var times, memory, test, setClear []string
	for _, n := range []int{1, 100, 10_000, 1_000_000} {
		times = append(times, broadcastName(n))
		memory = append(memory, memoryName(n))
	}
	for _, g := range goroutines {
		test = append(test, parallelName("test the flag", g))
		setClear = append(setClear, parallelName("Set and Clear", g))
	}
	part("Broadcast, time per waiter", times...)
	part("Broadcast, memory per waiter", memory...)
	part("Test the flag in parallel", test...)
	part("Set and Clear in parallel", setClear...)
	return strings.TrimSuffix(b.String(), "\n")
}

// cost has a row for each rival and a column for each work that was measured.
func (r *Results) cost(works []string) string {
	works = slices.DeleteFunc(works, func(w string) bool { _, ok := r.figure(w, rival.This); return !ok })
	rows := [][]string{append([]string{""}, works...)}
	for _, name := range r.rivals(works...) {
		row := []string{name}
		for _, w := range works {
			cell := "can't"
			if f, ok := r.figure(w, name); ok {
				cell = fmt.Sprintf("%s ±%s, ×%s", amount(f), f.Spread, digits(f.Ratio))
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return table(rows)
}

func (r *Results) answers() string {
	head := []string{""}
	var rows [][]string
	for _, v := range rival.Asked() {
		rows = append(rows, []string{v.Name})
	}
	for _, a := range r.Answers {
		if !slices.Contains(head, a.Question) {
			head = append(head, a.Question)
		}
		i := slices.IndexFunc(rows, func(row []string) bool { return row[0] == a.Rival })
		cell := fmt.Sprintf("%d of %d", a.Passed, a.Rounds)
		if a.Note != "" {
			cell = a.Note
		} else if a.Passed < a.Rounds {
			cell = "**" + cell + "**"
		}
		rows[i] = append(rows[i], cell)
	}
	return table(append([][]string{head}, rows...))
}

// table returns a table in Markdown, aligned for those who read it as text.
func table(rows [][]string) string {
	line := slices.Repeat([]string{"---"}, len(rows[0]))
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 1, ' ', 0)
	for _, row := range slices.Insert(rows, 1, line) {
		fmt.Fprintf(w, "| %s\t|\n", strings.Join(row, "\t| "))
	}
	w.Flush()
	return b.String()
}

func amount(f Figure) string { return digits(f.Median) + " " + f.Unit }

// digits returns three digits of x, or all before the point.
func digits(x float64) string {
	switch {
	case x < 9.995:
		return fmt.Sprintf("%.2f", x)
	case x < 99.95:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.0f", x)
	}
}

// fillReadmes puts the blocks that they have room for into the READMEs of this
// module and of the library.
func (r *Results) fillReadmes() error {
	return eachReadme(func(file, text string) error {
		return os.WriteFile(file, []byte(r.fill(text)), 0o666)
	})
}

func eachReadme(f func(file, text string) error) error {
	for _, file := range []string{"README.md", "../README.md"} {
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = f(file, string(b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill replaces what is between <!-- the name of a block --> and <!-- end -->.
func (r *Results) fill(text string) string {
	for name, block := range r.blocks() {
		between := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n).*?(<!-- end -->)`)
		text = between.ReplaceAllString(text, "${1}\n"+strings.ReplaceAll(block, "$", "$$")+"\n${2}")
	}
	return text
}
