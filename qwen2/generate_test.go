package qwen2

import (
	"testing"
	"time"
)

// The first new token comes with the prompt: three tokens in a second are two steps of decoding.
func TestRates(t *testing.T) {
	g := Generated{IDs: []int32{1, 2, 3}, DecodeTime: time.Second, PromptTokens: 8, PromptTime: 2 * time.Second}
	if g.DecodeRate() != 2 || g.PromptRate() != 4 {
		t.Errorf("want 2 and 4 tokens per second, have %v and %v", g.DecodeRate(), g.PromptRate())
	}
	if none := (&Generated{}); none.DecodeRate() != 0 {
		t.Errorf("want no rate of no token, have %v", none.DecodeRate())
	}
}
