//go:build cgo && !novulkan && !386 && !arm

package vk

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestConcurrentPipelines(t *testing.T) {
	d := open(t, Options{})
	code := spirv(t, "affine")
	made := make([]*Pipeline, 64)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			var err error
			made[i], err = d.Pipeline(PipelineConfig{Name: "affine", SPIRV: code, Bindings: 2, PushBytes: 8,
				Spec: []uint32{64, uint32(i % 8)}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range made {
		if made[i] == nil || made[i] != made[i%8] || i > 0 && i < 8 && made[i] == made[0] {
			t.Errorf("pipeline %d: equal configurations must share a pipeline, others must not", i)
		}
	}
}

// No garbage: a step is replayed thousands of times.
func TestReplayAllocatesNothing(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 64, 4)
	cmd := record(t, d, c.list, RecordOptions{MaxCostPerSubmit: 100})
	buf := make([]byte, 16)
	if n := testing.AllocsPerRun(100, func() {
		if cmd.Submit() != nil || cmd.Wait() != nil || c.x.Write(3, buf) != nil || c.x.Read(5, buf) != nil {
			t.Error("run failed")
		}
	}); n != 0 {
		t.Errorf("want no allocation per run, have %g", n)
	}
}

func TestUseAfterClose(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 1000, 2)
	cmd := record(t, d, c.list, RecordOptions{})
	gone := record(t, d, c.list, RecordOptions{})
	gone.Close()
	gone.Close()
	if err := gone.Submit(); !errors.Is(err, ErrClosed) {
		t.Errorf("commands: want ErrClosed, have %v", err)
	}
	extra := alloc(t, d, 4000, DeviceLocal)
	stale := record(t, d, []Dispatch{step(c.list[0].Pipeline, c.x, extra, 1000, 0)}, RecordOptions{})
	extra.Free()
	p := make([]byte, 4)
	for what, err := range map[string]error{
		"submit": stale.Submit(), "write": extra.Write(0, p), "read": extra.Read(0, p), "clear": extra.Clear(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s with a freed buffer: want ErrClosed, have %v", what, err)
		}
	}
	last := step(c.list[0].Pipeline, c.x, extra, 1000, 0)
	if _, err := d.Record([]Dispatch{last}, RecordOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("record with a freed buffer: want ErrClosed, have %v", err)
	}
	if err := cmd.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	_, errAlloc := d.Alloc(4, DeviceLocal)
	_, errPipeline := d.Pipeline(PipelineConfig{SPIRV: spirv(t, "affine")})
	_, errRecord := d.Record(c.list, RecordOptions{})
	_, errTimes := cmd.Times()
	for what, err := range map[string]error{
		"alloc": errAlloc, "pipeline": errPipeline, "record": errRecord, "times": errTimes, "submit": cmd.Submit(),
		"wait": cmd.Wait(), "write": c.x.Write(0, p), "read": c.x.Read(0, p), "clear": c.x.Clear(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: want ErrClosed, have %v", what, err)
		}
	}
	c.x.Free()
	cmd.Close()
	if d.Usage() != 0 {
		t.Errorf("a closed device has %d bytes in use", d.Usage())
	}
}

// A buffer that is freed while commands run stays until they are done.
func TestFreeInFlight(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 1<<16, 50)
	cmd := record(t, d, c.list, RecordOptions{})
	if err := cmd.Submit(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Submit(); err == nil {
		t.Error("a second Submit passed without Wait")
	}
	before := d.Usage()
	c.x.Free()
	if d.Usage() != before {
		t.Error("memory in use by the device was freed")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if d.Usage() >= before {
		t.Error("the buffer was not freed after Wait")
	}
	if err := errors.Join(cmd.Wait(), c.y.Write(0, c.start)); err != nil {
		t.Error(err)
	}
}

func TestWaitTimeout(t *testing.T) {
	d := open(t, Options{WaitTimeout: 1})
	c := makeChain(t, d, 1<<18, 60)
	cmd := record(t, d, c.list, RecordOptions{})
	err := cmd.Run()
	if err == nil {
		t.Skip("NOT TESTED: the device is faster than a nanosecond's wait")
	}
	if !errors.Is(err, ErrDeviceLost) {
		t.Errorf("want ErrDeviceLost, have %v", err)
	}
	if _, err := d.Alloc(4, DeviceLocal); !errors.Is(err, ErrDeviceLost) {
		t.Errorf("alloc on a lost device: want ErrDeviceLost, have %v", err)
	}
	// Nobody waits for it again.
	d.timeout = uint64(time.Hour)
	start := time.Now()
	for range 3 {
		if cmd.Wait() == nil {
			break // it was only slow
		}
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("want no wait for a device that hangs, have %v", took)
	}
	// Let it end, so that Close may free.
	d.hung.Store(false)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	runtime.KeepAlive(cmd)
}

// TestFreeWhileRecording frees a buffer while another goroutine records commands that use it: either it is refused, or
// the buffer lives until then. Run it with -race.
func TestFreeWhileRecording(t *testing.T) {
	d := open(t, Options{})
	c := makeChain(t, d, 64, 2)
	for range 50 {
		b := alloc(t, d, 256, DeviceLocal)
		list := []Dispatch{step(c.list[0].Pipeline, c.x, b, 64, 0)}
		var wait sync.WaitGroup
		wait.Go(b.Free)
		wait.Go(func() {
			cmd, err := d.Record(list, RecordOptions{})
			if err == nil {
				cmd.Close()
			} else if !errors.Is(err, ErrClosed) {
				t.Errorf("want ErrClosed or commands, have %v", err)
			}
		})
		wait.Wait()
	}
}
