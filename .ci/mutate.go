//go:build ignore

// Mutate changes the code of both packages in small ways, one at a time, and
// runs the tests on each mutant: a mutant that passes shows what no test
// checks. The survivors must be exactly those that mutants.txt lists, each
// group of them under the reason why no test can kill it.
//
//	go run .ci/mutate.go [-j n] [-n] [regexp]
//
// The regexp selects mutants by name, such as '^event.go Event.Swap'. The
// tree stays as it is: go test gets each mutant as an overlay.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// An edit replaces src[from:to].
type edit struct {
	from, to int
	text     string
}

type mutant struct {
	name  string // stable: no line numbers
	path  string // of the file
	src   string
	edits []edit
}

// text returns the mutated file, with the variables and imports that the mutant no longer uses kept.
func (m mutant) text(variables, imports []string) string {
	s := m.src
	for i, e := range slices.Backward(m.edits) {
		for _, v := range variables {
			if i == 0 {
				e.text += "; _ = " + v
			}
		}
		s = s[:e.from] + e.text + s[e.to:]
	}
	for _, path := range imports {
		s = strings.Replace(s, "\t"+path, "\t_ "+path, 1)
	}
	return s
}

var operators = map[token.Token][]string{
	token.EQL: {"!="}, token.NEQ: {"=="},
	token.LSS: {"<=", ">="}, token.LEQ: {"<", ">"}, token.GTR: {">=", "<="}, token.GEQ: {">", "<"},
	token.LAND: {"||"}, token.LOR: {"&&"},
	token.ADD: {"-"}, token.SUB: {"+"}, token.MUL: {"/"}, token.QUO: {"*"}, token.REM: {"*"},
	token.SHL: {">>"}, token.SHR: {"<<"}, token.AND: {"|"}, token.OR: {"&"}, token.AND_NOT: {"&"},
}

// A file collects the mutants of one file.
type file struct {
	path    string
	src     string
	next    map[string]string // the states of an event: each constant of an iota group, and its successor
	names   map[string]int
	mutants []mutant
}

func (f *file) at(p token.Pos) int            { return int(p) - 1 } // each file has its own token.FileSet
func (f *file) of(n ast.Node) string          { return f.src[f.at(n.Pos()):f.at(n.End())] }
func (f *file) cut(n ast.Node) edit           { return edit{f.at(n.Pos()), f.at(n.End()), ""} }
func (f *file) put(n ast.Node, s string) edit { return edit{f.at(n.Pos()), f.at(n.End()), s} }

// add adds a mutant, named after the function, the change and the line.
func (f *file) add(function, change string, edits ...edit) {
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	from, to := edits[0].from, edits[0].from
	from = strings.LastIndex(f.src[:from], "\n") + 1
	to += strings.Index(f.src[to:], "\n")
	line, _, _ := strings.Cut(f.src[from:to], " // ")
	name := fmt.Sprintf("%s %s | %s | %s", f.path, function, strings.TrimSpace(line), strings.Join(strings.Fields(change), " "))
	if f.names[name]++; f.names[name] > 1 {
		name += fmt.Sprintf(" | #%d", f.names[name])
	}
	f.mutants = append(f.mutants, mutant{name, f.path, f.src, edits})
}

// mutate adds the mutants of the code under root.
func (f *file) mutate(function string, root ast.Node, results []string) {
	locks := map[string][]edit{} // the statements that lock or unlock a mutex
	swap := func(n ast.Node, text string) { f.add(function, f.of(n)+" → "+text, f.put(n, text)) }
	condition := func(n ast.Expr) {
		if n == nil {
			return
		}
		for _, to := range []string{" || true", " && false"} {
			f.add(function, to[1:], f.put(n, "("+f.of(n)+")"+to))
		}
	}
	statements := func(list []ast.Stmt) {
		for i, s := range list {
			final := false
			switch s := s.(type) {
			case *ast.ReturnStmt, *ast.BranchStmt:
				final = true
				f.add(function, "removed", f.cut(s))
			case *ast.CaseClause, *ast.CommClause:
				final = true
				f.add(function, "removed", f.cut(s))
			case *ast.IfStmt, *ast.DeclStmt, *ast.EmptyStmt, *ast.LabeledStmt:
			case *ast.AssignStmt:
				if s.Tok != token.DEFINE {
					f.add(function, "removed", f.cut(s))
				}
			default:
				f.add(function, "removed", f.cut(s))
			}
			if i+1 < len(list) && !final {
				n := list[i+1]
				switch n.(type) {
				case *ast.ReturnStmt, *ast.BranchStmt:
				default:
					f.add(function, "swapped with the next", f.put(s, f.of(n)), f.put(n, f.of(s)))
				}
			}
			if x, method := call(s); strings.HasSuffix(method, "ock") {
				locks[f.of(x)] = append(locks[f.of(x)], f.cut(s))
			}
		}
	}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			statements(n.List)
		case *ast.CaseClause:
			statements(n.Body)
		case *ast.CommClause:
			statements(n.Body)
		case *ast.SwitchStmt:
			for _, c := range n.Body.List {
				for _, x := range c.(*ast.CaseClause).List {
					if n.Tag == nil {
						condition(x)
					}
				}
			}
		case *ast.IfStmt:
			condition(n.Cond)
		case *ast.ForStmt:
			condition(n.Cond)
		case *ast.DeferStmt:
			f.add(function, "not deferred", f.put(n, f.of(n.Call)))
		case *ast.GoStmt:
			f.add(function, "not in a goroutine", f.put(n, f.of(n.Call)))
		case *ast.ReturnStmt:
			for i, x := range n.Results {
				if i < len(results) && results[i] == "error" && f.of(x) != "nil" {
					swap(x, "nil")
				}
			}
		case *ast.BinaryExpr:
			for _, op := range operators[n.Op] {
				at := f.at(n.OpPos)
				f.add(function, n.Op.String()+" → "+op, edit{at, at + len(n.Op.String()), op})
			}
		case *ast.UnaryExpr:
			if n.Op == token.NOT || n.Op == token.SUB {
				swap(n, f.of(n.X))
			}
		case *ast.IncDecStmt:
			swap(n, f.of(n.X)+map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok])
		case *ast.BasicLit:
			switch i, err := strconv.Atoi(n.Value); {
			case n.Kind == token.INT && err != nil:
				swap(n, n.Value+"+1")
			case n.Kind == token.INT:
				swap(n, strconv.Itoa(i+1))
				if i > 0 {
					swap(n, strconv.Itoa(i-1))
				}
			case n.Kind == token.STRING && n.Value == `""`:
				swap(n, `"x"`)
			case n.Kind == token.STRING:
				swap(n, `""`)
			}
		case *ast.Ident:
			if to := map[string]string{"true": "false", "false": "true"}[n.Name]; to != "" {
				swap(n, to)
			} else if to := f.next[n.Name]; to != "" {
				swap(n, to)
			}
		case *ast.SelectorExpr:
			f.mutate(function, n.X, nil)
			return false
		case *ast.CallExpr:
			if name := f.of(n.Fun); slices.Contains([]string{"errors.New", "fmt.Errorf", "panic"}, name) {
				return false // the text of errors is not a promise
			}
			if x, method := call(&ast.ExprStmt{X: n}); method == "CompareAndSwap" {
				v, from, to := f.of(x), f.of(n.Args[0]), f.of(n.Args[1])
				store := fmt.Sprintf("func() bool { _ = %s; %s.Store(%s); return true }()", from, v, to)
				f.add(function, method+" → Store", f.put(n, store))
				f.add(function, method+" → Load, Store", f.put(n, fmt.Sprintf("(%s.Load() == %s && %s)", v, from, store)))
			}
		case *ast.FuncLit:
			f.mutate(function, n.Body, types(n.Type.Results))
			return false
		}
		return true
	})
	for _, x := range slices.Sorted(maps.Keys(locks)) {
		if len(locks[x]) > 1 {
			f.add(function, "without "+x, locks[x]...)
		}
	}
}

// call returns the receiver and the method if s calls one, deferred or not.
func call(s ast.Stmt) (receiver ast.Expr, method string) {
	var x ast.Expr
	switch s := s.(type) {
	case *ast.ExprStmt:
		x = s.X
	case *ast.DeferStmt:
		x = s.Call
	}
	if c, ok := x.(*ast.CallExpr); ok {
		if sel, ok := c.Fun.(*ast.SelectorExpr); ok {
			return sel.X, sel.Sel.Name
		}
	}
	return nil, ""
}

// types returns the type of each result.
func types(results *ast.FieldList) (types []string) {
	if results != nil {
		for _, r := range results.List {
			for range max(1, len(r.Names)) {
				types = append(types, fmt.Sprint(r.Type))
			}
		}
	}
	return types
}

// mutants returns the mutants of the files of a package.
func mutants(dir string, names []string) (all []mutant) {
	next := map[string]string{}
	var files []*file
	var trees []*ast.File
	for _, name := range names {
		path := filepath.Join(dir, name)
		src, err := os.ReadFile(path)
		check(err)
		tree, err := parser.ParseFile(token.NewFileSet(), path, src, parser.SkipObjectResolution)
		check(err)
		files = append(files, &file{path: path, src: string(src), next: next, names: map[string]int{}})
		trees = append(trees, tree)
		for _, d := range tree.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST && strings.Contains(string(src[d.Pos()-1:d.End()-1]), "iota") {
				for i, s := range d.Specs {
					next[name1(s)] = name1(d.Specs[(i+1)%len(d.Specs)])
				}
			}
		}
	}
	for i, f := range files {
		for _, d := range trees[i].Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = strings.TrimPrefix(f.of(d.Recv.List[0].Type), "*") + "." + name
				}
				if d.Body != nil {
					f.mutate(name, d.Body, types(d.Type.Results))
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.ValueSpec); ok {
						for _, v := range s.Values {
							f.mutate(s.Names[0].Name, v, nil)
						}
					}
				}
			}
		}
		all = append(all, f.mutants...)
	}
	return all
}

func name1(s ast.Spec) string { return s.(*ast.ValueSpec).Names[0].Name }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The flags of the runs that each mutant has to pass: the second costs more,
// but finds what needs another schedule.
var runs = [][]string{{}, {"-race"}}

var unused = regexp.MustCompile(`declared and not used: (\w+)|("[^"]+") imported and not used`)
var failed = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)|^(panic: test timed out|panic: .*|fatal error: .*|WARNING: DATA RACE)`)

// test runs the tests on one text of the file, and returns "" if they pass,
// "invalid" if they do not compile, and otherwise what failed.
func test(m mutant, flags []string, timeout time.Duration) string {
	dir, err := os.MkdirTemp("", "mutate")
	check(err)
	defer os.RemoveAll(dir)
	var variables, imports []string
	for {
		overlay, _ := json.Marshal(map[string]map[string]string{"Replace": {abs(m.path): filepath.Join(dir, "mutant.go")}})
		check(os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
		check(os.WriteFile(filepath.Join(dir, "mutant.go"), []byte(m.text(variables, imports)), 0o600))
		check(os.MkdirAll(filepath.Join(dir, "tmp"), 0o700))
		args := []string{"test", "-overlay", filepath.Join(dir, "overlay.json"), "-vet=off", "-short", "-failfast", "-count=1",
			"-timeout", timeout.String()}
		out, err := run(filepath.Join(dir, "tmp"), 2*timeout+time.Minute, append(append(args, flags...), "./"+filepath.Dir(m.path)))
		if err == nil {
			return ""
		}
		if !bytes.Contains(out, []byte("[build failed]")) && !bytes.Contains(out, []byte("[setup failed]")) {
			if why := failed.FindSubmatch(out); why != nil {
				return string(why[1]) + string(why[2])
			}
			return "failed: " + err.Error()
		}
		more := false
		for _, u := range unused.FindAllStringSubmatch(string(out), -1) {
			if v := u[1]; v != "" && !slices.Contains(variables, v) {
				variables, more = append(variables, v), true
			}
			if p := u[2]; p != "" && !slices.Contains(imports, p) {
				imports, more = append(imports, p), true
			}
		}
		if !more {
			return "invalid"
		}
	}
}

// run runs the go command. Nothing that it started survives it.
func run(tmp string, limit time.Duration, args []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, "go", args...)
	c.Env = append(os.Environ(), "TMPDIR="+tmp)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	return out, err
}

func abs(path string) string {
	path, err := filepath.Abs(path)
	check(err)
	return path
}

// accepted reads the list of survivors: lines of names, each group under a comment that says why.
func accepted(path string) map[string]bool {
	list, err := os.ReadFile(path)
	check(err)
	names, why := map[string]bool{}, ""
	for line := range strings.Lines(string(list)) {
		switch line = strings.TrimSpace(line); {
		case line == "":
			why = ""
		case line[0] == '#':
			why = line
		case why == "" || names[line]:
			log.Fatalf("%s: without a reason, or twice: %s", path, line)
		default:
			names[line] = true
		}
	}
	return names
}

func main() {
	log.SetFlags(0)
	parallel := flag.Int("j", 1, "mutants that are tested at a time")
	list := flag.Bool("n", false, "only list the mutants")
	flag.Parse()
	selected := regexp.MustCompile(flag.Arg(0))

	var all []mutant
	for _, dir := range []string{".", "interprocess"} {
		files, err := exec.Command("go", "list", "-f", "{{join .GoFiles \"\\n\"}}", "./"+dir).Output()
		check(err)
		all = append(all, mutants(dir, strings.Fields(string(files)))...)
	}
	all = slices.DeleteFunc(all, func(m mutant) bool { return !selected.MatchString(m.name) })
	if *list {
		for _, m := range all {
			fmt.Println(m.name)
		}
		return
	}

	expected := accepted(".ci/mutants.txt")
	start := time.Now()
	timeouts := map[string][]time.Duration{} // of each run of a package
	for _, m := range all {
		if dir := filepath.Dir(m.path); timeouts[dir] == nil {
			for _, flags := range runs {
				t := time.Now()
				if why := test(mutant{path: m.path, src: m.src}, flags, 10*time.Minute); why != "" {
					log.Fatalf("the tests of %s fail without a mutant: %s", dir, why)
				}
				timeouts[dir] = append(timeouts[dir], max(10*time.Second, 3*time.Since(t).Round(time.Second)))
			}
		}
	}

	type count struct{ killed, listed, unlisted int }
	counts := map[string]*count{}
	var mu sync.Mutex // for counts, expected, wrong
	var wrong []string
	next := make(chan mutant)
	var workers sync.WaitGroup
	for range *parallel {
		workers.Go(func() {
			for m := range next {
				mu.Lock()
				listed := expected[m.name]
				mu.Unlock()
				t := time.Now()
				why := ""
				for try := 0; try == 0 || listed && why != "" && try < 3; try++ { // a test may fail for another reason
					why = ""
					for i, flags := range runs {
						if why == "" {
							why = test(m, flags, timeouts[filepath.Dir(m.path)][i])
						}
					}
				}
				mu.Lock()
				c := counts[m.path]
				if c == nil {
					c = &count{}
					counts[m.path] = c
				}
				verdict := why
				switch {
				case why == "invalid":
				case why == "" && listed:
					c.listed++
					verdict = "survives, as listed"
					delete(expected, m.name)
				case why == "":
					c.unlisted++
					verdict = "SURVIVES"
					wrong = append(wrong, m.name)
				default:
					c.killed++
				}
				fmt.Printf("%s: %s (%.1f s)\n", m.name, verdict, time.Since(t).Seconds())
				mu.Unlock()
			}
		})
	}
	for _, m := range all {
		next <- m
	}
	close(next)
	workers.Wait()

	fmt.Printf("\n%-30s %8s %8s %8s %8s\n", "", "mutants", "killed", "argued", "survive")
	for _, path := range slices.Sorted(maps.Keys(counts)) {
		c := counts[path]
		fmt.Printf("%-30s %8d %8d %8d %8d\n", path, c.killed+c.listed+c.unlisted, c.killed, c.listed, c.unlisted)
	}
	fmt.Printf("in %.0f s\n", time.Since(start).Seconds())
	for _, name := range wrong {
		fmt.Println("survives, but is not in .ci/mutants.txt:", name)
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		if selected.MatchString(name) && counts[strings.Fields(name)[0]] != nil { // nil: a file of another system
			fmt.Println("in .ci/mutants.txt, but no longer survives:", name)
			wrong = append(wrong, name)
		}
	}
	if len(wrong) > 0 {
		os.Exit(1)
	}
}
