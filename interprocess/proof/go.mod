module example.com/event/interprocess/linearizability

go 1.26.0

replace example.com/event => ../../

require (
	example.com/event v0.0.0-00010101000000-000000000000
	github.com/anishathalye/porcupine v1.3.1
	golang.org/x/sys v0.50.0
)
