//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestPipelineCache(t *testing.T) {
	probe := open(t, Options{})
	affine(t, probe, 0)
	if data, r := pipelineCacheData(probe.dev, probe.cache); r != success || !probe.cacheKey().fits(data) {
		t.Skipf("NOT TESTED: the driver's pipeline cache has no valid header: %v, %d bytes", r, len(data))
	}
	dir := filepath.Join(t.TempDir(), "pipelines")
	run := func() {
		t.Helper()
		d, err := Open(probe.Info().Index, Options{CacheDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		c := makeChain(t, d, 100, 2)
		c.check(t, record(t, d, c.list, RecordOptions{}))
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	run()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("want one cache file, have %v, %v", files, err)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, Options{CacheDir: dir})
	if len(d.cacheKey().load(dir)) == 0 {
		t.Error("the file that was just written is not accepted")
	}
	run()
	for _, bad := range [][]byte{{}, good[:len(good)/2], bytes.Repeat([]byte{0xff}, len(good)), append(good[:99:99], 1)} {
		if err := os.WriteFile(files[0], bad, 0o644); err != nil {
			t.Fatal(err)
		}
		run()
		if now, err := os.ReadFile(files[0]); err != nil || bytes.Equal(now, bad) {
			t.Errorf("a corrupt file stayed: %v", err)
		}
	}
	// A folder that cannot be written is reported, and costs nothing else.
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := Open(d.Info().Index, Options{CacheDir: blocked})
	if err != nil {
		t.Fatal(err)
	}
	affine(t, e, 0)
	if e.saveCache() == nil {
		t.Error("saving into a file passed as a folder succeeded")
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
