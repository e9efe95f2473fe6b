package lora

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/lora/optim"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor/kernel"
)

// A fingerprint is what the result of a run depends on, by name. What only changes how it is made, as the number of
// threads or how often something is logged or saved, is not in it.
type fingerprint struct {
	Settings map[string]string `json:"settings"`
	Data     string            `json:"data"` // rows and the SHA-256 of their tokens and labels
	// Rows are the settings that made the data: they are compared only where the data differ, to say why.
	Rows map[string]string `json:"rows"`
	// Device may differ, at the price of the last bits.
	Device string `json:"device"`
}

func newFingerprint(m *qwen2.Model, a *Adapter, c *TrainConfig, steps int) (f fingerprint, err error) {
	f = fingerprint{Settings: maps.Clone(c.Settings), Rows: maps.Clone(c.RowSettings), Data: dataDigest(c.Examples),
		Device: m.Device.Info().Name}
	if f.Settings == nil {
		f.Settings = map[string]string{}
	}
	if len(c.SchedulerArgs) > 0 {
		f.Settings["lr_scheduler_kwargs"] = fmt.Sprint(c.SchedulerArgs)
	}
	maps.Copy(f.Settings, c.Eval.settings())
	for name, v := range c.settings(steps) {
		f.Settings[name] = fmt.Sprint(v)
	}
	mc := &m.Config
	f.Settings["model"] = fmt.Sprintf("%d layers of %d, %d heads, vocabulary of %d", mc.Layers, mc.Hidden, mc.Heads,
		mc.Vocab)
	f.Settings["precision"] = "f32"
	if m.Precision == kernel.RoundBF16 {
		f.Settings["precision"] = "bf16"
	}
	return f, f.addAdapter(a)
}

// settings are those of the loop, with transformers' names.
func (c *TrainConfig) settings(steps int) map[string]any {
	o, b := &c.Optimizer, &c.Batches
	packing := "micro-batches"
	switch {
	case c.Cut.Merge:
		packing = fmt.Sprintf("passes of at most %d tokens", c.Cut.Tokens)
	case c.Cut.Tokens > 0:
		packing = fmt.Sprintf("micro-batches in parts of at most %d tokens", c.Cut.Tokens)
	}
	return map[string]any{
		"steps (num_train_epochs, max_steps)": steps, "per_device_train_batch_size": max(1, b.BatchSize),
		"gradient_accumulation_steps": max(1, b.Accumulation), "data_seed": b.Seed, "shuffle": b.Shuffle, "seed": c.Seed,
		"learning_rate": c.LearningRate, "lr_scheduler_type": cmp.Or(c.Scheduler, "linear"),
		"warmup_steps": c.Warmup, "loss_norm": cmp.Or(c.Items, data.ItemsHF), "packing": packing,
		"adam_beta1": o.Beta1, "adam_beta2": o.Beta2, "adam_epsilon": o.Eps, "weight_decay": o.WeightDecay,
		"max_grad_norm": o.MaxGradNorm, "optim": optim.Canonical(o.Name), "optim_args": o.Args,
		"loraplus_lr_ratio": o.ratio(), "neftune_noise_alpha": c.NEFTuneAlpha,
	}
}

// addAdapter adds the fields of adapter_config.json that say what is trained.
func (f *fingerprint) addAdapter(a *Adapter) error {
	b, err := a.Config.Marshal()
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return fmt.Errorf("lora: adapter_config.json: %w", err)
	}
	for name, v := range fields {
		if !slices.Contains([]string{"base_model_name_or_path", "revision", "peft_version", "inference_mode"}, name) {
			f.Settings["adapter "+name] = string(v)
		}
	}
	return nil
}

// dataDigest names rows by their number and the SHA-256 of their tokens and labels.
func dataDigest(rows []data.Example) string {
	h := sha256.New()
	var b []byte
	for _, e := range rows {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(e.IDs)))
		for _, x := range [][]int32{e.IDs, e.Labels} {
			for _, id := range x {
				b = binary.LittleEndian.AppendUint32(b, uint32(id))
			}
		}
		h.Write(b)
	}
	return fmt.Sprintf("%d rows, sha256 %s", len(rows), hex.EncodeToString(h.Sum(nil)[:16]))
}

// differences tells every setting that is not what it was.
func (f *fingerprint) differences(now *fingerprint) error {
	errs := differ(f.Settings, now.Settings)
	if f.Data != now.Data {
		errs = append(errs, differ(f.Rows, now.Rows)...)
		errs = append(errs, fmt.Errorf("rows: want %s, have %s", f.Data, now.Data))
	}
	return errors.Join(errs...)
}

func differ(was, is map[string]string) (errs []error) {
	all := maps.Clone(was)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, is)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if w, h := was[name], is[name]; w != h {
			errs = append(errs, fmt.Errorf("%s: want %s, have %s", name, cmp.Or(w, "nothing"), cmp.Or(h, "nothing")))
		}
	}
	return errs
}
