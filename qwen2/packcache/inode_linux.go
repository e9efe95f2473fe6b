package packcache

import (
	"os"
	"syscall"
)

// inode returns what the system calls the file, and when it changed, in nanoseconds since 1970.
func inode(info os.FileInfo) (device, inode uint64, status int64) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev), uint64(s.Ino), s.Ctim.Nano()
	}
	return 0, 0, 0
}
