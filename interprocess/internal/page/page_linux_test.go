package page_test

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
	"example.com/event/interprocess/internal/page"
)

// The numbers of the calls that map a page, and of memfd_create.
var (
	mmapCall    = cmp.Or(map[string]uintptr{"386": 192, "arm": 192}[runtime.GOARCH], syscall.SYS_MMAP)
	memfdCreate = map[string]uintptr{"386": 356, "amd64": 319, "arm": 385, "arm64": 279, "ppc64le": 360, "riscv64": 279, "s390x": 350}[runtime.GOARCH]
)

// descriptors returns what is open, by number.
func descriptors(t testing.TB) map[string]string {
	t.Helper()
	open := map[string]string{}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil { // not that of ReadDir
			open[entry.Name()] = target
		}
	}
	return open
}

// nothingLeft calls f with a path, and checks that it leaves no file and no
// descriptor behind.
func nothingLeft(t *testing.T, f func(path string)) {
	t.Helper()
	path := tempPath(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close a forgotten file
	before := descriptors(t)
	f(path)
	assert.Empty(t, snapshot(t, filepath.Dir(path)), "files left behind")
	assert.Equal(t, before, descriptors(t), "descriptors left open")
}

// Root is allowed all of this, so it becomes another user.
func TestRefusedByMode(t *testing.T) {
	usable := file(size, header(0, "goevent"))
	for _, row := range []badPath{
		{"file without permissions", mode(0, usable), fs.ErrPermission, "", fs.ErrExist},
		{"read-only file", mode(0o400, usable), fs.ErrPermission, "", fs.ErrExist},
		{"read-only directory", func(t *testing.T, path string) string {
			return mode(0o500, func(*testing.T, string) string { return filepath.Dir(path) })(t, path) + "/page"
		}, fs.ErrNotExist, "", fs.ErrPermission},
		{"page in a read-only directory", func(t *testing.T, path string) string {
			path = mode(0o644, usable)(t, path)
			require.NoError(t, os.Chmod(filepath.Dir(path), 0o500))
			return path
		}, fs.ErrPermission, "mode 0644, want 0600", fs.ErrExist},
		{"directory without permissions", func(t *testing.T, path string) string {
			require.NoError(t, os.Mkdir(path, 0))
			return filepath.Join(path, "page")
		}, fs.ErrPermission, "", fs.ErrPermission},
	} {
		t.Run(row.name, func(t *testing.T) {
			hosttest.Unprivileged(t, func() { refused(t, tempPath(t), row) })
		})
	}
}

// The file systems of the pages that tests use are in memory.
func TestFileSystemOnDisk(t *testing.T) {
	dir := t.TempDir()
	var st syscall.Statfs_t
	require.NoError(t, syscall.Statfs(dir, &st))
	if kind := uint32(st.Type); kind == 0x01021994 || kind == 0x858458f6 {
		t.Skip("the directory for temporary files is in memory")
	}
	path := filepath.Join(dir, "page")
	p, err := page.Create(path, kind, word)
	assert.Nil(t, p)
	wantError(t, err, "create", path, errors.ErrUnsupported, "")
	assert.Empty(t, snapshot(t, dir))
	p, err = page.Open(file(size, header(0, "goevent"))(t, path), kind)
	assert.Nil(t, p)
	wantError(t, err, "open", path, errors.ErrUnsupported, "")
	assert.ErrorContains(t, err, "want tmpfs or ramfs")
}

// A full disk leaves no page without memory, which would kill a process that
// touches it.
func TestFullDisk(t *testing.T) {
	dir, mounted := t.TempDir(), false
	hosttest.OnThread(t, func() {
		if syscall.Unshare(syscall.CLONE_NEWNS|syscall.CLONE_FS) != nil ||
			syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") != nil ||
			syscall.Mount("none", dir, "tmpfs", 0, "size=8k") != nil {
			return
		}
		mounted = true
		for i := range 2 {
			p := created(t, filepath.Join(dir, strconv.Itoa(i)), 0)
			p.Word.Store(word)
		}
		path := filepath.Join(dir, "page")
		p, err := page.Create(path, kind, word)
		assert.Nil(t, p)
		wantError(t, err, "create", path, syscall.ENOSPC, "")
		assert.Len(t, snapshot(t, dir), 2, "files left behind")
	})
	if !mounted {
		t.Skip("only root can mount a small disk")
	}
}

// Whatever call fails, the error says which, and nothing is left behind.
func TestCallsThatFail(t *testing.T) {
	const sizeArg, flagsArg = 3, 2
	fcntl := uintptr(syscall.SYS_FCNTL)
	write := hosttest.Failure{Call: syscall.SYS_WRITE, Errno: syscall.EDQUOT, Arg: sizeArg, Value: size}
	chmod := hosttest.Failure{Call: syscall.SYS_FCHMOD, Errno: syscall.EPERM}
	dup := hosttest.Failure{Call: syscall.SYS_DUP, Errno: syscall.EMFILE}
	mmap := hosttest.Failure{Call: mmapCall, Errno: syscall.ENODEV, Arg: 2, Value: size}
	create := func(path string) (*page.Page, error) { return page.Create(path, kind, word) }
	anonymous := func(string) (*page.Page, error) { return page.New(kind) }
	path := tempPath(t)
	passed := created(t, path, word)
	fd := raw(t, path, syscall.O_RDWR)
	inherit := func(string) (*page.Page, error) { return page.Inherit(uintptr(fd), kind, passed.ID) }
	for _, row := range []struct {
		name  string
		fails hosttest.Failure
		call  func(path string) (*page.Page, error)
		says  string
	}{
		{"Create over quota", write, create, "create PATH: disk quota exceeded"},
		{"Create without chmod", chmod, create, "create PATH: operation not permitted"},
		{"Create without a descriptor", dup, create, "create PATH: dup: too many open files"},
		{"Create that cannot map", mmap, create, "create PATH: mmap: no such device"},
		{"Inherit without a descriptor", dup, inherit, "dup: too many open files"},
		{"Inherit that cannot map", mmap, inherit, "mmap: no such device"},
		{"New over quota", write, anonymous, "write memfd: disk quota exceeded"},
		{"New without chmod", chmod, anonymous, "chmod memfd: operation not permitted"},
		{"New without a descriptor", dup, anonymous, "dup: too many open files"},
		{"New that cannot map", mmap, anonymous, "mmap: no such device"},
		{"New without memfd_create", hosttest.Failure{Call: memfdCreate, Errno: syscall.ENOSYS}, anonymous,
			"memfd_create: function not implemented"},
		{"New without seals", hosttest.Failure{Call: fcntl, Errno: syscall.EPERM, Arg: 2, Value: 1033}, anonymous,
			"fcntl: operation not permitted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := state(fd)
			nothingLeft(t, func(path string) {
				var p *page.Page
				var err error
				hosttest.Failing(t, []hosttest.Failure{row.fails}, func() { p, err = row.call(path) })
				require.Nil(t, p)
				require.ErrorIs(t, err, row.fails.Errno)
				assert.EqualError(t, err, strings.ReplaceAll(row.says, "PATH", path))
			})
			assert.Equal(t, before, state(fd), "the inherited descriptor has changed")
		})
	}

	t.Run("New before Linux 6.3", func(t *testing.T) {
		var p *page.Page
		var err error
		noexec := hosttest.Failure{Call: memfdCreate, Errno: syscall.EINVAL, Arg: flagsArg, Value: 11}
		hosttest.Failing(t, []hosttest.Failure{noexec}, func() { p, err = page.New(kind) })
		require.NoError(t, err)
		defer p.Close()
		sealed(t, p.File)
	})
}

// No process that has the descriptor can truncate the page, which would kill
// those that use it.
func TestNewIsSealed(t *testing.T) {
	p, err := page.New(kind)
	require.NoError(t, err)
	defer p.Close()
	sealed(t, p.File)
	info, err := p.File.Stat()
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())
}

func sealed(t *testing.T, f *os.File) {
	t.Helper()
	for _, length := range []int64{0, size + 1} {
		assert.ErrorIs(t, f.Truncate(length), syscall.EPERM)
	}
}

// Open waits for the end of a lease.
func TestLease(t *testing.T) {
	path := tempPath(t)
	require.NoError(t, created(t, path, word).Close())
	holder, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer holder.Close()
	const setLease = 1024
	lease := func(kind uintptr) syscall.Errno {
		_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, holder.Fd(), setLease, kind)
		return errno
	}
	if errno := lease(syscall.F_WRLCK); errno != 0 {
		t.Skip("no leases here:", errno)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		opened(t, path)
	}()
	hosttest.Eventually(t, "Open to wait", func() bool { return hosttest.Goroutines("syscall", "page.Open") == 1 })
	require.Zero(t, lease(syscall.F_UNLCK))
	hosttest.Within(t, "Open", func() { <-ended })
}
