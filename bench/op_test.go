package bench

import (
	"fmt"
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

// BenchmarkRow times the launches of a training step of the 0.5B model.
func BenchmarkRow(b *testing.B) {
	devices, _ := tensor.Devices()
	for _, c := range devices {
		d, err := tensor.Open(c.Name, tensor.OpenOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for _, row := range benchmarkedRows(d.Info()) {
			axes := fmt.Sprintf("device=%s/op=%s/T=%d/dtype=%v/product=%s", c.Name, strings.ReplaceAll(row.Op, " ", "_"),
				row.T, row.DType, row.Rounding())
			b.Run(axes, func(b *testing.B) { benchmarkRow(b, d, row) })
		}
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	}
}

// benchmarkedRows are those of some numbers of tokens, types of weights and roundings, each once.
func benchmarkedRows(d kernel.Info) (rows []Row) {
	seen := map[string]bool{}
	for _, t := range []uint32{1, 128, 512} {
		for _, w := range []kernel.DType{kernel.BF16, kernel.NF4, kernel.I8} {
			for _, p := range []uint32{kernel.RoundBF16, kernel.Exact} {
				for _, row := range Shapes[0].Rows(d, t, w, p) {
					if key := row.Name() + row.Rounding(); !seen[key] {
						seen[key] = true
						rows = append(rows, row)
					}
				}
			}
		}
	}
	return rows
}

func benchmarkRow(b *testing.B, d kernel.Device, row Row) {
	s, err := row.setUp(d)
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	if err := s.verify(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.program.Run(); err != nil {
			b.Fatal(err)
		}
	}
	perSecond := float64(s.copies) * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(row.FLOP*perSecond/1e9, "GFLOP/s")
	b.ReportMetric(row.Bytes*perSecond/1e9, "GB/s")
}
