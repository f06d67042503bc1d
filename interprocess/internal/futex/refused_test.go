package futex_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"example.com/event/interprocess/internal/futex"
	"example.com/event/interprocess/internal/hosttest"
)

// Where no thread can sleep, words still change.
func TestUseWhereTheKernelRefuses(t *testing.T) {
	if futex.Kind() != "" {
		t.Skip("it does not")
	}
	w := futex.Word{Uint32: new(atomic.Uint32)}
	s := new(futex.Sleeper)
	hosttest.Within(t, "Sleep and Interrupt", func() {
		assert.False(t, s.Sleep(w, 0, 0, time.Time{}, func() bool { return false }))
		s.Interrupt(w)
	})
	assert.True(t, futex.SetAndWake(w, 0, 1, 0))
	assert.EqualValues(t, 1, w.Load())
	assert.False(t, futex.SetAndWake(w, 0, 1, 0))
}
