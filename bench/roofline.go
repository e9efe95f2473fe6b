package bench

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
)

// Roofline writes a chart of results under their ceilings as SVG: FLOP/s over FLOP per byte, both logarithmic.
func Roofline(w io.Writer, title string, c Ceilings, results []Result) error {
	p := newPlot(c, results)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+
		"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/><text x="%d" y="24" font-size="16">%s</text>`+"\n",
		width, height, left, escape(title))
	p.grid(&b)
	p.roof(&b, c.FLOPS, c.Memory(), "float32 "+si(c.FLOPS)+"FLOP/s", "#444")
	if c.BF16FLOPS > 1.05*c.FLOPS {
		p.roof(&b, c.BF16FLOPS, c.Memory(), "bfloat16 "+si(c.BF16FLOPS)+"FLOP/s", "#888")
	}
	for _, r := range results {
		p.point(&b, r)
	}
	p.legend(&b)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

const (
	width, height             = 960, 600
	left, right, top, bottom  = 80, 200, 40, 50
	plotWidth, plotHeight     = width - left - right, height - top - bottom
	leastDecades, pointRadius = 1, 4
)

// A plot maps intensities and rates to places. Limits are powers of ten.
type plot struct{ x0, x1, y0, y1 float64 }

func newPlot(c Ceilings, results []Result) plot {
	peak := max(c.FLOPS, c.BF16FLOPS)
	p := plot{x0: 0, x1: math.Ceil(math.Log10(peak / c.Memory())), y0: math.Floor(math.Log10(peak)) - leastDecades,
		y1: math.Ceil(math.Log10(peak))}
	for _, r := range results {
		x, y := math.Log10(r.FLOPS/r.Rate), math.Log10(r.FLOPS)
		p.x0, p.x1 = min(p.x0, math.Floor(x)), max(p.x1, math.Ceil(x))
		p.y0, p.y1 = min(p.y0, math.Floor(y)), max(p.y1, math.Ceil(y))
	}
	return p
}

func (p plot) x(intensity float64) float64 {
	return left + plotWidth*(math.Log10(intensity)-p.x0)/(p.x1-p.x0)
}

func (p plot) y(flops float64) float64 {
	return top + plotHeight*(p.y1-math.Log10(flops))/(p.y1-p.y0)
}

func (p plot) grid(b *strings.Builder) {
	for e := p.x0; e <= p.x1; e++ {
		x := p.x(math.Pow(10, e))
		fmt.Fprintf(b, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			x, top, top+plotHeight, x, top+plotHeight+18, math.Pow(10, e))
	}
	for e := p.y0; e <= p.y1; e++ {
		y := p.y(math.Pow(10, e))
		fmt.Fprintf(b, `<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, y, left+plotWidth, left-6, y+4, si(math.Pow(10, e)))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">FLOP per byte</text>`+"\n", left+plotWidth/2, height-10)
	fmt.Fprintf(b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">FLOP/s</text>`+"\n",
		top+plotHeight/2)
}

// roof is the lower of rate, the bytes per second of memory, times the intensity and the peak.
func (p plot) roof(b *strings.Builder, peak, rate float64, name, colour string) {
	from := math.Pow(10, max(p.x0, p.y0-math.Log10(rate)))
	fmt.Fprintf(b, `<path d="M%.1f %.1f L%.1f %.1f H%d" fill="none" stroke="%s" stroke-width="2"/>`, p.x(from),
		p.y(from*rate), p.x(peak/rate), p.y(peak), left+plotWidth, colour)
	fmt.Fprintf(b, `<text x="%d" y="%.1f" fill="%s">%s</text>`+"\n", left+plotWidth+6, p.y(peak)+4, colour, escape(name))
}

func (p plot) point(b *strings.Builder, r Result) {
	fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%d" fill="%s" fill-opacity="0.7"><title>%s</title></circle>`+"\n",
		p.x(r.FLOPS/r.Rate), p.y(r.FLOPS), pointRadius, colour(r.Op),
		escape(fmt.Sprintf("%s, %d tokens, %s: %sFLOP/s, %sB/s, %.0f %% of the ceiling", r.Op, r.T, r.DType, si(r.FLOPS),
			si(r.Rate), 100*r.Share)))
}

// families are the first words of op names, with their colours.
var families = []struct{ prefix, colour string }{{"linear", "#1f77b4"}, {"matmul", "#ff7f0e"}, {"attention", "#2ca02c"},
	{"cross_entropy", "#d62728"}, {"", "#9467bd"}}

func colour(op string) string {
	for _, f := range families {
		if strings.HasPrefix(op, f.prefix) {
			return f.colour
		}
	}
	return "black"
}

func (p plot) legend(b *strings.Builder) {
	for i, f := range families {
		name := f.prefix
		if name == "" {
			name = "row by row"
		}
		y := height - bottom - 20*(len(families)-i)
		fmt.Fprintf(b, `<circle cx="%d" cy="%d" r="%d" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", left+plotWidth+16, y,
			pointRadius, f.colour, left+plotWidth+28, y+4, name)
	}
}

// si writes a number with a prefix of the SI and three digits.
func si(x float64) string {
	prefixes := []string{"", "k", "M", "G", "T", "P"}
	i := 0
	for ; math.Abs(x) >= 999.5 && i < len(prefixes)-1; i++ {
		x /= 1000
	}
	return fmt.Sprintf("%.3g %s", x, prefixes[i])
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
