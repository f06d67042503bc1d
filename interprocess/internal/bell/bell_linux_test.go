package bell_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/hosttest"
)

// Without /proc there is no path to a descriptor.
func TestListenWithoutProc(t *testing.T) {
	if hosttest.Inside(t) {
		b, f := newBell(t), newFile(t)
		require.NoError(t, b.Listen(f))
		require.NoError(t, syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
		require.NoError(t, syscall.Mount("none", "/proc", "tmpfs", 0, ""))
		require.Error(t, b.Listen(newFile(t)))
		hearsFile(t, b, f)
		return
	}
	if os.Geteuid() != 0 || hosttest.Emulated() {
		t.Skip("needs a mount")
	}
	cmd := hosttest.Again(t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	hosttest.MustPass(t, cmd)
}
