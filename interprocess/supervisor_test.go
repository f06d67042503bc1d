//go:build unix || windows

package interprocess_test

import (
	"strings"
	"testing"
	"time"
)

// The workers of Example_supervisor end with a supervisor that is killed, even
// while it is still starting some of them.
func TestWorkersEndWithTheirSupervisor(t *testing.T) {
	for waiting := range 4 {
		cmd := program("supervisor", "3")
		output := start(cmd)
		for range waiting {
			output.Scan()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		// The output ends when all processes that write to it have ended.
		ended := make(chan int)
		go func() {
			n := 0
			for output.Scan() {
				if strings.HasPrefix(output.Text(), "worker: the supervisor has ended") {
					n++
				}
			}
			ended <- n
		}()
		select {
		case n := <-ended:
			if n < waiting {
				t.Errorf("%d workers waited, and %d report the end of their supervisor", waiting, n)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a worker outlives its supervisor")
		}
		cmd.Wait()
	}
}
