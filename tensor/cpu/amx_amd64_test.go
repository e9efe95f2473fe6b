package cpu

import (
	"os"
	"testing"

	"golang.org/x/sys/cpu"
)

// VULORA_AMX=emulated says that the tests run under .ci/amx/emulate.c, which no processor flag shows.
func init() {
	if os.Getenv("VULORA_AMX") == "emulated" {
		cpu.X86.HasAMXTile, cpu.X86.HasAMXBF16 = true, true
	}
}

// Where emulation was asked for, tiles are used: else the tests of this package would pass without them.
func TestAMXIsEmulated(t *testing.T) {
	if os.Getenv("VULORA_AMX") != "emulated" {
		t.Skip("AMX IS NOT TESTED: make test-amx does")
	}
	if have := ISAs()[0]; have != "amx" {
		t.Fatalf("want instruction set amx, have %s", have)
	}
}
