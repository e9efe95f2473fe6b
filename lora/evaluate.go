package lora

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// DefaultEvaluateTokens are the tokens of a batch where nothing is said: enough to keep a device busy.
const DefaultEvaluateTokens = 2048

// EvaluateOptions of Evaluate and NewEvaluator; the zero value packs rows into batches of DefaultEvaluateTokens.
type EvaluateOptions struct {
	Tokens int // of a batch at most; a longer row is a batch of its own
	Rows   int // of a batch, exactly, however many tokens they have; 0 means as many as Tokens allows

	OnBatch func(Evaluation) error // called after each batch with what was measured until then
}

// Evaluation is the loss over rows.
type Evaluation struct {
	// Loss is the mean of the cross-entropies of all supervised tokens, in nats: every token counts the same, whatever
	// row or batch it is in.
	Loss float64 `json:"loss"`
	// BatchLoss is eval_loss of transformers' Trainer.evaluate: the mean of the batches' means, each batch counted by
	// its rows. It depends on EvaluateOptions.Rows, the Trainer's per_device_eval_batch_size, and equals Loss where
	// all rows have as many supervised tokens. Batches without any are left out; the Trainer's loss is then NaN.
	BatchLoss float64 `json:"batch_loss"`

	Rows       int           `json:"rows"`
	Batches    int           `json:"batches"`
	Tokens     int           `json:"tokens"` // padding not counted
	Supervised int           `json:"supervised"`
	Elapsed    time.Duration `json:"nanoseconds"` // since Run began
}

// Perplexity is exp(Loss).
func (e Evaluation) Perplexity() float64 { return math.Exp(e.Loss) }

// Evaluate measures the loss of m with the adapter a, or alone where a is nil. See Evaluator.Run.
func Evaluate(ctx context.Context, m *qwen2.Model, a *Adapter, examples []data.Example,
	o EvaluateOptions) (Evaluation, error) {
	e, err := NewEvaluator(m, a, examples, o)
	if err != nil {
		return Evaluation{}, err
	}
	res, err := e.Run(ctx)
	return res, errors.Join(err, e.Close())
}

// An Evaluator measures the loss over the same rows as often as is wanted, between the steps of a training run for
// one: it keeps its programs, and reads the adapter as it is at the time. Close it before the adapter.
type Evaluator struct {
	model   *qwen2.Model
	adapter *Adapter // or nil
	o       EvaluateOptions

	batches     [][]data.Example
	in          *batchInputs
	scale, loss *tensor.Tensor // [1]: one, and the sum of a batch's cross-entropies
	programs    *tensor.Programs[size]
}

// NewEvaluator makes an evaluator and all the memory that it needs. Rows that the model cannot read are an error, and
// so is it if none has a supervised token.
func NewEvaluator(m *qwen2.Model, a *Adapter, examples []data.Example, o EvaluateOptions) (*Evaluator, error) {
	if err := checkExamples(m, examples); err != nil {
		return nil, fmt.Errorf("lora: evaluate: %w", err)
	}
	e := &Evaluator{model: m, adapter: a, o: o, batches: evaluationBatches(examples, o)}
	largest, n := size{}, 0
	for _, b := range e.batches {
		z := sizeOf(b)
		largest = size{max(largest.tokens, z.tokens), max(largest.rows, z.rows)}
		for _, x := range b {
			n += supervised(x)
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("lora: evaluate: want a supervised token, have none in %d rows", len(examples))
	}
	e.programs = tensor.NewPrograms[size](m.Device, kernel.CompileOptions{})
	if err := e.allocate(largest); err != nil {
		return nil, errors.Join(fmt.Errorf("lora: evaluate: batch of %d tokens: %w", largest.tokens, err), e.Close())
	}
	return e, nil
}

// evaluationBatches divides rows into batches, in their order.
func evaluationBatches(rows []data.Example, o EvaluateOptions) (batches [][]data.Example) {
	most := o.Tokens
	if most <= 0 {
		most = DefaultEvaluateTokens
	}
	first, tokens := 0, 0
	for i, r := range rows {
		full := tokens+len(r.IDs) > most
		if o.Rows > 0 {
			full = i-first == o.Rows
		}
		if full && i > first {
			batches = append(batches, rows[first:i])
			first, tokens = i, 0
		}
		tokens += len(r.IDs)
	}
	if first < len(rows) {
		batches = append(batches, rows[first:])
	}
	return batches
}

func (e *Evaluator) allocate(largest size) (err error) {
	d := e.model.Device
	if e.scale, err = tensor.New(d, tensor.Of(1), kernel.Staging); err != nil {
		return err
	}
	if e.loss, err = tensor.New(d, tensor.Of(1), kernel.Staging); err != nil {
		return err
	}
	if err = e.scale.WriteFloats([]float32{1}); err != nil {
		return err
	}
	if e.in, err = newBatchInputs(d, largest); err != nil {
		return err
	}
	_, err = e.program(largest) // the largest first, so that the workspace need not grow
	return err
}

// program returns the program that computes the loss of a batch: the forward pass of training, with nothing trained.
func (e *Evaluator) program(z size) (tensor.Compiled, error) {
	return e.programs.Get(z, func(r *tensor.Recorder) {
		p := e.in.of(z)
		sup := p.supervision
		sup.Scale = e.scale
		var o qwen2.GraphOptions
		if e.adapter != nil {
			o.Adapters = e.adapter.ForModel()
		}
		if loss := e.model.Loss(autograd.NewTape(r), p.in, sup, o); r.Err() == nil {
			r.Place(loss.Value, e.loss)
		}
	})
}

// Run measures the loss. The losses of batches, float32 sums, are added in float64. When ctx is done it returns what it
// has measured, and ctx's error. A loss that is not finite is ErrNotFinite.
func (e *Evaluator) Run(ctx context.Context) (Evaluation, error) {
	var res Evaluation
	var sum, means float64
	counted, start := 0, time.Now()
	for _, b := range e.batches {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		loss, err := e.batch(b)
		if err != nil {
			return res, err
		}
		n := 0
		for _, x := range b {
			n += supervised(x)
			res.Tokens += len(x.IDs)
		}
		res.Rows, res.Batches, res.Supervised = res.Rows+len(b), res.Batches+1, res.Supervised+n
		sum += loss
		if n > 0 {
			means += loss / float64(n) * float64(len(b))
			counted += len(b)
			res.Loss, res.BatchLoss = sum/float64(res.Supervised), means/float64(counted)
		}
		res.Elapsed = time.Since(start)
		if e.o.OnBatch != nil {
			if err := e.o.OnBatch(res); err != nil {
				return res, err
			}
		}
	}
	return res, nil
}

// batch returns the sum of the cross-entropies of a batch.
func (e *Evaluator) batch(b []data.Example) (float64, error) {
	z := sizeOf(b)
	p, err := e.program(z)
	if err != nil {
		return 0, err
	}
	if err := e.in.write(b, z); err != nil {
		return 0, err
	}
	if err := p.Run(); err != nil {
		return 0, err
	}
	var loss [1]float32
	if err := e.loss.ReadFloats(loss[:]); err != nil {
		return 0, err
	}
	if x := float64(loss[0]); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return x, nil
	}
	return 0, fmt.Errorf("lora: evaluate: rows of lines %d to %d: %w: loss %v", b[0].Line, b[len(b)-1].Line, ErrNotFinite,
		loss[0])
}

// Bytes returns the device memory of temporaries, that of the largest batch.
func (e *Evaluator) Bytes() int64 { return e.programs.Bytes() }

// Close frees the evaluator's memory and programs. It may be called more than once.
func (e *Evaluator) Close() error {
	err := e.programs.Close()
	e.scale.Free()
	e.loss.Free()
	if e.in != nil {
		e.in.free()
	}
	return err
}
