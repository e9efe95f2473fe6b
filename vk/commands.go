//go:build cgo && !novulkan && !386 && !arm

package vk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"time"
)

// Commands are recorded dispatches that can be run again and again, by one goroutine at a time.
type Commands struct {
	d           *Device
	buffers     []*Buffer // that the dispatches use, each once
	commands    []C.uintptr_t
	fence       handle
	pool        handle
	descriptors handle
	queries     handle
	ends        []mark // of each launch

	mu     sync.Mutex
	flying bool // submitted and not waited for
	ran    bool
	closed bool
}

// A mark is the end of a launch: the dispatch that the launch is or is a part of, and the index of its timestamp.
type mark struct{ dispatch, end int }

// Submits returns the number of submits that the commands are split into.
func (c *Commands) Submits() int { return len(c.commands) }

// Submit starts the commands. Wait must be called before the next Submit.
func (c *Commands) Submit() error {
	if err := c.d.alive("submit"); err != nil {
		return err
	}
	defer c.d.life.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("vk: submit: commands %w", ErrClosed)
	}
	if c.flying {
		return fmt.Errorf("vk: submit: wait for the last submit first")
	}
	if !c.acquire() {
		return fmt.Errorf("vk: submit: a buffer was freed: %w", ErrClosed)
	}
	if r := c.d.submit(c.commands, c.fence); r != success {
		c.drop()
		return r.err("submit")
	}
	c.flying = true
	return nil
}

// Wait waits until the commands are done and their results can be read. Without a Submit it does nothing.
func (c *Commands) Wait() error {
	if err := c.d.enter("wait"); err != nil {
		return err
	}
	defer c.d.life.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wait()
}

func (c *Commands) wait() error {
	if !c.flying {
		return nil
	}
	r := c.d.wait(c.fence)
	if !r.ended() {
		return r.err("wait %v", time.Duration(c.d.timeout))
	}
	c.flying = false
	c.ran = r == success
	c.drop()
	return r.err("wait")
}

// Run is Submit and Wait.
func (c *Commands) Run() error {
	if err := c.Submit(); err != nil {
		return err
	}
	return c.Wait()
}

// Times returns how long each dispatch of the last run took; nil unless recorded with Timestamps and run.
func (c *Commands) Times() ([]time.Duration, error) {
	if err := c.d.alive("times"); err != nil {
		return nil, err
	}
	defer c.d.life.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.flying || !c.ran || c.queries == 0 {
		return nil, nil
	}
	ticks := make([]uint64, len(c.ends)+len(c.commands))
	if r := readTimestamps(c.d.dev, c.queries, ticks); r != success {
		return nil, c.d.note(r).err("times")
	}
	times := make([]time.Duration, c.ends[len(c.ends)-1].dispatch+1)
	unused := 64 - min(c.d.info.Limits.TimestampBits, 64)
	for _, m := range c.ends {
		// Shifting drops the bits that mean nothing and makes the difference right when the counter wraps.
		n := (ticks[m.end] - ticks[m.end-1]) << unused >> unused
		times[m.dispatch] += time.Duration(float64(n) * c.d.info.Limits.TimestampPeriod)
	}
	return times, nil
}

// Close waits for the commands if they run, and frees them. Closing again does nothing.
func (c *Commands) Close() {
	if c.d.enter("close") != nil {
		return
	}
	defer c.d.life.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	if c.wait(); c.flying {
		return // hung: the device still owns it
	}
	c.d.mu.Lock()
	c.release()
	c.d.mu.Unlock()
}

// release frees the Vulkan objects. d.mu is held, or the device is closing.
func (c *Commands) release() {
	d := c.d
	destroyCommandPool(d.dev, c.pool)
	destroyDescriptors(d.dev, c.descriptors)
	destroyFence(d.dev, c.fence)
	if c.queries != 0 {
		destroyTimestamps(d.dev, c.queries)
	}
	delete(d.commands, c)
}

// acquire keeps the buffers alive, or reports that one was freed.
func (c *Commands) acquire() bool {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	for i, b := range c.buffers {
		if !b.acquire() {
			dropAll(c.buffers[:i])
			return false
		}
	}
	return true
}

func (c *Commands) drop() {
	c.d.mu.Lock()
	dropAll(c.buffers)
	c.d.mu.Unlock()
}

// dropAll ends a use of each buffer. d.mu is held.
func dropAll(buffers []*Buffer) {
	for _, b := range buffers {
		b.drop()
	}
}
