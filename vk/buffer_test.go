//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestWriteRead(t *testing.T) {
	for name, o := range map[string]Options{"mapped": {}, "staged": {NoHostMapping: true}} {
		t.Run(name, func(t *testing.T) {
			d := open(t, o)
			for _, m := range []Memory{DeviceLocal, HostVisible} {
				for _, n := range []int64{1, 3, 17, 4097, 2*slotBytes + 5, 65<<20 + 1} {
					roundTrip(t, d, m, n)
				}
			}
		})
	}
}

func roundTrip(t *testing.T, d *Device, m Memory, n int64) {
	b, err := d.Alloc(n, m)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Free()
	if b.Bytes() != n {
		t.Fatalf("want %d bytes, have %d", n, b.Bytes())
	}
	want := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(n)})
	random := rand.New(rng)
	rng.Read(want)
	if err := b.Write(0, want); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		off := random.Int64N(n)
		p := want[off : off+1+random.Int64N(min(n-off, 3*slotBytes))]
		rng.Read(p)
		have := make([]byte, len(p))
		if err := errors.Join(b.Write(off, p), b.Read(off, have)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, p) {
			t.Fatalf("memory %d, %d bytes: %d bytes from %d differ", m, n, len(p), off)
		}
	}
	have := make([]byte, n)
	if err := b.Read(0, have); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Fatalf("memory %d, %d bytes differ", m, n)
	}
	if err := errors.Join(b.Clear(), b.Read(0, have)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, make([]byte, n)) {
		t.Fatalf("memory %d, %d bytes: not zero after Clear", m, n)
	}
	for _, bad := range [][2]int64{{-1, 1}, {0, n + 1}, {n, 1}, {n + 1, 0}, {1 << 62, 1}} {
		if b.Write(bad[0], make([]byte, bad[1])) == nil || b.Read(bad[0], make([]byte, bad[1])) == nil {
			t.Errorf("a transfer of %d+%d bytes passed in a buffer of %d", bad[0], bad[1], n)
		}
	}
}

func TestUsage(t *testing.T) {
	d := open(t, Options{})
	a, b := alloc(t, d, 1<<20, DeviceLocal), alloc(t, d, 1000, HostVisible)
	if u := d.Usage(); u < 1<<20+1000 || u > 3<<20 {
		t.Errorf("want about %d bytes in use, have %d", 1<<20+1000, u)
	}
	a.Free()
	b.Free()
	b.Free()
	if u := d.Usage(); u != 0 {
		t.Errorf("want nothing in use, have %d bytes", u)
	}
}

func TestOutOfMemory(t *testing.T) {
	d := open(t, Options{})
	for _, n := range []int64{1 << 50, 1<<63 - 1, d.Info().Limits.MaxAllocation + 1} {
		if _, err := d.Alloc(n, DeviceLocal); !errors.Is(err, ErrNoMemory) {
			t.Errorf("alloc %d: want ErrNoMemory, have %v", n, err)
		}
	}
	for _, n := range []int64{0, -1, -1 << 63} {
		if b, err := d.Alloc(n, DeviceLocal); b != nil || err == nil {
			t.Errorf("alloc %d passed", n)
		}
	}
	if d.Usage() != 0 {
		t.Errorf("failures leave %d bytes in use", d.Usage())
	}
}
