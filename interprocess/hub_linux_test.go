package interprocess

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/event/interprocess/internal/bell"
)

// hear returns a channel that receives after a ring of e.
func (e *Event) hear(t *testing.T) (rung <-chan struct{}) {
	t.Helper()
	b, err := bell.New()
	require.NoError(t, err)
	t.Cleanup(b.Close)
	require.NoError(t, b.Listen(e.page.File()))
	return b.Rung
}
