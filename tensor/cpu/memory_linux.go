package cpu

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// mapMemory returns at least n zeroed bytes of system memory.
func mapMemory(n int64) ([]byte, error) {
	page := int64(os.Getpagesize()) // not hugePage: a matrix of 2.1 MiB would take 4
	n = (n + page - 1) / page * page
	m, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err == nil && n >= hugePage {
		_ = unix.Madvise(m, unix.MADV_HUGEPAGE) // advice: without huge pages everything still works
	}
	return m, err
}

func unmapMemory(m []byte) { _ = unix.Munmap(m) }

// systemMemory returns the bytes of RAM, or 0 if unknown.
func systemMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "MemTotal:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			if err != nil || kib < 0 || kib > 1<<50 {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
