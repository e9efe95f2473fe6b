package kernel

// GatherRows is y[i] = scale·table[index[i]−First] for the rows whose index lies in [First, First+Count), and leaves
// the other rows of y alone, so that a table larger than one operand can be read in tiles. The tile with First = 0 also
// writes zeros to the rows with a negative index. Without the scale operand scale is 1.
//
//	out y [Rows, Cols]   in table [Count, Cols] f32|f16|bf16|int8 (and its scales), index [Rows] i32, scale [1] if
//	Scaled ≠ 0
type GatherRows struct{ Rows, Cols, First, Count, Scaled uint32 }

// ScatterRows is y[v] = Σ x[i] over the i with index[i] = v, in the order of i: the gradient of GatherRows for its
// table. Rows with an index outside [0, Count) are dropped.
//
//	out y [Count, Cols]   in x [Rows, Cols], index [Rows] i32
type ScatterRows struct{ Rows, Cols, Count uint32 }

// Precision of a product's factors.
const (
	Exact     uint32 = 0 // multiply float32 values as they are
	RoundBF16 uint32 = 1 // both may be rounded to bfloat16 before they are multiplied; sums stay float32
)

// Linear is y[t, YOff+n] = Σk x[t,k]·w[n,k] + b[n].
//
//	out y [T, YStride]: columns YOff … YOff+N−1   in x [T, K], w [N, K] f32|f16|bf16|nf4|fp4|int8 (and its scales),
//	b [N] if Bias ≠ 0
type Linear struct{ T, N, K, YStride, YOff, Bias, Precision uint32 }

// LinearBack is dx[t,k] = Σn dy[t, YOff+n]·w[n,k], the gradient of Linear for x. With Acc ≠ 0 it adds to dx in place.
//
//	out dx [T, K]   in dy [T, YStride], w [N, K] f32|f16|bf16|nf4|fp4|int8 (and its scales)
type LinearBack struct{ T, N, K, YStride, YOff, Acc, Precision uint32 }

// MatMul is c[m, n] = Alpha·Σk a(m,k)·b(k,n), plus what c held (in place) if Acc ≠ 0. It is meant for products with one
// small dimension: the two factors of an adapter and their gradients.
//
//	a(m,k) = a[AOff + m·LDA + k], or a[AOff + k·LDA + m] if TransA ≠ 0
//	b(k,n) = b[BOff + k·LDB + n], or b[BOff + n·LDB + k] if TransB ≠ 0
//	c(m,n) = c[COff + m·LDC + n]
//
//	out c   in a, b
type MatMul struct {
	M, N, K, TransA, TransB         uint32
	LDA, LDB, LDC, AOff, BOff, COff uint32
	Acc                             uint32
	Alpha                           float32
}

// RMSNorm is y = x·r·w with r = 1/√(mean(x²) + Eps) for each row.
//
//	out y [Rows, Cols], r [Rows]   in x [Rows, Cols], w [Cols]
type RMSNorm struct {
	Rows, Cols uint32
	Eps        float32
}

// AddRMSNorm is h = x + d, y = h·r·w with r = 1/√(mean(h²) + Eps) for each row.
//
//	out h [Rows, Cols], y [Rows, Cols], r [Rows]   in x [Rows, Cols], d [Rows, Cols], w [Cols]
type AddRMSNorm struct {
	Rows, Cols uint32
	Eps        float32
}

// RMSNormBack is dx = r·(dy·w) − x·r³·mean(x·dy·w) for each row, plus dh if Add ≠ 0.
//
//	out dx [Rows, Cols]   in dy [Rows, Cols], x [Rows, Cols], w [Cols], r [Rows], dh [Rows, Cols] if Add ≠ 0
type RMSNormBack struct{ Rows, Cols, Add uint32 }

// RMSNormBackWeight is dw[c] = Σrows dy·x·r.
//
//	out dw [Cols]   in dy [Rows, Cols], x [Rows, Cols], r [Rows]
type RMSNormBackWeight struct{ Rows, Cols uint32 }

// RoPE rotates, in place, the first Heads·D columns of each row of x: in every head the pair (x[i], x[i+D/2]) becomes
// (x[i]·cos − x[i+D/2]·sin, x[i+D/2]·cos + x[i]·sin). Inverse ≠ 0 rotates back, which is the gradient.
// table[p] holds cos of the D/2 angles of position p, then their sin.
//
//	out x [T, Stride] in place   in pos [T] i32, table [P, D]
type RoPE struct{ T, Heads, D, Stride, Inverse uint32 }

// Attention is softmax attention of query t over the keys lo[t] … hi[t]−1, where bounds[t] = (lo, hi); no key gives a
// row of zeros. Query head h uses key/value head h/(Heads/KVHeads). lse is the logarithm of the sum of the exponentials
// of the scaled scores (−inf without a key); it may be read by AttentionBack*. With RoundBF16 the factors of all its
// products, the probabilities included, may be rounded.
//
//	q[t,h,d] = q[t·QStride + QOff + h·D + d]
//	k[s,g,d] = kv[s·KVStride + KOff + g·D + d], v[s,g,d] = kv[s·KVStride + VOff + g·D + d]
//
//	out y [T, Heads·D], lse [T, Heads]   in q, kv, bounds [T, 2] i32
type Attention struct {
	T, S, Heads, KVHeads, D             uint32
	QStride, QOff, KVStride, KOff, VOff uint32
	Scale                               float32
	Precision                           uint32
}

// AttentionBackQ is the gradient of Attention for q, and delta[t,h] = Σd dy·y. Strides and offsets are those of
// Attention with q, k and v in one tensor x of row length QStride = KVStride; dq takes q's columns of dx, the
// other columns of dx are left alone.
//
//	out dx [T, QStride], delta [T, Heads]   in dy [T, Heads·D], y [T, Heads·D], lse [T, Heads], x, bounds [T, 2] i32
type AttentionBackQ Attention

// AttentionBackKV is the gradient of Attention for k and v; it writes their columns of dx and leaves the others alone.
// Key s was used by the queries lo … hi−1 where users[s] = (lo, hi).
//
//	out dx [S, KVStride]   in dy [T, Heads·D], lse [T, Heads], delta [T, Heads], x, users [S, 2] i32
type AttentionBackKV Attention

// CacheWrite is cache[slot[t]] = x[t, Off … Off+Cols−1]; rows with a negative slot are not written. Slots that are not
// negative must be distinct: rows are written in no order.
//
//	out cache [S, Cols] in place   in x [T, Stride], slot [T] i32
type CacheWrite struct{ T, Cols, Stride, Off uint32 }

// SwiGLU is y = silu(a)·b with x = a|b side by side and silu(a) = a/(1+exp(−a)).
//
//	out y [T, F]   in x [T, 2F]
type SwiGLU struct{ T, F uint32 }

// SwiGLUBack is da = dy·b·σ(a)·(1 + a·(1−σ(a))), db = dy·a·σ(a), with dx = da|db side by side.
//
//	out dx [T, 2F]   in dy [T, F], x [T, 2F]
type SwiGLUBack struct{ T, F uint32 }

// CrossEntropy turns each row of logits z, in place, into scale·(softmax(z) − onehot(label)), its gradient, and
// gives loss[i] = logsumexp(z) − z[label]. A row with a negative label gets loss 0 and a gradient of zeros.
//
//	out z [Rows, Cols] in place, loss [Rows]   in label [Rows] i32, scale [1]
type CrossEntropy struct{ Rows, Cols uint32 }

// Sum is y = scale·Σ x.
//
//	out y [1]   in x [N], scale [1]
type Sum struct{ N uint32 }

// SumRows is y[n] = Σt x[t, Off+n], the gradient of a bias.
//
//	out y [N]   in x [T, Stride]
type SumRows struct{ T, N, Stride, Off uint32 }

// AddBias is x[t, Off+n] += b[n], in place.
//
//	out x [T, Stride] in place   in b [N]
type AddBias struct{ T, N, Stride, Off uint32 }

// Dropout is y[i] = x[i]·KeepScale where the random word of element i is at least Drop, else 0. The words are Philox
// 2x32-10 (Salmon et al. 2011) with counter (i/2 + key[2]·Pairs mod 2³², Site) and key key[0] ^ (key[1]·0x9E3779B9
// mod 2³²): element i takes word i mod 2 of its block. Drop = ⌊p·2³²⌋ and KeepScale = 1/(1−p). With Pairs half the
// length of a row, rows computed alone get the words that they get among others if key[2] counts those before them.
//
//	out y [N]   in x [N], key [3] i32: seed, step, rows before the first
type Dropout struct {
	N, Site, Drop, Pairs uint32
	KeepScale            float32
}

// Noise is x += amplitude[row]·u, in place, with u uniform in [−1, 1): word(i)/2³¹ − 1 to 24 bits, by Dropout's words
// with Pairs = ⌈Cols/2⌉.
//
//	out x [Rows, Cols] in place   in key [3] i32: seed, step, rows before the first, amplitude [Rows]
type Noise struct{ Rows, Cols, Site uint32 }

// Add is a += b, in place.
//
//	out a [N] in place   in b [N]
type Add struct{ N uint32 }

// Scale is x *= K, in place.
//
//	out x [N] in place
type Scale struct {
	N uint32
	K float32
}

// Copy is y = x, word by word whatever the type.
//
//	out y [N]   in x [N], of 4-byte elements
type Copy struct{ N uint32 }

// Accumulate is sum = g where keep is 0, else sum + g; what sum held does not matter when keep is 0.
//
//	out sum [N] in place   in g [N], keep [1]
type Accumulate struct{ N uint32 }

// Indices into the hyper operand of GradNorm and the optimizers.
const (
	HyperLR        = iota // learning rate of this step
	HyperBeta1            // decay of the first moment
	HyperBeta2            // decay of the second moment
	HyperEps              // added to the root of the second moment; Adafactor's is added to the squares
	HyperDecay            // weight decay
	HyperBias1            // 1 − β₁ᵗ
	HyperBias2Root        // √(1 − β₂ᵗ)
	HyperMaxNorm          // gradients are scaled down to this norm; +Inf: never
	HyperRest1            // 1 − β₁, to more digits than float32's β₁ gives it; SGD's is 1 − dampening
	HyperRest2            // 1 − β₂
	HyperLeast            // the least scale of a parameter for Adafactor; 0: parameters are not scaled
	HyperClip             // Adafactor's updates are scaled down to this root mean square
	HyperLen
)

// GradNorm is stats = (‖g‖₂, coefficient, non-finite): the norm in float32, torch's clipping coefficient
// min(1, max/(norm+1e−6)) with max = hyper[HyperMaxNorm], and 1 if any element is NaN or infinite, else 0.
// Squares are float32 and may overflow: the norm is then +Inf and the coefficient 0, as in torch, or 1 without a limit.
//
//	out stats [4]   in g [N], hyper [HyperLen]
type GradNorm struct{ N uint32 }

// Clip is g *= stats[1], in place.
//
//	out g [N] in place   in stats [4]
type Clip struct{ N uint32 }

// AdamW is one step of torch.optim.AdamW: p −= lr·wd·p for the first Decay elements; m = β₁m + (1−β₁)g,
// v = β₂v + (1−β₂)g²; p −= lr/bias1 · m/(√v/bias2root + eps).
//
//	out p, m, v [N] in place   in g [N], hyper [HyperLen]
type AdamW struct{ N, Decay uint32 }

// SGD is one step of torch.optim.SGD without momentum: p −= lr·(g + wd·p), with wd = 0 from element Decay on.
//
//	out p [N] in place   in g [N], hyper [HyperLen]
type SGD struct{ N, Decay uint32 }

// SGDMomentum is one step of torch.optim.SGD, d being g + wd·p as in SGD: m = β₁m + rest₁·d; p −= lr·m, or where
// Nesterov is 1 p −= lr·(d + β₁m).
//
//	out p, m [N] in place   in g [N], hyper [HyperLen]
type SGDMomentum struct{ N, Decay, Nesterov uint32 }

// Lion is one step of Lion (Chen et al., Symbolic Discovery of Optimization Algorithms, 2023): p −= lr·wd·p for the
// first Decay elements; p −= lr·sign(β₁m + (1−β₁)g), the sign of 0 being 0; m = β₂m + (1−β₂)g.
//
//	out p, m [N] in place   in g [N], hyper [HyperLen]
type Lion struct{ N, Decay uint32 }

// AdafactorMeans updates the moments of one matrix (Shazeer and Stern, Adafactor, 2018): row = β₂row + (1−β₂)·the mean
// of g² + eps over each row, and col likewise over each column. A vector is a matrix of one column: col is then the
// mean of row.
//
//	out row [Rows], col [Cols] in place   in g [Rows, Cols], hyper [HyperLen]
type AdafactorMeans struct{ Rows, Cols uint32 }

// AdafactorParts is, for each row of a matrix, part = (Σu², Σp², row) with u = g/√(row·col).
//
//	out part [Rows, 3]   in p, g [Rows, Cols], row [Rows], col [Cols]
type AdafactorParts struct{ Rows, Cols uint32 }

// AdafactorRate makes the rates of one matrix of its parts. With M the mean of row, RMS(x) the root of the mean of the
// squares of x, and s = max(hyper[HyperLeast], RMS(p)), or 1 if HyperLeast is 0:
// rate[1] = lr·s, and rate[0] = rate[1]·√M / max(1, RMS(√M·u)/hyper[HyperClip]).
//
//	out rate [2]   in part [Rows, 3], hyper [HyperLen]
type AdafactorRate struct{ Rows, Cols uint32 }

// AdafactorStep changes one matrix: p −= wd·rate[1]·p if Decay is 1; p −= rate[0]·g/√(row·col).
//
//	out p [Rows, Cols] in place   in g [Rows, Cols], row [Rows], col [Cols], rate [2], hyper [HyperLen]
type AdafactorStep struct{ Rows, Cols, Decay uint32 }

// AdafactorMomentum is AdafactorStep with m = β₁m + (1−β₁)·rate[0]·g/√(row·col) in place of the last term.
//
//	out p, m [Rows, Cols] in place   in g [Rows, Cols], row [Rows], col [Cols], rate [2], hyper [HyperLen]
type AdafactorMomentum struct{ Rows, Cols, Decay uint32 }

// ArgMax is y[i] = the index of the largest element of row i, the lowest index among equals; NaN is larger than all.
//
//	out y [Rows] i32   in x [Rows, Cols]
type ArgMax struct{ Rows, Cols uint32 }

// Peak is PeakOps·Turns multiply-adds for each of Items, on numbers that stay in registers or the nearest cache: the
// most arithmetic a device can do. The numbers it writes mean nothing.
//
//	out y [Items]
type Peak struct{ Items, Turns, Precision uint32 }

// PeakOps is the number of multiply-adds in one turn of one item of Peak.
const PeakOps = 64
