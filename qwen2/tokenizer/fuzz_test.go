package tokenizer

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// fewTokens is a whole tokenizer.json as short as can be, so that the fuzzer's changes hit something that counts.
func fewTokens() []byte {
	vocab := map[string]int{"th": 256, "the": 257}
	for b, letter := range byteLetters {
		vocab[string(letter)] = b
	}
	model := map[string]any{"type": "BPE", "vocab": vocab, "merges": []any{"t h", [2]string{"th", "e"}}}
	split := map[string]any{"type": "Split", "behavior": "Isolated",
		"pattern": map[string]string{"Regex": splitPattern}}
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}
	data, err := json.Marshal(map[string]any{
		"added_tokens": []addedToken{{ID: 258, Content: "<|im_end|>", Special: true},
			{ID: 259, Content: "<é>", Normalized: true}},
		"decoder":       level,
		"model":         model,
		"normalizer":    map[string]string{"type": "NFC"},
		"pre_tokenizer": map[string]any{"type": "Sequence", "pretokenizers": []any{split, level}},
	})
	if err != nil {
		return nil
	}
	return data
}

func FuzzRead(f *testing.F) {
	good := fewTokens()
	f.Add(good, []byte(`{"eos_token":"<|im_end|>","model_max_length":5}`))
	f.Add([]byte(`{"model":{"vocab":{"a":0},"merges":["a b"]}}`), []byte(``))
	f.Add([]byte(`{"added_tokens":[{"id":1,"content":"x"}],"normalizer":{"type":"Sequence","normalizers":[]}}`),
		[]byte(`{}`))
	f.Add(good, []byte(`{"chat_template":[{"name":"default","template":"x"}],"added_tokens_decoder":{"9":{}}}`))
	if _, err := Read(good, nil); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, model, config []byte) {
		tok, err := Read(model, config)
		if err != nil {
			return
		}
		if limit := len(model) + len(config) + 2*maxHoles; tok.Size() > limit {
			t.Errorf("%d ids of %d bytes", tok.Size(), limit)
		}
		const text = "Hello, 한국 cafe\u0301 <|im_end|>\n"
		if ids := tok.Encode(text); !utf8.ValidString(tok.Decode(ids, false)) {
			t.Errorf("Decode(%v) is not UTF-8", ids)
		}
		for id := range int32(tok.Size()) {
			tok.Piece(id)
		}
	})
}

func FuzzEncodeDecode(f *testing.F) {
	tok := small(f)
	for _, s := range []string{"", "Hello, world!", "cafe\u0301<|im_end|>\u0338", "안녕 \u1100\u1161",
		"a\u0301\u0316\u07fd", "\xff\xf0\x9f",
		strings.Repeat("\u0301", 40), "x<w> <w>", "'Ll don'T", "\r\n \n  x", strings.Repeat("ab", 60)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids, plain := tok.Encode(text), tok.EncodePlain(text)
		for _, id := range append(plain, ids...) {
			if id < 0 || int(id) >= tok.Size() {
				t.Fatalf("id %d of %d", id, tok.Size())
			}
		}
		s := tok.Stream(false)
		var streamed strings.Builder
		for _, id := range ids {
			part := s.Add(id)
			if !utf8.ValidString(part) {
				t.Fatalf("%q: streams %q", text, part)
			}
			streamed.WriteString(part)
		}
		streamed.WriteString(s.Flush())
		if got := tok.Decode(ids, false); got != streamed.String() {
			t.Fatalf("%q: Decode %q, Stream %q", text, got, streamed.String())
		}
		if !utf8.ValidString(text) || strings.Contains(text, "<") || strings.Contains(tok.normalize(text), "bc") {
			return // added tokens of this tokenizer swallow spaces or do not decode to themselves
		}
		if got, want := streamed.String(), tok.normalize(text); got != want {
			t.Fatalf("%+q comes back as %+q, want %+q", text, got, want)
		}
	})
}

func FuzzRenderChat(f *testing.F) {
	f.Add(`[{"role":"user","content":"hi"},{"role":"assistant","content":"<|im_end|>\n"}]`,
		`[{"b":1e-7,"a":"\u00e9"}]`, true)
	f.Add(`[{"role":"system","content":"s"},{"role":"assistant","content":null,
		"tool_calls":[{"name":"f","arguments":{}}]},
		{"role":"tool","content":"1"},{"role":"tool","content":"\u0301"}]`, `null`, false)
	f.Add(`[{"role":"assistant","content":"\n\ne\u0301"}]`, `[[[1,2]],"x"]`, false)
	tok := small(f)
	f.Fuzz(func(t *testing.T, messagesJSON, toolsJSON string, prompt bool) {
		var messages []Message
		var tools []json.RawMessage
		if json.Unmarshal([]byte(messagesJSON), &messages) != nil || json.Unmarshal([]byte(toolsJSON), &tools) != nil {
			return
		}
		text, err := tok.RenderChat(messages, tools, prompt)
		if err != nil {
			return
		}
		ids, mask, err := tok.EncodeChat(messages, tools, prompt)
		if err != nil || len(ids) != len(mask) {
			t.Fatalf("%d ids, %d marks, %v", len(ids), len(mask), err)
		}
		if want := tok.Encode(text); len(want) != len(ids) {
			t.Fatalf("EncodeChat gives %v, Encode %v", ids, want)
		}
		said, turns := false, 0
		for _, m := range mask {
			if m && !said {
				turns++
			}
			said = m
		}
		assistants := 0
		for _, m := range messages {
			if m.Role == "assistant" {
				assistants++
			}
		}
		if turns != assistants {
			t.Fatalf("%q: %d turns supervised, had %d", text, turns, assistants)
		}
	})
}
