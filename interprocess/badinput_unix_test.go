//go:build unix

package interprocess

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
)

func init() {
	otherOwner := fmt.Sprintf("permission denied: owner %d, want %d", os.Geteuid()+1, os.Geteuid())
	badPaths = append(badPaths, []badPath{
		{"name too long", func(_ *testing.T, path string) string { return path + strings.Repeat("x", 300) },
			syscall.ENAMETOOLONG, "", syscall.ENAMETOOLONG},
		{"directory that is a file", func(t *testing.T, path string) string {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			return filepath.Join(path, "event")
		}, syscall.ENOTDIR, "", syscall.ENOTDIR},
		{"NUL in the path", func(_ *testing.T, path string) string { return path + "\x00" },
			syscall.EINVAL, "", syscall.EINVAL},
		{"named pipe", func(t *testing.T, path string) string { return made(t, path, "mkfifo", path) },
			ErrFormat, "named pipe, want regular file", fs.ErrExist},
		{"device", func(t *testing.T, path string) string { return made(t, path, "mknod", path, "c", "1", "3") },
			ErrFormat, "device, want regular file", fs.ErrExist},
		{"null device", func(*testing.T, string) string { return os.DevNull },
			ErrFormat, "device, want regular file", fs.ErrExist},
		{"socket", func(t *testing.T, path string) string {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Skip("no sockets here:", err)
			}
			t.Cleanup(func() { l.Close() })
			return path
		}, ErrFormat, "socket, want regular file", fs.ErrExist},

		{"open to the group", mode(0o640, event), fs.ErrPermission, "permission denied: mode 0640, want 0600", fs.ErrExist},
		{"open to others", mode(0o602, event), fs.ErrPermission, "permission denied: mode 0602, want 0600", fs.ErrExist},
		{"another user's", owned(event), fs.ErrPermission, otherOwner, fs.ErrExist},
		{"another user's, open to others", owned(mode(0o666, event)), fs.ErrPermission, otherOwner, fs.ErrExist},
		{"earlier boot, open to others", mode(0o666, field(4, "0-0")), fs.ErrPermission,
			"permission denied: mode 0666, want 0600", fs.ErrExist},

		// What a file is comes before who may open it.
		{"empty, open to others", mode(0o666, content(func([]byte) []byte { return nil })), ErrFormat,
			"size 0, want 4096", fs.ErrExist},
		{"zeros, open to others", mode(0o666, content(func(p []byte) []byte { clear(p); return p })), ErrFormat,
			"no event header", fs.ErrExist},
		{"other version, another user's", owned(field(1, "2")), ErrFormat, `version "2", want 1`, fs.ErrExist},
		{"text of another user, open to others", owned(mode(0o644, content(func([]byte) []byte { return []byte("text") }))),
			ErrFormat, "size 4, want 4096", fs.ErrExist},
	}...)
}

// event is the place for a usable event.
func event(t *testing.T, path string) string {
	return content(func(p []byte) []byte { return p })(t, path)
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
func made(t *testing.T, path string, command ...string) string {
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Skipf("%v: %v %s", command, err, out)
	}
	return path
}

// What has changed between the checks of a file is an error too.
func TestChecksOfChangedFile(t *testing.T) {
	assert.Equal(t, syscall.EBADF, checkOwner(1<<20))
	_, err := replace(tempDir(t))
	assert.ErrorIs(t, err, syscall.EISDIR)
}

// The owner can open an event whatever the umask was.
func TestUmask(t *testing.T) {
	path := tempPath(t)
	defer syscall.Umask(syscall.Umask(0o777))
	for range 2 {
		e, _, err := OpenOrCreate(path)
		require.NoError(t, err)
		require.NoError(t, e.Close())
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())
	assert.EqualValues(t, pageSize, info.Size())
}
