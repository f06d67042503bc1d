//go:build unix || windows

package interprocess

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func init() {
	roles["wait"] = func(e *Event) {
		fmt.Println("waiting", e)
		e.Wait()
		fmt.Println("released", e)
	}
	roles["set"] = func(e *Event) { e.Set() }
	roles["use"] = func(e *Event) { // what a fresh process can do
		e.Set()
		e.Wait()
		e.Clear()
		cleared := !e.IsSet() && !e.WaitTimeout(time.Millisecond)
		e.Set()
		e.Clear()
		e.Set()
		set := e.IsSet() && e.WaitTimeout(0)
		e.Clear()
		fmt.Println("works", cleared, set)
	}
}

// worksInChild checks that a fresh process can use e.
func worksInChild(t testing.TB, e *Event) {
	t.Helper()
	c := start(t, e, "use")
	c.says("works true true")
	c.kill()
}

func TestChildren(t *testing.T) {
	everyMode(t, func(t *testing.T) {
		e := newTest(t)
		var waiters []*child
		for range 5 {
			waiters = append(waiters, start(t, e, "wait"))
		}
		for _, c := range waiters {
			c.says("waiting unset")
		}
		setter := start(t, e, "set")
		for _, c := range waiters {
			c.says("released set")
		}
		within(t, "the parent's wait", e.Wait)
		setter.Wait()
		e.Clear()
		worksInChild(t, e)
	})
}

// The event lives on in the children when the parent has closed its handle.
func TestChildrenOutliveHandle(t *testing.T) {
	e := newTest(t)
	waiter, setter := start(t, e, "wait"), start(t, e, "set when told")
	waiter.says("waiting unset")
	setter.says("ready")
	require.NoError(t, e.Close())
	setter.stop()
	waiter.says("released set")
}

func init() {
	roles["set when told"] = func(e *Event) {
		fmt.Println("ready")
		for !stopped.Load() {
			time.Sleep(time.Millisecond)
		}
		e.Set()
		time.Sleep(hang) // to be killed
	}
}

// Descriptors reach only the children that they were shared with.
func TestInheritance(t *testing.T) {
	c := start(t, newTest(t), "no inheritance")
	c.says("other: true")
	c.says("grandchild: true")
	c.says("descriptors: 0")
}

func init() {
	roles["no inheritance"] = func(*Event) {
		_, err := Inherited("other")
		fmt.Println("other:", err != nil)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "EVENT_TEST_ROLE=set") // with GOEVENT_test; the descriptor is not passed on
		out, err := cmd.Output()
		fmt.Println("grandchild:", err != nil && len(out) > 0)
		out, _ = exec.Command("ls", "-l", "/proc/self/fd").Output()
		fmt.Println("descriptors:", strings.Count(string(out), "goevent"))
	}
}

func TestShareTwo(t *testing.T) {
	a, b := newTest(t), newTest(t)
	cmd := command(t, a, "two")
	require.NoError(t, b.Share(cmd, "second"))
	startCommand(t, cmd).says("unset unset")
	assert.True(t, a.IsSet())
	assert.False(t, b.IsSet())
}

func init() {
	roles["two"] = func(a *Event) {
		b, err := Inherited("second")
		if err != nil {
			fmt.Println(err)
			return
		}
		before := fmt.Sprint(a, " ", b)
		b.Set()
		a.Set()
		b.Clear()
		fmt.Println(before)
	}
}

// A child that has inherited a name shares two events under that name with its
// own child: only the first can reach it.
func TestShareInheritedNameTwice(t *testing.T) {
	const already = `interprocess: share "test": name already shared: GOEVENT_test`
	for _, row := range []struct {
		steps string // events that the child shares: i as it inherited it, a and b new; in capitals, under another name
		want  []string
	}{
		{"ab", []string{"", already}},
		{"ia", []string{"", already}},
		{"ai", []string{"", already}},
		{"ii", []string{"", already}},
		{"Ia", []string{"", ""}},
		{"Ii", []string{"", ""}},
		{"Aa", []string{"", ""}},
		{"Iab", []string{"", "", already}},
	} {
		t.Run(row.steps, func(t *testing.T) {
			c := start(t, newTest(t), "share on", row.steps)
			for _, want := range row.want {
				c.says(want)
			}
			c.says("the grandchild has what was shared: true")
		})
	}
}

func init() {
	roles["share on"] = func(inherited *Event) {
		a, _ := New()
		b, _ := New()
		events := map[string]*Event{"i": inherited, "a": a, "b": b}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "EVENT_TEST_ROLE=set")
		var first *Event
		for _, step := range strings.Split(os.Args[1], "") {
			e, name := events[strings.ToLower(step)], "test"
			if step != strings.ToLower(step) {
				name = "another"
			} else if first == nil {
				first = e
			}
			err := e.Share(cmd, name)
			if err != nil {
				fmt.Println(err)
			} else {
				fmt.Println()
			}
		}
		in, _ := cmd.StdinPipe()
		defer in.Close()
		cmd.Run()
		ok := first.IsSet()
		for _, e := range events {
			ok = ok && (e == first || !e.IsSet())
		}
		fmt.Println("the grandchild has what was shared:", ok)
	}
}

// A name that this process inherited and does not share again does not reach its
// child, which could not use it.
func TestShareReplacesWhatWasInherited(t *testing.T) {
	t.Setenv("GOEVENT_x", "3:OLD")
	t.Setenv("GOEVENT_y", "4:OLD")
	t.Setenv("GOEVENT_z", "not ours")
	t.Setenv("GOEVENT_", "3:OLD") // no name
	t.Setenv("EVENT_TEST_x", "3:OLD")
	e := newTest(t)
	cmd := exec.Command("x")
	require.NoError(t, e.Share(cmd, "x"))
	var got []string
	for _, entry := range cmd.Environ() {
		if strings.HasPrefix(entry, "GOEVENT_") || strings.HasPrefix(entry, "EVENT_TEST_x") {
			got = append(got, entry)
		}
	}
	slices.Sort(got)
	if assert.Len(t, got, 4) {
		assert.Equal(t, []string{"EVENT_TEST_x=3:OLD", "GOEVENT_=3:OLD"}, got[:2])
		assert.Regexp(t, "^GOEVENT_x=[0-9]+:"+e.id+"$", got[2])
		assert.Equal(t, "GOEVENT_z=not ours", got[3])
	}
}

// Commands that were made from one list of files do not get each other's events.
func TestShareLeavesOthersFiles(t *testing.T) {
	a, b := newTest(t), newTest(t)
	base := make([]*os.File, 1, 4)
	c1, c2 := &exec.Cmd{ExtraFiles: base}, &exec.Cmd{ExtraFiles: base}
	require.NoError(t, a.Share(c1, "x"))
	before := fmt.Sprint(c1.ExtraFiles, c1.SysProcAttr)
	require.NoError(t, b.Share(c2, "x"))
	assert.Equal(t, before, fmt.Sprint(c1.ExtraFiles, c1.SysProcAttr))
}

func TestShareRefuses(t *testing.T) {
	e := newTest(t)
	closed := newTest(t)
	closed.Close()
	started := exec.Command(os.Args[0], "-test.run=^$")
	require.NoError(t, started.Start())
	defer started.Wait()
	shared := exec.Command("x")
	require.NoError(t, e.Share(shared, "one"))
	const badName = "invalid argument: name, want letters, digits and underscores"
	for _, row := range []struct {
		e    *Event
		cmd  *exec.Cmd
		name string
		want string
	}{
		{e, nil, "x", `share "x": nil command`},
		{e, started, "x", `share "x": command already started`},
		{e, exec.Command("x"), "", `share "": ` + badName},
		{e, exec.Command("x"), "a=b", `share "a=b": ` + badName},
		{e, exec.Command("x"), "a\x00", `share "a\x00": ` + badName},
		{e, exec.Command("x"), "ä", `share "ä": ` + badName},
		{e, shared, "one", `share "one": name already shared: GOEVENT_one`},
		{e, shared, "ONE", `share "ONE": name already shared: GOEVENT_one`},
		{closed, exec.Command("x"), "x", "event is closed"},
	} {
		state := func() string {
			if row.cmd == nil {
				return ""
			}
			return fmt.Sprint(row.cmd.Env, row.cmd.ExtraFiles, row.cmd.SysProcAttr)
		}
		before := state()
		err := row.e.Share(row.cmd, row.name)
		assert.EqualError(t, err, "interprocess: "+row.want)
		assert.Equal(t, row.e == closed, err == ErrClosed)
		assert.Equal(t, before, state(), "the command has changed")
	}
	assert.NoError(t, e.Share(exec.Command("x"), "azAZ09_"))
}

// The variable does not name the descriptor of the event: the error says what it
// names instead, and Inherited leaves that alone.
func TestInheritedRefuses(t *testing.T) {
	file := func(content string, mode os.FileMode) *os.File {
		path := tempPath(t)
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
		require.NoError(t, os.Chmod(path, mode))
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	foreign := file("a database, read and written elsewhere", 0o600)
	open := file(strings.Repeat("\x00", pageSize), 0o644)
	event := file(string(newPage()), 0o600)
	openEvent := file(string(newPage()), 0o604)
	_, openID, err := parse(func() []byte { p, _ := io.ReadAll(openEvent); return p }())
	require.NoError(t, err)
	_, fileID, err := parse(func() []byte { p, _ := io.ReadAll(event); return p }())
	require.NoError(t, err)
	pipe, other, err := os.Pipe()
	require.NoError(t, err)
	defer pipe.Close()
	defer other.Close()
	dir, err := os.Open(tempDir(t))
	require.NoError(t, err)
	defer dir.Close()
	live := newTest(t)

	notVariable := func(value string) string { return fmt.Sprintf("variable GOEVENT_x is %q, want number:ID", value) }
	for _, row := range []struct {
		value string
		is    error
		says  string
		unix  bool
	}{
		{"", ErrFormat, notVariable(""), false},
		{"garbage", ErrFormat, notVariable("garbage"), false},
		{"7", ErrFormat, notVariable("7"), false},
		{"x:ID", ErrFormat, notVariable("x:ID"), false},
		{":ID", ErrFormat, notVariable(":ID"), false},
		{"-1:ID", ErrFormat, notVariable("-1:ID"), false},
		{"+7:ID", ErrFormat, notVariable("+7:ID"), false},
		{"2147483648:ID", ErrFormat, notVariable("2147483648:ID"), false},
		{"99999999999999999999:ID", ErrFormat, notVariable("99999999999999999999:ID"), false},
		{strings.Repeat("x", 99), ErrFormat, notVariable(strings.Repeat("x", 40)), false},
		{"0:ID", ErrFormat, notVariable("0:ID"), false},
		{"1:ID", ErrFormat, notVariable("1:ID"), false},
		{"2:ID", ErrFormat, notVariable("2:ID"), false},
		{"19999:ID", ErrFormat, "descriptor 19999: closed", false},
		{"2147483646:ID", ErrFormat, "descriptor 2147483646: closed", false},
		{fmt.Sprint(pipe.Fd(), ":ID"), ErrFormat, fmt.Sprintf("descriptor %d: named pipe, want regular file", pipe.Fd()), true},
		{fmt.Sprint(dir.Fd(), ":ID"), ErrFormat, fmt.Sprintf("descriptor %d: directory, want regular file", dir.Fd()), true},
		{fmt.Sprint(foreign.Fd(), ":ID"), ErrFormat, fmt.Sprintf("descriptor %d: size 38, want 4096", foreign.Fd()), true},
		{fmt.Sprint(open.Fd(), ":ID"), ErrFormat, fmt.Sprintf("descriptor %d: no event header", open.Fd()), true},
		{fmt.Sprint(event.Fd(), ":ID"), ErrFormat, fmt.Sprintf("descriptor %d: event %s, want ID", event.Fd(), fileID), true},
		{fmt.Sprint(event.Fd(), ":", fileID[1:]), ErrFormat,
			fmt.Sprintf("descriptor %d: event %s, want %s", event.Fd(), fileID, fileID[1:]), true},
		{fmt.Sprint(event.Fd(), ":", strings.Repeat("X", 99)), ErrFormat,
			fmt.Sprintf("descriptor %d: event %s, want %s", event.Fd(), fileID, strings.Repeat("X", 40)), true},
		{fmt.Sprint(openEvent.Fd(), ":", openID), fs.ErrPermission,
			fmt.Sprintf("descriptor %d: permission denied: mode 0604, want 0600", openEvent.Fd()), true},
		{fmt.Sprint(number(live), ":ID"), ErrFormat, fmt.Sprintf("descriptor %d: event %s, want ID", number(live), live.id), false},
	} {
		t.Run(row.value, func(t *testing.T) {
			if row.unix && runtime.GOOS == "windows" {
				t.Skip("a handle of another kind")
			}
			t.Setenv("GOEVENT_x", row.value)
			before := descriptors()
			e, err := Inherited("x")
			assert.Nil(t, e)
			assert.Equal(t, before, descriptors())
			if row.is != ErrFormat {
				wantError(t, err, row.is, `inherit "x"`, row.says)
				return
			}
			// The kind comes after the descriptor.
			require.ErrorIs(t, err, ErrFormat)
			place, rest, found := strings.Cut(row.says, ": ")
			if !found || strings.HasPrefix(row.says, "variable") {
				assert.EqualError(t, err, `interprocess: inherit "x": not a usable event: `+row.says)
			} else {
				assert.EqualError(t, err, `interprocess: inherit "x": `+place+": not a usable event: "+rest)
			}
		})
	}

	e, err := Inherited("unheard_of")
	assert.Nil(t, e)
	wantError(t, err, fs.ErrNotExist, `inherit "unheard_of"`, "variable GOEVENT_unheard_of: file does not exist")
	for _, name := range []string{"", "a=b", "a\x00", "a b", "ä"} {
		e, err := Inherited(name)
		assert.Nil(t, e)
		wantError(t, err, fs.ErrInvalid, fmt.Sprintf("inherit %q", name),
			"invalid argument: name, want letters, digits and underscores")
	}
	_, err = foreign.Seek(0, io.SeekStart)
	require.NoError(t, err, "the foreign file was closed")
	text, err := io.ReadAll(foreign)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(text, []byte("a database")))
}

// Inherited may be called again, and returns another handle each time.
func TestInheritedAgain(t *testing.T) {
	e := newTest(t)
	t.Setenv("GOEVENT_x", variable(e))
	for range 3 {
		c, err := Inherited("x")
		require.NoError(t, err)
		e.Clear()
		c.Set()
		assert.True(t, e.IsSet())
		require.NoError(t, c.Close())
	}
}

// variable returns the value of the variable by which a child finds e, with the
// number that e has in this process.
func variable(e *Event) string { return fmt.Sprintf("%d:%s", number(e), e.id) }

// descriptors returns the descriptors of this process, without the one that
// lists them, if there is a /proc.
func descriptors() (open []string) {
	const dir = "/proc/self/fd"
	names, _ := filepath.Glob(dir + "/*")
	for _, name := range names {
		if target, err := os.Readlink(name); err == nil {
			open = append(open, name+" "+target)
		}
	}
	return open
}
