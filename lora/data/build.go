package data

import "fmt"

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
	EncodeChat(messages []Message) (ids []int32, supervised []bool, err error)
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
	Row    int // index into the rows given to Build
}

// Report counts what Build did.
type Report struct {
	Examples   int
	Tokens     int   // after truncation
	Supervised int   // labels that are predicted, so not the first of an example
	Truncated  int   // examples that were longer than MaxLength
	Cut        int   // tokens lost by it
	Masked     []int // examples without a supervised label; they stay in the set, so that row numbers stay
	Straddled  int   // examples whose prompt, tokenised alone, is not how the whole text begins
}

// Build tokenises rows. chat is needed for chatml only and may be nil otherwise.
//
// A row's whole text is tokenised at once. The prompt is tokenised alone to know how many tokens it has; where the two
// differ, because a token reaches from the prompt into the output, only their common beginning is masked, so that such
// a token is supervised. The end-of-text token is added before the example is cut to MaxLength.
//
// A document becomes examples of MaxLength tokens each, the last one shorter; the end-of-text token stands at the end
// of the last. All its tokens are supervised, and a rest of one token, which predicts nothing, is left out.
//
// Errors name the row's file and line. No example at all, and none with a supervised label, are errors too.
func Build(rows []Row, enc Encoder, chat ChatEncoder, o Options) ([]Example, Report, error) {
	b := &build{enc: enc, chat: chat, o: o}
	if o.MaxLength == 0 {
		b.o.MaxLength = DefaultMaxLength
	}
	if err := b.check(); err != nil {
		return nil, Report{}, err
	}
	for i, row := range rows {
		if o.Limit > 0 && len(b.examples) >= o.Limit {
			break
		}
		if err := b.row(i, row); err != nil {
			return nil, Report{}, fmt.Errorf("data: %s:%d: %w", row.File, row.Line, err)
		}
	}
	b.report.Examples = len(b.examples)
	if b.report.Supervised == 0 {
		return nil, b.report, fmt.Errorf("data: want a supervised token, have none in %d examples of at most %d tokens",
			len(b.examples), b.o.MaxLength)
	}
	return b.examples, b.report, nil
}

type build struct {
	enc      Encoder
	chat     ChatEncoder
	o        Options
	examples []Example
	report   Report
}

func (b *build) check() error {
	switch {
	case b.o.MaxLength < 2:
		return fmt.Errorf("data: want a max length of at least 2, have %d", b.o.MaxLength)
	case b.o.TrainOn != TrainCompletion && b.o.TrainOn != TrainAll:
		return fmt.Errorf("data: want to train on completion or all, have %q", b.o.TrainOn)
	case b.o.Template == TemplateChatML && b.chat == nil:
		return fmt.Errorf("data: template chatml: want a tokenizer with a chat template, have none")
	case b.o.System != "" && b.o.Template != TemplateChatML:
		return fmt.Errorf("data: a system text needs the template chatml, have %q", b.o.Template)
	case b.o.Template != TemplateChatML && b.enc == nil:
		return fmt.Errorf("data: want a tokenizer, have none")
	}
	return nil
}

func (b *build) row(i int, row Row) error {
	if b.o.Template == TemplateChatML {
		return b.conversation(i, row)
	}
	prompt, output, err := b.o.Template.render(row)
	if err != nil {
		return err
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
	if row.Document {
		b.document(i, ids)
		return nil
	}
	b.add(i, ids, func(t int) bool { return t >= masked })
	return nil
}

func (b *build) conversation(i int, row Row) error {
	messages := row.Messages(b.o.System)
	if messages == nil {
		return fmt.Errorf("template chatml: want rows with a prompt, have the format text")
	}
	ids, said, err := b.chat.EncodeChat(messages)
	if err != nil {
		return fmt.Errorf("template chatml: %w", err)
	}
	if len(said) != len(ids) {
		return fmt.Errorf("template chatml: want a mask for %d tokens, have %d", len(ids), len(said))
	}
	b.add(i, ids, func(t int) bool { return b.o.TrainOn == TrainAll || said[t] })
	return nil
}

func (b *build) document(i int, ids []int32) {
	for len(ids) > 1 && (b.o.Limit <= 0 || len(b.examples) < b.o.Limit) {
		n := min(len(ids), b.o.MaxLength)
		b.add(i, ids[:n], func(int) bool { return true })
		ids = ids[n:]
	}
}

// add cuts ids to the longest example and labels them.
func (b *build) add(row int, ids []int32, supervise func(t int) bool) {
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
	if n == 0 {
		b.report.Masked = append(b.report.Masked, len(b.examples))
	}
	b.report.Tokens += len(ids)
	b.report.Supervised += n
	b.examples = append(b.examples, Example{IDs: ids, Labels: labels, Row: row})
}

// common is the length of the common beginning of a and b.
func common(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
