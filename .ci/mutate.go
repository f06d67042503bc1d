//go:build ignore

// Mutate makes small changes to the code of both packages, one at a time, and
// runs the tests on each mutant. A mutant that passes is a fault that no test
// would find. These survivors must be exactly those that mutants.txt lists,
// under the reason why no test can tell them from the original.
//
//	go run .ci/mutate.go [-run regexp]
//
// The regexp selects mutants by name, such as '^event.go Event.Swap'.
package main

import (
	"cmp"
	"context"
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
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The packages, and the flags of the test runs that a mutant has to pass, those
// that find most in the least time first.
var packages = []struct {
	dir  string
	runs []string
}{
	{".", []string{"-run=^TestInterleavings$", "-race=false", "-race"}},
	{"interprocess", []string{"-skip=AtEvery", "-race -skip=AtEvery", "-run=AtEvery"}},
}

// An edit replaces src[from:to] by text.
type edit struct {
	from, to int
	text     string
}

type mutant struct {
	name  string // without line numbers, which change too often
	edits []edit
}

// A file collects its mutants.
type file struct {
	path     string
	src      string
	next     map[string]string // the successor of each state of the package
	function string            // the function that is being mutated
	names    map[string]int
	mutants  []mutant
}

func (f *file) text(n ast.Node) string { return f.src[n.Pos()-1 : n.End()-1] }

func replace(n ast.Node, text string) edit { return edit{int(n.Pos()) - 1, int(n.End()) - 1, text} }

// add adds a mutant, named after the file, the function, the line and the change.
func (f *file) add(change string, edits ...edit) {
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	from := strings.LastIndex(f.src[:edits[0].from], "\n") + 1
	line, _, _ := strings.Cut(f.src[from:], "\n")
	line, _, _ = strings.Cut(line, " // ")
	name := fmt.Sprintf("%s %s | %s | %s", f.path, f.function, strings.TrimSpace(line), strings.Join(strings.Fields(change), " "))
	if f.names[name]++; f.names[name] > 1 {
		name += fmt.Sprint(" | #", f.names[name])
	}
	f.mutants = append(f.mutants, mutant{name, edits})
}

// change adds a mutant with another expression or statement in place of n.
func (f *file) change(n ast.Node, text string) { f.add(f.text(n)+" → "+text, replace(n, text)) }

// condition adds mutants in which x is always true and always false.
func (f *file) condition(x ast.Expr) {
	if x != nil {
		f.add("|| true", replace(x, "("+f.text(x)+") || true"))
		f.add("&& false", replace(x, "("+f.text(x)+") && false"))
	}
}

// statements adds the mutants that lack one of the statements, or have it
// after the next one.
func (f *file) statements(list []ast.Stmt) {
	ends := func(s ast.Stmt) bool {
		switch s.(type) {
		case *ast.ReturnStmt, *ast.BranchStmt, *ast.CaseClause, *ast.CommClause:
			return true
		}
		return false
	}
	for i, s := range list {
		switch s := s.(type) {
		case *ast.IfStmt, *ast.DeclStmt: // see condition
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				f.add("removed", replace(s, ""))
			}
		default:
			f.add("removed", replace(s, ""))
		}
		if i+1 < len(list) && !ends(s) && !ends(list[i+1]) {
			f.add("after the next", replace(s, f.text(list[i+1])), replace(list[i+1], f.text(s)))
		}
	}
}

var operators = map[token.Token][]string{
	token.EQL: {"!="}, token.NEQ: {"=="},
	token.LSS: {"<=", ">="}, token.LEQ: {"<", ">"}, token.GTR: {">=", "<="}, token.GEQ: {">", "<"},
	token.LAND: {"||"}, token.LOR: {"&&"},
	token.ADD: {"-"}, token.SUB: {"+"}, token.MUL: {"/"}, token.QUO: {"*"}, token.REM: {"*"},
	token.SHL: {">>"}, token.SHR: {"<<"}, token.AND: {"|"}, token.OR: {"&"}, token.AND_NOT: {"&"},
}

// mutate adds the mutants of a function body or the value of a variable.
func (f *file) mutate(root ast.Node, results *ast.FieldList) {
	locks := map[string][]edit{} // the calls of Lock and Unlock of each mutex
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			f.statements(n.List)
		case *ast.CaseClause:
			f.statements(n.Body)
		case *ast.CommClause:
			f.statements(n.Body)
		case *ast.SwitchStmt:
			for _, c := range n.Body.List {
				for _, x := range c.(*ast.CaseClause).List {
					if n.Tag == nil {
						f.condition(x)
					}
				}
			}
		case *ast.IfStmt:
			f.condition(n.Cond)
		case *ast.ForStmt:
			f.condition(n.Cond)
		case *ast.DeferStmt:
			f.change(n, f.text(n.Call))
		case *ast.GoStmt:
			f.change(n, f.text(n.Call))
		case *ast.ReturnStmt:
			if last := len(n.Results) - 1; last >= 0 && last+1 == results.NumFields() && f.text(n.Results[last]) != "nil" &&
				f.text(results.List[len(results.List)-1].Type) == "error" {
				f.change(n.Results[last], "nil")
			}
		case *ast.BinaryExpr:
			for _, op := range operators[n.Op] {
				at := int(n.OpPos) - 1
				f.add(n.Op.String()+" → "+op, edit{at, at + len(n.Op.String()), op})
			}
		case *ast.UnaryExpr:
			if n.Op == token.NOT || n.Op == token.SUB {
				f.change(n, f.text(n.X))
			}
		case *ast.IncDecStmt:
			f.change(n, f.text(n.X)+map[token.Token]string{token.INC: "--", token.DEC: "++"}[n.Tok])
		case *ast.BasicLit:
			switch n.Kind {
			case token.INT:
				f.add(n.Value+" + 1", replace(n, "("+n.Value+"+1)"))
				if n.Value != "0" {
					f.add(n.Value+" - 1", replace(n, "("+n.Value+"-1)"))
				}
			case token.STRING:
				f.change(n, map[bool]string{true: `"x"`, false: `""`}[n.Value == `""`])
			}
		case *ast.KeyValueExpr:
			if key := f.text(n.Key); key[0] == '"' && key != strconv.Quote(runtime.GOARCH) {
				return false // the numbers of another processor's system calls
			}
		case *ast.Ident:
			if to := cmp.Or(f.next[n.Name], map[string]string{"true": "false", "false": "true"}[n.Name]); to != "" {
				f.change(n, to)
			}
		case *ast.CallExpr:
			if slices.Contains([]string{"errors.New", "fmt.Errorf", "panic"}, f.text(n.Fun)) {
				return false // the texts of errors are not mutated
			}
			if method, ok := n.Fun.(*ast.SelectorExpr); ok {
				switch x := f.text(method.X); method.Sel.Name {
				case "Lock", "Unlock":
					locks[x] = append(locks[x], replace(n, "func() {}()"))
				case "CompareAndSwap":
					store := fmt.Sprintf("func() bool { %s.Store(%s); return true }()", x, f.text(n.Args[1]))
					f.add("Store", replace(n, store))
					f.add("Load, then Store", replace(n, fmt.Sprintf("(%s.Load() == %s && %s)", x, f.text(n.Args[0]), store)))
				}
			}
		case *ast.SelectorExpr:
			f.mutate(n.X, nil) // not n.Sel, which may have the name of a state
			return false
		case *ast.FuncLit:
			f.mutate(n.Body, n.Type.Results)
			return false
		}
		return true
	})
	for _, x := range slices.Sorted(maps.Keys(locks)) {
		if len(locks[x]) > 1 {
			f.add("without "+x, locks[x]...)
		}
	}
}

// files returns the files of a package with their mutants.
func files(dir string) (files []*file) {
	list, err := exec.Command("go", "list", "-f", `{{join .GoFiles "\n"}}`, "./"+dir).Output()
	check(err)
	next := map[string]string{}
	var trees []*ast.File
	for _, name := range strings.Fields(string(list)) {
		f := &file{path: filepath.Join(dir, name), next: next, names: map[string]int{}}
		src, err := os.ReadFile(f.path)
		check(err)
		f.src = string(src)
		tree, err := parser.ParseFile(token.NewFileSet(), f.path, src, parser.SkipObjectResolution)
		check(err)
		files, trees = append(files, f), append(trees, tree)
		for _, d := range tree.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST && strings.Contains(f.text(d), "iota") {
				for i, s := range d.Specs {
					successor := d.Specs[(i+1)%len(d.Specs)].(*ast.ValueSpec)
					next[s.(*ast.ValueSpec).Names[0].Name] = successor.Names[0].Name
				}
			}
		}
	}
	for i, f := range files {
		for _, d := range trees[i].Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				f.function = d.Name.Name
				if d.Recv != nil {
					f.function = strings.TrimPrefix(f.text(d.Recv.List[0].Type), "*") + "." + f.function
				}
				if d.Body != nil {
					f.mutate(d.Body, d.Type.Results)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.ValueSpec); ok {
						f.function = s.Names[0].Name
						for _, v := range s.Values {
							f.mutate(v, nil)
						}
					}
				}
			}
		}
	}
	return files
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

var (
	unused = regexp.MustCompile(`declared and not used: (\w+)`)
	failed = regexp.MustCompile(`(?m)^ *(?:--- FAIL: |panic: |fatal error: |WARNING: )(.*?)(?: \(.*)?$`)
)

// test runs the tests on a mutant. It returns "" if they pass, "invalid" if
// they do not compile, and otherwise what failed.
func test(tree string, f *file, m mutant, flags string, timeout time.Duration) string {
	path := filepath.Join(tree, f.path)
	defer os.WriteFile(path, []byte(f.src), 0o600)
	for used := ""; ; { // uses of variables that the compiler calls unused
		src := f.src
		for i, e := range slices.Backward(m.edits) {
			if i == 0 {
				e.text += used
			}
			src = src[:e.from] + e.text + src[e.to:]
		}
		check(os.WriteFile(path, []byte(src), 0o600))
		out, err := run(tree, timeout, flags, "./"+filepath.Dir(f.path))
		switch {
		case err == nil:
			return ""
		case !strings.Contains(out, "[build failed]"):
			if why := failed.FindStringSubmatch(out); why != nil {
				return why[1]
			}
			return err.Error()
		}
		before := used
		for _, u := range unused.FindAllStringSubmatch(out, -1) {
			if use := "; _ = " + u[1]; !strings.Contains(used, use) {
				used += use
			}
		}
		if used == before {
			return "invalid"
		}
	}
}

// run runs the tests of a package, and kills what they leave running.
func run(tree string, timeout time.Duration, flags, pkg string) (string, error) {
	tmp, err := os.MkdirTemp("", "mutant")
	check(err)
	defer os.RemoveAll(tmp)
	check(os.Chmod(tmp, 0o777|os.ModeSticky))                                     // some tests run as another user
	ctx, cancel := context.WithTimeout(context.Background(), timeout+time.Minute) // a minute to compile
	defer cancel()
	args := append([]string{"test", "-vet=off", "-short", "-failfast", "-count=1", "-timeout", timeout.String()}, strings.Fields(flags)...)
	c := exec.CommandContext(ctx, "go", append(args, pkg)...)
	c.Dir, c.Env = tree, append(os.Environ(), "TMPDIR="+tmp)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	_ = c.Cancel()
	return string(out), err
}

// survivors reads mutants.txt: names, each group under a comment with the reason.
func survivors() map[string]bool {
	list, err := os.ReadFile(".ci/mutants.txt")
	check(err)
	names, reason := map[string]bool{}, false
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			reason = line != ""
		case !reason || names[line]:
			log.Fatal("in .ci/mutants.txt without a reason, or twice: ", line)
		default:
			names[line] = true
		}
	}
	return names
}

func main() {
	log.SetFlags(0)
	only := flag.String("run", "", "test only the mutants whose name matches `regexp`")
	flag.Parse()
	selected := regexp.MustCompile(*only)
	listed := survivors()
	start := time.Now()
	tree, err := os.MkdirTemp("", "mutate")
	check(err)
	check(os.CopyFS(tree, os.DirFS(".")))
	var table, wrong []string
	for _, p := range packages {
		var timeouts []time.Duration
		for _, f := range files(p.dir) {
			var killed, argued int
			if f.mutants = slices.DeleteFunc(f.mutants, func(m mutant) bool { return !selected.MatchString(m.name) }); len(f.mutants) == 0 {
				continue
			}
			for _, flags := range p.runs[len(timeouts):] { // once for each package
				t := time.Now()
				if out, err := run(tree, 10*time.Minute, flags, "./"+p.dir); err != nil {
					_ = os.RemoveAll(tree)
					log.Fatalf("%s\nThe tests fail without a mutant.", out)
				}
				timeouts = append(timeouts, max(10*time.Second, 3*time.Since(t).Round(time.Second)))
			}
			for _, m := range f.mutants {
				t, why := time.Now(), ""
				for try := 0; try == 0 || listed[m.name] && why != "" && try < 3; try++ { // a test can fail by chance
					why = ""
					for i, flags := range p.runs {
						if why == "" {
							why = test(tree, f, m, flags, timeouts[i])
						}
					}
				}
				fmt.Printf("%s: %s (%.1f s)\n", m.name, cmp.Or(why, "survives"), time.Since(t).Seconds())
				switch {
				case why == "" && listed[m.name]:
					argued++
					delete(listed, m.name)
				case why == "":
					wrong = append(wrong, "survives, but is not in .ci/mutants.txt: "+m.name)
				case why != "invalid":
					killed++
				}
			}
			table = append(table, fmt.Sprintf("%-28s %4d mutants are killed, %d survive as argued", f.path, killed, argued))
			for _, name := range slices.Sorted(maps.Keys(listed)) {
				if strings.HasPrefix(name, f.path+" ") && selected.MatchString(name) {
					wrong = append(wrong, "in .ci/mutants.txt, but does not survive: "+name)
				}
			}
		}
	}
	check(os.RemoveAll(tree))
	fmt.Printf("\n%s\nin %.0f s\n", strings.Join(table, "\n"), time.Since(start).Seconds())
	if len(wrong) > 0 {
		log.Fatal(strings.Join(wrong, "\n"))
	}
}
