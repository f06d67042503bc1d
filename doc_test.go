package event_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

// Tests of what the README and the comments of methods say besides the promises.

func TestClearThenLockWaitsForSteps(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var running event.Event
	var mu sync.RWMutex
	var steps atomic.Int64
	for range 3 {
		go func() {
			for running.WaitContext(ctx) == nil && ctx.Err() == nil {
				mu.RLock()
				if running.IsSet() {
					steps.Add(1)
					runtime.Gosched()
					steps.Add(-1)
				}
				mu.RUnlock()
			}
		}()
	}
	finish(t, "a step", func() {
		for range rounds(1_000) {
			running.Set()
			for steps.Load() == 0 {
				runtime.Gosched()
			}
			running.Clear()
			mu.Lock()
			assert.Zero(t, steps.Load())
			mu.Unlock()
			runtime.Gosched()
			assert.Zero(t, steps.Load())
		}
	})
}

func TestPrinting(t *testing.T) {
	embedded := struct {
		event.Event
		name string
	}{name: "server"}
	assert.Equal(t, "unset", fmt.Sprint(&embedded))
	out, err := json.Marshal(&struct{ Ready *event.Event }{event.New()})
	require.NoError(t, err)
	assert.Equal(t, `{"Ready":{}}`, string(out))
}
