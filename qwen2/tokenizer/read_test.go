package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestReadRefuses(t *testing.T) {
	good := string(smallJSON(t))
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{`"model":{"type":"BPE"`, `"model":{"type":"Unigram"`, `model: want a BPE, had "Unigram"`},
		{`{"type":"NFC"}`, `{"type":"NFKC"}`, `normalizer: want NFC or none, had "NFKC"`},
		{`\\p{N}|`, `\\p{N}{1,3}|`, `pre_tokenizer: split: want the expression`},
		{`"behavior":"Isolated"`, `"behavior":"Removed"`, `want Isolated`},
		{`"type":"Split"`, `"type":"Metaspace"`, `had 2 parts: ["Metaspace" "ByteLevel"]`},
		{`"use_regex":false`, `"use_regex":true`, `want add_prefix_space and use_regex false`},
		{`"post_processor":{"type":"ByteLevel"`, `"post_processor":{"type":"TemplateProcessing"`,
			`post_processor: want ByteLevel, had "TemplateProcessing"`},
		{`"decoder":{"type":"ByteLevel"`, `"decoder":{"type":"Fuse"`, `decoder: want ByteLevel, had "Fuse"`},
		{`"dropout":null`, `"dropout":0.1`, `dropout: want it off, had 0.1`},
		{`"ignore_merges":false`, `"ignore_merges":true`, `ignore_merges: want it off`},
		{`"!":0`, `"!":1000000`, `want ids below`},
		{`"!":0`, `"!":1`, `want one token for id 1`},
		{`"!":0`, `"!":-1`, `want an id`},
		{`"!":0`, `"!!!":0`, `want a token for each byte, had none for 0x21`},
		{`"!":0`, `"!":0,"!":4000`, `want each token once`},
		{`"!":0`, `"!":0,"\ud800":4000`, `is not Unicode`},
		{`["Ġ","a"]`, `["Ġ","a","b"]`, `merge 0: want a pair, had 3`},
		{`["Ġ","a"]`, `["Ġ","absent"]`, `merge 0: want tokens of the vocabulary`},
		{`["Ġ","a"]`, `"Ġa"`, `merge 0: want two tokens`},
		{`["Ġ","a"]`, `7`, `merge 0: want a string`},
		{`{"id":510,`, `{"id":509,`, `want it once`},
		{`{"id":510,`, `{"id":2000000000,`, `want an id below`},
		{`{"id":510,`, `{"id":1,`, `id 1: want one token`},
		{`"content":"<|im_start|>"`, `"content":""`, `want a text, had none`},
		{`"content":"<|im_start|>"`, `"content":"!"`, `want one id`},
		{`"version":"1.0"`, `"model":{}`, `key "model" appears twice`},
		{`"version":"1.0"`, `"version":1.0.0`, `want JSON`},
	} {
		bad := strings.Replace(compact.String(), c.from, c.to, 1)
		if bad == compact.String() {
			t.Errorf("%s is not in the file", c.from)
		}
		if _, err := Read([]byte(bad), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("with %s: %v, want %s", c.to, err, c.want)
		}
	}
	for _, bad := range []string{"", "[]", "null", "{}", "\xff", "\ufeff{}", `{"model":null}`} {
		if _, err := Read([]byte(bad), nil); err == nil {
			t.Errorf("Read(%q) succeeds", bad)
		}
	}
}

func TestMergesAsStrings(t *testing.T) {
	pair := regexp.MustCompile(`\[\s*("(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*")\s*\]`)
	head, merges, ok := strings.Cut(string(smallJSON(t)), `"merges"`)
	if !ok {
		t.Fatal("no merges")
	}
	asStrings := pair.ReplaceAllStringFunc(merges, func(m string) string {
		p := pair.FindStringSubmatch(m)
		return p[1][:len(p[1])-1] + " " + p[2][1:]
	})
	if asStrings == merges {
		t.Fatal("merges are no pairs")
	}
	tok, err := Read([]byte(head+`"merges"`+asStrings), nil)
	if err != nil {
		t.Fatal(err)
	}
	const text = "The children and the Qwen, 안녕하세요 cafe\u0301 <|im_end|>"
	if got, want := tok.Encode(text), small(t).Encode(text); !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		config   string
		eos, pad string
		length   int
		want     string // error
	}{
		{config: `{}`},
		{config: `{"eos_token":null,"pad_token":"<|endoftext|>","model_max_length":512}`, pad: "<|endoftext|>",
			length: 512},
		{config: `{"eos_token":{"content":"<|im_end|>","lstrip":false},"model_max_length":1e30}`, eos: "<|im_end|>"},
		{config: `{"model_max_length":1000000000000000019884624838656}`},
		{config: `{"eos_token":"</s>"}`, want: `eos_token: want a token of tokenizer.json, had "</s>"`},
		{config: `{"eos_token":5}`, want: "cannot unmarshal"},
		{config: `{"split_special_tokens":true}`, want: "split_special_tokens"},
		{config: `{"added_tokens_decoder":{"600":{"content":"<new>"}},"eos_token":"<new>"}`, eos: "<new>"},
		{config: `{"added_tokens_decoder":{"510":{"content":"<new>"}}}`, want: `id 510: want "<|im_start|>"`},
		{config: `{"added_tokens_decoder":{"x":{"content":"<new>"}}}`, want: `want an id, had "x"`},
		{config: `{"added_tokens_decoder":{"2000000000":{"content":"<new>"}}}`, want: `want an id below`},
		{config: `{"eos_token":null,"eos_token":null}`, want: "twice"},
	} {
		tok, err := Read(smallJSON(t), []byte(c.config))
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.config, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.config, err)
			continue
		}
		name := func(id int32, ok bool) string {
			if !ok {
				return ""
			}
			return tok.Piece(id)
		}
		if eos, pad := name(tok.EOS()), name(tok.Pad()); eos != c.eos || pad != c.pad || tok.MaxLength() != c.length {
			t.Errorf("%s: eos %q, pad %q, length %d, want %q, %q, %d", c.config, eos, pad, tok.MaxLength(),
				c.eos, c.pad, c.length)
		}
	}
}

func TestConfigOverridesFlags(t *testing.T) {
	tok, err := Read(smallJSON(t), []byte(`{"added_tokens_decoder":{"511":{"content":"<|im_end|>","special":false}}}`))
	if err != nil {
		t.Fatal(err)
	}
	id, ok := tok.ID("<|im_end|>")
	if !ok || tok.IsSpecial(id) || !small(t).IsSpecial(id) {
		t.Errorf("id %d, %t: special %t, in tokenizer.json alone %t", id, ok, tok.IsSpecial(id), small(t).IsSpecial(id))
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: %v", err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	user := []Message{{Role: "user", Content: "hi"}}
	render := func() string {
		t.Helper()
		tok, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		text, err := tok.RenderChat(user, nil, false)
		if err != nil {
			return err.Error()
		}
		return text
	}
	write("tokenizer.json", string(smallJSON(t)))
	if text := render(); !strings.Contains(text, qwen25System) {
		t.Errorf("no config: %q", text)
	}
	write("tokenizer_config.json", `{"chat_template":"{{ eos_token }}[INST]{{ messages[-1].content }}",
		"eos_token":"<|im_end|>"}`)
	if text := render(); text != "<|im_end|>[INST]hi" {
		t.Errorf("foreign template: %q", text)
	}
	write("tokenizer_config.json", `{"chat_template":"\n{% if %}"}`)
	if text := render(); !strings.Contains(text, "tokenizer_config.json: chat_template:2: want an expression") {
		t.Errorf("broken template: %q", text)
	}
	write("tokenizer_config.json", `{"chat_template":[{"name":"tool_use","template":"x"},
		{"name":"default","template":"y"}]}`)
	if text := render(); text != "y" {
		t.Errorf("named templates: %q", text)
	}
	chatML, err := templates.ReadFile("templates/chatml.jinja")
	if err != nil {
		t.Fatal(err)
	}
	write("chat_template.jinja", string(chatML))
	if text := render(); text != "<|im_start|>user\nhi<|im_end|>\n" {
		t.Errorf("chat_template.jinja: %q", text)
	}
}

func TestVocabularyQueries(t *testing.T) {
	tok := small(t)
	for text, want := range map[string]string{"Ġ": " ", "Ċ": `\n`, "æ": `\xe6`, "<|im_start|>": "<|im_start|>"} {
		id, ok := tok.ID(text)
		if !ok || tok.Piece(id) != want {
			t.Errorf("Piece of %q = %q, %t, want %q", text, tok.Piece(id), ok, want)
		}
	}
	if id, ok := tok.ID("not a token"); ok {
		t.Errorf("ID of no token = %d", id)
	}
	for _, id := range []int32{-1, int32(tok.Size()), 1 << 30} {
		if tok.Piece(id) != "" || tok.IsSpecial(id) || tok.Decode([]int32{id}, false) != "" {
			t.Errorf("id %d stands for something", id)
		}
	}
	if last := int32(tok.Size() - 1); tok.Piece(last) == "" {
		t.Errorf("the last id %d stands for nothing", last)
	}
}
