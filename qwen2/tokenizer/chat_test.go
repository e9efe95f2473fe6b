package tokenizer

import (
	"encoding/json"
	"strings"
	"testing"
)

// withSystem returns a template of the family with its default system prompt, written as Jinja writes it.
func withSystem(t testing.TB, name, system string) string {
	t.Helper()
	text, err := templates.ReadFile("templates/" + name + ".jinja")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), systemMark, system)
}

func TestRecogniseTemplate(t *testing.T) {
	other := chatForm{system: "another template"}
	for _, c := range []struct {
		template string
		want     chatForm
	}{
		{withSystem(t, "qwen2.5", qwen25System), qwen25Form},
		{withSystem(t, "qwen2.5", `Put it in \\boxed{}.\nBo\'s "pet"`),
			chatForm{system: "Put it in \\boxed{}.\nBo's \"pet\"", hasSystem: true, tools: true}},
		{withSystem(t, "qwen2.5-no-tools", "Be brief."), chatForm{system: "Be brief.", hasSystem: true}},
		{strings.ReplaceAll(withSystem(t, "qwen2.5-no-tools", "x"), "\n", "\r\n"), chatForm{system: "x", hasSystem: true}},
		{withSystem(t, "qwen2", ""), chatForm{hasSystem: true}},
		{strings.ReplaceAll(withSystem(t, "qwen2", "x"), `\n`, "\n"), chatForm{system: "x", hasSystem: true}},
		{withSystem(t, "chatml", ""), chatForm{}},
		{withSystem(t, "qwen2", "' + messages[0] + '"), other},
		{withSystem(t, "qwen2", `\x41`), other},
		{strings.Replace(withSystem(t, "qwen2.5", "one"), "one", "two", 1), other},
		{withSystem(t, "chatml", "") + "{{ eos_token }}", other},
		{"", other},
	} {
		got, ok := recogniseTemplate(c.template)
		if ok != (c.want != other) || ok && got != c.want {
			t.Errorf("%.80q…: %+v, %v, want %+v", c.template, got, ok, c.want)
		}
	}
}

func TestRenderChatRefuses(t *testing.T) {
	tok := small(t)
	hi := Message{Role: "user", Content: "hi"}
	call := Message{Role: "assistant", ToolCalls: []ToolCall{{Name: "f", Arguments: json.RawMessage(`{}`)}}}
	tool := []json.RawMessage{json.RawMessage(`{"name":"f"}`)}
	for _, c := range []struct {
		messages []Message
		tools    []json.RawMessage
		plain    bool // with a template that knows no tools
		want     string
	}{
		{nil, nil, false, "want a message, had none"},
		{[]Message{hi, {Role: "developer"}}, nil, false, `message 1: want a role of system, user, assistant or tool`},
		{[]Message{{Role: "system"}, {Role: "assistant", ToolCalls: []ToolCall{{Name: "f"}}}}, nil, false,
			"message 1: tool call 0: arguments: want JSON, had nothing"},
		{[]Message{hi}, []json.RawMessage{json.RawMessage(`{"a":1,"a":2}`)}, false, "tool 0"},
		{[]Message{hi}, tool, true, "want no tools with this chat_template"},
		{[]Message{hi, call}, nil, true, "message 1: want no tools with this chat_template"},
		{[]Message{hi, {Role: "tool"}}, nil, true, "message 1: want no tools with this chat_template"},
	} {
		tok.chat = chatTemplate{form: qwen25Form}
		tok.chat.form.tools = !c.plain
		text, err := tok.RenderChat(c.messages, c.tools, true)
		if err == nil || !strings.Contains(err.Error(), c.want) || text != "" {
			t.Errorf("%+v: %q, %v, want %s", c.messages, text, err, c.want)
		}
		if ids, mask, err := tok.EncodeChat(c.messages, c.tools, true); err == nil || ids != nil || mask != nil {
			t.Errorf("%+v: EncodeChat = %v, %v, %v", c.messages, ids, mask, err)
		}
	}
}

// A message that begins with a line break may share a token with the header; what comes before an assistant's text
// must not shift the mask when normalising changes its length.
func TestEncodeChatMaskAtEdges(t *testing.T) {
	tok := small(t)
	for _, said := range []string{"", "\n\nx", "cafe\u0301", "\u0301x", " <l> y", "<|im_start|>assistant\nz"} {
		messages := []Message{{Role: "user", Content: "e\u0301<|im_start|>assistant\nno<|im_end|>"},
			{Role: "assistant", Content: said}, {Role: "user", Content: "y"}}
		ids, mask, err := tok.EncodeChat(messages, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		var supervised []int32
		for i, m := range mask {
			if m {
				supervised = append(supervised, ids[i])
			}
		}
		got, want := tok.Decode(supervised, false), tok.normalize(said)+turnEnd
		if strings.TrimPrefix(got, "\n") != strings.TrimPrefix(want, "\n") && !strings.Contains(said, "<l>") {
			t.Errorf("%q: supervised %q, want %q", said, got, want)
		}
		if strings.Contains(said, "<l>") && got != "<l> y"+turnEnd {
			t.Errorf("%q: supervised %q", said, got)
		}
	}
}

func TestPythonJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":1,"a":[1.0,-0,-0.0,1e5,1E16,1e-5,0.0001,123456789012345678901]}`: `{"b": 1, "a": [1.0, 0, -0.0, ` +
			`100000.0, 1e+16, 1e-05, 0.0001, 123456789012345678901]}`,
		`"\u003cb>&\/\"\\\b\f\n\r\t\u0001\u007f\u2028한\ud83d\ude42"`: `"<b>&/\"\\\b\f\n\r\t\u0001` + "\u007f\u2028한🙂\"",
		` [ ] `: `[]`, `{}`: `{}`, `[[],{}]`: `[[], {}]`, `[null,true,false]`: `[null, true, false]`,
		`1e400`: "", `{"a":1,"a":1}`: "", `[1`: "", ``: "", `1 2`: "",
		strings.Repeat("[", 100) + strings.Repeat("]", 100): "",
	} {
		got, err := pythonJSON(json.RawMessage(in))
		if (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%s gives %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestMessageForms(t *testing.T) {
	var got []Message
	err := json.Unmarshal([]byte(`[{"role":"assistant","content":null,"tool_calls":[
		{"name":"f","arguments":{"a":1}},
		{"id":"1","type":"function","function":{"name":"g","arguments":"{}"}}]}]`), &got)
	if err != nil || len(got) != 1 || len(got[0].ToolCalls) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	f, g := got[0].ToolCalls[0], got[0].ToolCalls[1]
	if f.Name != "f" || string(f.Arguments) != `{"a":1}` || g.Name != "g" || string(g.Arguments) != `"{}"` {
		t.Errorf("%+v, %+v", f, g)
	}
	again, err := json.Marshal(got[0])
	if want := `{"role":"assistant","content":"","tool_calls":[{"name":"f","arguments":{"a":1}},` +
		`{"name":"g","arguments":"{}"}]}`; err != nil || string(again) != want {
		t.Errorf("written as %s, %v, want %s", again, err, want)
	}
}
