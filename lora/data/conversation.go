package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// sharegptRoles are the names that ShareGPT files use for OpenAI's.
var sharegptRoles = map[string]string{
	"human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "assistant": "assistant",
	"bing": "assistant", "bard": "assistant", "model": "assistant", "system": "system", "tool": "tool",
	"observation": "tool", "function_response": "tool", "function_call": "assistant",
}

// structured is the field's JSON: itself, or where a file can only hold text (CSV, parquet) the JSON in that text.
func (v value) structured() json.RawMessage {
	if v.kind != "string" {
		return json.RawMessage(v.raw)
	}
	text, problem := v.text()
	if problem != "" || !json.Valid([]byte(text)) {
		return nil
	}
	return json.RawMessage(strings.TrimSpace(text))
}

// setTurns reads a conversation.
func (row *Row) setTurns(field string, v value) []Problem {
	raw := v.structured()
	have := article(v.kind)
	if v.kind == "" {
		have = "no such field"
	}
	if jsonKind(raw) != "array" {
		return []Problem{{Field: field, What: "want an array of messages, have " + have}}
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return []Problem{{Field: field, What: "want an array of messages: " + err.Error()}}
	}
	var problems []Problem
	spoken := false
	for i, element := range elements {
		m, at, what := readTurn(element)
		if what != "" {
			name := fmt.Sprintf("%s[%d]", field, i)
			if at != "" {
				name += "." + at
			}
			problems = append(problems, Problem{Field: name, What: what})
			continue
		}
		spoken = spoken || m.Role == "assistant" && (m.Content != "" || len(m.ToolCalls) > 0)
		row.Turns = append(row.Turns, m)
	}
	if len(problems) == 0 && !spoken {
		problems = []Problem{{Field: field, What: "want something said by the assistant, have nothing"}}
	}
	return problems
}

// readTurn reads {"role": …, "content": …} or {"from": …, "value": …}, and says which field is wrong.
func readTurn(raw json.RawMessage) (m Message, field, problem string) {
	if kind := jsonKind(raw); kind != "object" {
		return m, "", "want an object with role and content, or from and value, have " + article(kind)
	}
	fields, twice, err := jsonFields(raw)
	if err != nil {
		return m, "", err.Error()
	}
	if len(twice) > 0 {
		return m, twice[0], "want it once, have it twice"
	}
	at := map[string]value{}
	for _, f := range fields {
		at[f.name] = value{kind: jsonKind(f.raw), raw: string(f.raw), json: true}
	}
	if _, ok := at["from"]; ok {
		return readShareGPT(at)
	}
	if m.Role, problem = at["role"].text(); problem != "" {
		return m, "role", problem
	}
	if m.Role == "" {
		return m, "role", "want a role, have none"
	}
	if calls := at["tool_calls"]; calls.kind == "array" {
		m.ToolCalls = json.RawMessage(calls.raw)
	} else if calls.kind != "" && calls.kind != "null" {
		return m, "tool_calls", "want an array, have " + article(calls.kind)
	}
	m.Raw = slices.Clone(raw)
	switch content := at["content"]; {
	case content.kind == "array":
		m.Content, problem = joinParts(content.raw)
	case content.kind == "null", content.kind == "" && len(m.ToolCalls) > 0:
	default:
		m.Content, problem = content.text()
	}
	return m, "content", problem
}

// joinParts joins content that is a list of parts, all of which must be text.
func joinParts(raw string) (text, problem string) {
	var parts []struct {
		Type string  `json:"type"`
		Text *string `json:"text"`
	}
	if err := json.Unmarshal([]byte(raw), &parts); err != nil {
		return "", "want a string or an array of text parts: " + err.Error()
	}
	for _, p := range parts {
		if p.Type != "text" || p.Text == nil {
			return "", fmt.Sprintf("want parts of the type text, have %q", p.Type)
		}
		text += *p.Text
	}
	return text, ""
}

func readShareGPT(at map[string]value) (m Message, field, problem string) {
	from, problem := at["from"].text()
	if problem != "" {
		return m, "from", problem
	}
	role, ok := sharegptRoles[strings.ToLower(from)]
	if !ok {
		return m, "from", fmt.Sprintf("want human, gpt, system, tool or function_call, have %.40q", from)
	}
	m.Role = role
	if m.Content, problem = at["value"].text(); problem != "" {
		return m, "value", problem
	}
	if strings.ToLower(from) == "function_call" {
		call := json.RawMessage(bytes.TrimSpace([]byte(m.Content)))
		if !json.Valid(call) || jsonKind(call) != "object" {
			return m, "value", "want a function call as a JSON object, have other text"
		}
		m.Content, m.ToolCalls = "", slices.Concat([]byte("["), call, []byte("]"))
	}
	return m, "", ""
}

// setTools reads the tools that a conversation may call.
func (row *Row) setTools(v value) (problem string) {
	if v.kind == "string" && strings.TrimSpace(strings.Trim(v.raw, `"`)) == "" {
		return ""
	}
	raw := v.structured()
	if jsonKind(raw) != "array" {
		return "want an array of tools, have " + article(v.kind)
	}
	if err := json.Unmarshal(raw, &row.Tools); err != nil {
		return "want an array of tools: " + err.Error()
	}
	for i, tool := range row.Tools {
		if kind := jsonKind(tool); kind != "object" {
			return fmt.Sprintf("want objects, have %s as tool %d", article(kind), i)
		}
	}
	return ""
}
