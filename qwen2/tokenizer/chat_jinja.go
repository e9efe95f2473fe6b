package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/vulora/vulora/qwen2/jinja"
	"github.com/vulora/vulora/qwen2/strictjson"
)

// jinjaChat renders chats by a template that is not of the family.
type jinjaChat struct {
	template *jinja.Template
	special  map[string]string
	tools    []json.RawMessage
}

// render returns the text and, with spans, what assistants say of it.
func (j *jinjaChat) render(messages []Message, prompt, spans bool) (text string, said []span, err error) {
	variables, all, err := j.variables(messages)
	if err != nil {
		return "", nil, err
	}
	run := func(n int, prompt bool) (string, []jinja.Span, error) {
		variables["messages"] = jinja.List(all[:n]...)
		variables["add_generation_prompt"] = jinja.Bool(prompt)
		return j.template.Render(variables)
	}
	text, marked, err := run(len(all), prompt)
	if err != nil || !spans {
		return text, nil, err
	}
	if j.template.Generates() {
		return text, union(marked), nil
	}
	for i, m := range messages {
		if m.Role != "assistant" {
			continue
		}
		before, _, err := run(i, true)
		if err != nil {
			return "", nil, fmt.Errorf("to find what message %d adds, the chat before it: %w: %w", i, err, errNoSpans)
		}
		with, _, err := run(i+1, false)
		if err != nil {
			return "", nil, fmt.Errorf("to find what message %d adds, the chat up to it: %w: %w", i, err, errNoSpans)
		}
		if i == len(messages)-1 && !prompt {
			with = text
		}
		if !strings.HasPrefix(with, before) || !strings.HasPrefix(text, with) {
			return "", nil, fmt.Errorf("want a chat_template that goes on where the chat before message %d ends, had one "+
				"that writes it otherwise: %w", i, errNoSpans)
		}
		said = append(said, span{len(before), len(with)})
	}
	return text, said, nil
}

var errNoSpans = errors.New("what assistants say is not known then: train on all (--train-on all), or use a template " +
	"with {% generation %} around it (--chat-template)")

// variables are those that transformers gives a template, and the messages.
func (j *jinjaChat) variables(messages []Message) (v map[string]jinja.Value, all []jinja.Value, err error) {
	v = map[string]jinja.Value{"tools": {}, "documents": {}}
	for name, token := range j.special {
		v[name] = jinja.String(token)
	}
	if len(j.tools) > 0 {
		list := make([]jinja.Value, len(j.tools))
		for i, raw := range j.tools {
			if list[i], err = readJSON(raw); err != nil {
				return nil, nil, fmt.Errorf("tool %d: %w", i, err)
			}
		}
		v["tools"] = jinja.List(list...)
	}
	all = make([]jinja.Value, len(messages))
	for i, m := range messages {
		if all[i], err = m.value(); err != nil {
			return nil, nil, fmt.Errorf("message %d: %w", i, err)
		}
	}
	return v, all, nil
}

// reasoningFields are the names under which a message may have what was thought before it was said. Templates read the
// first, some the second.
var reasoningFields = []string{"reasoning_content", "thinking", "reasoning"}

// value is a message as transformers shows it to a template: fields that are null are left out, and what was thought
// stands under both names.
func (m *Message) value() (jinja.Value, error) {
	raw := m.Raw
	if len(raw) == 0 {
		var err error
		if raw, err = m.object(); err != nil {
			return jinja.Value{}, err
		}
	}
	v, err := readJSON(raw)
	if err != nil {
		return v, err
	}
	fields, ok := v.Fields()
	if !ok {
		return v, errors.New("want an object, had another value")
	}
	fields = slices.DeleteFunc(fields, func(f jinja.Field) bool { return f.Value.IsNone() })
	at := func(name string) int {
		return slices.IndexFunc(fields, func(f jinja.Field) bool { return f.Name == name })
	}
	for _, name := range reasoningFields {
		if i := at(name); i >= 0 {
			thought := fields[i].Value
			if at("thinking") < 0 {
				fields = slices.Insert(fields, 0, jinja.Field{Name: "thinking", Value: thought})
			}
			fields = append(fields, jinja.Field{Name: "reasoning_content", Value: thought}) // replaces one that is there
			break
		}
	}
	return jinja.Dict(fields), nil
}

// object is a message as OpenAI writes it.
func (m *Message) object() (json.RawMessage, error) {
	type function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	type call struct {
		Type     string   `json:"type"`
		Function function `json:"function"`
	}
	o := struct {
		Role    string `json:"role"`
		Content string `json:"content"`
		Calls   []call `json:"tool_calls,omitempty"`
		Name    string `json:"name,omitempty"`
	}{Role: m.Role, Content: m.Content, Name: m.Name}
	for i, c := range m.ToolCalls {
		if len(c.Arguments) == 0 {
			return nil, fmt.Errorf("tool call %d: arguments: want JSON, had nothing", i)
		}
		o.Calls = append(o.Calls, call{"function", function{c.Name, c.Arguments}})
	}
	return json.Marshal(o)
}

func readJSON(raw json.RawMessage) (jinja.Value, error) {
	if err := strictjson.Check(raw, maxDepth); err != nil {
		return jinja.Value{}, err
	}
	return jinja.FromJSON(raw)
}

// union makes spans that overlap or touch one.
func union(marked []jinja.Span) (all []span) {
	for _, s := range marked {
		if n := len(all); n > 0 && s.Start <= all[n-1].end {
			all[n-1].end = max(all[n-1].end, s.End)
		} else if s.End > s.Start {
			all = append(all, span{s.Start, s.End})
		}
	}
	return all
}

// endOfTurn is the end of what an assistant says: white space behind a special token that ends it belongs to the
// template.
func (t *Tokenizer) endOfTurn(text string, s span) int {
	end := s.start + len(strings.TrimRightFunc(text[s.start:s.end], unicode.IsSpace))
	if i := strings.LastIndexByte(text[:end], '<'); end < s.end && i >= s.start {
		if id, ok := t.ids[text[i:end]]; ok && t.tokens[id].special {
			return end
		}
	}
	return s.end
}
