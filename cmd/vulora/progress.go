package main

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/vulora/vulora/lora"
)

// progress shows how training goes: one line that is rewritten on a terminal, a line per log elsewhere.
type progress struct {
	s     *shell
	shown bool

	seen int           // steps of this process, on a terminal
	last time.Duration // when the last step, or without a terminal the last log, ended
	loss float64       // mean over a few steps, for the terminal
	rate float64       // tokens per second over a few steps, for the terminal
}

// step shows a step on a terminal, where the figures are smoothed over about ten steps.
func (p *progress) step(x lora.Progress) {
	if !p.s.errTTY {
		return
	}
	rate := float64(x.Tokens) / max(1e-9, (x.Elapsed-p.last).Seconds())
	p.last = x.Elapsed
	p.seen++
	keep := 0.9
	if n := float64(p.seen); n < 10 {
		keep = 1 - 1/n
	}
	p.loss, p.rate = keep*p.loss+(1-keep)*x.Loss, keep*p.rate+(1-keep)*rate
	x.Loss = p.loss
	text := shortText(x, p.rate)
	if w := p.s.columns() - 1; utf8.RuneCountInString(text) > w {
		text = string([]rune(text)[:w])
	}
	fmt.Fprintf(p.s.err, "\r\x1b[K%s", text)
	p.shown = true
}

// log writes a line where there is no terminal. x has the loss and tokens since the last log.
func (p *progress) log(x lora.Progress) {
	if p.s.errTTY {
		return
	}
	rate := float64(x.Tokens) / max(1e-9, (x.Elapsed-p.last).Seconds())
	p.last = x.Elapsed
	fmt.Fprintln(p.s.err, progressText(x, rate))
}

// note tells something without breaking the line.
func (p *progress) note(format string, v ...any) {
	p.end()
	p.s.note(format, v...)
}

// line writes a line of its own in place of the one that is rewritten, which comes back with the next step.
func (p *progress) line(text string) {
	if p.s.errTTY {
		fmt.Fprint(p.s.err, "\r\x1b[K")
	}
	fmt.Fprintln(p.s.err, text)
	p.shown = false
}

// end leaves the line on the terminal as it is.
func (p *progress) end() {
	if p.shown {
		fmt.Fprintln(p.s.err)
	}
	p.shown = false
}

func progressText(x lora.Progress, rate float64) string {
	return fmt.Sprintf("step %d/%d  loss %.4f  lr %.3g  grad norm %.3g  %.0f tokens/s  %s elapsed  %s left  peak %s",
		x.Step, x.Steps, x.Loss, x.LearningRate, x.GradNorm, rate, durationText(x.Elapsed+x.Between),
		durationText(left(x)), bytesText(peakMemory()))
}

// shortText is progressText for a terminal of 80 to 90 columns.
func shortText(x lora.Progress, rate float64) string {
	return fmt.Sprintf("%d/%d  loss %.4f  lr %.2g  norm %.2g  %.0f tok/s  %s, %s left  %s", x.Step, x.Steps, x.Loss,
		x.LearningRate, x.GradNorm, rate, durationText(x.Elapsed+x.Between), durationText(left(x)),
		bytesText(peakMemory()))
}

func left(x lora.Progress) time.Duration {
	return time.Duration(float64(x.Elapsed+x.Between) / float64(x.Step) * float64(x.Steps-x.Step))
}
