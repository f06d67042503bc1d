package interprocess

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A variable that was inherited, and whose number cmd uses for another file, is
// useless to the child, and its name is free.
func TestShareBesideOtherFiles(t *testing.T) {
	e := newTest(t)
	event, _ := handles(t)
	other, err := os.Create(tempPath(t))
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, other.Truncate(pageSize))
	pipe, end, err := os.Pipe()
	require.NoError(t, err)
	defer pipe.Close()
	defer end.Close()
	for name, row := range map[string]struct {
		file *os.File
		id   string
	}{
		"file": {other, "OLD"}, "pipe": {pipe, "OLD"}, "none": {nil, "OLD"},
		"event": {event.file, "OLD"}, "event, no ID": {event.file, ""}, "event, part of its ID": {event.file, event.id[1:]},
	} {
		t.Setenv("GOEVENT_x", "3:"+row.id)
		assert.NoError(t, e.Share(&exec.Cmd{ExtraFiles: []*os.File{row.file}}, "x"), name)
	}
}

// A descriptor of the right event that was opened for less than reading and
// writing, and descriptors of other kinds that have no type.
func TestInheritedRefusesAccess(t *testing.T) {
	path := tempPath(t)
	e, err := Create(path)
	require.NoError(t, err)
	defer e.Close()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close a forgotten file
	refuses := func(fd uintptr, is error, says string) {
		t.Setenv("GOEVENT_x", fmt.Sprintf("%d:%s", fd, e.id))
		before := descriptors()
		got, err := Inherited("x")
		assert.Nil(t, got)
		assert.ErrorIs(t, err, is)
		assert.EqualError(t, err, fmt.Sprintf(`interprocess: inherit "x": descriptor %d: %s`, fd, says))
		assert.Equal(t, before, descriptors())
	}
	for flag, want := range map[int]struct {
		is   error
		says string
	}{
		os.O_RDONLY: {fs.ErrPermission, "mmap: permission denied"},
		os.O_WRONLY: {syscall.EBADF, "pread: bad file descriptor"},
	} {
		f, err := os.OpenFile(path, flag, 0)
		require.NoError(t, err)
		refuses(f.Fd(), want.is, want.says)
		f.Close()
	}
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	require.NoError(t, err)
	refuses(uintptr(epoll), ErrFormat, "not a usable event: special file, want regular file")
	syscall.Close(epoll)
}

// A process without a descriptor to spare is told so, and goes on.
func TestInheritedWithoutDescriptors(t *testing.T) {
	if !inside(t) {
		mustPass(t, again(t, ""))
		return
	}
	e := newTest(t)
	t.Setenv("GOEVENT_x", variable(e))
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = uint64(freeDescriptor(t))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	got, err := Inherited("x")
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	assert.Nil(t, got)
	assert.True(t, errors.Is(err, syscall.EMFILE), err)
	within(t, "a process to start", func() { assert.NoError(t, exec.Command("true").Run()) })
}

// No child that starts while Inherited runs inherits its new descriptor: a child
// starts while ForkLock is held, so that no descriptor without close-on-exec is
// open then.
func TestInheritedIsNotPassedOn(t *testing.T) {
	e := newTest(t)
	t.Setenv("GOEVENT_x", variable(e))
	next := freeDescriptor(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	wrong := 0
	go func() {
		defer close(stopped)
		for !isClosed(stop) {
			if syscall.ForkLock.TryLock() {
				flags, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(next), syscall.F_GETFD, 0)
				if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
					wrong++
				}
				syscall.ForkLock.Unlock()
			}
		}
	}()
	for range 40_000 {
		got, err := Inherited("x")
		require.NoError(t, err)
		require.NoError(t, got.Close())
	}
	close(stop)
	<-stopped
	assert.Zero(t, wrong)
}

// freeDescriptor returns the lowest number that no descriptor has.
func freeDescriptor(t *testing.T) int {
	t.Helper()
	fd, err := syscall.Dup(0)
	require.NoError(t, err)
	syscall.Close(fd)
	return fd
}
