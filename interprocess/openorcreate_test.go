//go:build unix || windows

package interprocess

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
)

// openOrCreate calls OpenOrCreate, which must succeed.
func openOrCreate(t testing.TB, path string, set bool) (e *Event, created bool) {
	t.Helper()
	var err error
	within(t, "OpenOrCreate", func() { e, created, err = OpenOrCreate(path, set) })
	return closing(t, e, err), created
}

// leftovers returns the number of temporary files in dir. There must be no files
// other than those and the events.
func leftovers(t testing.TB, dir string, events int) (n int) {
	t.Helper()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasPrefix(file.Name(), ".goevent-") {
			n++
		}
	}
	assert.Len(t, files, events+n)
	return n
}

// The flag of a new event is what its creator wants, and that of an old one as it
// was left.
func TestOpenOrCreateKeepsTheFlag(t *testing.T) {
	for _, initial := range []bool{false, true} {
		path := tempPath(t)
		first, created := openOrCreate(t, path, initial)
		assert.True(t, created)
		assert.Equal(t, initial, first.IsSet())
		for _, left := range []bool{true, false} {
			if first.Set(); !left {
				first.Clear()
			}
			for _, wanted := range []bool{true, false} {
				next, created := openOrCreate(t, path, wanted)
				assert.False(t, created)
				assert.Equal(t, left, next.IsSet())
			}
		}
		assert.Zero(t, leftovers(t, filepath.Dir(path), 1))
	}
}

// Each of these children calls OpenOrCreate for this many paths in turn. They
// stay close together, since opening an event takes less time than creating it.
const pathsEach = 20

func init() {
	roles["open or create"] = func(gate *Event) {
		fmt.Println("ready")
		gate.Wait()
		for i := range pathsEach {
			e, created, err := OpenOrCreate(filepath.Join(os.Args[1], strconv.Itoa(i)), true)
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(created, e, e.page.ID)
		}
	}
}

// Many processes that start at once must agree: of those that find no event, one
// creates it, and none finds it unset. Every second process may be killed at a
// random point.
func TestOpenOrCreateByManyProcesses(t *testing.T) {
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprint("killed: ", kill), func(t *testing.T) {
			dir := hosttest.MemoryDir(t)
			gate := newTest(t)
			var children []*child
			for range rounds(30) + 2 {
				children = append(children, start(t, gate, "open or create", dir))
			}
			for _, c := range children {
				c.says("ready")
			}
			gate.Set()

			ids, creators := make([]string, pathsEach), make([]int, pathsEach)
			for i, c := range children {
				n := pathsEach
				killed := kill && i%2 == 1
				if killed {
					n = rand.IntN(pathsEach)
				}
				for at := range n {
					report := strings.Fields(c.line()) // created, flag, ID
					require.Len(t, report, 3, "%s", report)
					assert.Equal(t, "set", report[1])
					if report[0] == "true" {
						creators[at]++
					}
					if ids[at] == "" {
						ids[at] = report[2]
					}
					require.Equal(t, ids[at], report[2], "two events at one path")
				}
				if killed {
					c.kill()
				}
			}
			for i := range pathsEach {
				e, created := openOrCreate(t, filepath.Join(dir, strconv.Itoa(i)), true)
				assert.False(t, created, "an event is gone")
				assert.Equal(t, ids[i], e.page.ID)
				if kill {
					assert.LessOrEqual(t, creators[i], 1)
				} else {
					assert.Equal(t, 1, creators[i])
				}
			}
			kills := 0
			for i := range children {
				if kill && i%2 == 1 {
					kills++
				}
			}
			assert.LessOrEqual(t, leftovers(t, dir, pathsEach), kills, "temporary files")
		})
	}
}
