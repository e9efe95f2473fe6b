package cpu

// pause is what a thread does between two looks at something that another one is about to change: it leaves the core
// to others.
//
//go:noescape
func pause()
