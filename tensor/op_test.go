package tensor_test

import (
	"testing"

	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/tensor/optest"
)

// Every row of the op table holds on every device, with every variant of its kernels.
func TestOps(t *testing.T) {
	devtest.Variants(t, func(t *testing.T, d kernel.Device) {
		for _, c := range optest.Table() {
			t.Run(c.Name, func(t *testing.T) {
				if err := optest.Check(d, c); err != nil {
					t.Error(err)
				}
			})
		}
	})
}
