package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/qwen2/atomicfile"
)

// Plot is a chart of the loss, the gradient's norm and the learning rate over the steps, written at each checkpoint and
// at the end.
type Plot struct {
	Path, Title string

	run Run
	h   *history
}

// Name is what notes call the report.
func (p *Plot) Name() string { return "the plot" }

// Begin takes over the log of the steps before.
func (p *Plot) Begin(r Run) error {
	p.run, p.h = r, newHistory(r, maxPoints)
	return nil
}

// Observer collects the figures.
func (p *Plot) Observer() lora.Observer {
	return lora.Observer{
		OnStep:  func(x lora.Progress) error { p.h.step(x); return nil },
		OnSkip:  func(k lora.Skip) error { p.h.skip(k); return nil },
		OnEval:  func(e lora.Evaluated) error { p.h.evaluation(e); return nil },
		OnSaved: func(lora.Saved) error { return p.write() },
	}
}

// End draws the chart a last time.
func (p *Plot) End(End) error { return p.write() }

func (p *Plot) write() error {
	return atomicfile.Write(p.Path, func(w io.Writer) error { return drawPlot(w, p.Title, p.run.Steps, p.h) })
}

// The chart's measures, in its own units.
const (
	plotWidth  = 960
	plotLeft   = 70
	plotRight  = 190 // for what the lines are called
	plotTop    = 58
	plotGap    = 34
	plotBottom = 44
)

// Colours that stand out on white and on black.
const (
	blue   = "#3b82f6"
	orange = "#e8710a"
	green  = "#0f9d76"
	violet = "#a167e0"
	red    = "#e5484d"
)

// A panel is one of the charts that share the steps.
type panel struct {
	title  string
	unit   string // what follows the title
	height float64
	log    bool // may be logarithmic
	lines  []curve
}

type curve struct {
	name   string
	colour string
	s      *series
	smooth bool
	dots   bool // a value now and then, not at each step
	digits int
}

// drawPlot writes the chart as SVG without a background, in colours for light and dark ones.
func drawPlot(w io.Writer, title string, steps int, h *history) error {
	panels := []panel{
		{"loss", ", nats per token", 260, true, []curve{{"loss", blue, &h.loss, true, false, 4},
			{"eval loss", orange, &h.eval, false, true, 4}}},
		{"gradient norm", ", before clipping", 120, true, []curve{{"gradient norm", green, &h.norm, true, false, 3}}},
		{"learning rate", "", 90, false, []curve{{"learning rate", violet, &h.rate, false, false, 3}}},
	}
	height := float64(plotTop + plotBottom - plotGap)
	for _, p := range panels {
		height += p.height + plotGap
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" font-family="sans-serif" `+
		`font-size="12" fill="#7a838d">`+"\n", plotWidth, height)
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="15" font-weight="bold">%s</text>`+"\n", plotLeft, escaped(title))
	x := stepAxis(steps, h)
	y := float64(plotTop)
	for _, p := range panels {
		p.draw(&b, x, y, h)
		y += p.height + plotGap
	}
	bottom := y - plotGap
	for _, t := range x.ticks(8) {
		if t == math.Trunc(t) {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.0f" text-anchor="middle">%s</text>`+"\n", x.at(t), bottom+18, tickText(t))
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%.0f" text-anchor="middle">step</text>`+"\n", (plotLeft+plotWidth-plotRight)/2,
		bottom+36)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// stepAxis goes from the first step that has a figure to the last one of the run, or to the latest if that is far off.
func stepAxis(steps int, h *history) axis {
	first, last := 1, 1
	for _, s := range []*series{&h.loss, &h.rate, &h.eval} {
		if n := len(s.points); n > 0 {
			first, last = min(first, s.points[0].first), max(last, s.points[n-1].last)
		}
	}
	if last > steps/10 {
		last = max(last, steps)
	}
	a := axis{low: float64(first), high: float64(last), from: plotLeft, to: plotWidth - plotRight}
	if first == last {
		a.low, a.high = a.low-1, a.high+1
	}
	return a
}

// draw draws the panel with its upper edge at top.
func (p *panel) draw(b *strings.Builder, x axis, top float64, h *history) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range p.lines {
		for _, q := range c.s.points {
			low, high = min(low, q.min), max(high, q.max)
		}
	}
	fmt.Fprintf(b, `<text x="%d" y="%.0f"><tspan font-weight="bold">%s</tspan>%s</text>`+"\n", plotLeft, top-8, p.title,
		p.unit)
	fmt.Fprintf(b, `<path d="M%d %.1f H%.1f" stroke="#888" stroke-opacity="0.6"/>`+"\n", plotLeft, top+p.height, x.to)
	if low > high {
		fmt.Fprintf(b, `<text x="%d" y="%.0f">none yet</text>`+"\n", plotLeft+8, top+p.height/2)
		return
	}
	if !p.log {
		low = min(low, 0)
	}
	y := newAxis(low, high, top+p.height, top, p.log)
	for _, t := range y.ticks(int(p.height / 40)) {
		fmt.Fprintf(b, `<path d="M%d %.1f H%.1f" stroke="#888" stroke-opacity="0.22"/>`+
			`<text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", plotLeft, y.at(t), x.to, plotLeft-6, y.at(t)+4,
			tickText(t))
	}
	var labels []label
	if p.title == "loss" && h.skips > 0 {
		drawSkips(b, x, top+p.height, h)
		labels = append(labels, label{y: top + p.height, text: fmt.Sprintf("skipped: %d", h.skips), colour: red})
	}
	for _, c := range p.lines {
		if at, ok := c.draw(b, x, y); ok {
			text := c.name + " " + shortNumber(at, c.digits)
			labels = append(labels, label{y: y.at(at), text: text, colour: c.colour})
			if c.dots && h.best != nil {
				labels = append(labels, label{y: y.at(at) + 14, colour: c.colour,
					text: fmt.Sprintf("best %s at step %d", shortNumber(h.best.Loss, c.digits), h.best.Step)})
			}
		}
	}
	for _, l := range spread(labels, top, top+p.height) {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", x.to+10, l.y+4, l.colour, l.text)
	}
}

// draw draws the line, over its values in a lighter tone if it is smoothed, and returns where it ends.
func (c *curve) draw(b *strings.Builder, x, y axis) (at float64, ok bool) {
	all := c.s.points
	if len(all) == 0 {
		return 0, false
	}
	line := make([]float64, len(all))
	for i := range all {
		line[i] = all[i].mean()
	}
	if c.smooth {
		c.drawValues(b, x, y)
		line = c.s.smoothed()
	}
	fmt.Fprintf(b, `<path fill="none" stroke="%s" stroke-width="2" stroke-linejoin="round" d="`, c.colour)
	for i, v := range line {
		fmt.Fprintf(b, "%c%.1f %.1f", "ML"[min(i, 1)], x.at(all[i].middle()), y.at(v))
	}
	b.WriteString(`"/>` + "\n")
	if n := len(all); c.dots && n <= 100 {
		for i := range all[:n-1] {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`, x.at(all[i].middle()), y.at(line[i]), c.colour)
		}
	}
	at = line[len(line)-1]
	fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x.at(all[len(all)-1].middle()), y.at(at),
		c.colour)
	return at, true
}

// drawValues draws each value, or where a point stands for many the band between the least and the greatest.
func (c *curve) drawValues(b *strings.Builder, x, y axis) {
	all := c.s.points
	if c.s.stride == 1 {
		fmt.Fprintf(b, `<path fill="none" stroke="%s" stroke-opacity="0.5" d="`, c.colour)
		for i, p := range all {
			fmt.Fprintf(b, "%c%.1f %.1f", "ML"[min(i, 1)], x.at(p.middle()), y.at(p.sum))
		}
		b.WriteString(`"/>` + "\n")
		return
	}
	fmt.Fprintf(b, `<path fill="%s" fill-opacity="0.25" d="`, c.colour)
	for i, p := range all {
		fmt.Fprintf(b, "%c%.1f %.1f", "ML"[min(i, 1)], x.at(p.middle()), y.at(p.max))
	}
	for i := len(all) - 1; i >= 0; i-- {
		fmt.Fprintf(b, "L%.1f %.1f", x.at(all[i].middle()), y.at(all[i].min))
	}
	b.WriteString(`Z"/>` + "\n")
}

// drawSkips marks the steps that changed nothing.
func drawSkips(b *strings.Builder, x axis, bottom float64, h *history) {
	for _, p := range h.skipped.points {
		fmt.Fprintf(b, `<path d="M%.1f %.1f v-9" stroke="%s" stroke-width="1.5"/>`, x.at(p.middle()), bottom, red)
	}
}

type label struct {
	y            float64
	text, colour string
}

// spread moves labels apart, keeping their order, within the panel.
func spread(all []label, top, bottom float64) []label {
	const apart = 14
	for range 4 * len(all) {
		for i := range all {
			for j := range all[:i] {
				if d := all[i].y - all[j].y; math.Abs(d) < apart {
					move := (apart - math.Abs(d)) / 2
					if d < 0 {
						move = -move
					}
					all[i].y, all[j].y = all[i].y+move, all[j].y-move
				}
			}
		}
	}
	for i := range all {
		all[i].y = min(max(all[i].y, top), bottom)
	}
	return all
}

func escaped(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
