package lora

import (
	"math"

	"github.com/vulora/vulora/lora/data"
	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// neftuneSite keeps the noise apart from every dropout: those count up from 0.
const neftuneSite = math.MaxUint32

// A neftune is the noise of NEFTune (Jain et al., Noisy Embeddings Improve Instruction Finetuning, 2023): what training
// adds to the embeddings of a row of T tokens is uniform within ±alpha/√(T·C). T is the row's own length, as in the
// paper. transformers counts the padding of its batch too, which packed rows do not have: there, rows shorter than the
// longest of their batch get less noise.
type neftune struct {
	alpha     float64
	amplitude *tensor.Tensor // [T] of the largest pass
	host      []float32
}

func newNEFTune(d kernel.Device, alpha float64, largest size) (*neftune, error) {
	x, err := tensor.New(d, tensor.Of(largest.tokens), kernel.Staging)
	if err != nil {
		return nil, err
	}
	return &neftune{alpha, x, make([]float32, largest.tokens)}, nil
}

func (n *neftune) free() {
	if n != nil {
		n.amplitude.Free()
	}
}

// of returns the noise of a program of size z, nil if there is none.
func (n *neftune) of(z size, key *tensor.Tensor) *qwen2.Noise {
	if n == nil {
		return nil
	}
	part := &tensor.Tensor{Spec: tensor.Of(z.tokens), Buffer: n.amplitude.Buffer, Offset: n.amplitude.Offset}
	return &qwen2.Noise{Key: key, Amplitude: part, Site: neftuneSite}
}

// write sets the amplitudes of a pass, in the order in which batchInputs packs it.
func (n *neftune) write(batch []data.Example, z size, hidden int) error {
	if n == nil {
		return nil
	}
	at := 0
	for _, e := range batch {
		a := float32(n.alpha / math.Sqrt(float64(len(e.IDs))*float64(hidden)))
		for range e.IDs {
			n.host[at] = a
			at++
		}
	}
	clear(n.host[at:z.tokens])
	part := &tensor.Tensor{Spec: tensor.Of(z.tokens), Buffer: n.amplitude.Buffer, Offset: n.amplitude.Offset}
	return part.WriteFloats(n.host[:z.tokens])
}
