//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// refuseLargeFilesQuietly makes a write beyond the process's limit on file sizes an error instead of a crash.
func refuseLargeFilesQuietly() { signal.Ignore(syscall.SIGXFSZ) }
