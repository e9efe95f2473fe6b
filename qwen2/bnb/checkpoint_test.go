package bnb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/safetensors"
)

// checkpoint are tensors by name.
type checkpoint map[string]safetensors.Tensor

func (c checkpoint) lookup(name string) (safetensors.Tensor, bool) {
	t, ok := c[name]
	return t, ok
}

// saved is a small weight "w" as a checkpoint has it.
func saved(t *testing.T, f Format, double bool) checkpoint {
	t.Helper()
	m, err := Quantize(f, weights(300*64, 8), 300, 64, Options{DoubleQuant: double})
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := Encode(m, "w")
	if err != nil {
		t.Fatal(err)
	}
	c := checkpoint{}
	for _, x := range tensors {
		x.Data = bytes.Clone(x.Data)
		c[x.Name] = x
	}
	return c
}

func TestRoundTrip(t *testing.T) {
	for _, f := range []Format{NF4, FP4} {
		for _, double := range []bool{false, true} {
			for _, size := range [][2]int{{1, 1}, {3, 7}, {2, 64}, {300, 65}} {
				want, err := Quantize(f, weights(size[0]*size[1], 8), size[0], size[1], Options{DoubleQuant: double})
				if err != nil {
					t.Fatal(err)
				}
				tensors, err := Encode(want, "w")
				if err != nil {
					t.Fatal(err)
				}
				c := checkpoint{}
				for _, x := range tensors {
					c[x.Name] = x
				}
				have, err := Decode(c.lookup, "w")
				if err != nil || !reflect.DeepEqual(have, want) {
					t.Errorf("%v of %v, double %v: not what was encoded (%v)", f, size, double, err)
				}
			}
		}
	}
}

// TestDecodeRefuses spoils one thing of a good checkpoint each.
func TestDecodeRefuses(t *testing.T) {
	const state = "w.quant_state.bitsandbytes__nf4"
	replace := func(old, new string) func(checkpoint) {
		return func(c checkpoint) {
			x := c[state]
			if !bytes.Contains(x.Data, []byte(old)) {
				t.Fatalf("%q is not in %s", old, x.Data)
			}
			x.Data = bytes.Replace(x.Data, []byte(old), []byte(new), 1)
			x.Shape = []int{len(x.Data)}
			c[state] = x
		}
	}
	offset := func(value string) func(checkpoint) {
		return func(c checkpoint) {
			i := bytes.Index(c[state].Data, []byte(`"nested_offset": `))
			replace(string(c[state].Data[i:]), `"nested_offset": `+value+`}`)(c)
		}
	}
	change := func(name string, do func(*safetensors.Tensor)) func(checkpoint) {
		return func(c checkpoint) { x := c[name]; do(&x); c[name] = x }
	}
	put := func(name string, element int, v float32) func(checkpoint) {
		return change(name, func(x *safetensors.Tensor) {
			binary.LittleEndian.PutUint32(x.Data[4*element:], math.Float32bits(v))
		})
	}
	shorten := func(x *safetensors.Tensor) {
		size := len(x.Data) / x.Shape[0]
		x.Shape, x.Data = append([]int{x.Shape[0] - 1}, x.Shape[1:]...), x.Data[:len(x.Data)-size]
	}
	for _, c := range []struct {
		double bool
		spoil  func(checkpoint)
		want   string
	}{
		{false, func(c checkpoint) { delete(c, state) }, "want one of"},
		{false, func(c checkpoint) { c["w.quant_state.bitsandbytes__fp4"] = c[state] }, "have 2"},
		{false, func(c checkpoint) {
			c["w.quant_state.bitsandbytes__fp4"] = c[state]
			delete(c, state)
		}, "want quant_type fp4 as in the name, have nf4"},
		{false, change(state, shorten), "unexpected EOF"},
		{false, change(state, func(x *safetensors.Tensor) { x.Shape = []int{len(x.Data) + 1} }), "want U8 of one dimension"},
		{false, change(state, func(x *safetensors.Tensor) { x.DType = "I8" }), "want U8 of one dimension"},
		{false, change(state, func(x *safetensors.Tensor) {
			x.Data = append(x.Data, bytes.Repeat([]byte(" "), maxStateBytes)...)
			x.Shape = []int{len(x.Data)}
		}), "want at most 4096 bytes"},
		{false, replace(`"nf4"`, `"af4"`), `quant_type: want nf4 or fp4, have "af4"`},
		{false, replace(`"nf4"`, `null`), `quant_type: want nf4 or fp4, have ""`},
		{false, replace(`64, "dtype"`, `128, "dtype"`), "blocksize: want 64, have 128"},
		{false, replace(`"float32"`, `"float64"`), `want float32, float16 or bfloat16, have "float64"`},
		{false, replace(`[300, 64]`, `[19200]`), "shape: want rows and columns, have [19200]"},
		{false, replace(`[300, 64]`, `[300, 66]`), "w: want U8 [9900 1], have U8 [9600 1]"},
		{false, replace(`[300, 64]`, `[-300, -64]`), "shape: want at least one row"},
		{false, replace(`[300, 64]`, `[4611686018427387904, 4]`), "shape: "},
		{false, replace(`"dtype"`, `"Dtype"`), `"Dtype" is not known, dtype is missing`},
		{false, replace(`}`, `, "nested_offset": 0.5}`), "nested_blocksize is missing, nested_dtype is missing"},
		{true, replace(`256`, `512`), "nested_blocksize: want 256, have 512"},
		{true, replace(`"nested_dtype": "float32"`, `"nested_dtype": "float16"`), "nested_dtype: want float32"},
		{true, replace(`"nested_offset": `, `"nested_offset": 1e39, "x": `), `"x" is not known`},
		{true, offset("1e39"), "nested_offset: want a float32, have 1e+39"},
		{true, offset("null"), "nested_offset: want a number, have null"},
		{false, func(c checkpoint) { delete(c, "w"); delete(c, "w.absmax") },
			"w: want U8 [9600 1], have no such tensor\nw.absmax: want F32 [300], have no such tensor"},
		{false, change("w", func(x *safetensors.Tensor) { x.DType = "BF16" }), "w: want U8 [9600 1], have BF16"},
		{false, change("w", func(x *safetensors.Tensor) { x.Data = x.Data[1:] }), "of 9599 bytes"},
		{false, change("w.absmax", shorten), "w.absmax: want F32 [300], have F32 [299]"},
		{true, change("w.absmax", shorten), "w.absmax: want U8 [300], have U8 [299]"},
		{true, change("w.absmax", func(x *safetensors.Tensor) { x.DType = "F32" }), "w.absmax: want U8 [300], have F32"},
		{true, change("w.nested_absmax", shorten), "w.nested_absmax: want F32 [2], have F32 [1]"},
		{false, put("w.absmax", 5, float32(math.NaN())), "w.absmax: element 5: want a finite number, have NaN"},
		{false, put("w.absmax", 299, -1), "w.absmax: element 299: want a magnitude, have -1"},
		{true, put("w.nested_absmax", 1, float32(math.Inf(1))), "w.nested_absmax: element 1: want a finite number"},
		{true, put("w.nested_absmax", 0, -2), "w.nested_absmax: element 0: want a magnitude"},
		{false, put("w.quant_map", 3, -0.39491745), "w.quant_map: want the levels of nf4"},
		{true, put("w.nested_quant_map", 200, 0.2336), "w.nested_quant_map: element 200: want "},
		{true, func(c checkpoint) { delete(c, "w.nested_quant_map") }, "w.nested_quant_map: want F32 [256], have no such"},
	} {
		good := saved(t, NF4, c.double)
		if _, err := Decode(good.lookup, "w"); err != nil {
			t.Fatal(err)
		}
		c.spoil(good)
		_, err := Decode(good.lookup, "w")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "bnb: decode w: ") {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

// TestNestedMap has a map with other last bits: it must count, and be written again.
func TestNestedMap(t *testing.T) {
	c := saved(t, FP4, true)
	x := c["w.nested_quant_map"]
	for i := 20; i < 24; i++ {
		b := x.Data[4*i:]
		binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)+1)
	}
	m, err := Decode(c.lookup, "w")
	if err != nil {
		t.Fatal(err)
	}
	m.Nested.Codes = bytes.Repeat([]byte{20}, len(m.Nested.Codes))
	scales, err := m.Scales()
	if err != nil {
		t.Fatal(err)
	}
	level := math.Float32frombits(binary.LittleEndian.Uint32(x.Data[80:]))
	if level == DynamicMap()[20] {
		t.Fatal("the map was not changed")
	}
	for i, have := range scales {
		if want := float32(level*m.Nested.Absmax[i/256]) + m.Nested.Offset; have != want {
			t.Fatalf("scale %d is %v, want %v", i, have, want)
		}
	}
	tensors, err := Encode(m, "w")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(tensors, func(t safetensors.Tensor) bool { return t.Name == x.Name })
	if !bytes.Equal(tensors[i].Data, x.Data) {
		t.Error("another map was written than read")
	}
}

func TestPythonFloat(t *testing.T) {
	for f, want := range map[float64]string{ // of python3 -c 'print(repr(f))'
		0: "0.0", 1: "1.0", -2.5: "-2.5", 0.0001: "0.0001", 0.00001: "1e-05", 1.5e-7: "1.5e-07", 1e15: "1000000000000000.0",
		1e16: "1e+16", 123456789012345680: "1.2345678901234568e+17", 1e-300: "1e-300",
		float64(float32(0.29022520780563354)): "0.29022520780563354",
	} {
		if have := pythonFloat(f); have != want {
			t.Errorf("%v: %s, want %s", f, have, want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	m, err := Quantize(Int8, weights(64, 1), 1, 64, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Encode(m, "w"); err == nil || !strings.Contains(err.Error(), "want nf4 or fp4, have int8") {
		t.Errorf("int8: error %v", err)
	}
	m, err = Quantize(NF4, weights(64, 1), 1, 64, Options{DoubleQuant: true})
	if err != nil {
		t.Fatal(err)
	}
	m.DType = "F64"
	if _, err := Encode(m, "w"); err == nil || !strings.Contains(err.Error(), `have "F64"`) {
		t.Errorf("F64: error %v", err)
	}
	m.DType, m.Nested.Offset = "F32", float32(math.NaN())
	if _, err := Encode(m, "w"); err == nil || !strings.Contains(err.Error(), "finite nested offset") {
		t.Errorf("NaN: error %v", err)
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range []Format{NF4, FP4, Int8} {
		if have, err := ParseFormat(f.String()); have != f || err != nil {
			t.Errorf("%v: %v, %v", f, have, err)
		}
	}
	if _, err := ParseFormat("q4_0"); err == nil {
		t.Error("q4_0: no error")
	}
}

// FuzzDecode has any quant_state beside tensors of any length: what is decoded can be used and is encoded the same.
func FuzzDecode(f *testing.F) {
	const plain = `{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [%d, %d]%s}`
	const double = `, "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.25`
	f.Add([]byte(fmt.Sprintf(plain, 2, 64, "")), true, 64, 2, 0, false)
	f.Add([]byte(fmt.Sprintf(plain, 3, 7, double)), true, 11, 1, 1, true)
	f.Add([]byte(fmt.Sprintf(plain, 300, 64, double)), false, 9600, 300, 2, true)
	f.Add([]byte(fmt.Sprintf(plain, 1<<40, 1<<40, "")), true, 64, 2, 0, false)
	f.Add([]byte(`{"quant_type": "fp4", "blocksize": 64, "dtype": "bfloat16", "shape": [1, 1]}`), false, 1, 1, 0, false)
	f.Fuzz(func(t *testing.T, state []byte, nf4 bool, packed, absmax, outer int, nested bool) {
		bound := func(n int) int { return min(max(n, 0), 1<<14) }
		packed, absmax, outer = bound(packed), bound(absmax), bound(outer)
		format, levels := FP4, fp4Levels
		if nf4 {
			format, levels = NF4, nf4Levels
		}
		m, data := dynamicMap(), make([]byte, packed)
		for i := range data {
			data[i] = byte(i * 37)
		}
		c := checkpoint{
			"w":                     {DType: "U8", Shape: []int{packed, 1}, Data: data},
			"w" + stateName(format): {DType: "U8", Shape: []int{len(state)}, Data: state},
			"w.quant_map":           floatTensor("", levels[:]),
			"w.absmax":              floatTensor("", make([]float32, absmax)),
			"w.nested_absmax":       floatTensor("", make([]float32, outer)),
			"w.nested_quant_map":    floatTensor("", m[:]),
		}
		if nested {
			c["w.absmax"] = safetensors.Tensor{DType: "U8", Shape: []int{absmax}, Data: make([]byte, absmax)}
		}
		have, err := Decode(c.lookup, "w")
		if err != nil {
			return
		}
		dst := make([]float32, have.N*have.K)
		if err := have.Dequantize(dst); err != nil {
			t.Fatalf("decoded, but: %v", err)
		}
		tensors, err := Encode(have, "w")
		if err != nil {
			t.Fatalf("decoded, but: %v", err)
		}
		again := checkpoint{}
		for _, x := range tensors {
			again[x.Name] = x
		}
		if back, err := Decode(again.lookup, "w"); err != nil || !reflect.DeepEqual(back, have) {
			t.Fatalf("encoded and decoded again differs (%v)", err)
		}
	})
}
