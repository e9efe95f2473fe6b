package data

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// Ignore marks a label that is not supervised, as torch's cross entropy does.
const Ignore int32 = -100

// DefaultMaxLength is the longest example in tokens where nothing is said.
const DefaultMaxLength = 512

// Encoder turns text into token ids. Special tokens in the text are recognised or not as the encoder sees fit.
type Encoder interface {
	Encode(text string) []int32
}

// ChatEncoder renders a conversation by a chat template. supervised[i] says that ids[i] is a token an assistant turn
// says, its end mark included; it comes from the structure of the messages, never from looking for marks in the ids.
type ChatEncoder interface {
	EncodeChat(messages []Message, tools []json.RawMessage) (ids []int32, supervised []bool, err error)
}

// Options say how rows become examples. MaxLength counts tokens; 0 is [DefaultMaxLength].
type Options struct {
	Template  Template
	System    string // chatml only
	TrainOn   TrainOn
	AppendEOS bool // after the text; a conversation ends with its own mark and gets none
	EOS       int32
	MaxLength int
	Limit     int // the first examples only; it matters where documents are cut. 0 is all

	// MaskPad makes labels equal to Pad unsupervised wherever they stand, as transformers'
	// DataCollatorForLanguageModeling does: with pad = eos the end of the text is then never learned.
	MaskPad bool
	Pad     int32
}

// TrainOn says which tokens of an example are supervised.
type TrainOn string

// TrainCompletion, the zero value, masks the prompt; TrainAll masks nothing.
const (
	TrainCompletion TrainOn = ""
	TrainAll        TrainOn = "all"
)

// ParseTrainOn checks a name from outside: completion (or "") or all.
func ParseTrainOn(name string) (TrainOn, error) {
	switch name {
	case "", "completion":
		return TrainCompletion, nil
	case "all":
		return TrainAll, nil
	}
	return "", fmt.Errorf("data: train-on: want completion or all, have %q", name)
}

// Example is a row as training sees it.
//
//	IDs, Labels: [T]; the label of a position is its own id or Ignore (the shift by one is the loss's)
type Example struct {
	IDs    []int32
	Labels []int32

	File int // among those read, from 0
	Line int // where its row begins there
}

// Report counts what Build did.
type Report struct {
	Examples   int
	Tokens     int // after truncation
	Supervised int // labels that are predicted, so not the first of an example
	Truncated  int // examples that were longer than MaxLength
	Cut        int // tokens lost by it
	Straddled  int // examples whose prompt, tokenised alone, is not how the whole text begins

	Masked      int // examples without a supervised label; they stay in the set, so that row numbers stay
	FirstMasked int // the number of the first of them, from 0
}

// A Builder turns rows into examples one after the other.
//
// A row's whole text is tokenised at once. The prompt is tokenised alone to know how many tokens it has; where the two
// differ, because a token reaches from the prompt into the output, only their common beginning is masked, so that such
// a token is supervised. The end-of-text token is added before the example is cut to MaxLength.
//
// A document becomes examples of MaxLength tokens each, the last one shorter; the end-of-text token stands at the end
// of the last. All its tokens are supervised, and a rest of one token, which predicts nothing, is left out.
type Builder struct {
	enc      Encoder
	chat     ChatEncoder
	o        Options
	take     func(Example) error
	report   Report
	document []int32 // tokens of a document not yet in an example
}

// NewBuilder returns a Builder that gives its examples to take. chat is needed for chatml only and may be nil
// otherwise. An example's slices are its own.
func NewBuilder(enc Encoder, chat ChatEncoder, o Options, take func(Example) error) (*Builder, error) {
	b := &Builder{enc: enc, chat: chat, o: o, take: take}
	if o.MaxLength == 0 {
		b.o.MaxLength = DefaultMaxLength
	}
	return b, b.check()
}

// Row takes the next row. The error is a [Problem] where it is the row's fault; to [Scan] it may say that there are
// enough examples.
func (b *Builder) Row(row Row) error {
	if b.full() {
		return errEnough
	}
	before := b.report.Examples
	if err := b.row(row); err != nil {
		return err
	}
	if b.full() && b.report.Examples > before {
		return errEnough
	}
	return nil
}

func (b *Builder) full() bool { return b.o.Limit > 0 && b.report.Examples >= b.o.Limit }

// Report counts what was done so far. That nothing at all is supervised is an error.
func (b *Builder) Report() (Report, error) {
	if b.report.Supervised == 0 {
		return b.report, fmt.Errorf("data: want a supervised token, have none in %d examples of at most %d tokens",
			b.report.Examples, b.o.MaxLength)
	}
	return b.report, nil
}

// Build is a Builder for rows in memory. Any problem of a row is an error.
func Build(rows []Row, enc Encoder, chat ChatEncoder, o Options) ([]Example, Report, error) {
	var examples []Example
	b, err := NewBuilder(enc, chat, o, func(e Example) error {
		examples = append(examples, e)
		return nil
	})
	if err != nil {
		return nil, Report{}, err
	}
	for _, row := range rows {
		if err := b.Row(row); errors.Is(err, errEnough) {
			break
		} else if err != nil {
			return nil, Report{}, fmt.Errorf("data: %w", err)
		}
	}
	report, err := b.Report()
	if err != nil {
		return nil, report, err
	}
	return examples, report, nil
}

func (b *Builder) check() error {
	switch {
	case b.o.MaxLength < 2:
		return fmt.Errorf("data: want a max length of at least 2, have %d", b.o.MaxLength)
	case b.o.TrainOn != TrainCompletion && b.o.TrainOn != TrainAll:
		return fmt.Errorf("data: want to train on completion or all, have %q", b.o.TrainOn)
	case b.o.Template == TemplateChatML && b.chat == nil:
		return fmt.Errorf("data: template chatml: want a tokenizer with a chat template, have none")
	case b.o.System != "" && b.o.Template != TemplateChatML:
		return fmt.Errorf("data: system: want the template chatml beside a system text, have %s",
			cmp.Or(b.o.Template, "auto"))
	case b.o.Template != TemplateChatML && b.enc == nil:
		return fmt.Errorf("data: want a tokenizer, have none")
	}
	return nil
}

func (b *Builder) row(row Row) error {
	wrong := func(format string, v ...any) error {
		return Problem{File: row.File, Line: row.Line, What: fmt.Sprintf(format, v...)}
	}
	if b.o.Template.For(row.Format) == TemplateChatML {
		return b.conversation(row, wrong)
	}
	prompt, output, err := b.o.Template.render(row)
	if err != nil {
		return wrong("%s", err)
	}
	if row.Document {
		return b.part(row, output)
	}
	ids := b.enc.Encode(prompt + output)
	masked := 0
	if b.o.TrainOn == TrainCompletion && prompt != "" {
		alone := b.enc.Encode(prompt)
		if masked = common(alone, ids); masked < len(alone) {
			b.report.Straddled++
		}
	}
	if b.o.AppendEOS {
		ids = append(ids[:len(ids):len(ids)], b.o.EOS)
	}
	return b.add(row, ids, func(t int) bool { return t >= masked })
}

func (b *Builder) conversation(row Row, wrong func(string, ...any) error) error {
	messages := row.Messages(b.o.System)
	switch {
	case messages == nil:
		return wrong("template chatml: want rows with a prompt, have the format text")
	case b.chat == nil:
		return wrong("template chatml: want a tokenizer with a chat template, have none")
	}
	ids, said, err := b.chat.EncodeChat(messages, row.Tools)
	if err != nil {
		return wrong("template chatml: %s", err)
	}
	if len(said) != len(ids) {
		return fmt.Errorf("data: template chatml: want a mask for %d tokens, have %d", len(ids), len(said))
	}
	return b.add(row, ids, func(t int) bool { return b.o.TrainOn == TrainAll || said[t] })
}

// part takes the next part of a document.
func (b *Builder) part(row Row, text string) error {
	b.document = append(b.document, b.enc.Encode(text)...)
	if b.o.AppendEOS && !row.Continues {
		b.document = append(b.document, b.o.EOS)
	}
	rest := b.document
	for (len(rest) >= b.o.MaxLength || !row.Continues && len(rest) > 1) && !b.full() {
		n := min(len(rest), b.o.MaxLength)
		if err := b.add(row, rest[:n], func(int) bool { return true }); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if !row.Continues {
		rest = nil
	}
	b.document = append(b.document[:0], rest...)
	return nil
}

// add cuts ids to the longest example and labels them.
func (b *Builder) add(row Row, ids []int32, supervise func(t int) bool) error {
	if n := len(ids) - b.o.MaxLength; n > 0 {
		b.report.Truncated++
		b.report.Cut += n
		ids = ids[:b.o.MaxLength]
	}
	ids = append([]int32(nil), ids...)
	labels := make([]int32, len(ids))
	for t, id := range ids {
		labels[t] = Ignore
		if supervise(t) && !(b.o.MaskPad && id == b.o.Pad) {
			labels[t] = id
		}
	}
	n := supervised(labels[min(1, len(labels)):])
	e := Example{IDs: ids, Labels: labels, File: row.place, Line: row.Line}
	if n == 0 {
		if b.report.Masked++; b.report.Masked == 1 {
			b.report.FirstMasked = b.report.Examples
		}
	}
	b.report.Examples++
	b.report.Tokens += len(ids)
	b.report.Supervised += n
	return b.take(e)
}

// common is the length of the common beginning of a and b.
func common(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
