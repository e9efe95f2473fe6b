package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/kernel"
)

// describe prints what is known before memory is made for training.
func (t *training) describe() {
	describeModel(t.s, &t.o.model, t.model)
	c := &t.adapter.Config
	scaling := "alpha/r"
	if c.RSLora {
		scaling = "alpha/sqrt(r)"
	}
	t.s.fact("adapter", "r %d, alpha %s, scaled by %s, dropout %s, on %s: %d modules", c.R, c.LoraAlpha.String(), scaling,
		c.LoraDropout.String(), strings.Join(peft.ShortNames(t.adapter.Targets), " "), len(t.adapter.Targets))
	fmt.Fprintln(t.s.err, peft.TrainableLine(t.trainable()))
	if len(t.adapter.Unmatched) > 0 {
		t.s.note("no module of the model is named %s: training goes on with the others", strings.Join(t.adapter.Unmatched,
			", "))
	}
	describeRows(t.s, t.rows, t.o.data.maxLength, "trained on")
	describeEval(t.s, &t.o.data, t.rows)
	t.describeBetween()
	t.o.memory.describe(t.s)
}

// describeModel prints the device and the model on it.
func describeModel(s *shell, o *modelOptions, m *qwen2.Model) {
	info := m.Device.Info()
	products := "products in float32"
	switch {
	case m.Precision == kernel.RoundBF16 && info.BF16:
		products = "products in bfloat16"
	case m.Precision == kernel.RoundBF16:
		products += ", for it has none in bfloat16"
	}
	s.fact("device", "%s, %s", info.Name, products)
	stored := m.Config.DType
	if o.dtype != "auto" {
		stored = o.dtype
	}
	if stored == "" {
		stored = "stored"
	}
	stored += " weights"
	if o.quantization != "none" {
		stored += ", linear layers in " + o.quantization
	}
	if o.head != "none" {
		stored += ", embedding and head in " + o.head
	}
	s.fact("model", "%s: %s parameters, %d layers, %s", o.model, countText(m.Params()), m.Config.Layers, stored)
}

// trainable returns the numbers of trained and of all parameters. Trained biases are the model's own.
func (t *training) trainable() (trained, all int64) {
	return countAdapter(&t.model.Config, &t.adapter.Config, t.adapter.Targets)
}

// onPlan prints what is known when memory has been made.
func (t *training) onPlan(p lora.Plan) error {
	if err := t.prepared(p.Done); err != nil {
		return err
	}
	debug.FreeOSMemory()   // what reading files and splitting text left behind
	debug.SetGCPercent(25) // steps allocate little, and garbage of other lengths' programs is all that would pile up
	o := &t.o.loop
	rows := fmt.Sprintf("%d rows", o.batchSize)
	if o.accumulation > 1 {
		rows = fmt.Sprintf("%d rows (%d times %d)", o.accumulation*o.batchSize, o.accumulation, o.batchSize)
	}
	t.s.fact("steps", "%s, each of up to %s, %s", countText(p.Steps), rows, o.optimizerOptions.text())
	t.progress.last, t.ended = p.Took, p.Ended
	if p.Done > 0 {
		t.s.fact("resumed", "%s: %s of the steps are done", t.o.save.from, countText(p.Done))
	}
	if p.BestLost != "" {
		t.s.note("%s, the checkpoint of the best step so far, is not there any more: the best is now searched for anew",
			p.BestLost)
	}
	if p.OtherDevice != "" {
		t.s.note("the steps so far were done on %s: the result will differ in its last bits from a run on one device",
			p.OtherDevice)
	}
	usage := t.device.Usage()
	t.planned = usage.Total()
	var parts []string
	for i, n := range usage {
		if n > 0 {
			parts = append(parts, kernel.Purpose(i).String()+" "+bytesText(n))
		}
	}
	t.s.fact("memory", "%s: %s", bytesText(usage.Total()), strings.Join(parts, ", "))
	fmt.Fprintf(t.s.err, "\nThe first row as it is trained on, with what the loss leaves out %s:\n%s\n\n", t.maskName(),
		markedText(t.tok, t.rows.examples[0], t.s.errTTY, t.s.errColour, 800))
	return nil
}

func (t *training) maskName() string {
	if t.s.errColour {
		return "dimmed"
	}
	return "in ⟦⟧"
}

// decoder turns tokens into text.
type decoder interface {
	Decode(ids []int32, skipSpecial bool) string
}

// markedText is an example with its masked parts marked, cut to about most characters.
func markedText(t decoder, e data.Example, terminal, colour bool, most int) string {
	var b strings.Builder
	for i := 0; i < len(e.IDs) && most > 0; {
		masked, j := e.Labels[i] == data.Ignore, i
		for j < len(e.IDs) && (e.Labels[j] == data.Ignore) == masked {
			j++
		}
		text := []rune(harmless(t.Decode(e.IDs[i:j], false), terminal))
		if len(text) > most {
			text = append(text[:most], '…')
		}
		most -= len(text)
		switch {
		case colour:
			b.WriteString(coloured(string(text), masked))
		case masked:
			b.WriteString("⟦" + string(text) + "⟧")
		default:
			b.WriteString(string(text))
		}
		i = j
	}
	return b.String()
}

// card is the adapter's model card after some steps.
func (t *training) card(steps int) peft.Card {
	trained, all := t.trainable()
	o := &t.o.loop
	var told []peft.Fact
	if t.told != nil { // demo has no reports
		told = t.told.Facts()
	}
	return peft.Card{BaseModel: t.adapter.Config.BaseModel, Program: "vulora " + version, Trainable: trained, All: all,
		Facts: append([]peft.Fact{
			{Name: "Rows", Value: countText(t.rows.report.Examples)},
			{Name: "Tokens in a pass", Value: countText(t.rows.report.Tokens)},
			{Name: "Steps", Value: countText(steps)},
			{Name: "Batch", Value: fmt.Sprintf("%d rows, accumulated %d times", o.batchSize, o.accumulation)},
			{Name: "Learning rate", Value: fmt.Sprintf("%g, %s", o.learningRate, o.scheduler)},
			{Name: "Loss over", Value: t.o.data.trainOn},
			{Name: "Seed", Value: fmt.Sprint(o.seed)},
			{Name: "Device", Value: t.device.Info().Name},
			{Name: "Time", Value: durationText(time.Since(t.begun))},
		}, told...)}
}
