package checkpoint

import (
	"errors"
	"fmt"
	"math"
)

// ErrNoRoom says that a file could not be written for want of space or because of a limit.
var ErrNoRoom = errors.New("no room")

// Room is an error if dir is known to have less than need bytes free.
func Room(dir string, need int64) error {
	if free, ok := freeBytes(dir); ok && free < need {
		return fmt.Errorf("%w: want %s, have %s free", ErrNoRoom, size(need), size(free))
	}
	return nil
}

// explain adds what is needed and what is free to an error for which that may be the cause.
func explain(err error, dir string, need int64) error {
	if !noRoom(err) {
		return err
	}
	free, ok := freeBytes(dir)
	if !ok {
		return fmt.Errorf("%w: want %s: %w", ErrNoRoom, size(need), err)
	}
	return fmt.Errorf("%w: want %s, have %s free, or less by a quota or a limit on files: %w", ErrNoRoom, size(need),
		size(free), err)
}

// size is a number of bytes for people.
func size(n int64) string {
	for i, unit := range []string{"bytes", "KiB", "MiB", "GiB"} {
		if x := float64(n) / math.Pow(1024, float64(i)); x < 1000 {
			return fmt.Sprintf("%.4g %s", x, unit)
		}
	}
	return fmt.Sprintf("%.4g TiB", float64(n)/(1<<40))
}
