package qwen2

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A Decoder turns tokens into text piece by piece: whole UTF-8 characters only. tokenizer.Stream is one.
type Decoder interface {
	Add(id int32) string // the characters that id completes
	Flush() string       // what is left at the end
}

// GenerateOptions of Session.Generate.
type GenerateOptions struct {
	Sampling
	MaxNewTokens int
	EOS          []int32      // tokens that end the answer
	Stop         []string     // strings that end the answer; they are not part of it
	Decoder      Decoder      // needed for Text, Stop and OnText
	OnText       func(string) // called with each piece of text as soon as no stop string can begin in it
}

// Generated is an answer.
type Generated struct {
	IDs    []int32 // with the token that ended it, if one did
	Text   string
	Reason string // "eos", "stop", "length", or "interrupted"

	PromptTokens           int
	PromptTime, DecodeTime time.Duration
}

// Generate reads prompt and continues it. When ctx is done it returns what there is, with the reason "interrupted".
func (s *Session) Generate(ctx context.Context, prompt []int32, o GenerateOptions) (*Generated, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if len(prompt) == 0 {
		return nil, errors.New("qwen2: generate: want a prompt of at least one token, have none")
	}
	if o.Decoder == nil && (len(o.Stop) > 0 || o.OnText != nil) {
		return nil, errors.New("qwen2: generate: want a decoder for stop strings and OnText, have none")
	}
	if room := s.capacity - s.length - len(prompt); o.MaxNewTokens > room {
		return nil, fmt.Errorf("qwen2: generate: want room for %d prompt and %d new tokens, have %d in the session",
			len(prompt), o.MaxNewTokens, s.capacity-s.length)
	}
	g := &generation{s: s, o: o, out: &Generated{PromptTokens: len(prompt), Reason: "length"}, seen: slices.Clone(prompt)}
	g.rng = rand.New(rand.NewPCG(o.Seed, 0x76756c6f7261))
	start := time.Now()
	if err := s.Append(prompt); err != nil {
		return nil, err
	}
	g.out.PromptTime = time.Since(start)
	start = time.Now()
	err := g.run(ctx)
	g.out.DecodeTime = time.Since(start)
	return g.out, err
}

// PromptRate returns the tokens of the prompt per second.
func (g *Generated) PromptRate() float64 { return perSecond(g.PromptTokens, g.PromptTime) }

// DecodeRate returns the new tokens per second after the first, which comes with the prompt.
func (g *Generated) DecodeRate() float64 { return perSecond(len(g.IDs)-1, g.DecodeTime) }

func perSecond(n int, t time.Duration) float64 { return max(0, float64(n)) / max(t.Seconds(), 1e-9) }

// generation is one call of Generate.
type generation struct {
	s      *Session
	o      GenerateOptions
	out    *Generated
	seen   []int32
	rng    *rand.Rand
	logits []float32
	held   string // text that a stop string may begin in
}

func (g *generation) run(ctx context.Context) error {
	for len(g.out.IDs) < g.o.MaxNewTokens {
		if ctx.Err() != nil {
			g.out.Reason = "interrupted"
			break
		}
		id, err := g.next()
		if err != nil {
			return err
		}
		g.out.IDs, g.seen = append(g.out.IDs, id), append(g.seen, id)
		if slices.Contains(g.o.EOS, id) {
			g.out.Reason = "eos"
			break
		}
		if g.o.Decoder != nil && g.text(g.o.Decoder.Add(id), false) {
			g.out.Reason = "stop"
			return nil
		}
		if len(g.out.IDs) == g.o.MaxNewTokens {
			break
		}
		if err := g.s.Append([]int32{id}); err != nil {
			return err
		}
	}
	if g.o.Decoder != nil && g.text(g.o.Decoder.Flush(), true) {
		g.out.Reason = "stop"
	}
	return nil
}

func (g *generation) next() (int32, error) {
	if g.o.plain() {
		return g.s.Best()
	}
	if g.logits == nil {
		g.logits = make([]float32, g.s.m.Config.Vocab)
	}
	if err := g.s.Logits(g.logits); err != nil {
		return 0, err
	}
	return g.o.choose(g.logits, g.seen, g.rng), nil
}

// text takes a piece of text and reports whether a stop string ended the answer. It holds back what may be the
// beginning of a stop string, unless this is the last piece.
func (g *generation) text(piece string, last bool) bool {
	g.held += piece
	first := -1
	for _, stop := range g.o.Stop {
		if at := strings.Index(g.held, stop); stop != "" && at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	if first >= 0 {
		g.emit(g.held[:first])
		g.held = ""
		return true
	}
	keep := 0
	if !last {
		keep = longestBeginning(g.held, g.o.Stop)
	}
	g.emit(g.held[:len(g.held)-keep])
	g.held = g.held[len(g.held)-keep:]
	return false
}

func (g *generation) emit(text string) {
	g.out.Text += text
	if text != "" && g.o.OnText != nil {
		g.o.OnText(text)
	}
}

// longestBeginning returns the length of the longest end of text that a stop string begins with.
func longestBeginning(text string, stops []string) (n int) {
	for _, stop := range stops {
		for k := min(len(stop)-1, len(text)); k > n; k-- {
			if strings.HasSuffix(text, stop[:k]) {
				n = k
			}
		}
	}
	return n
}
