//go:build unix && !linux && !darwin && !dragonfly && !freebsd

package interprocess

// These systems are asked neither: package syscall lacks what it takes on most.

func boot() string      { return noBoot }
func remote(int) string { return "" }
