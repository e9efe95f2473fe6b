package cpu

import (
	"testing"

	"golang.org/x/sys/unix"
)

// guarded returns n bytes that end where readable memory ends: one byte further is a fault.
func guarded(t testing.TB, n int) (b []byte, free func()) {
	page := unix.Getpagesize()
	size := (n + page - 1) / page * page
	m, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mprotect(m[size:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return m[size-n : size : size], func() { _ = unix.Munmap(m) }
}

// cpuSeconds is the processor time this process has used: on a shared machine it says more than the clock.
func cpuSeconds() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}
