package bench

import "github.com/vulora/vulora/tensor/kernel"

// A Shape is the sizes of a model.
type Shape struct {
	Name                                  string
	Layers                                uint32
	Hidden, Heads, KVHeads, HeadDim, Feed uint32
	Vocab                                 uint32
}

// Shapes are the published sizes of Qwen2.5 (config.json of Qwen/Qwen2.5-0.5B, -1.5B and -3B).
var Shapes = []Shape{
	{Name: "0.5b", Layers: 24, Hidden: 896, Heads: 14, KVHeads: 2, HeadDim: 64, Feed: 4864, Vocab: 151936},
	{Name: "1.5b", Layers: 28, Hidden: 1536, Heads: 12, KVHeads: 2, HeadDim: 128, Feed: 8960, Vocab: 151936},
	{Name: "3b", Layers: 36, Hidden: 2048, Heads: 16, KVHeads: 2, HeadDim: 128, Feed: 11008, Vocab: 151936},
}

// qkv is the width of q|k|v.
func (m Shape) qkv() uint32 { return (m.Heads + 2*m.KVHeads) * m.HeadDim }

// headRows is how many rows of logits exist at a time in training.
const headRows = 128

// rank is that of the adapter whose products are timed.
const rank = 8

// Rows lists the launches of a training step and of generation with t tokens, the weights stored as w. The head is cut
// to what one operand may span on d, as it is when a model is recorded.
func (m Shape) Rows(d kernel.Info, t uint32, w kernel.DType, precision uint32) []Row {
	type matrix struct {
		name string
		n, k uint32
	}
	rows := []Row{}
	for _, x := range []matrix{{"qkv", m.qkv(), m.Hidden}, {"o", m.Hidden, m.Heads * m.HeadDim},
		{"gate_up", 2 * m.Feed, m.Hidden}, {"down", m.Hidden, m.Feed}} {
		rows = append(rows, linear(x.name, t, x.n, x.k, w, precision))
		if t > 1 {
			rows = append(rows, linearBack(x.name, t, x.n, x.k, w, precision))
		}
	}
	head := w
	if w == kernel.NF4 || w == kernel.FP4 {
		head = kernel.BF16 // the head is not quantised to 4 bits
	}
	vocab := uint32(min(int64(m.Vocab), d.MaxRange/head.Bytes(int64(m.Hidden))/64*64))
	rows = append(rows, linear("head", min(t, headRows), vocab, m.Hidden, head, precision))
	if t > 1 {
		rows = append(rows, linearBack("head", min(t, headRows), vocab, m.Hidden, head, precision))
	}
	rows = append(rows, addRMSNorm(t, m.Hidden), rope(t, m), attention(t, m, precision), swiglu(t, m.Feed))
	if t > 1 {
		rows = append(rows, lowRankIn(t, m.Hidden), lowRankOut(t, m.Hidden), lowRankGrad(t, m.Hidden),
			rmsNormBack(t, m.Hidden), attentionBackQ(t, m, precision), attentionBackKV(t, m, precision), swigluBack(t, m.Feed),
			crossEntropy(min(t, headRows), m.Vocab))
	}
	return rows
}
