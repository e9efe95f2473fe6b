package step

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/vulora/vulora/qwen2"
)

// read times the reading of a prompt.
func read(ctx context.Context, w *Watched, m *qwen2.Model, j Job, o Options, r *Result) (err error) {
	s, err := m.NewSession(j.Prompt, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ids := tokens(m, rand.New(rand.NewPCG(1, 2)), j.Prompt)
	if err := s.Append(ids); err != nil {
		return err
	}
	r.Tokens, r.Planned = j.Prompt, m.Device.Usage().Total()
	err = repeat(ctx, w, o, r, func() error {
		s.Rewind(0)
		return next(s, ids)
	})
	r.attend(attention(&m.Config, 2, pairs(j.Prompt)))
	return err
}

// decode times the writing of single tokens after a context.
func decode(ctx context.Context, w *Watched, m *qwen2.Model, j Job, o Options, r *Result) (err error) {
	s, err := m.NewSession(j.Context+decoded, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ids := tokens(m, rand.New(rand.NewPCG(1, 2)), j.Context)
	if err := s.Append(ids); err != nil {
		return err
	}
	if err := next(s, ids[:1]); err != nil {
		return err
	}
	r.Tokens, r.Planned = 1, m.Device.Usage().Total()
	written := 0
	err = repeat(ctx, w, o, r, func() error {
		if written%decoded == 0 {
			s.Rewind(j.Context)
		}
		written++
		return next(s, ids[:1])
	})
	c := &m.Config
	mean := float64(j.Context) + float64(decoded+1)/2
	r.attend(attention(c, 2, mean))
	r.Bytes += float64(c.Layers) * 2 * float64(c.KVHeads*c.HeadDim) * 4 * mean // keys and values are float32
	return err
}

// next reads ids and chooses the token after them.
func next(s *qwen2.Session, ids []int32) error {
	if err := s.Append(ids); err != nil {
		return err
	}
	_, err := s.Best()
	return err
}

// repeat times f again and again.
func repeat(ctx context.Context, w *Watched, o Options, r *Result, f func() error) error {
	watch := stopwatch{w: w, o: o}
	watch.begin()
	for enough := false; !enough && ctx.Err() == nil; {
		start := time.Now()
		if err := f(); err != nil {
			return err
		}
		enough = watch.step(time.Since(start))
	}
	if len(watch.all) > 0 {
		watch.end(r)
	}
	return nil
}
