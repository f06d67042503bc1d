//go:build unix

// Package proof tests that the calls of several processes on one event behave as if
// they happened one at a time. It is a separate module, so that the library does not
// depend on the checker.
package proof

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.com/event/interprocess"
	"example.com/event/interprocess/internal/futex"
	"example.com/event/interprocess/internal/hosttest"
)

const (
	processes = 3
	users     = 2  // goroutines in each process
	calls     = 30 // of each user, in one history
	histories = 500
)

type methods map[string]func(e *interprocess.Event, d time.Duration) bool

var correct = methods{
	"Set":         func(e *interprocess.Event, _ time.Duration) bool { e.Set(); return true },
	"Clear":       func(e *interprocess.Event, _ time.Duration) bool { e.Clear(); return true },
	"IsSet":       func(e *interprocess.Event, _ time.Duration) bool { return e.IsSet() },
	"WaitTimeout": (*interprocess.Event).WaitTimeout,
	"WaitContext": func(e *interprocess.Event, d time.Duration) bool {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		return e.WaitContext(ctx) == nil
	},
	"Done": func(e *interprocess.Event, d time.Duration) bool {
		select {
		case <-e.Done():
			return true
		case <-time.After(d):
			return false
		}
	},
}

// mistakes are faulty methods, which the check must find.
var mistakes = map[string]methods{
	"Set returns before it takes effect": {"Set": func(e *interprocess.Event, d time.Duration) bool {
		time.AfterFunc(d, e.Set)
		return true
	}},
	"WaitTimeout misses Set and Clear": {"WaitTimeout": func(e *interprocess.Event, d time.Duration) bool {
		time.Sleep(d)
		return e.IsSet()
	}},
	"WaitTimeout gives up early": {"WaitTimeout": func(e *interprocess.Event, d time.Duration) bool {
		return e.WaitTimeout(d / 2)
	}},
	"Done is closed without a Set": {"Done": func(*interprocess.Event, time.Duration) bool { return true }},
}

// A call is what a user did, with the times before and after it.
type call struct {
	Method   string
	D        time.Duration
	Result   bool
	From, To int64
}

// now returns the time of the clock that all processes share.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

const mistakeVariable, hubVariable = "MISTAKE", "HUB"

func TestMain(m *testing.M) {
	if mistake, ok := os.LookupEnv(mistakeVariable); ok {
		child(mistake, os.Getenv(hubVariable) != "")
		return
	}
	os.Exit(m.Run())
}

// child reads times. At each of them it begins random calls, which it then writes.
func child(mistake string, inHub bool) {
	e, err := interprocess.Inherited("event")
	if err != nil {
		panic(err)
	}
	if inHub {
		occupyKernel()
	}
	maps.Copy(correct, mistakes[mistake])
	names := []string{"Set", "Set", "Clear", "Clear", "IsSet", "IsSet", "WaitTimeout", "WaitContext", "Done"}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		begin, _ := strconv.ParseInt(in.Text(), 10, 64)
		var made [users][calls]call
		var wg sync.WaitGroup
		for user := range made {
			wg.Go(func() {
				for now() < begin {
				}
				for i := range made[user] {
					c := &made[user][i]
					c.Method = names[rand.IntN(len(names))]
					c.D = time.Duration(max(0, rand.IntN(200)-100)) * time.Microsecond
					c.From = now()
					c.Result = correct[c.Method](e, c.D)
					c.To = now()
				}
			})
		}
		wg.Wait()
		json.NewEncoder(os.Stdout).Encode(made)
	}
}

// occupyKernel makes as many waits sleep in the kernel as may, so that the hub
// watches the words of all others.
func occupyKernel() {
	for range futex.Threads {
		e, err := interprocess.New()
		if err != nil {
			panic(err)
		}
		go e.Wait()
	}
	for hosttest.Goroutines("syscall", "futex.(*sleeper).sleep") < futex.Threads {
		time.Sleep(time.Millisecond)
	}
}

// A step takes place at one instant of an interval. Most calls are one step, at
// an instant between the beginning and the end of the call. A wait succeeds, and
// a channel of Done is closed, if the event is set at such an instant. A channel
// that is not closed in time proves nothing: it may be closed some time after Set.
//
// A wait for d > 0 that fails is two steps: the wait begins when the event is
// unset, and fails when the event has not been set since, at least d after the
// beginning of the call. In WaitTimeout, d lies between the two, so the first is at
// least d before the end of the call. A context may be done when the wait begins.
type step struct {
	user int
	name string
}

func steps(user int, c call) []porcupine.Operation {
	op := func(name string, from, to int64) porcupine.Operation {
		return porcupine.Operation{ClientId: user, Input: step{user, name}, Output: c.Result, Call: from, Return: to}
	}
	d, failed := int64(c.D), strings.HasPrefix(c.Method, "Wait") && !c.Result
	latest := c.To
	if c.Method == "WaitTimeout" {
		latest -= d
	}
	switch {
	case c.Method == "Done" && !c.Result:
		return nil
	case failed && c.To-c.From < d:
		return []porcupine.Operation{op("wait fails early", c.From, c.To)}
	case failed && d > 0:
		return []porcupine.Operation{op("wait begins", c.From, latest), op("wait fails", c.From+d, c.To)}
	}
	return []porcupine.Operation{op(c.Method, c.From, c.To)}
}

// state is the state of the event and, for each user, whether a wait that will
// fail has begun and the event has not been set since.
type state struct {
	set     bool
	waiting [processes * users]bool
}

var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(before, input, output any) (possible bool, after any) {
		s, in := before.(state), input.(step)
		switch in.name {
		case "Set":
			return true, state{set: true}
		case "Clear":
			s.set = false
			return true, s
		case "wait begins":
			s.waiting[in.user] = true
			return !s.set, s
		case "wait fails":
			possible, s.waiting[in.user] = s.waiting[in.user], false
			return possible, s
		case "wait fails early":
			return false, s
		}
		return output == s.set, s
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprint(input.(step).name, ": ", output) },
	DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
}

// check makes histories until one of them is not linearizable or enough have been
// made. The first process makes the mistake; in the last ones, inHub of them, no wait
// sleeps in the kernel.
func check(t *testing.T, mistake string, inHub int) (result porcupine.CheckResult, info porcupine.LinearizationInfo) {
	e, err := interprocess.New()
	require.NoError(t, err)
	defer e.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // ends children that hang
	defer cancel()
	var begins []*json.Encoder
	var calling []*json.Decoder
	for i := range processes {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), mistakeVariable+"=")
		if i == 0 {
			cmd.Env = append(cmd.Env, mistakeVariable+"="+mistake)
		}
		if i >= processes-inHub {
			cmd.Env = append(cmd.Env, hubVariable+"=1")
		}
		cmd.Stderr = os.Stderr
		require.NoError(t, e.Share(cmd, "event"))
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		defer cmd.Wait()
		defer in.Close()
		begins, calling = append(begins, json.NewEncoder(in)), append(calling, json.NewDecoder(out))
	}
	for range histories {
		e.Clear()
		begin := now() + time.Millisecond.Nanoseconds()
		for _, c := range begins {
			require.NoError(t, c.Encode(begin))
		}
		var history []porcupine.Operation
		for i, c := range calling {
			var made [users][calls]call
			require.NoError(t, c.Decode(&made), "process %d has crashed, or hangs in a call", i)
			for user := range made {
				for _, c := range made[user] {
					history = append(history, steps(i*users+user, c)...)
				}
			}
		}
		result, info = porcupine.CheckOperationsVerbose(model, history, time.Minute)
		if result != porcupine.Ok {
			break
		}
	}
	return result, info
}

func TestLinearizability(t *testing.T) {
	for name, inHub := range map[string]int{
		"all waits sleep in the kernel":       0,
		"the hub serves one of the processes": 1,
		"the hub serves all processes":        processes,
	} {
		t.Run(name, func(t *testing.T) {
			result, info := check(t, "", inHub)
			if result == porcupine.Ok {
				return
			}
			picture, err := os.CreateTemp("", "linearizability-*.html")
			require.NoError(t, err)
			defer picture.Close()
			require.NoError(t, porcupine.Visualize(model, info, picture))
			t.Errorf("%s: see %s", result, picture.Name())
		})
	}
}

func TestMistakesAreFound(t *testing.T) {
	for mistake := range mistakes {
		t.Run(mistake, func(t *testing.T) {
			result, _ := check(t, mistake, 1)
			assert.Equal(t, porcupine.Illegal, result)
		})
	}
}
