//go:build !amd64

package cpu

func available() []*isa { return []*isa{plain} }
