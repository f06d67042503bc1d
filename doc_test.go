package event_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"example.com/event"
)

// Tests of what the package comment and the README say besides the promises.

// The first example of the README is ExampleEvent, verbatim.
func TestREADMEExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	text := strings.ReplaceAll(string(readme), "\r\n", "\n") // as git may check it out on Windows
	_, program, found := strings.Cut(text, "```go\n")
	require.True(t, found, "README.md has no Go example")
	program, _, _ = strings.Cut(program, "```")
	_, body, found := strings.Cut(program, "\nfunc main() {\n")
	require.True(t, found, "the first Go example of README.md has no func main")
	assert.Contains(t, strings.ReplaceAll(string(examples), "\r\n", "\n"), "\nfunc ExampleEvent() {\n"+strings.TrimSuffix(body, "}\n"))
}

func TestAfterFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e event.Event
		start := time.Now()
		time.AfterFunc(time.Minute, e.Set)
		e.Wait()
		assert.Equal(t, time.Minute, time.Since(start))

		e.Clear()
		ctx, cancel := context.WithCancel(t.Context())
		stop := context.AfterFunc(ctx, e.Set)
		synctest.Wait()
		assert.False(t, e.IsSet())
		cancel()
		e.Wait()
		assert.False(t, stop())
	})
}

// Whether the timer is stopped in time or not, no late Set undoes the Clear.
func TestStopAfterFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range rounds(10_000) {
			var e event.Event
			timer := time.AfterFunc(time.Second, e.Set)
			time.Sleep(time.Second)
			if !timer.Stop() {
				e.Wait()
			}
			e.Clear()
			synctest.Wait()
			require.False(t, e.IsSet())
		}
	})
}

func TestEmbeddedEventTakesOverPrinting(t *testing.T) {
	embedded := struct {
		event.Event
		name string
	}{name: "server"}
	assert.Equal(t, "unset", fmt.Sprint(&embedded))
	var _ interface{ Done() <-chan struct{} } = &embedded
}

// Goroutine profiles show waits under the name of the method, with the labels
// of the goroutine. The goroutine leak profile has the waits that nothing can
// end.
func TestProfilesShowWaits(t *testing.T) {
	var e event.Event
	defer e.Set()
	label := time.Now().String() // as goroutines of an earlier run may still exist
	pprof.Do(context.Background(), pprof.Labels("test", label), func(context.Context) {
		for _, wait := range []func(*event.Event){
			(*event.Event).Wait,
			func(e *event.Event) { _ = e.WaitContext(context.Background()) },
			func(e *event.Event) { <-e.Done() },
			func(e *event.Event) { e.WaitTimeout(time.Hour) },
		} {
			go wait(&e)
			go wait(new(event.Event)) // nothing else can reach this event
		}
	})

	// count returns the number of goroutines with the label in a profile, and
	// how many of them are in each method.
	count := func(profile *pprof.Profile) map[string]int {
		var text strings.Builder
		require.NoError(t, profile.WriteTo(&text, 1))
		_, records, _ := strings.Cut(text.String(), "\n")
		counts := map[string]int{}
		for record := range strings.SplitSeq(records, "\n\n") {
			if n, stack, _ := strings.Cut(record, " @ "); strings.Contains(stack, label) {
				goroutines, err := strconv.Atoi(n)
				require.NoError(t, err)
				counts["all"] += goroutines
				for _, method := range []string{"Wait", "WaitContext", "WaitTimeout"} {
					if strings.Contains(stack, "event.(*Event)."+method+"+") {
						counts[method] += goroutines
					}
				}
			}
		}
		return counts
	}
	for name, want := range map[string]map[string]int{
		"goroutine":     {"all": 8, "Wait": 2, "WaitContext": 2, "WaitTimeout": 2},
		"goroutineleak": {"all": 3, "Wait": 1, "WaitContext": 1},
	} {
		t.Run(name, func(t *testing.T) {
			profile := pprof.Lookup(name)
			if profile == nil {
				t.Skip("this Go has no such profile")
			}
			require.Eventually(t, func() bool { return maps.Equal(want, count(profile)) }, time.Minute, time.Millisecond)
		})
	}
}
