package vk

import (
	"reflect"
	"strings"
)

// featureMask returns bit i for every feature whose name is names[i].
func featureMask(f Features, names []string) (mask uint64) {
	v := reflect.ValueOf(f)
	for i, name := range names {
		if v.FieldByName(name).Bool() {
			mask |= 1 << i
		}
	}
	return mask
}

// featureSet is the inverse of featureMask.
func featureSet(mask uint64, names []string) (f Features) {
	v := reflect.ValueOf(&f).Elem()
	for i, name := range names {
		v.FieldByName(name).SetBool(mask>>i&1 != 0)
	}
	return f
}

// without returns f less off, and less what needs something switched off.
func (f Features) without(off Features) Features {
	v, o := reflect.ValueOf(&f).Elem(), reflect.ValueOf(off)
	for i := range v.NumField() {
		v.Field(i).SetBool(v.Field(i).Bool() && !o.Field(i).Bool())
	}
	f.IntegerDotFast = f.IntegerDotFast && f.IntegerDot
	f.MemoryModelDevice = f.MemoryModelDevice && f.MemoryModel
	f.BFloat16Dot = f.BFloat16Dot && f.BFloat16
	f.Matrix = f.Matrix && f.MemoryModel
	f.BFloat16Matrix = f.BFloat16Matrix && f.BFloat16 && f.Matrix
	if !f.Matrix {
		f.Matrix2Workgroup, f.Matrix2Flexible, f.Matrix2Reductions, f.Matrix2Conversions = false, false, false, false
		f.Matrix2PerElement, f.Matrix2Tensor, f.Matrix2BlockLoads = false, false, false
	}
	return f
}

// String lists the features that are present.
func (f Features) String() string {
	var names []string
	v := reflect.ValueOf(f)
	for i := range v.NumField() {
		if v.Field(i).Bool() {
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return strings.Join(names, " ")
}
