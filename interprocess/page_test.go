//go:build unix || windows

package interprocess

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// bad is a case of bad input: what is in the file's place, the error that
// errors.Is finds, and what the message says was wanted and found.
type bad struct {
	name  string
	place func(t *testing.T, path string) // puts it there, or skips
	is    error
	says  []string
}

// content returns a place for a file with the content of an event that edit has
// worked on.
func content(edit func(page []byte) []byte) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		check1(t, os.WriteFile(path, edit(newPage()), 0o600))
	}
}

// field returns a place for an event with another field i in its first line.
func field(i int, value string) func(t *testing.T, path string) {
	return content(func(page []byte) []byte {
		line, _, _ := bytes.Cut(page, []byte("\n"))
		fields := strings.Split(string(line), " ")
		fields[i] = value
		clear(page)
		copy(page, strings.Join(fields, " ")+"\n")
		return page
	})
}

var badFiles = []bad{
	{"missing", func(*testing.T, string) {}, fs.ErrNotExist, []string{"want an event", "found nothing", "make it with Create"}},
	{"empty", content(func([]byte) []byte { return nil }), ErrFormat, []string{"want a file of 4096 bytes", "found 0", "make it anew"}},
	{"truncated", content(func(p []byte) []byte { return p[:100] }), ErrFormat, []string{"want a file of 4096 bytes", "found 100"}},
	{"longer", content(func(p []byte) []byte { return append(p, 0) }), ErrFormat, []string{"want a file of 4096 bytes", "found 4097"}},
	{"garbage", content(func(p []byte) []byte { return bytes.Repeat([]byte{0xee, ' '}, pageSize/2) }), ErrFormat,
		[]string{`want a file that begins with "goevent"`, `found "\xee"`}},
	{"zeros", content(func(p []byte) []byte { clear(p); return p }), ErrFormat, []string{`want a file that begins with "goevent"`, `found "\x00`}},
	{"text without end", content(func(p []byte) []byte { return bytes.Repeat([]byte("x"), pageSize) }), ErrFormat, []string{`found "xxx`}},
	{"other version", field(1, "2"), ErrFormat, []string{`want a file of version "1"`, `found "2"`}},
	{"other byte order", field(2, "middle"), ErrFormat, []string{"want a word of byte order", `found "middle"`}},
	{"other wake", field(3, "smoke"), ErrFormat, []string{`want an event whose sleepers are woken by "` + wakes + `"`, `found "smoke"`}},
	{"before the last boot", func(t *testing.T, path string) {
		if bootID == noBoot {
			t.Skip("this system has no name for its boots")
		}
		field(4, "0-0")(t, path)
	}, ErrFormat, []string{"want an event of the host's present boot", `found "0-0"`}},
	{"no ID", field(5, ""), ErrFormat, []string{"want a complete first line"}},
	{"directory", func(t *testing.T, path string) { check1(t, os.Mkdir(path, 0o700)) }, ErrFormat, []string{"want a regular file, found a directory"}},
	{"symbolic link", func(t *testing.T, path string) {
		e, err := Create(path + ".real")
		check1(t, err)
		check1(t, e.Close())
		if err := os.Symlink(path+".real", path); err != nil {
			t.Skip("no symbolic links here:", err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Skip("a symbolic link that cannot be found:", err) // Wine
		}
	}, ErrFormat, []string{"want a regular file, found a symbolic link"}},
	{"dangling link", func(t *testing.T, path string) {
		if err := os.Symlink("nowhere", path); err != nil {
			t.Skip("no symbolic links here:", err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Skip("a symbolic link that cannot be found:", err) // Wine
		}
	}, ErrFormat, []string{"want a regular file, found a symbolic link"}},
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range badFiles {
		t.Run(c.name, func(t *testing.T) {
			path := tempPath(t)
			c.place(t, path)
			before := text(path)
			e, err := Open(path)
			refused(t, e, err, c.is, append(c.says, path)...)
			if text(path) != before {
				t.Error("Open has changed the file")
			}
		})
	}
}

// text returns the content of path if it is a regular file.
func text(path string) string {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	content, _ := os.ReadFile(path)
	return string(content)
}

// refused fails the test unless err is the error is, and says all of says.
func refused(t *testing.T, e *Event, err, is error, says ...string) {
	t.Helper()
	if e != nil || !errors.Is(err, is) {
		t.Fatalf("got %v and the error %v, want the error %v", e, err, is)
	}
	for _, s := range append(says, "interprocess: ") {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("the message is %q, without %q", err, s)
		}
	}
	t.Log(err)
}

func TestCreate(t *testing.T) {
	path := tempPath(t)
	a, err := Create(path)
	check1(t, err)
	defer a.Close()
	again, err := Create(path)
	refused(t, again, err, fs.ErrExist, path, "want a name that is free", "Open the event, or remove the file")

	b, err := Open(path)
	check1(t, err)
	defer b.Close()
	a.Set()
	if !b.IsSet() {
		t.Error("the handles are not of one event")
	}
	b.Clear()
	if a.IsSet() {
		t.Error("the handles are not of one event")
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		check1(t, err)
		if info.Mode() != 0o600 || info.Size() != pageSize {
			t.Errorf("the file has mode %v and %d bytes", info.Mode(), info.Size())
		}
		check1(t, os.Remove(path)) // the handles go on
		a.Set()
		if !b.IsSet() {
			t.Error("the event is gone with its name")
		}
		e, err := Open(path)
		refused(t, e, err, fs.ErrNotExist, path)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestCreateRefuses(t *testing.T) {
	path := filepath.Join(tempDir(t), "missing", "event")
	e, err := Create(path)
	refused(t, e, err, fs.ErrNotExist, path, "want a folder in which this process may make a file")

	file := tempPath(t)
	check1(t, os.WriteFile(file, []byte("precious"), 0o600))
	e, err = Create(file)
	refused(t, e, err, fs.ErrExist, file)
	if got, _ := os.ReadFile(file); string(got) != "precious" {
		t.Error("Create has changed a file that was there")
	}
	e, err = Create(filepath.Join(file, "event"))
	if e != nil || err == nil {
		t.Error("Create made an event in a file")
	}
	e, err = Create("")
	if e != nil || err == nil {
		t.Error("Create made an event without a name")
	}
}

// Many processes or goroutines create the same name: one succeeds, and nobody
// ever opens a file that is not complete.
func TestCreateRace(t *testing.T) {
	for range count(100) {
		path := tempPath(t)
		const n = 8
		results := make(chan error, 2*n)
		for range n {
			go func() {
				e, err := Create(path)
				if err == nil {
					defer e.Close()
				}
				results <- err
			}()
			go func() {
				e, err := Open(path)
				if err == nil {
					defer e.Close()
				} else if errors.Is(err, fs.ErrNotExist) {
					err = fs.ErrExist
				}
				if err != nil {
					results <- err
				} else {
					results <- fs.ErrExist
				}
			}()
		}
		made := 0
		for range 2 * n {
			if err := <-results; err == nil {
				made++
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		}
		if made != 1 {
			t.Fatalf("%d have made the event", made)
		}
	}
}

// A Create that fails after it has made the name takes it back.
func TestCreateTakesBack(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no mode to make it fail by")
	}
	path := tempPath(t)
	hooked(t, testHooks{publishing: func() { check1(t, os.WriteFile(path, nil, 0o600)) }})
	e, err := Create(path)
	refused(t, e, err, fs.ErrPermission, path)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it has left the file: %v", err)
	}
}

// Commands that were made from one list of files do not get each other's events.
func TestShareLeavesOthersFiles(t *testing.T) {
	a, b := newTest(t), newTest(t)
	base := make([]*os.File, 1, 4)
	c1, c2 := &exec.Cmd{ExtraFiles: base}, &exec.Cmd{ExtraFiles: base}
	check1(t, a.Share(c1, "x"))
	before := fmt.Sprint(c1.ExtraFiles, c1.SysProcAttr)
	check1(t, b.Share(c2, "x"))
	if now := fmt.Sprint(c1.ExtraFiles, c1.SysProcAttr); now != before {
		t.Errorf("the first command had %s, has %s", before, now)
	}
}

func TestShareRefuses(t *testing.T) {
	e := newTest(t)
	closed := newTest(t)
	closed.Close()
	started := exec.Command(os.Args[0], "-test.run=^$")
	check1(t, started.Start())
	defer started.Wait()
	shared := exec.Command("x")
	check1(t, e.Share(shared, "one"))
	for _, c := range []struct {
		name string
		e    *Event
		cmd  *exec.Cmd
		as   string
		is   error
		says string
	}{
		{"nil command", e, nil, "x", nil, "want a command, found nil"},
		{"no name", e, exec.Command("x"), "", nil, "want a name of letters, digits and underscores"},
		{"name with =", e, exec.Command("x"), "a=b", nil, "want a name of letters, digits and underscores"},
		{"name with NUL", e, exec.Command("x"), "a\x00", nil, "want a name of letters"},
		{"closed", closed, exec.Command("x"), "x", ErrClosed, "closed"},
		{"zero", new(Event), exec.Command("x"), "x", ErrClosed, "closed"},
		{"started", e, started, "x", nil, "want a command that is not started"},
		{"same name", e, shared, "one", nil, "found GOEVENT_one="},
		{"same name in another case", e, shared, "ONE", nil, "found GOEVENT_one="},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before string
			if c.cmd != nil {
				before = fmt.Sprint(c.cmd.Env, c.cmd.ExtraFiles)
			}
			err := c.e.Share(c.cmd, c.as)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			if c.cmd != nil && fmt.Sprint(c.cmd.Env, c.cmd.ExtraFiles) != before {
				t.Error("the command has changed")
			}
			t.Log(err)
		})
	}
}

// What the parent has inherited itself does not stand in the way.
func TestShareReplacesWhatWasInherited(t *testing.T) {
	t.Setenv("GOEVENT_x", "3:OLD")
	e := newTest(t)
	cmd := exec.Command("x")
	cmd.Env = os.Environ()
	check1(t, e.Share(cmd, "x"))
	var got []string
	for _, entry := range cmd.Environ() {
		if strings.HasPrefix(entry, "GOEVENT_x=") {
			got = append(got, entry)
		}
	}
	if len(got) != 1 || !strings.HasSuffix(got[0], ":"+e.id) {
		t.Errorf("the child gets %v", got)
	}
}

func TestInheritedRefuses(t *testing.T) {
	file := tempPath(t)
	check1(t, os.WriteFile(file, make([]byte, pageSize), 0o600))
	foreign, err := os.OpenFile(file, os.O_RDWR, 0)
	check1(t, err)
	defer foreign.Close()
	openFile := tempPath(t)
	check1(t, os.WriteFile(openFile, make([]byte, pageSize), 0o644))
	open, err := os.OpenFile(openFile, os.O_RDWR, 0)
	check1(t, err)
	defer open.Close()
	pipe, _, err := os.Pipe()
	check1(t, err)
	defer pipe.Close()
	other := newTest(t)
	for _, c := range []struct {
		name, value string
		is          error
		says        []string
	}{
		{"empty", "", ErrFormat, []string{`found ""`}},
		{"garbage", "garbage", ErrFormat, []string{`found "garbage"`}},
		{"no number", "x:ID", ErrFormat, []string{`found "x:ID"`}},
		{"negative", "-1:ID", ErrFormat, []string{`found "-1:ID"`}},
		{"huge", "99999999999:ID", ErrFormat, []string{`found "99999999999:ID"`}},
		{"standard output", "1:ID", ErrFormat, []string{`found "1:ID"`}},
		{"closed", "19999:ID", ErrFormat, []string{"descriptor 19999", "found it closed"}},
		{"foreign file", fmt.Sprintf("%d:ID", foreign.Fd()), ErrFormat, []string{"want"}},
		{"foreign pipe", fmt.Sprintf("%d:ID", pipe.Fd()), ErrFormat, []string{"want"}},
		{"file open to others", fmt.Sprintf("%d:ID", open.Fd()), ErrFormat, []string{"want", "as the same user"}},
		{"another event", fmt.Sprintf("%d:ID", number(other)), ErrFormat, []string{"want event ID", "found " + other.id}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GOEVENT_x", c.value)
			before := descriptors()
			e, err := Inherited("x")
			refused(t, e, err, c.is, append(c.says, "GOEVENT_x")...)
			if n := descriptors(); n != before {
				t.Errorf("%d descriptors, were %d", n, before)
			}
		})
	}
	e, err := Inherited("unheard_of")
	refused(t, e, err, fs.ErrNotExist, "GOEVENT_unheard_of", "found none")
	e, err = Inherited("a=b")
	refused(t, e, err, fs.ErrNotExist)
}

// Inherited works again and again, each time with a handle of its own.
func TestInheritedAgain(t *testing.T) {
	e := newTest(t)
	t.Setenv("GOEVENT_x", fmt.Sprintf("%d:%s", number(e), e.id))
	for range 3 {
		c, err := Inherited("x")
		check1(t, err)
		e.Clear()
		c.Set()
		if !e.IsSet() {
			t.Error("not the same event")
		}
		check1(t, c.Close())
	}
}

// The layout that all builds and versions of this package must agree on.
func TestLayout(t *testing.T) {
	page := newPage()
	h := strings.Join(header(), " ")
	if len(page) != 4096 || !strings.HasPrefix(string(page), h+" ") || len(h) > 200 {
		t.Errorf("the page begins with %q", page[:wordAt])
	}
	if id, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil && runtime.GOOS == "linux" &&
		!strings.Contains(h, strings.TrimSpace(string(id))) {
		t.Errorf("the page begins with %q, without this boot, %q", h, id)
	}
	path := tempPath(t)
	e, err := Create(path)
	check1(t, err)
	defer e.Close()
	e.Set()
	e.Clear()
	e.Set()
	raw, err := os.ReadFile(path)
	check1(t, err)
	if word := *(*uint32)(unsafe.Pointer(&raw[wordAt])); word != 4+1 {
		t.Errorf("after Set, Clear and Set the word is %b", word)
	}
}
