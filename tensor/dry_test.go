package tensor_test

import (
	"testing"

	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
	"github.com/vulora/vulora/tensor/optest"
)

// A dry device counts for every op, by purpose and to the byte, what the device itself takes, and takes nothing.
func TestDry(t *testing.T) {
	devtest.Variants(t, func(t *testing.T, d kernel.Device) {
		dry := d.Dry()
		defer dry.Close()
		for _, c := range optest.Table() {
			counted, err := optest.Prepare(dry, c)
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			before := d.Usage().Total()
			real, err := optest.Prepare(d, c)
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			if want, have := d.Usage(), dry.Usage(); have != want {
				t.Errorf("%s: want %v counted, have %v", c.Name, want, have)
			}
			if d.Usage().Total() <= before {
				t.Errorf("%s: took no memory", c.Name)
			}
			if err := counted.Run(); err == nil {
				t.Errorf("%s: ran without memory", c.Name)
			}
			counted.Close()
			real.Close()
		}
	})
}
