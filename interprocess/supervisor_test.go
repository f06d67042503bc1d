//go:build unix || windows

package interprocess_test

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// The workers of Example_supervisor end with a supervisor that is killed, even
// while it is still starting some of them.
func TestWorkersEndWithTheirSupervisor(t *testing.T) {
	least := 0
	if runtime.GOOS == "windows" {
		least = 3 // Wine can leave a process whose parent is killed while it creates it
	}
	for waiting := least; waiting <= 3; waiting++ {
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
