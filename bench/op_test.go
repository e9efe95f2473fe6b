package bench

import (
	"strings"
	"testing"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/tensor/optest"
)

// BenchmarkOp runs every row of the op table, forward and backward, and reports the bytes of its operands per second.
func BenchmarkOp(b *testing.B) {
	devices, note := tensor.Devices()
	if note != "" {
		b.Log(note)
	}
	for _, c := range devices {
		d, err := tensor.Open(c.Name, tensor.OpenOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for _, row := range optest.Table() {
			b.Run("device="+c.Name+"/op="+strings.ReplaceAll(row.Name, " ", "_"), func(b *testing.B) { benchmark(b, d, row) })
		}
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	}
}

func benchmark(b *testing.B, d kernel.Device, row optest.Case) {
	if err := optest.Check(d, row); err != nil {
		b.Fatal(err)
	}
	r, err := optest.Prepare(d, row)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	b.SetBytes(r.Bytes())
	for b.Loop() {
		if err := r.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
