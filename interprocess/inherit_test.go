//go:build unix || windows

package interprocess

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A child's own children get neither the descriptor nor the variable, once the
// child has called Inherited.
func TestGrandchildInheritsNothing(t *testing.T) {
	c := start(t, newTest(t), "parent of a grandchild")
	c.says("other: share nothing")
	c.says(`grandchild: inherit "test": variable GOEVENT_test is not set`)
	c.says("shared again: set")
	c.says("descriptors: 0")
}

func init() {
	roles["parent of a grandchild"] = func(e *Event) {
		if _, err := Inherited("other"); errors.Is(err, fs.ErrNotExist) {
			fmt.Println("other: share nothing")
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "EVENT_TEST_ROLE=set")
		out, _ := cmd.Output()
		fmt.Print("grandchild: ", string(out))
		cmd = exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "EVENT_TEST_ROLE=set")
		in, _ := cmd.StdinPipe()
		defer in.Close()
		fmt.Print("shared again: ")
		if err := errors.Join(e.Share(cmd, "test"), cmd.Run()); err != nil {
			fmt.Println(err)
		}
		fmt.Println(e)
		out, _ = exec.Command("ls", "-l", "/proc/self/fd").Output()
		fmt.Println("descriptors:", strings.Count(string(out), "goevent"))
	}
}

// Inherited unsets the variable and remembers it: each call returns another
// handle. A variable that is set anew counts.
func TestInheritedAgain(t *testing.T) {
	e, other := newTest(t), newTest(t)
	for _, e := range []*Event{e, other} {
		t.Setenv("GOEVENT_again", variable(e))
		for range 3 {
			got, err := Inherited("again")
			closing(t, got, err)
			_, present := os.LookupEnv("GOEVENT_again")
			assert.False(t, present, "the variable is still set")
			e.Clear()
			got.Set()
			assert.True(t, e.IsSet())
			require.NoError(t, got.Close())
		}
	}
}

// Variables that this process inherited and does not share again do not reach its
// child, which could not use them. All other entries do, even bad ones: Start
// refuses the command instead of dropping them.
func TestShareKeepsTheEnvironment(t *testing.T) {
	e, other := newTest(t), newTest(t)
	cmd := &exec.Cmd{Path: os.Args[0], ExtraFiles: []*os.File{nil}, Env: []string{
		"GOEVENT_z=not ours", "GOEVENT_=ours", "=C:=C:\\", "x", "A=\x00",
	}}
	require.NoError(t, other.Share(cmd, "other"))
	kept := cmd.Env
	require.Len(t, kept, 6)
	cmd.Env = append([]string{"GOEVENT_x=3:OLD", "GOEVENT_y=4:OLD", "GOEVENT_w=99:OLD"}, kept...)
	require.NoError(t, e.Share(cmd, "x"))
	assert.Equal(t, kept, cmd.Env[:6])
	require.Len(t, cmd.Env, 7)
	assert.Regexp(t, "^GOEVENT_x=[0-9]+:"+e.page.ID+"$", cmd.Env[6])
	assert.ErrorContains(t, cmd.Start(), "NUL")
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
		{closed, exec.Command("x"), "x", `share "x": interprocess: event is closed`},
	} {
		state := func() string {
			if row.cmd == nil {
				return ""
			}
			return fmt.Sprint(row.cmd.Env, row.cmd.ExtraFiles, row.cmd.SysProcAttr)
		}
		before := state()
		err := row.e.Share(row.cmd, row.name)
		assert.EqualError(t, err, row.want)
		assert.Equal(t, row.e == closed, errors.Is(err, ErrClosed))
		assert.Equal(t, before, state(), "the command has changed")
	}
	assert.NoError(t, e.Share(exec.Command("x"), "azAZ09_"))
}

// The variable is not one of Share, or names no event: Inherited leaves it and
// what it names alone.
func TestInheritedRefuses(t *testing.T) {
	notVariable := func(value string) string {
		return fmt.Sprintf(`interprocess: not a usable event: variable GOEVENT_bad is %.42q, want number:ID`, value)
	}
	live := newTest(t)
	for value, want := range map[string]string{
		"":                        notVariable(""),
		"garbage":                 notVariable("garbage"),
		"7":                       notVariable("7"),
		":ID":                     notVariable(":ID"),
		"-1:ID":                   notVariable("-1:ID"),
		"+7:ID":                   notVariable("+7:ID"),
		"99999999999999999999:ID": notVariable("99999999999999999999:ID"),
		"2147483646:ID":           "descriptor 2147483646: interprocess: not a usable event: closed",
		fmt.Sprint(number(live), ":ID"): fmt.Sprintf("descriptor %d: interprocess: not a usable event: event %q, want \"ID\"",
			number(live), live.page.ID),
	} {
		t.Setenv("GOEVENT_bad", value)
		e, err := Inherited("bad")
		assert.Nil(t, e)
		assert.ErrorIs(t, err, ErrFormat)
		assert.EqualError(t, err, `inherit "bad": `+want)
		assert.Equal(t, value, os.Getenv("GOEVENT_bad"))
	}

	e, err := Inherited("unheard_of")
	assert.Nil(t, e)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.EqualError(t, err, `inherit "unheard_of": variable GOEVENT_unheard_of is not set`)
	for _, name := range []string{"", "a=b", "a\x00", "a b", "ä"} {
		e, err := Inherited(name)
		assert.Nil(t, e)
		assert.ErrorIs(t, err, fs.ErrInvalid)
		assert.EqualError(t, err, fmt.Sprintf("inherit %q: invalid argument: name, want letters, digits and underscores", name))
	}
}
