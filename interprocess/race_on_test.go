//go:build race

package interprocess

const raceEnabled = true
