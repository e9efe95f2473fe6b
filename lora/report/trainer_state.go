package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2/atomicfile"
)

// TrainerState writes trainer_state.json as transformers.TrainerState.save_to_json does: into each checkpoint, and into
// Dir when the run ends.
type TrainerState struct {
	Dir                              string // of the adapter
	LoggingSteps, EvalSteps          int
	SaveSteps, BatchSize, EpochCount int

	// FlosPerToken is what the Trainer takes a token's forward and backward passes for: six operations for each
	// parameter that is not an embedding's.
	FlosPerToken float64

	run   Run
	lines []line
	state stateFields
	step  int
	best  *lora.Best
}

// Name is what notes call the report.
func (s *TrainerState) Name() string { return stateFile }

// Begin takes over the log of the steps before.
func (s *TrainerState) Begin(r Run) error {
	s.run, s.lines, s.state, s.step, s.best = r, r.Past.lines, r.Past.state, r.Done, r.Best
	return nil
}

// Observer collects the log.
func (s *TrainerState) Observer() lora.Observer {
	return lora.Observer{OnStep: s.count, OnSkip: func(k lora.Skip) error { return s.count(k.Progress) },
		OnLog: func(p lora.Progress) error {
			s.lines = append(s.lines, logged(p))
			return nil
		},
		OnEval: s.evaluation,
		OnSave: func(dir string, _ lora.Progress) error { return s.write(dir) }}
}

func (s *TrainerState) count(p lora.Progress) error {
	s.step, s.state.Epoch = p.Step, p.Epoch
	s.state.Tokens += p.Tokens
	s.state.Flos += s.FlosPerToken * float64(p.Tokens)
	return nil
}

func (s *TrainerState) evaluation(e lora.Evaluated) error {
	s.lines, s.best = append(s.lines, evaluated(e)), e.Lowest
	return nil
}

// End writes the file beside the adapter.
func (s *TrainerState) End(e End) error {
	if e.Steps == 0 {
		return nil
	}
	if e.Err == nil && !e.Interrupted {
		s.lines = append(s.lines, summary(e, s.state.Epoch, s.run.Rows, s.state.Flos))
	}
	return s.write(s.Dir)
}

func (s *TrainerState) write(dir string) error {
	return atomicfile.Write(filepath.Join(dir, stateFile), func(w io.Writer) error {
		_, err := w.Write(s.appendJSON(nil))
		return err
	})
}

// appendJSON writes the fields in the order of their names.
func (s *TrainerState) appendJSON(b []byte) []byte {
	x := &s.state
	bestStep, bestMetric, bestDir := "null", "null", "null"
	add := func(name, value string) { b = fmt.Appendf(b, "  \"%s\": %s,\n", name, value) }
	float := func(f float64) string { return pythonJSON(peft.Float(f)) }
	integer := func(n int) string { return peft.Int(n).String() }
	if s.best != nil {
		bestStep, bestMetric = integer(s.best.Step), float(s.best.EvalLoss)
		if s.best.Dir != "" {
			bestDir = quoted(s.best.Dir)
		}
	}
	b = append(b, "{\n"...)
	add("best_global_step", bestStep)
	add("best_metric", bestMetric)
	add("best_model_checkpoint", bestDir)
	add("epoch", float(x.Epoch))
	add("eval_steps", integer(s.EvalSteps))
	add("global_step", integer(s.step))
	add("is_hyper_param_search", "false")
	add("is_local_process_zero", "true")
	add("is_world_process_zero", "true")
	b = append(b, `  "log_history": [`...)
	for i, l := range s.lines {
		if i > 0 {
			b = append(b, ',')
		}
		b = l.appendJSON(append(b, '\n'))
	}
	if len(s.lines) > 0 {
		b = append(b, "\n  "...)
	}
	b = append(b, "],\n"...)
	add("logging_steps", integer(s.LoggingSteps))
	add("max_steps", integer(s.run.Steps))
	add("num_input_tokens_seen", integer(x.Tokens))
	add("num_train_epochs", integer(s.EpochCount))
	add("save_steps", integer(s.SaveSteps))
	add("stateful_callbacks", s.control())
	add("total_flos", float(x.Flos))
	add("train_batch_size", integer(s.BatchSize))
	add("trial_name", "null")
	return append(b, "  \"trial_params\": null\n}\n"...)
}

// control is the state of the Trainer's TrainerControl when it saves.
func (s *TrainerState) control() string {
	return fmt.Sprintf(`{
    "TrainerControl": {
      "args": {
        "should_epoch_stop": false,
        "should_evaluate": false,
        "should_log": false,
        "should_save": true,
        "should_training_stop": %t
      },
      "attributes": {}
    }
  }`, s.step >= s.run.Steps)
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil { // strings are always marshalled
		return "null"
	}
	return string(b)
}
