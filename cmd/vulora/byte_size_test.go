package main

import (
	"strings"
	"testing"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{"1B": 1, "4GiB": 4 << 30, "4 gib": 4 << 30, "1.5GiB": 3 << 29, "800MB": 8e8,
		"0.5KiB": 512, "2TiB": 2 << 40, "1.0000001KB": 1000} {
		var b byteSize
		if err := b.Set(text); err != nil || b.bytes != want {
			t.Errorf("%s: want %d, have %d, %v", text, want, b.bytes, err)
		}
		var again byteSize // as it is read from run.yaml
		if err := again.Set(b.String()); err != nil || again != b {
			t.Errorf("%s: want %v from %q, have %v, %v", text, b, b.String(), again, err)
		}
	}
	for _, text := range []string{"", "4", "GiB", "-1GiB", "0GiB", "0.1B", "1e3MB", "infGiB", "NaNGiB", "1GiBB", "1G",
		"1 GiB 2", "0x10MB", "1,5GiB", "9999999999TiB", strings.Repeat("9", 400) + "B"} {
		var b byteSize
		if err := b.Set(text); err == nil {
			t.Errorf("%q: want an error, have %d", text, b.bytes)
		}
	}
}
