package tensor_test

import (
	"testing"

	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/devtest"
	"github.com/vulora/vulora/tensor/kernel"
)

// Programs that are in use are kept and those that are not make room, one at a time; all of them still do their work.
func TestProgramsMakeRoom(t *testing.T) {
	d := devtest.CPU(t)
	x := newTensor(t, d, 1)
	s := tensor.NewPrograms[int](d, kernel.CompileOptions{})
	defer s.Close()
	made := map[int]int{}
	use := func(key int) {
		p, err := s.Get(key, func(r *tensor.Recorder) {
			made[key]++
			v := r.Bind(x)
			for range 5000 {
				v = apply(r, tensor.Scale{K: -1}, v)
			}
			r.Place(apply(r, tensor.Scale{K: float32(key)}, v), x)
		})
		if err == nil {
			err = x.WriteFloats([]float32{1})
		}
		if err == nil {
			err = p.Run()
		}
		if err != nil {
			t.Fatal(err)
		}
		check(t, x, float32(key))
	}
	for _, key := range []int{1, 2, 3, 1, 4, 1, 3, 4, 2, 4} { // three fit: 4 comes for 2, then 2 for 1
		use(key)
	}
	for key, want := range map[int]int{1: 1, 2: 2, 3: 1, 4: 1} {
		if made[key] != want {
			t.Errorf("program %d: want it made %d times, have %d", key, want, made[key])
		}
	}
}
