//go:build unix && !linux && !darwin && !dragonfly && !freebsd

package interprocess

// These systems say neither in a way that package syscall can ask for.

func boot() string      { return "-" }
func remote(int) string { return "" }
