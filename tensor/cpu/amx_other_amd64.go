//go:build !linux

package cpu

// requestTiles refuses: only Linux is known to keep tiles when it is asked like this.
func requestTiles() bool { return false }
