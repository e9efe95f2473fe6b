package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/bench"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/optest"
)

// doctorOptions are the flags of doctor.
type doctorOptions struct {
	device   string
	ceilings bool
	json     bool
}

func doctorCommand() command {
	return command{name: "doctor", brief: "test every kernel on every device, for a report to paste into an issue",
		long: "Lists the devices with their drivers and limits, computes every operation and its gradient on each,\n" +
			"compares the results with definitions in float64, and measures what the device can do at best. Exits\n" +
			"with status 1 if a device computes something wrong.",
		examples: []string{"vulora doctor", "vulora doctor --device vulkan:0", "vulora doctor --json > report.json"},
		setup: func(f *flags) func(s *shell) error {
			o := new(doctorOptions)
			f.group("Device", func(s *pflag.FlagSet) {
				s.StringVar(&o.device, "device", "all", "all, cpu, vulkan:N or part of a device's `NAME`")
				s.BoolVar(&o.ceilings, "ceilings", true, "measure what the device can do at best; --no-ceilings saves some "+
					"seconds")
			})
			f.group("Output", func(s *pflag.FlagSet) { s.BoolVar(&o.json, "json", false, "print JSON") })
			return o.run
		}}
}

// A diagnosis is what doctor finds out about a device.
type diagnosis struct {
	deviceJSON
	Alignment int64           `json:"offset_alignment_bytes"`
	MaxRange  int64           `json:"largest_operand_bytes"`
	MaxAlloc  int64           `json:"largest_allocation_bytes"`
	BF16      bool            `json:"bfloat16_products"`
	Error     string          `json:"error,omitempty"` // of opening it
	Cases     int             `json:"cases"`           // of the self-test
	Failed    []failure       `json:"failed"`
	Ceilings  *bench.Ceilings `json:"ceilings,omitempty"`

	took time.Duration
}

// A failure is a case whose result or gradient is wrong.
type failure struct {
	Case  string `json:"case"`
	Error string `json:"error"`
}

func (o *doctorOptions) run(s *shell) error {
	all, note := tensor.Devices()
	var found []diagnosis
	bad := 0
	if !o.json {
		fmt.Fprintf(s.out, "vulora %s, %s, %s/%s, %d processors\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH,
			runtime.NumCPU())
	}
	for i, c := range all {
		if o.device != "all" && o.device != c.Name &&
			!strings.Contains(strings.ToLower(c.Info.Name), strings.ToLower(o.device)) {
			continue
		}
		d := o.diagnose(s, c)
		d.deviceJSON = devicesResult(all[i:i+1], "").Devices[0]
		if s.ctx.Err() != nil {
			return errInterrupted
		}
		if d.Error != "" || len(d.Failed) > 0 {
			bad++
		}
		if !o.json {
			d.print(s)
		}
		found = append(found, d)
	}
	if len(found) == 0 {
		return usagef("--device: want all or one of vulora devices, have %q", o.device)
	}
	if note != "" {
		s.note("%s", plain(note))
	}
	if o.json {
		if err := s.json(found); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d devices cannot be trusted; please report it with this text, and take another with "+
			"--device until then", bad, len(found))
	}
	return nil
}

// diagnose tests a device.
func (o *doctorOptions) diagnose(s *shell, c tensor.Choice) (r diagnosis) {
	begun := time.Now()
	r = diagnosis{Failed: []failure{}}
	d, err := tensor.Open(c.Name, tensor.OpenOptions{CacheDir: cacheDir("pipelines")})
	if err != nil {
		r.Error = plain(err.Error())
		return r
	}
	defer d.Close()
	i := d.Info()
	r.Alignment, r.MaxRange, r.MaxAlloc, r.BF16 = i.Alignment, i.MaxRange, i.MaxAlloc, i.BF16
	for _, x := range optest.Table() {
		if s.ctx.Err() != nil {
			return r
		}
		r.Cases++
		if err := optest.Check(d, x); err != nil {
			r.Failed = append(r.Failed, failure{x.Name, plain(err.Error())})
		}
	}
	r.took = time.Since(begun)
	if !o.ceilings {
		return r
	}
	m, err := bench.Measure(d)
	if err != nil {
		r.Failed = append(r.Failed, failure{"ceilings", plain(err.Error())})
		return r
	}
	r.Ceilings = &m
	return r
}

func (r *diagnosis) print(s *shell) {
	line := func(what, format string, v ...any) {
		fmt.Fprintf(s.out, "  %-11s %s\n", what, fmt.Sprintf(format, v...))
	}
	fmt.Fprintf(s.out, "\n%s  %s\n", r.Name, r.Description)
	if r.Driver != "" {
		line("driver", "%s", r.Driver)
	}
	if r.Error != "" {
		line("CANNOT OPEN", "%s", r.Error)
		return
	}
	products := "float32"
	if r.BF16 {
		products = "float32 and bfloat16"
	}
	line("kernels", "%s, products in %s", r.Tier, products)
	if r.Kind == "cpu" {
		line("limits", "%s of memory", bytesText(r.MemoryBytes))
	} else {
		line("limits", "%s of memory, operands of %s, allocations of %s, offsets by %d bytes", bytesText(r.MemoryBytes),
			bytesText(r.MaxRange), bytesText(r.MaxAlloc), r.Alignment)
	}
	line("self-test", "%d of %d cases right, gradients included, in %s", r.Cases-len(r.Failed), r.Cases,
		durationText(r.took))
	for _, f := range r.Failed {
		line("WRONG", "%s: %s", f.Case, f.Error)
	}
	if c := r.Ceilings; c != nil {
		line("ceilings", "%s", ceilingsText(*c))
	}
}
