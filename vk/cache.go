//go:build cgo && !novulkan && !386 && !arm

package vk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

func (d *Device) cacheKey() cacheKey {
	return cacheKey{Device: d.info.UUID, Cache: d.cacheID, Vendor: d.info.Vendor, DeviceID: d.info.DeviceID,
		Driver: d.info.DriverVersion}
}

// loadCache makes the pipeline cache, with what is on disk.
func (d *Device) loadCache() error {
	var data []byte
	if d.options.CacheDir != "" {
		data = d.cacheKey().load(d.options.CacheDir)
	}
	r := d.makeCache(data)
	if r != success && data != nil {
		r = d.makeCache(nil)
	}
	return r.err("create pipeline cache")
}

func (d *Device) makeCache(data []byte) result {
	var h C.uint64_t
	r := result(C.shim_pipeline_cache(d.c, unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), &h))
	d.cache = handle(h)
	return r
}

// saveCache writes the pipelines compiled so far to Options.CacheDir, if there is one and there are new ones.
func (d *Device) saveCache() error {
	d.mu.Lock()
	dirty := d.dirty
	d.dirty = false
	d.mu.Unlock()
	if d.options.CacheDir == "" || !dirty {
		return nil
	}
	data, r := pipelineCacheData(d.dev, d.cache)
	if r != success || len(data) == 0 {
		return r.err("save pipelines")
	}
	if err := d.cacheKey().save(d.options.CacheDir, data); err != nil {
		return fmt.Errorf("vk: save pipelines: %w", err)
	}
	return nil
}
