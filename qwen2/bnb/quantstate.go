package bnb

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vulora/vulora/qwen2/strictjson"
)

// quantState is the JSON of W.quant_state.bitsandbytes__{nf4,fp4} (QuantState.as_dict in bitsandbytes' functional.py).
type quantState struct {
	format Format
	dtype  string // as in safetensors
	n, k   int
	nested bool
	offset float32
}

// stateJSON has the keys in bitsandbytes' order. A null counts as 0 or "", which are refused, but for the offset.
type stateJSON struct {
	QuantType       string   `json:"quant_type"`
	Blocksize       int      `json:"blocksize"`
	DType           string   `json:"dtype"`
	Shape           []int    `json:"shape"`
	NestedBlocksize int      `json:"nested_blocksize"`
	NestedDType     string   `json:"nested_dtype"`
	NestedOffset    *float64 `json:"nested_offset"`
}

const maxStateBytes = 4096

// torchTypes pairs names of torch with those of safetensors.
var torchTypes = [][2]string{{"float32", "F32"}, {"float16", "F16"}, {"bfloat16", "BF16"}}

var (
	stateKeys  = []string{"quant_type", "blocksize", "dtype", "shape"}
	nestedKeys = []string{"nested_blocksize", "nested_dtype", "nested_offset"}
)

// parseState reads a state and refuses all that the rest of the package could not honour.
func parseState(data []byte) (quantState, error) {
	var s quantState
	if len(data) > maxStateBytes {
		return s, fmt.Errorf("want at most %d bytes, have %d", maxStateBytes, len(data))
	}
	if err := strictjson.Check(data, 2); err != nil {
		return s, fmt.Errorf("want a JSON object, have %d bytes that are none: %w", len(data), err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return s, err
	}
	if err := s.checkKeys(raw); err != nil {
		return s, err
	}
	var v stateJSON
	if err := json.Unmarshal(data, &v); err != nil {
		return s, err
	}
	if err := s.set(v); err != nil {
		return s, err
	}
	if s.nested {
		return s, s.setNested(v)
	}
	return s, nil
}

func (s *quantState) set(v stateJSON) error {
	switch v.QuantType {
	case "nf4":
		s.format = NF4
	case "fp4":
		s.format = FP4
	default:
		return fmt.Errorf("quant_type: want nf4 or fp4, have %q", v.QuantType)
	}
	if v.Blocksize != BlockSize {
		return fmt.Errorf("blocksize: want %d, have %d", BlockSize, v.Blocksize)
	}
	i := slices.IndexFunc(torchTypes, func(t [2]string) bool { return t[0] == v.DType })
	if i < 0 {
		return fmt.Errorf("dtype: want float32, float16 or bfloat16, have %q", v.DType)
	}
	s.dtype = torchTypes[i][1]
	if len(v.Shape) != 2 {
		return fmt.Errorf("shape: want rows and columns, have %v", v.Shape)
	}
	s.n, s.k = v.Shape[0], v.Shape[1]
	if _, err := elementCount(s.n, s.k); err != nil {
		return fmt.Errorf("shape: %w", err)
	}
	return nil
}

func (s *quantState) setNested(v stateJSON) error {
	if v.NestedBlocksize != nestedBlockSize {
		return fmt.Errorf("nested_blocksize: want %d, have %d", nestedBlockSize, v.NestedBlocksize)
	}
	if v.NestedDType != "float32" {
		return fmt.Errorf("nested_dtype: want float32, have %q", v.NestedDType)
	}
	if v.NestedOffset == nil {
		return errors.New("nested_offset: want a number, have null")
	}
	s.offset = float32(*v.NestedOffset) // bitsandbytes keeps it in float32, too.
	if math.IsInf(float64(s.offset), 0) {
		return fmt.Errorf("nested_offset: want a float32, have %v", *v.NestedOffset)
	}
	return nil
}

// checkKeys tells all missing and unknown keys; the nested ones come together or not at all. It sets s.nested.
func (s *quantState) checkKeys(raw map[string]json.RawMessage) error {
	want := stateKeys
	for _, key := range nestedKeys {
		if _, ok := raw[key]; ok {
			s.nested = true
		}
	}
	if s.nested {
		want = append(slices.Clone(stateKeys), nestedKeys...)
	}
	var errs []string
	for _, key := range want {
		if _, ok := raw[key]; !ok {
			errs = append(errs, key+" is missing")
		}
	}
	for key := range raw {
		if !slices.Contains(want, key) {
			errs = append(errs, strconv.Quote(key)+" is not known")
		}
	}
	if errs == nil {
		return nil
	}
	slices.Sort(errs)
	return errors.New(strings.Join(errs, ", "))
}

// encode returns the bytes that Python's json.dumps makes of the state.
func (s quantState) encode() []byte {
	i := slices.IndexFunc(torchTypes, func(t [2]string) bool { return t[1] == s.dtype })
	b := fmt.Appendf(nil, `{"quant_type": "%v", "blocksize": %d, "dtype": "%s", "shape": [%d, %d]`, s.format, BlockSize,
		torchTypes[i][0], s.n, s.k)
	if s.nested {
		b = fmt.Appendf(b, `, "nested_blocksize": %d, "nested_dtype": "float32", "nested_offset": %s`, nestedBlockSize,
			pythonFloat(float64(s.offset)))
	}
	return append(b, '}')
}

// pythonFloat is Python's repr(f): the shortest digits that read back as f, with an exponent below 1e-4 and from 1e16.
func pythonFloat(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
