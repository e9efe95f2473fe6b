package tokenizer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vulora/vulora/qwen2/tokenizer"
	"github.com/vulora/vulora/qwen2/tokenizer/tokenizertest"
)

// golden reads one file of a case: below $VULORA_GOLDENS if that is set, else from testdata.
func golden(t *testing.T, into any, path ...string) {
	t.Helper()
	dir := os.Getenv("VULORA_GOLDENS")
	if dir == "" {
		dir = "testdata"
	}
	data, err := os.ReadFile(filepath.Join(dir, filepath.Join(path...)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestGoldenTokenizerStrings(t *testing.T) {
	var file struct {
		Strings []struct {
			Cat, Text  string
			IDs        []int32
			Decode     *string
			DecodeSkip *string `json:"decode_skip"`
		}
	}
	golden(t, &file, "tokenizer", "strings.json")
	if len(file.Strings) == 0 {
		t.Fatal("no strings")
	}
	tok := tokenizertest.Qwen25(t)
	or := func(s *string, text string) string {
		if s == nil {
			return text
		}
		return *s
	}
	for _, s := range file.Strings {
		if ids := tok.Encode(s.Text); !slices.Equal(ids, s.IDs) {
			t.Errorf("%s: Encode(%q) = %v, want %v", s.Cat, s.Text, ids, s.IDs)
		}
		if got, want := tok.Decode(s.IDs, false), or(s.Decode, s.Text); got != want {
			t.Errorf("%s: Decode(%v) = %q, want %q", s.Cat, s.IDs, got, want)
		}
		if got, want := tok.Decode(s.IDs, true), or(s.DecodeSkip, s.Text); got != want {
			t.Errorf("%s: Decode(%v) without specials = %q, want %q", s.Cat, s.IDs, got, want)
		}
	}
}

func TestGoldenTokenizerChat(t *testing.T) {
	var file struct {
		Conversations []struct {
			Name     string
			Messages []tokenizer.Message
			Tools    []json.RawMessage
			Prompt   bool `json:"add_generation_prompt"`
			Text     string
			IDs      []int32
			Mask     []int `json:"assistant_mask"`
		}
	}
	golden(t, &file, "tokenizer", "chat.json")
	if len(file.Conversations) == 0 {
		t.Fatal("no conversations")
	}
	tok := tokenizertest.Qwen25(t)
	for _, c := range file.Conversations {
		text, err := tok.RenderChat(c.Messages, c.Tools, c.Prompt)
		if err != nil || text != c.Text {
			t.Errorf("%s: RenderChat = %q, %v, want %q", c.Name, text, err, c.Text)
		}
		ids, assistant, err := tok.EncodeChat(c.Messages, c.Tools, c.Prompt)
		if err != nil || !slices.Equal(ids, c.IDs) {
			t.Errorf("%s: EncodeChat = %v, %v, want %v", c.Name, ids, err, c.IDs)
		}
		mask := make([]int, len(assistant))
		for i, said := range assistant {
			if said {
				mask[i] = 1
			}
		}
		if !slices.Equal(mask, c.Mask) {
			t.Errorf("%s: assistant mask %v, want %v", c.Name, mask, c.Mask)
		}
	}
}

func TestGoldenSeedPromptsIDs(t *testing.T) {
	var file struct {
		MaxLength int `json:"max_length"`
		Rows      []struct {
			File   string
			Row    int
			Text   string
			IDs    []int32
			Length int
		}
	}
	golden(t, &file, "seed-prompts", "prompts.json")
	if len(file.Rows) == 0 {
		t.Fatal("no rows")
	}
	tok := tokenizertest.Qwen25(t)
	for _, r := range file.Rows {
		ids := tok.Encode(r.Text)
		if len(ids) > file.MaxLength {
			ids = ids[:file.MaxLength]
		}
		if !slices.Equal(ids, r.IDs) || len(ids) != r.Length {
			t.Errorf("%s row %d: Encode(%q) = %v, want %v", r.File, r.Row, r.Text, ids, r.IDs)
		}
	}
}
