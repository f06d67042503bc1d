//go:build unix || windows

package interprocess_test

import "os"

// The examples are programs that start themselves again. In the test binary, the
// child is known by the argument or the event that its parent gives it.
var children = map[string]func(){
	"GOEVENT_ready":  Example,
	"GOEVENT_halt":   Example_supervisor,
	"supervisor":     Example_supervisor,
	"worker":         ExampleOpenOrCreate,
	"pause":          ExampleOpenOrCreate,
	"resume":         ExampleOpenOrCreate,
	"status":         ExampleOpenOrCreate,
	"daemon":         ExampleInherited,
	"GOEVENT_begin":  ExampleEvent_Share,
	"GOEVENT_reload": ExampleEvent_Done,
}

func init() {
	if self := os.Getenv("EVENT_TEST_SELF"); self != "" {
		os.Args[0] = self // a script that runs this binary in an emulator
	}
	for mark, example := range children {
		if os.Getenv(mark) != "" || len(os.Args) > 1 && os.Args[1] == mark {
			example()
			os.Exit(0)
		}
	}
}
