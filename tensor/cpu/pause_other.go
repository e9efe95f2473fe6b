//go:build !amd64

package cpu

// pause is what a thread does between two looks at something that another one is about to change.
func pause() {}
