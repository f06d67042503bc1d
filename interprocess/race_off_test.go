//go:build !race

package interprocess

const raceEnabled = false
