//go:build unix || windows

package interprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// stalePage returns a set event of another boot of this host.
func stalePage(t testing.TB) []byte {
	t.Helper()
	if bootID == noBoot {
		t.Skip("this system does not identify its boots")
	}
	page := bytes.Replace(newPage(), []byte(bootID), bytes.Repeat([]byte("0"), len(bootID)), 1)
	binary.NativeEndian.PutUint32(page[wordAt:], set)
	return page
}

// dirOn returns a new directory in memory or on a disk: an event of another boot
// is stale only on a disk.
func dirOn(t testing.TB, memory bool) string {
	t.Helper()
	for _, parent := range []string{os.TempDir(), "/dev/shm", "."} {
		dir, err := os.MkdirTemp(parent, "event")
		if err != nil {
			continue
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		f, err := os.Open(dir)
		check1(t, err)
		inMemory, err := checkFileSystem(f.Fd())
		f.Close()
		if err == nil && inMemory == memory {
			return dir
		}
	}
	t.Skipf("no directory here that can hold events and is in memory: %t", memory)
	return ""
}

// beforehand has what OpenOrCreate may find at path. Each returns the directory
// to call it in and a function that prepares path there.
var beforehand = map[string]func(t testing.TB) (dir string, prepare func(path string)){
	"missing": func(t testing.TB) (string, func(string)) { return tempDir(t), func(string) {} },
	"present": func(t testing.TB) (string, func(string)) {
		return tempDir(t), func(path string) {
			e, err := Create(path)
			check1(t, err)
			check1(t, e.Close())
		}
	},
	"stale": func(t testing.TB) (string, func(string)) {
		page := stalePage(t)
		return dirOn(t, false), func(path string) { check1(t, os.WriteFile(path, page, 0o600)) }
	},
}

// openOrCreate calls OpenOrCreate, which must succeed.
func openOrCreate(t testing.TB, path string) (e *Event, created bool) {
	t.Helper()
	within(t, "OpenOrCreate", func() {
		var err error
		if e, created, err = OpenOrCreate(path); err != nil {
			t.Error(err)
		}
	})
	if e == nil {
		t.FailNow()
	}
	t.Cleanup(func() { e.Close() })
	return e, created
}

// shared fails the test unless a and b are handles to one event. It leaves the
// event set.
func shared(t testing.TB, a, b *Event) {
	t.Helper()
	b.Clear()
	if a.Set(); !b.IsSet() || a.id != b.id {
		t.Errorf("two events, %s and %s", a.id, b.id)
	}
}

// leftovers returns the number of temporary files in dir. There must be no files
// other than those and the events.
func leftovers(t testing.TB, dir string, events int) (n int) {
	t.Helper()
	files, err := os.ReadDir(dir)
	check1(t, err)
	for _, file := range files {
		if strings.HasPrefix(file.Name(), ".goevent-") {
			n++
		}
	}
	if len(files) != events+n {
		t.Errorf("%d files for %d events: %v", len(files)-n, events, files)
	}
	return n
}

func TestOpenOrCreateKeepsTheFlag(t *testing.T) {
	path := tempPath(t)
	first, created := openOrCreate(t, path)
	if !created || first.IsSet() {
		t.Errorf("created %t, %v; want a new, unset event", created, first)
	}
	first.Set()
	check1(t, first.Close())
	second, created := openOrCreate(t, path)
	if created || !second.IsSet() {
		t.Errorf("created %t, %v; want the event as it was left, set", created, second)
	}
}

func TestOpenOrCreateRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		prepare func(path string) error
		want    error
	}{
		"a directory":      {func(path string) error { return os.Mkdir(path, 0o700) }, ErrFormat},
		"an empty file":    {func(path string) error { return os.WriteFile(path, nil, 0o600) }, ErrFormat},
		"no directory":     {func(path string) error { return os.Remove(filepath.Dir(path)) }, fs.ErrNotExist},
		"a page of zeros":  {func(path string) error { return os.WriteFile(path, make([]byte, pageSize), 0o600) }, ErrFormat},
		"an older version": {func(path string) error { return os.WriteFile(path, version0(), 0o600) }, ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(tempDir(t), "dir", "event")
			check1(t, os.Mkdir(filepath.Dir(path), 0o700))
			check1(t, row.prepare(path))
			before, _ := os.ReadFile(path)
			e, created, err := OpenOrCreate(path)
			if e != nil || created || !errors.Is(err, row.want) {
				t.Errorf("got %v, %t, %v; want %v", e, created, err, row.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file has changed")
			}
		})
	}
}

// version0 returns an event of an older version and an earlier boot: the
// version is what counts.
func version0() []byte {
	return append([]byte("goevent 0 little futex 0-0 id\n"), make([]byte, pageSize-30)...)
}

func TestStaleEvent(t *testing.T) {
	page := stalePage(t)
	path := filepath.Join(dirOn(t, false), "event")
	check1(t, os.WriteFile(path, page, 0o600))
	old, err := os.Open(path)
	check1(t, err)
	defer old.Close()

	if e, err := Open(path); e != nil || !errors.Is(err, ErrStale) || errors.Is(err, ErrFormat) {
		t.Errorf("Open: %v, %v; want %v", e, err, ErrStale)
	}
	if e, err := Create(path); e != nil || !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create: %v, %v; want %v", e, err, fs.ErrExist)
	}
	// The permissions are checked before the boot.
	check1(t, os.Chmod(path, 0o640))
	if e, _, err := OpenOrCreate(path); e != nil || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("OpenOrCreate of mode 0640: %v, %v; want %v", e, err, fs.ErrPermission)
	}
	check1(t, os.Chmod(path, 0o600))
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, page) {
		t.Error("a call that failed has changed the file:", err)
	}

	e, created := openOrCreate(t, path)
	if !created || e.IsSet() {
		t.Errorf("created %t, %v; want a new, unset event", created, e)
	}
	now := make([]byte, pageSize)
	if _, err := old.ReadAt(now, 0); err != nil || !bytes.Equal(now, page) {
		t.Error("the stale page has changed:", err)
	}
	// The stale event that a process has found may be gone when it calls replace.
	for _, path := range []string{path, path + " removed"} {
		if e, err := replace(path); e != nil || !errors.Is(err, fs.ErrExist) {
			t.Errorf("replace: %v, %v; want %v", e, err, fs.ErrExist)
		}
	}
	again, err := Open(path)
	check1(t, err)
	defer again.Close()
	shared(t, e, again)
	if n := leftovers(t, filepath.Dir(path), 1); n != 0 {
		t.Errorf("%d temporary files left", n)
	}
}

// An event in memory is of this boot, even if a container gave it another ID.
func TestEventOfAnotherBootInMemory(t *testing.T) {
	page := stalePage(t)
	path := filepath.Join(dirOn(t, true), "event")
	check1(t, os.WriteFile(path, page, 0o600))
	if e, created := openOrCreate(t, path); created || !e.IsSet() {
		t.Errorf("created %t, %v; want the set event of the file", created, e)
	}
}

// Each of these children calls OpenOrCreate for this many paths in turn. They
// stay close together, since opening an event takes less time than creating it.
const pathsEach = 20

func init() {
	roles["open or create"] = func(gate *Event) {
		fmt.Println("ready")
		gate.Wait()
		hooks.Store(&testHooks{publishing: func() { // lets others come between
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
		}})
		var events []*Event
		for i := range pathsEach {
			e, created, err := OpenOrCreate(filepath.Join(os.Args[1], strconv.Itoa(i)))
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(created, e.id)
			events = append(events, e)
		}
		hooks.Store(nil)
		for _, e := range events {
			e.Wait()
		}
		fmt.Println("released")
	}
}

// Many processes that start at once must agree: of those that find no usable
// event, one creates it, and one Set reaches all of them. Every second process
// may be killed at a random point.
func TestOpenOrCreateByManyProcesses(t *testing.T) {
	for name, find := range beforehand {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, killed: %t", name, kill), func(t *testing.T) {
				dir, prepare := find(t)
				for i := range pathsEach {
					prepare(filepath.Join(dir, strconv.Itoa(i)))
				}
				gate := newTest(t)
				var children []*child
				for range rounds(50) + 1 {
					children = append(children, start(t, gate, "open or create", dir))
				}
				for _, c := range children {
					c.says("ready")
				}
				gate.Set()

				reports := make([][]string, len(children)) // "created id" for each path
				within(t, "the children to open or create", func() {
					var wg sync.WaitGroup
					for i, c := range children {
						killed := kill && i%2 == 1
						lines := pathsEach
						if killed {
							lines = rand.IntN(pathsEach)
						}
						wg.Go(func() {
							for range lines {
								line, _ := c.lines.ReadString('\n')
								reports[i] = append(reports[i], strings.TrimSpace(line))
							}
							if killed {
								c.kill()
							}
						})
					}
					wg.Wait()
				})

				for i := range pathsEach {
					e, created := openOrCreate(t, filepath.Join(dir, strconv.Itoa(i)))
					if created {
						t.Errorf("event %d was gone", i)
					}
					creators := 0
					for _, report := range reports {
						if i >= len(report) {
							continue // killed
						}
						switch report[i] {
						case "true " + e.id:
							creators++
						case "false " + e.id:
						default:
							t.Fatalf("a child says %q of the event %s", report[i], e.id)
						}
					}
					want := 1
					if name == "present" {
						want = 0
					}
					if creators > want || creators < want && !kill {
						t.Errorf("event %d was created %d times, want %d", i, creators, want)
					}
					e.Set()
				}
				kills := 0
				for i, c := range children {
					if kill && i%2 == 1 {
						kills++
					} else {
						c.says("released")
					}
				}
				if n := leftovers(t, dir, pathsEach); n > kills {
					t.Errorf("%d temporary files left after %d kills", n, kills)
				}
			})
		}
	}
}
