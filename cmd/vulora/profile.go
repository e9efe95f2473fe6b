package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/tensor"
)

// printProfile prints what the kernels of a run took, the longest first.
func printProfile(s *shell, p *tensor.Profile, r lora.TrainReport) {
	work := p.Work()
	if len(work) == 0 {
		s.note("no profile: nothing ran, or the device cannot measure its kernels")
		return
	}
	total := time.Duration(0)
	for _, w := range work {
		total += w.Time
	}
	fmt.Fprintln(s.err)
	table := tabwriter.NewWriter(s.err, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "time\tshare\tlaunches\teach\tGFLOP/s\t  kernel\n")
	for _, w := range work {
		rate := ""
		if w.Flops > 0 && w.Time > 0 {
			rate = fmt.Sprintf("%.0f", w.Flops/float64(w.Time.Nanoseconds()))
		}
		each := w.Time / time.Duration(w.Launches)
		fmt.Fprintf(table, "%.3fs\t%.1f%%\t%d\t%v\t%s\t  %s\n", w.Time.Seconds(),
			100*w.Time.Seconds()/max(1e-9, total.Seconds()), w.Launches, each.Round(time.Microsecond), rate, w.Kernel)
	}
	table.Flush()
	fmt.Fprintf(s.err, "kernels took %s of the steps' %s\n\n", durationText(total), durationText(r.Elapsed))
}
