package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Message is one message of a chat, as the data sets of transformers and OpenAI write it.
type Message struct {
	Role      string     `json:"role"`    // system, user, assistant or tool
	Content   string     `json:"content"` // null reads as ""
	ToolCalls []ToolCall `json:"tool_calls,omitempty"`
	Name      string     `json:"name,omitempty"` // read and kept, but ChatML does not show it

	// Raw, unless it is empty, is the message as an object of JSON with all its fields. Templates other than the
	// package's own see it in place of the others.
	Raw json.RawMessage `json:"-"`
}

// ToolCall is a function that an assistant calls. It is read from {"name": …, "arguments": …} and from
// {"type": "function", "function": {…}}, and written as the former.
type ToolCall struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // rendered as the JSON it is: a string stays a string
}

// UnmarshalJSON reads both forms of a call.
func (c *ToolCall) UnmarshalJSON(data []byte) error {
	type bare ToolCall
	var wrapped struct {
		bare
		Function *bare `json:"function"`
	}
	if err := json.Unmarshal(data, &wrapped); err != nil {
		return err
	}
	if wrapped.Function != nil {
		wrapped.bare = *wrapped.Function
	}
	*c = ToolCall(wrapped.bare)
	return nil
}

// What Qwen2.5's template says about tools.
const (
	toolsHead = "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
		"You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
	toolsTail = "\n</tools>\n\nFor each function call, return a json object with function name and arguments within " +
		"<tool_call></tool_call> XML tags:\n<tool_call>\n" +
		`{"name": <function-name>, "arguments": <args-json-object>}` + "\n</tool_call>"

	turnStart = "<|im_start|>"
	turnEnd   = "<|im_end|>"
)

// RenderChat returns the text of a chat as the checkpoint's chat_template writes it: byte for byte what
// apply_chat_template of transformers returns. tools are JSON objects whose keys keep their order. With
// addGenerationPrompt the text ends where an assistant is to speak.
//
// Errors: no messages, an unknown role, tools or calls that are no JSON or that the template does not know, and what
// a template itself refuses.
func (t *Tokenizer) RenderChat(messages []Message, tools []json.RawMessage, addGenerationPrompt bool) (string, error) {
	text, _, err := t.render(messages, tools, addGenerationPrompt, false)
	return text, err
}

// span is the bytes [start, end) of a text.
type span struct{ start, end int }

// render returns the text and, with spans, which parts of it assistants say.
func (t *Tokenizer) render(messages []Message, tools []json.RawMessage, prompt, spans bool) (
	text string, said []span, err error) {
	chat := &t.chat
	if len(tools) > 0 && t.chatTools != nil {
		chat = t.chatTools
	}
	switch {
	case chat.err != nil:
		err = chat.err
	case len(messages) == 0:
		err = errors.New("want a message, had none")
	case chat.jinja != nil:
		j := &jinjaChat{chat.jinja, t.special, tools}
		text, said, err = j.render(messages, prompt, spans)
		for i := range said {
			said[i].end = t.endOfTurn(text, said[i])
		}
	default:
		c := &renderer{form: chat.form}
		err = c.chat(messages, tools, prompt)
		text, said = c.text.String(), c.said
	}
	if err != nil {
		return "", nil, fmt.Errorf("tokenizer: render chat: %w", err)
	}
	return text, said, nil
}

// renderer writes a chat of the family and keeps which parts of it assistants said.
type renderer struct {
	form chatForm
	text strings.Builder
	said []span
}

func (c *renderer) chat(messages []Message, tools []json.RawMessage, prompt bool) error {
	if len(tools) > 0 && !c.form.tools {
		return fmt.Errorf("want no tools with this chat_template, had %d", len(tools))
	}
	rest := messages
	system, say := c.form.system, c.form.hasSystem || len(tools) > 0
	if messages[0].Role == "system" {
		system, say, rest = messages[0].Content, true, messages[1:]
	}
	if say {
		c.write(turnStart, "system\n", system)
		if err := c.tools(tools); err != nil {
			return err
		}
		c.write(turnEnd, "\n")
	}
	for i, m := range rest {
		afterTool := i > 0 && rest[i-1].Role == "tool"
		beforeTool := i+1 < len(rest) && rest[i+1].Role == "tool"
		if err := c.message(m, afterTool, beforeTool); err != nil {
			return fmt.Errorf("message %d: %w", len(messages)-len(rest)+i, err)
		}
	}
	if prompt {
		c.write(turnStart, "assistant\n")
	}
	return nil
}

func (c *renderer) write(parts ...string) {
	for _, p := range parts {
		c.text.WriteString(p)
	}
}

func (c *renderer) tools(tools []json.RawMessage) error {
	if len(tools) == 0 {
		return nil
	}
	c.write(toolsHead)
	for i, tool := range tools {
		text, err := pythonJSON(tool)
		if err != nil {
			return fmt.Errorf("tool %d: %w", i, err)
		}
		c.write("\n", text)
	}
	c.write(toolsTail)
	return nil
}

// message writes one message. The responses of consecutive tools share one turn of the user.
func (c *renderer) message(m Message, afterTool, beforeTool bool) error {
	if !c.form.tools && (m.Role == "tool" || len(m.ToolCalls) > 0) {
		return errors.New("want no tools with this chat_template, had a call or a response")
	}
	switch m.Role {
	case "system", "user":
		c.write(turnStart, m.Role, "\n", m.Content, turnEnd, "\n")
	case "assistant":
		c.write(turnStart, "assistant\n")
		start := c.text.Len()
		if err := c.assistant(m); err != nil {
			return err
		}
		c.write(turnEnd)
		c.said = append(c.said, span{start, c.text.Len()})
		c.write("\n")
	case "tool":
		if !afterTool {
			c.write(turnStart, "user")
		}
		c.write("\n<tool_response>\n", m.Content, "\n</tool_response>")
		if !beforeTool {
			c.write(turnEnd, "\n")
		}
	default:
		return fmt.Errorf("want a role of system, user, assistant or tool, had %.100q", m.Role)
	}
	return nil
}

func (c *renderer) assistant(m Message) error {
	c.write(m.Content)
	for i, call := range m.ToolCalls {
		arguments, err := pythonJSON(call.Arguments)
		if err != nil {
			return fmt.Errorf("tool call %d: arguments: %w", i, err)
		}
		if i > 0 || m.Content != "" {
			c.write("\n")
		}
		c.write("<tool_call>\n{\"name\": \"", call.Name, "\", \"arguments\": ", arguments, "}\n</tool_call>")
	}
	return nil
}
