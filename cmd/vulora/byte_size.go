package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// byteSize is a flag whose value is a number of bytes with a unit; 0 is none.
type byteSize struct {
	bytes int64
	text  string // as it was given
}

var byteUnits = map[string]float64{"b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}

var byteText = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+)$`)

func (b *byteSize) String() string { return b.text }

func (b *byteSize) Type() string { return "size" }

func (b *byteSize) Set(s string) error {
	m := byteText.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return fmt.Errorf("want a size with its unit, as 4GiB or 800MB, have %q", s)
	}
	unit, ok := byteUnits[strings.ToLower(m[2])]
	if !ok {
		return fmt.Errorf("want B, KiB, MiB, GiB, TiB, KB, MB, GB or TB after the number, have %q", s)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if n = math.Floor(n * unit); err != nil || !(n >= 1 && n < 1<<62) {
		return fmt.Errorf("want a size of at least 1B and below 4194304TiB, have %q", s)
	}
	*b = byteSize{int64(n), m[1] + m[2]}
	return nil
}
