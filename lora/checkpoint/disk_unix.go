//go:build unix

package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeBytes is what an ordinary user may still write to dir's file system.
func freeBytes(dir string) (int64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}

func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// syncFile makes the contents of f durable, whoever wrote them.
func syncFile(f *os.File) error { return f.Sync() }

// Lock keeps other processes from writing below parent until it is let go of, or until this process ends.
func Lock(parent string) (unlock func(), err error) {
	d, err := os.Open(parent)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: lock: %w", err)
	}
	// A file system that cannot lock is no reason not to train.
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		d.Close()
		return nil, fmt.Errorf("checkpoint: %s: want a folder that nobody writes to, have one that another run is "+
			"writing to", parent)
	}
	return func() { d.Close() }, nil
}
