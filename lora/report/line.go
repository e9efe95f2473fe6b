package report

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/peft"
)

// A line is one entry of a log with transformers' names, in their alphabetical order. Its step is one of the values.
type line struct {
	step   int
	values []value
}

type value struct {
	name string
	x    peft.Number
}

func newLine(step int, epoch float64, values ...value) line {
	values = append(values, value{"epoch", peft.Float(epoch)}, value{"step", peft.Int(step)})
	slices.SortFunc(values, func(a, b value) int { return cmp.Compare(a.name, b.name) })
	return line{step, values}
}

func (l line) get(name string) (float64, bool) {
	for _, v := range l.values {
		if v.name == name {
			return v.x.Value, true
		}
	}
	return 0, false
}

// logged is what the Trainer logs after each logging_steps steps.
func logged(p lora.Progress) line {
	return newLine(p.Step, p.Epoch, value{"loss", peft.Float(p.Loss)}, value{"grad_norm", peft.Float(p.GradNorm)},
		value{"learning_rate", peft.Float(p.LearningRate)})
}

// evaluated is what it logs of an evaluation.
func evaluated(e lora.Evaluated) line {
	seconds := e.Loss.Elapsed.Seconds()
	values := []value{{"eval_loss", peft.Float(e.EvalLoss)}, {"eval_runtime", peft.Float(rounded(seconds, 1e4))}}
	if seconds > 0 {
		values = append(values, value{"eval_samples_per_second", peft.Float(rounded(float64(e.Loss.Rows)/seconds, 1e3))},
			value{"eval_steps_per_second", peft.Float(rounded(float64(e.Loss.Batches)/seconds, 1e3))})
	}
	return newLine(e.Step, e.Epoch, values...)
}

// summary is what it logs last.
func summary(e End, epoch float64, rows int, flos float64) line {
	seconds := e.Elapsed.Seconds()
	values := []value{{"train_runtime", peft.Float(rounded(seconds, 1e4))}, {"train_loss", peft.Float(e.Loss)},
		{"total_flos", peft.Float(flos)}}
	if seconds > 0 {
		values = append(values,
			value{"train_samples_per_second", peft.Float(rounded(float64(rows)*epoch/seconds, 1e3))},
			value{"train_steps_per_second", peft.Float(rounded(float64(e.Steps)/seconds, 1e3))})
	}
	return newLine(e.Steps, epoch, values...)
}

// rounded has the digits that the Trainer leaves to times and speeds.
func rounded(x, scale float64) float64 { return math.Round(x*scale) / scale }

// appendJSON appends the line as json.dumps(…, indent=2, sort_keys=True) of Python writes it in a list that is a value
// of the top level. What JSON has no number for, which Python writes as NaN, is null.
func (l line) appendJSON(b []byte) []byte {
	b = append(b, "    {\n"...)
	for i, v := range l.values {
		b = append(b, `      "`...)
		b = append(b, v.name...)
		b = append(b, `": `...)
		b = append(b, pythonJSON(v.x)...)
		if i < len(l.values)-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	return append(b, "    }"...)
}

func pythonJSON(x peft.Number) string {
	if math.IsNaN(x.Value) || math.IsInf(x.Value, 0) {
		return "null"
	}
	return x.String()
}

// tag is the name that the Trainer's callback gives a value in TensorBoard.
func (v value) tag() string {
	if name, ok := strings.CutPrefix(v.name, "eval_"); ok {
		return "eval/" + name
	}
	return "train/" + v.name
}
