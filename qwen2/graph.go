package qwen2

import (
	"fmt"

	"github.com/vulora/vulora/autograd"
	"github.com/vulora/vulora/tensor"
)

// Inputs are the tensors that a recording of the model reads, which the host writes before each run. A row of T tokens
// holds one sequence or several, one after the other.
type Inputs struct {
	IDs *tensor.Tensor // i32[T]; a negative id is padding
	Pos *tensor.Tensor // i32[T]: position in its sequence
	// Bounds is i32[T, 2]: the first row, and the one after the last, that each token sees. For generation they are
	// slots of the cache. Padding sees nothing.
	Bounds *tensor.Tensor
	// Users is i32[T, 2]: the first token, and the one after the last, that see each row.
	Users *tensor.Tensor
}

// GraphOptions of a recording; the zero value keeps all activations and adds no adapter.
type GraphOptions struct {
	Adapters  *Adapters
	Recompute bool   // keep only what goes from block to block, and record each block again in its backward
	Noise     *Noise // on the embeddings; nil for none
	// See, if set, is called with every named intermediate value of the forward pass, for tests.
	See func(name string, v *autograd.Var)
}

// Noise is added to the embedding of each token: see tensor.Noise.
type Noise struct {
	Key, Amplitude *tensor.Tensor // i32[3], [T]
	Site           uint32
}

// A graph records one forward pass.
type graph struct {
	m      *Model
	o      GraphOptions
	in     Inputs
	attend func(t *autograd.Tape, layer int, qkv *autograd.Var) *autograd.Var
}

// hidden records the model up to the final norm.
//
//	result: [T, C]
func (g *graph) hidden(t *autograd.Tape) *autograd.Var {
	m := g.m
	var h, d *autograd.Var
	t.R.In("model.embed_tokens", func() {
		h = t.Apply(tensor.Embedding{Quantized: m.embed.quantized()}, append(m.embed.operands(t), t.Const(g.in.IDs))...)
		if n := g.o.Noise; n != nil {
			h = t.Apply(tensor.Noise{Site: n.Site}, h, t.Const(n.Key), t.Const(n.Amplitude))
		}
	})
	g.see("embeddings", h)
	for i := range m.layers {
		t.R.In(layerName(i), func() {
			if g.o.Recompute {
				h = t.Checkpoint(func(t *autograd.Tape, x []*autograd.Var) []*autograd.Var {
					h, d := g.block(t, i, x[0], nil)
					return []*autograd.Var{t.Apply(tensor.Add{}, h, d)}
				}, h)[0]
			} else {
				h, d = g.block(t, i, h, d)
			}
		})
	}
	var y *autograd.Var
	t.R.In("model.norm", func() { h, y = g.norm(t, m.norm, h, d) })
	g.see(fmt.Sprintf("layer%d.out", len(m.layers)-1), h)
	g.see("final_norm", y)
	return y
}

// norm records the norm of h + d, and returns that sum too. Where d is nil the sum is h.
func (g *graph) norm(t *autograd.Tape, w *tensor.Tensor, h, d *autograd.Var) (sum, y *autograd.Var) {
	eps := float32(g.m.Config.NormEps)
	if d == nil {
		return t.Apply2(tensor.ThroughRMSNorm{Eps: eps}, h, t.Const(w))
	}
	return t.Apply2(tensor.AddRMSNorm{Eps: eps}, h, d, t.Const(w))
}

// block records one layer. The residual stream comes and goes as two addends, since the norm that follows adds them: h
// and what the layer before adds to it, which is nil in the first layer. Where blocks are recorded again, what is kept
// is their sum, and d is nil in all.
func (g *graph) block(t *autograd.Tape, i int, h, d *autograd.Var) (_, _ *autograd.Var) {
	l := &g.m.layers[i]
	var n *autograd.Var
	t.R.In("input_layernorm", func() { h, n = g.norm(t, l.inputNorm, h, d) })
	if i > 0 {
		g.see(fmt.Sprintf("layer%d.out", i-1), h)
	}
	g.seeIn(i, "input_norm", n)
	var a *autograd.Var
	t.R.In("self_attn", func() { a = g.attention(t, i, n) })
	g.seeIn(i, "attn_out", a)
	t.R.In("post_attention_layernorm", func() { h, n = g.norm(t, l.postNorm, h, a) })
	g.seeIn(i, "post_norm", n)
	t.R.In("mlp", func() {
		u := g.linear(t, i, l.gateUp, nil, n, "mlp.gate_proj", "mlp.up_proj")
		d = g.linear(t, i, l.down, nil, t.Apply(tensor.SwiGLU{}, u), "mlp.down_proj")
	})
	g.seeIn(i, "mlp_out", d)
	return h, d
}

func (g *graph) attention(t *autograd.Tape, i int, n *autograd.Var) *autograd.Var {
	l, c := &g.m.layers[i], &g.m.Config
	qkv := g.qkv(t, i, n)
	qkv = t.Apply(tensor.RoPE{Heads: c.Heads + c.KVHeads, D: c.HeadDim}, qkv, t.Const(g.in.Pos), t.Const(g.m.rope))
	g.seeIn(i, "qkv_rope", qkv)
	y := g.attend(t, i, qkv)
	g.seeIn(i, "attn_heads", y)
	return g.linear(t, i, l.o, nil, y, "self_attn.o_proj")
}

// qkv records the fused projection with its biases, trained ones included.
func (g *graph) qkv(t *autograd.Tape, i int, n *autograd.Var) *autograd.Var {
	l, a := &g.m.layers[i], g.o.Adapters
	bias := l.qkvBias
	if a != nil && a.Frozen[i] != nil {
		bias = a.Frozen[i]
	}
	y := g.linear(t, i, l.qkv, bias, n, blockLinears[:3]...)
	off := 0
	for _, m := range blockLinears[:3] {
		if a != nil && a.Bias[moduleName(i, m)] != nil {
			y = t.Apply(tensor.AddBias{Off: off}, y, g.param(t, a.Bias[moduleName(i, m)]))
		}
		out, _ := g.m.Config.LinearShape(m)
		off += out
	}
	return y
}

// linear records one fused linear layer with the adapters of the modules that it is made of.
func (g *graph) linear(t *autograd.Tape, i int, w matrix, bias *tensor.Tensor, x *autograd.Var,
	modules ...string) *autograd.Var {
	op := tensor.Linear{Quantized: w.quantized(), Bias: bias != nil, Precision: g.m.Precision}
	operands := append([]*autograd.Var{x}, w.operands(t)...)
	if bias != nil {
		operands = append(operands, t.Const(bias))
	}
	var factors []*autograd.Var
	off, drops := 0, false
	for _, m := range modules {
		if a, ok := g.adapter(moduleName(i, m)); ok {
			op.Adapters = append(op.Adapters, tensor.LowRank{Off: off, Scale: a.Scale, Drop: a.Drop, Site: a.Site})
			factors = append(factors, g.param(t, a.A), g.param(t, a.B))
			drops = drops || a.Drop > 0
		}
		out, _ := g.m.Config.LinearShape(m)
		off += out
	}
	if drops {
		operands = append(operands, t.Const(g.o.Adapters.Key))
	}
	return t.Apply(op, append(operands, factors...)...)
}

func (g *graph) adapter(module string) (LowRank, bool) {
	if g.o.Adapters == nil {
		return LowRank{}, false
	}
	a, ok := g.o.Adapters.LowRank[module]
	if !g.o.Adapters.Train {
		a.Drop = 0
	}
	return a, ok
}

func (g *graph) param(t *autograd.Tape, x *tensor.Tensor) *autograd.Var {
	if g.o.Adapters.Train {
		return t.Param(x)
	}
	return t.Const(x)
}

func (g *graph) see(name string, v *autograd.Var) {
	if g.o.See != nil {
		g.o.See(name, v)
	}
}

func (g *graph) seeIn(layer int, name string, v *autograd.Var) {
	g.see(fmt.Sprintf("layer%d.%s", layer, name), v)
}
