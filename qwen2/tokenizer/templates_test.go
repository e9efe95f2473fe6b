package tokenizer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/tokenizer"
	"github.com/vulora/vulora/qwen2/tokenizer/tokenizertest"
)

// templatesFile is what bench/peers/chat_templates.py writes.
type templatesFile struct {
	Tool      json.RawMessage
	Chats     map[string][]json.RawMessage
	Templates map[string]string
	Results   []struct {
		Template, Chat, Text, Refused string
		Prompt                        bool
		Mask                          []int // where it changes
		Tokens                        int
	}
}

// messages are a chat as a row of a data file has it.
func messages(t *testing.T, raw []json.RawMessage) (all []tokenizer.Message) {
	t.Helper()
	for _, r := range raw {
		m := tokenizer.Message{Raw: r}
		var role struct{ Role string }
		if err := json.Unmarshal(r, &role); err != nil {
			t.Fatal(err)
		}
		m.Role = role.Role
		all = append(all, m)
	}
	return all
}

// Templates in the styles of other families give the text and the assistant mask that transformers gives.
func TestTemplatesAsTransformers(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "templates.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file templatesFile
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Results) < 30 {
		t.Fatal(err, len(file.Results))
	}
	model, config := tokenizertest.Files(t)
	tok, err := tokenizer.Read(model, config)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Results {
		if err := tok.UseChatTemplate(r.Template+".jinja", file.Templates[r.Template]); err != nil {
			t.Fatal(err)
		}
		var tools []json.RawMessage
		if r.Chat == "tools" {
			tools = []json.RawMessage{file.Tool}
		}
		chat := messages(t, file.Chats[r.Chat])
		text, err := tok.RenderChat(chat, tools, r.Prompt)
		if r.Refused != "" {
			if err == nil || !strings.Contains(err.Error(), r.Template+".jinja:") {
				t.Errorf("%s, %s: want an error that names the line, as transformers has %s, have %v", r.Template, r.Chat,
					r.Refused, err)
			}
			continue
		}
		if err != nil || text != r.Text {
			t.Errorf("%s, %s: want %q, have %q, %v", r.Template, r.Chat, r.Text, text, err)
		}
		if r.Tokens == 0 {
			continue
		}
		ids, said, err := tok.EncodeChat(chat, tools, false)
		if err != nil || len(ids) != r.Tokens || !slices.Equal(changes(said), r.Mask) {
			t.Errorf("%s, %s: want a mask over %d tokens that changes at %v, have %d, %v, %v", r.Template, r.Chat, r.Tokens,
				r.Mask, len(ids), changes(said), err)
		}
	}
}

func changes(mask []bool) (at []int) {
	before := false
	for i, x := range append(slices.Clone(mask), false) {
		if x != before {
			at = append(at, i)
		}
		before = x
	}
	return at
}

// What an assistant says in a template without marks is what its message adds, without the white space that the
// template puts behind the special token at its end.
func TestMaskOfPrefixes(t *testing.T) {
	model, config := tokenizertest.Files(t)
	tok, err := tokenizer.Read(model, config)
	if err != nil {
		t.Fatal(err)
	}
	chat := []tokenizer.Message{{Role: "user", Content: "a"}, {Role: "assistant", Content: "7 <c>\n"},
		{Role: "user", Content: "d"}, {Role: "assistant", Content: "9"}}
	const prompt = "{% if add_generation_prompt %}B:{% endif %}"
	for _, c := range []struct{ name, template, said, err string }{
		{"chatml", "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
			"{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}", "7 <c>\n<|im_end|>9<|im_end|>", ""},
		{"plain", "{% for m in messages %}{{ 'B:' if m.role == 'assistant' else 'A:' }}{{ m.content ~ '\n\n' }}{% endfor %}" +
			prompt, "7 <c>\n\n\n9\n\n", ""},
		{"prompt of another kind", "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}" + prompt, "",
			"want a chat_template that goes on where the chat before message 1 ends"},
		{"changes what was", "{{ messages|length }}{% for m in messages %}{{ m.content }}{% endfor %}", "",
			"train on all (--train-on all), or use a template with {% generation %}"},
		{"refuses parts", "{% if messages|length % 2 %}{{ raise_exception('odd') }}{% endif %}x", "",
			"to find what message 1 adds, the chat before it: refuses parts:1: the template refuses this: odd"},
	} {
		if err := tok.UseChatTemplate(c.name, c.template); err != nil {
			t.Fatal(err)
		}
		ids, said, err := tok.EncodeChat(chat, nil, false)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: want %s, have %v", c.name, c.err, err)
			}
			continue
		}
		var supervised []int32
		for i, x := range said {
			if x {
				supervised = append(supervised, ids[i])
			}
		}
		if text := tok.Decode(supervised, false); err != nil || text != c.said {
			t.Errorf("%s: want %q, have %q, %v", c.name, c.said, text, err)
		}
	}
}
