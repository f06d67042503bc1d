//go:build unix

package interprocess

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func init() {
	badFiles = append(badFiles,
		bad{"named pipe", func(t *testing.T, path string) {
			if err := exec.Command("mkfifo", path).Run(); err != nil {
				t.Skip("no mkfifo here:", err)
			}
		},
			ErrFormat, []string{"want a regular file, found a named pipe"}},
		bad{"socket", func(t *testing.T, path string) {
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Skip("no sockets here:", err)
			}
			t.Cleanup(func() { l.Close() })
		}, ErrFormat, []string{"want a regular file, found a socket"}},
		bad{"device", func(t *testing.T, path string) {
			if err := exec.Command("mknod", path, "c", "1", "3").Run(); err != nil {
				t.Skip("only root makes devices:", err)
			}
		}, ErrFormat, []string{"want a regular file, found a device"}},
		bad{"another user's", func(t *testing.T, path string) {
			content(func(p []byte) []byte { return p })(t, path)
			if err := os.Chown(path, os.Geteuid()+1, -1); err != nil {
				t.Skip("only root gives files away:", err)
			}
		}, fs.ErrPermission, []string{"want a file of user ", "found one of user "}},
		bad{"open to the group", func(t *testing.T, path string) {
			content(func(p []byte) []byte { return p })(t, path)
			check1(t, os.Chmod(path, 0o640))
		}, fs.ErrPermission, []string{"want a file of mode 0600, found 0640"}},
		bad{"open to others", func(t *testing.T, path string) {
			content(func(p []byte) []byte { return p })(t, path)
			check1(t, os.Chmod(path, 0o602))
		}, fs.ErrPermission, []string{"want a file of mode 0600, found 0602"}},
		bad{"not readable", func(t *testing.T, path string) {
			if os.Geteuid() == 0 {
				t.Skip("root may read everything")
			}
			content(func(p []byte) []byte { return p })(t, path)
			check1(t, os.Chmod(path, 0))
		}, fs.ErrPermission, []string{"want a file of this user"}},
	)
}

func TestDevice(t *testing.T) {
	e, err := Open(os.DevNull)
	refused(t, e, err, ErrFormat, os.DevNull, "want a regular file, found a device")
}

func TestCreateInFolderThatIsNotWritable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	check1(t, os.Chmod(dir, 0o500))
	e, err := Create(filepath.Join(dir, "event"))
	refused(t, e, err, fs.ErrPermission, dir, "want a folder in which this process may make a file")
}

// Whatever the umask, an event can be opened by its owner.
func TestUmask(t *testing.T) {
	path := tempPath(t)
	defer syscall.Umask(syscall.Umask(0o777))
	e, err := Create(path)
	check1(t, err)
	check1(t, e.Close())
	info, err := os.Stat(path)
	check1(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("the file has mode %v", info.Mode())
	}
}

// A disk that is full, in a mount of this test only: Create fails and leaves
// nothing, rather than a page that kills who touches it.
func TestFullDisk(t *testing.T) {
	if os.Getenv("EVENT_TEST_FULL") == "" {
		if runtime.GOOS != "linux" || os.Geteuid() != 0 {
			t.Skip("only root on Linux mounts a small disk")
		}
		unshare, err := exec.LookPath("unshare")
		if err != nil {
			t.Skip("no unshare here")
		}
		dir := t.TempDir()
		mount := "mount -t tmpfs -o size=8k none '" + dir + "' || exit 77; exec \"$0\" -test.v -test.run='^TestFullDisk$'"
		cmd := exec.Command(unshare, "-m", "sh", "-c", mount, os.Args[0])
		cmd.Env = append(os.Environ(), "EVENT_TEST_FULL="+dir)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 77 || strings.Contains(string(out), "unshare:") {
			t.Skipf("no mounts here: %s", out)
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: TestFullDisk") {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
		return
	}
	dir := os.Getenv("EVENT_TEST_FULL")
	made := 0
	for ; ; made++ {
		path := filepath.Join(dir, string(rune('a'+made)))
		e, err := Create(path)
		if err == nil {
			e.Set() // the page is there
			e.Close()
			if made < 5 {
				continue
			}
			t.Fatal("the disk does not fill")
		}
		refused(t, e, err, syscall.ENOSPC, path)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Create has left a file: %v", err)
		}
		break
	}
	if made == 0 {
		t.Error("there was no room for even one event")
	}
	if left, _ := os.ReadDir(dir); len(left) != made {
		t.Errorf("%d files for %d events", len(left), made)
	}
}
