package tensor_test

import (
	"testing"

	"github.com/vulora/vulora/tensor/cpu"
	"github.com/vulora/vulora/tensor/optest"
)

func TestOpsCPU(t *testing.T) {
	for _, isa := range cpu.ISAs() {
		t.Run(string(isa), func(t *testing.T) {
			d, err := cpu.Open(cpu.Options{ISA: isa})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for _, c := range optest.Table() {
				t.Run(c.Name, func(t *testing.T) {
					if err := optest.Check(d, c); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}
