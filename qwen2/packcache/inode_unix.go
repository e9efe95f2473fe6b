//go:build unix && !linux

package packcache

import (
	"os"
	"syscall"
)

// inode returns what the system calls the file.
func inode(info os.FileInfo) (device, inode uint64, status int64) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), uint64(s.Ino), 0
	}
	return 0, 0, 0
}
