package qwen2

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// A counter is a device that counts the bytes that are written to its buffers.
type counter struct {
	kernel.Device
	written *int64
}

type countedBuffer struct {
	kernel.Buffer
	written *int64
}

func (c counter) Alloc(bytes int64, p kernel.Purpose) (kernel.Buffer, error) {
	b, err := c.Device.Alloc(bytes, p)
	return countedBuffer{b, c.written}, err
}

func (b countedBuffer) Write(off int64, p []byte) error {
	*b.written += int64(len(p))
	return b.Buffer.Write(off, p)
}

// An outline writes no weight, whether the linear layers are quantised by it or in the checkpoint.
func TestOutlineWritesNothing(t *testing.T) {
	dir, quantised := filepath.Join("testdata", "model-tiny", "model"), t.TempDir()
	if _, err := QuantizeCheckpoint(context.Background(), dir, quantised, QuantizeOptions{Format: bnb.NF4}); err != nil {
		t.Fatal(err)
	}
	for from, o := range map[string]LoadOptions{dir: {Outline: true, Quantize: bnb.NF4}, quantised: {Outline: true}} {
		written, d := int64(0), devtest.CPU(t).Dry()
		m, err := Load(counter{d, &written}, from, o)
		if err != nil {
			t.Fatal(err)
		}
		if written != 0 {
			t.Errorf("%s: %d bytes were written", from, written)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		d.Close()
	}
}
