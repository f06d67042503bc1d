//go:build unix

package page_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
	"example.com/event/interprocess/internal/page"
)

func init() {
	usable := file(size, header(0, "goevent"))
	otherOwner := fmt.Sprintf("owner %d, want %d", os.Geteuid()+1, os.Geteuid())
	badPaths = append(badPaths, []badPath{
		{"name too long", func(_ *testing.T, path string) string { return path + strings.Repeat("x", 300) },
			syscall.ENAMETOOLONG, "", syscall.ENAMETOOLONG},
		{"directory that is a file", func(t *testing.T, path string) string {
			return filepath.Join(file(0, "")(t, path), "page")
		}, syscall.ENOTDIR, "", syscall.ENOTDIR},
		{"NUL in the path", func(_ *testing.T, path string) string { return path + "\x00" },
			syscall.EINVAL, "", syscall.EINVAL},
		{"named pipe", made("mkfifo"), page.ErrFormat, "named pipe, want regular file", fs.ErrExist},
		{"null device", func(*testing.T, string) string { return os.DevNull },
			page.ErrFormat, "device, want regular file", fs.ErrExist},
		{"socket", func(t *testing.T, path string) string {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Skip("no sockets here:", err)
			}
			t.Cleanup(func() { l.Close() })
			return path
		}, page.ErrFormat, "socket, want regular file", fs.ErrExist},

		{"open to the group", mode(0o640, usable), fs.ErrPermission, "mode 0640, want 0600", fs.ErrExist},
		{"open to others", mode(0o602, usable), fs.ErrPermission, "mode 0602, want 0600", fs.ErrExist},
		{"another user's", owned(usable), fs.ErrPermission, otherOwner, fs.ErrExist},
		{"another user's, open to others", owned(mode(0o666, usable)), fs.ErrPermission, otherOwner, fs.ErrExist},

		// What a file is comes before who may open it.
		{"empty, open to others", mode(0o666, file(0, "")), page.ErrFormat, "size 0, want 4096", fs.ErrExist},
		{"zeros, open to others", mode(0o666, file(size, "")), page.ErrFormat, "no event header", fs.ErrExist},
		{"other version, another user's", owned(file(size, header(1, "1"))),
			page.ErrFormat, `\b1\b.*, want.*\b2\b`, fs.ErrExist},
	}...)
}

func mode(m fs.FileMode, place func(*testing.T, string) string) func(*testing.T, string) string {
	return func(t *testing.T, path string) string {
		path = place(t, path)
		require.NoError(t, os.Chmod(path, m))
		return path
	}
}

// owned gives the file to another user.
func owned(place func(*testing.T, string) string) func(*testing.T, string) string {
	return func(t *testing.T, path string) string {
		path = place(t, path)
		if err := os.Chown(path, os.Geteuid()+1, -1); err != nil {
			t.Skip("only root can give files away:", err)
		}
		return path
	}
}

// made runs a command that makes path.
func made(command string) func(*testing.T, string) string {
	return func(t *testing.T, path string) string {
		if out, err := exec.Command(command, path).CombinedOutput(); err != nil {
			t.Skipf("%v: %v %s", command, err, out)
		}
		return path
	}
}

// The owner can open the file, whatever the umask was, and others cannot.
func TestUmask(t *testing.T) {
	for _, mask := range []int{0, 0o777} {
		path := tempPath(t)
		old := syscall.Umask(mask)
		p, err := page.Create(path, kind, word)
		syscall.Umask(old)
		require.NoError(t, err)
		require.NoError(t, p.Close())
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), info.Mode())
		opened(t, path)
	}
}

// The system, not a cleaned path, says where link/.. is: in these two trees,
// b/page. A temporary file in a could not be moved there if a is on another file
// system.
func TestPathIsNotCleaned(t *testing.T) {
	a, b := t.TempDir(), hosttest.MemoryDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(b, "sub"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(b, "sub"), filepath.Join(a, "link")))
	path := a + "/link/../page"
	p := created(t, path, word)
	assert.Equal(t, p.ID, opened(t, path).ID)
	assert.Equal(t, p.ID, opened(t, filepath.Join(b, "page")).ID)
	assert.Len(t, snapshot(t, a), 1)
	assert.Len(t, snapshot(t, b), 2)
}

func TestRelativePath(t *testing.T) {
	t.Chdir(hosttest.MemoryDir(t))
	for _, path := range []string{"page", "./page2"} {
		assert.Equal(t, created(t, path, word).ID, opened(t, path).ID)
	}
	assert.Len(t, snapshot(t, "."), 2)
}

// A page that is passed to a child is inherited there.
func TestPass(t *testing.T) {
	p, err := page.New(kind)
	require.NoError(t, err)
	defer p.Close()
	if hosttest.Inside(t) {
		var number uintptr
		var id string
		fmt.Sscan(os.Getenv("EVENT_TEST_PAGE"), &number, &id)
		got, err := page.Inherit(number, kind, id)
		require.NoError(t, err)
		got.Word.Store(word)
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, number, syscall.F_GETFD, 0)
		require.Zero(t, errno, "the descriptor is closed")
		assert.NotZero(t, flags&syscall.FD_CLOEXEC, "children inherit the descriptor")
		again, err := page.Inherit(number, kind, id)
		require.NoError(t, err)
		assert.EqualValues(t, word, again.Word.Load())
		return
	}
	cmd := hosttest.Again(t)
	cmd.ExtraFiles = []*os.File{os.Stdin, nil}
	number, err := p.Pass(cmd)
	require.NoError(t, err)
	assert.EqualValues(t, 5, number)
	cmd.Env = append(cmd.Env, fmt.Sprint("EVENT_TEST_PAGE=", number, " ", p.ID))
	hosttest.MustPass(t, cmd)
	assert.EqualValues(t, word, p.Word.Load())
}
