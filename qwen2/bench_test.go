package qwen2

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/tensor/cpu"
	"github.com/vulora/vulora/tensor/kernel"
)

// benchModel loads the checkpoint that $VULORA_MODEL names, the largest there is to time.
func benchModel(b *testing.B, o LoadOptions) *Model {
	dir := os.Getenv("VULORA_MODEL")
	if dir == "" {
		b.Skip("NOT TIMED: VULORA_MODEL names no checkpoint: nothing to time")
	}
	d, err := cpu.Open(cpu.Options{})
	if err != nil {
		b.Fatal(err)
	}
	p := &profiled{Device: d}
	m, err := Load(p, dir, o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { m.Close(); d.Close() })
	return m
}

// profiled is a device whose programs tell where their time goes, if $VULORA_PROFILE is set.
type profiled struct {
	kernel.Device
	program *timed // the last one
}

// timed is a program that adds up the times of its launches.
type timed struct {
	kernel.Program
	launches []kernel.Launch
	sums     []time.Duration
	runs     int
}

func (p *profiled) Compile(l []kernel.Launch, o kernel.CompileOptions) (kernel.Program, error) {
	o.Profile = os.Getenv("VULORA_PROFILE") != ""
	inner, err := p.Device.Compile(l, o)
	t := &timed{Program: inner, launches: l, sums: make([]time.Duration, len(l))}
	p.program = t
	return t, err
}

func (t *timed) Run() error {
	err := t.Program.Run()
	for i, d := range t.Program.Times() {
		t.sums[i] += d
	}
	t.runs++
	return err
}

// print shows the time of one run by kernel and sizes.
func (t *timed) print() {
	if t == nil || t.Program.Times() == nil || t.runs == 0 {
		return
	}
	type line struct {
		name  string
		n     int
		bytes int64
		time  time.Duration
	}
	var lines []*line
	total := time.Duration(0)
	for i, l := range t.launches {
		name := l.Sizes.Kernel()
		if s, ok := l.Sizes.(kernel.Linear); ok {
			name += fmt.Sprintf(" T=%d N=%d K=%d %v", s.T, s.N, s.K, l.In[1].DType)
		}
		at := slices.IndexFunc(lines, func(x *line) bool { return x.name == name })
		if at < 0 {
			at, lines = len(lines), append(lines, &line{name: name})
		}
		x := lines[at]
		x.n++
		x.time += t.sums[i] / time.Duration(t.runs)
		total += t.sums[i] / time.Duration(t.runs)
		for _, r := range l.In {
			x.bytes += r.Bytes
		}
	}
	slices.SortFunc(lines, func(a, b *line) int { return int(b.time - a.time) })
	for _, x := range lines {
		fmt.Printf("%-45s %3d launches %8.3f ms %5.1f%% %6.2f us each %6.1f GB/s\n", x.name, x.n,
			float64(x.time)/1e6, 100*float64(x.time)/float64(total), float64(x.time)/1e3/float64(x.n),
			float64(x.bytes)/float64(x.time))
	}
	fmt.Printf("total %.3f ms in %d launches\n", float64(total)/1e6, len(t.launches))
}

// BenchmarkDecode is one token after 448 to 511 others.
func BenchmarkDecode(b *testing.B) {
	for name, f := range map[string]bnb.Format{"none": 0, "nf4": bnb.NF4, "int8": bnb.Int8} {
		b.Run("quantization="+name, func(b *testing.B) {
			m := benchModel(b, LoadOptions{Quantize: f, Positions: 512, Precision: kernel.RoundBF16})
			s, err := m.NewSession(512, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			id := []int32{9707}
			if err := s.Append(slices.Repeat(id, 448)); err != nil {
				b.Fatal(err)
			}
			if err := s.Append(id); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if s.length == s.capacity {
					s.length = 448
				}
				if err := s.Append(id); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tok/s")
			m.Device.(*profiled).program.print()
		})
	}
}

// BenchmarkPrompt is a prompt of 512 tokens.
func BenchmarkPrompt(b *testing.B) {
	for name, f := range map[string]bnb.Format{"none": 0, "nf4": bnb.NF4, "int8": bnb.Int8} {
		for _, p := range []uint32{kernel.Exact, kernel.RoundBF16} {
			precision := map[uint32]string{kernel.Exact: "f32", kernel.RoundBF16: "bf16"}[p]
			b.Run(strings.Join([]string{"quantization=" + name, "precision=" + precision}, "/"), func(b *testing.B) {
				m := benchModel(b, LoadOptions{Quantize: f, Positions: 512, Precision: p})
				s, err := m.NewSession(512, nil)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				ids := slices.Repeat([]int32{9707}, 512)
				if err := s.Append(ids); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					s.length = 0
					if err := s.Append(ids); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(512*float64(b.N)/b.Elapsed().Seconds(), "tok/s")
				m.Device.(*profiled).program.print()
			})
		}
	}
}
