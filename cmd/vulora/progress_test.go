package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/vulora/vulora/lora"
)

// The means of a terminal's line begin with the first step that is shown, which is not the run's first where it goes on
// from a checkpoint or where that one was skipped.
func TestProgressBeginsAnywhere(t *testing.T) {
	var out bytes.Buffer
	p := progress{s: &shell{err: &out, errTTY: true}, last: 400 * time.Second}
	p.step(lora.Progress{Step: 401, Steps: 500, Loss: 2.5, Tokens: 1000, Elapsed: 401 * time.Second})
	if text := out.String(); !strings.Contains(text, "loss 2.5000") || !strings.Contains(text, " 1000 tok/s") {
		t.Errorf("want the step's own loss and speed, have %q", text)
	}
	out.Reset()
	p.step(lora.Progress{Step: 402, Steps: 500, Loss: 1.5, Tokens: 3000, Elapsed: 402 * time.Second})
	if text := out.String(); !strings.Contains(text, "loss 2.0000") || !strings.Contains(text, " 2000 tok/s") {
		t.Errorf("want the means of two steps, have %q", text)
	}
}
