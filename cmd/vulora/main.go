package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

// Exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// errInterrupted ends a command that was stopped by a signal and has put its work in order.
var errInterrupted = errors.New("interrupted")

// usageError is a mistake on the command line, in the environment or in a configuration file.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, v ...any) error { return &usageError{fmt.Sprintf(format, v...)} }

// faults are what is wrong with the values of flags.
type faults []error

// want adds an error unless ok.
func (f *faults) want(ok bool, name, what string, have any) {
	if !ok {
		*f = append(*f, usagef("--%s: want %s, have %v", name, what, have))
	}
}

func main() { os.Exit(run()) }

// run executes the command line of the process and returns its exit status.
func run() int {
	refuseLargeFilesQuietly()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	s := newShell(ctx)
	err := dispatch(s, os.Args[1:])
	var usage *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(s.err, "vulora: %s\n", err)
		return exitUsage
	}
	fmt.Fprintf(s.err, "vulora: %s\n", plain(err.Error()))
	return exitFailed
}

// packages are the prefixes that packages put in front of their errors. They help a programmer and nobody else.
var packages = regexp.MustCompile(`(?m)(^\s*|: )(?:(?:atomicfile|autograd|checkpoint|cpu|data|gpu|lora: merge|lora|` +
	`peft|qwen2|safetensors|schedule|strictjson|tensor|tokenizer|vk): )+`)

// plain is the text of an error for people.
func plain(text string) string { return packages.ReplaceAllString(text, "$1") }
