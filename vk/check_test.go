//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"errors"
	"strings"
	"testing"
)

func TestRecordErrors(t *testing.T) {
	d, other := open(t, Options{}), open(t, Options{})
	c, foreign := makeChain(t, d, 1000, 3), makeChain(t, other, 1000, 1)
	l := d.Info().Limits
	cases := map[string]func(x *Dispatch){
		"pipeline":           func(x *Dispatch) { x.Pipeline = nil },
		"foreign pipeline":   func(x *Dispatch) { x.Pipeline = foreign.list[0].Pipeline },
		"bindings":           func(x *Dispatch) { x.Bindings = x.Bindings[:1] },
		"push":               func(x *Dispatch) { x.Push = x.Push[:4] },
		"no groups":          func(x *Dispatch) { x.Groups[1] = 0 },
		"groups":             func(x *Dispatch) { x.Groups[2] = 1<<32 - 1 },
		"nil buffer":         func(x *Dispatch) { x.Bindings[0].Buffer = nil },
		"foreign buffer":     func(x *Dispatch) { x.Bindings[0].Buffer = foreign.x },
		"alignment":          func(x *Dispatch) { x.Bindings[0].Offset, x.Bindings[0].Bytes = int64(l.OffsetAlignment/2), 4 },
		"range":              func(x *Dispatch) { x.Bindings[1].Bytes++ },
		"range wraps":        func(x *Dispatch) { x.Bindings[1].Bytes = 1<<63 - 1; x.Bindings[1].Offset = 256 },
		"negative offset":    func(x *Dispatch) { x.Bindings[1].Offset = -256 },
		"empty range":        func(x *Dispatch) { x.Bindings[1].Bytes = 0 },
		"offset past buffer": func(x *Dispatch) { x.Bindings[1].Offset = 1 << 40 },
	}
	for name, spoil := range cases {
		list := append([]Dispatch(nil), c.list...)
		x := &list[1]
		x.Bindings = append([]Range(nil), x.Bindings...)
		x.Name = "layers.3.mlp"
		spoil(x)
		cmd, err := d.Record(list, RecordOptions{})
		if cmd != nil || err == nil || !strings.Contains(err.Error(), "dispatch 1 layers.3.mlp") {
			t.Errorf("%s: want an error that names the dispatch, have %v", name, err)
		}
	}
	if l.MaxBufferRange < l.MaxAllocation && l.MaxBufferRange < 1<<30 {
		big := alloc(t, d, l.MaxBufferRange+1024, DeviceLocal)
		x := step(c.list[0].Pipeline, big, c.y, 1000, 0)
		if _, err := d.Record([]Dispatch{x}, RecordOptions{}); err == nil {
			t.Error("a binding past MaxBufferRange passed")
		}
	}
	if _, err := d.Record(nil, RecordOptions{}); err == nil {
		t.Error("an empty recording passed")
	}
}

func TestPipelineErrors(t *testing.T) {
	d := open(t, Options{})
	code := spirv(t, "affine")
	l := d.Info().Limits
	for name, c := range map[string]PipelineConfig{
		"empty":    {},
		"short":    {SPIRV: code[:16]},
		"odd":      {SPIRV: code[:len(code)-1]},
		"magic":    {SPIRV: make([]byte, 400)},
		"bindings": {SPIRV: code, Bindings: 1 << 30},
		"negative": {SPIRV: code, Bindings: -1},
		"push":     {SPIRV: code, Bindings: 2, PushBytes: 6},
		"too big":  {SPIRV: code, Bindings: 2, PushBytes: l.MaxPush + 4},
		"subgroup": {SPIRV: code, Bindings: 2, PushBytes: 8, SubgroupSize: 2 * l.MaxSubgroup},
		"not 2^n":  {SPIRV: code, Bindings: 2, PushBytes: 8, SubgroupSize: 3},
	} {
		c.Name = "spoilt"
		if p, err := d.Pipeline(c); p != nil || err == nil || !strings.Contains(err.Error(), "pipeline spoilt") {
			t.Errorf("%s: want an error that names the pipeline, have %v", name, err)
		}
	}
	none := open(t, Options{Disable: Features{SubgroupSize: true, FullSubgroups: true}})
	for _, c := range []PipelineConfig{{SubgroupSize: l.SubgroupSize}, {FullSubgroups: true}} {
		c.SPIRV = code
		if _, err := none.Pipeline(c); !errors.Is(err, ErrNoFeature) {
			t.Errorf("want ErrNoFeature, have %v", err)
		}
	}
}
