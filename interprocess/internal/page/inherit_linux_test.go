package page_test

import (
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
	"example.com/event/interprocess/internal/page"
)

// raw opens path as a descriptor that a parent might have passed: without
// close-on-exec.
func raw(t *testing.T, path string, flags int) int {
	t.Helper()
	fd, err := syscall.Open(path, flags, 0)
	require.NoError(t, err)
	t.Cleanup(func() { syscall.Close(fd) })
	return fd
}

// state describes what Inherit must not change about a descriptor: the file, the
// flags and the offset.
func state(fd int) string {
	var st syscall.Stat_t
	err := syscall.Fstat(fd, &st)
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	status, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	offset, _ := syscall.Seek(fd, 0, io.SeekCurrent)
	return fmt.Sprintf("%d:%d, flags %#x %#x, at %d, %v", st.Dev, st.Ino, flags, status, offset, err)
}

// A program between parent and child closed the descriptor or put another file in
// its place: what that is comes before who may open it.
func TestInheritForeignDescriptor(t *testing.T) {
	path := tempPath(t)
	p := created(t, path, word)
	at := func(place func(*testing.T, string) string, flags int) func(t *testing.T) int {
		return func(t *testing.T) int { return raw(t, place(t, tempPath(t)), flags) }
	}
	for _, row := range []struct {
		name string
		open func(t *testing.T) int
		is   error
		says string
	}{
		{"closed", func(t *testing.T) int { return 1 << 20 }, page.ErrFormat, "closed"},
		{"directory", func(t *testing.T) int { return raw(t, filepath.Dir(path), syscall.O_RDONLY) },
			page.ErrFormat, "not a regular file"},
		{"device", func(t *testing.T) int { return raw(t, os.DevNull, syscall.O_RDWR) },
			page.ErrFormat, "not a regular file"},
		{"pipe", func(t *testing.T) int {
			r, w, err := os.Pipe()
			require.NoError(t, err)
			t.Cleanup(func() { r.Close(); w.Close() })
			return int(w.Fd())
		}, page.ErrFormat, "not a regular file"},
		{"socket", func(t *testing.T) int {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: tempPath(t)})
			require.NoError(t, err)
			t.Cleanup(func() { l.Close() })
			f, err := l.File()
			require.NoError(t, err)
			t.Cleanup(func() { f.Close() })
			return int(f.Fd())
		}, page.ErrFormat, "not a regular file"},
		{"epoll", func(t *testing.T) int {
			fd, err := syscall.EpollCreate1(0)
			require.NoError(t, err)
			t.Cleanup(func() { syscall.Close(fd) })
			return fd
		}, page.ErrFormat, "not a regular file"},
		{"shorter file, open to others", at(mode(0o666, file(100, "text")), syscall.O_RDWR),
			page.ErrFormat, "size 100, want 4096"},
		{"file of the same size", at(file(size, ""), syscall.O_RDWR), page.ErrFormat, "no event header"},
		{"other wake-up", at(file(size, header(3, "bell")), syscall.O_RDWR),
			page.ErrFormat, "bell.*, want.*test"},
		{"other event", at(file(size, header(4, "OTHER")), syscall.O_RDWR),
			page.ErrFormat, `event "OTHER", want "` + p.ID},
		{"event of another user", at(owned(file(size, header(4, p.ID))), syscall.O_RDWR),
			fs.ErrPermission, fmt.Sprintf("owner %d, want %d", os.Geteuid()+1, os.Geteuid())},
		{"event open to others", at(mode(0o604, file(size, header(4, p.ID))), syscall.O_RDWR),
			fs.ErrPermission, "mode 0604, want 0600"},
		{"event opened for reading", func(t *testing.T) int { return raw(t, path, syscall.O_RDONLY) },
			fs.ErrPermission, "mmap: permission denied"},
		{"event opened for writing", func(t *testing.T) int { return raw(t, path, syscall.O_WRONLY) },
			syscall.EBADF, "pread: bad file descriptor"},
	} {
		t.Run(row.name, func(t *testing.T) {
			fd := row.open(t)
			before := state(fd)
			nothingLeft(t, func(string) {
				got, err := page.Inherit(uintptr(fd), kind, p.ID)
				assert.Nil(t, got)
				assert.ErrorIs(t, err, row.is)
				assert.Regexp(t, row.says, err.Error())
			})
			assert.Equal(t, before, state(fd), "the descriptor has changed")
		})
	}
}

// A process loses its record locks on a file when it closes any descriptor of
// it, so Inherit must not open and close one that is not the event.
func TestInheritKeepsRecordLocks(t *testing.T) {
	for _, head := range []string{"", header(4, "OTHER")} {
		path := file(size, head)(t, tempPath(t))
		fd, other := raw(t, path, syscall.O_RDWR), raw(t, path, syscall.O_RDWR)
		lock := syscall.Flock_t{Type: syscall.F_WRLCK}
		require.NoError(t, syscall.FcntlFlock(uintptr(fd), syscall.F_SETLK, &lock))
		got, err := page.Inherit(uintptr(fd), kind, "ID")
		assert.Nil(t, got)
		assert.ErrorIs(t, err, page.ErrFormat)
		const openFileGetLock = 36 // finds the locks of this process too
		lock = syscall.Flock_t{Type: syscall.F_WRLCK}
		require.NoError(t, syscall.FcntlFlock(uintptr(other), openFileGetLock, &lock))
		assert.EqualValues(t, syscall.F_WRLCK, lock.Type, "the lock is gone")
		assert.EqualValues(t, os.Getpid(), lock.Pid)
	}
}

// No child inherits a descriptor that is being made, whenever it starts: a child
// starts while ForkLock is held, and then none is open without close-on-exec.
func TestCloseOnExec(t *testing.T) {
	path := tempPath(t)
	p := created(t, path, word)
	fd := raw(t, path, syscall.O_RDWR)
	syscall.CloseOnExec(fd)
	for name, open := range map[string]func() (*page.Page, error){
		"New":     func() (*page.Page, error) { return page.New(kind) },
		"Open":    func() (*page.Page, error) { return page.Open(path, kind) },
		"Inherit": func() (*page.Page, error) { return page.Inherit(uintptr(fd), kind, p.ID) },
		"Create": func() (*page.Page, error) {
			os.Remove(path + "2")
			return page.Create(path+"2", kind, word)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inherits := func() (n int) { // a child of the descriptors that open makes, and others
				for fd := uintptr(3); fd < 40; fd++ {
					flags, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0)
					if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
						n++
					}
				}
				return n
			}
			others := inherits()
			var stop atomic.Bool
			var looks, wrong atomic.Int32
			looked := make(chan struct{})
			go func() {
				defer close(looked)
				for ; !stop.Load(); looks.Add(1) {
					syscall.ForkLock.Lock()
					if inherits() > others {
						wrong.Add(1)
					}
					syscall.ForkLock.Unlock()
				}
			}()
			for n := 0; n < 1000 || looks.Load() == 0; n++ {
				got, err := open()
				require.NoError(t, err)
				require.NoError(t, got.Close())
			}
			stop.Store(true)
			hosttest.Arrives(t, "the last child", looked)
			assert.Zero(t, wrong.Load(), "of %d children, so many inherit a descriptor", looks.Load())
		})
	}
}
