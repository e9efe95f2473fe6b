package tokenizer

import (
	"embed"
	"errors"
	"fmt"
	"strings"
)

// templates holds the chat templates of the family, in the order they are tried, with systemMark for the default system
// prompt: Qwen2.5's, the same without its tools, Qwen2's (and other models' that took ChatML from it), and ChatML that
// has no default system prompt.
//
//go:embed templates/*.jinja
var templates embed.FS

const (
	systemMark   = "%SYSTEM%"
	qwen25System = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
)

// chatForm is what the templates of the family differ in.
type chatForm struct {
	system    string // said where the messages do not begin with a system's
	hasSystem bool
	tools     bool
	err       error // why chats cannot be rendered
}

var qwen25Form = chatForm{system: qwen25System, hasSystem: true, tools: true}

// recogniseTemplate compares a chat_template with those of the family.
func recogniseTemplate(template string) chatForm {
	template = oneLine(template)
	for _, known := range []struct {
		file  string
		tools bool
	}{{"qwen2.5", true}, {"qwen2.5-no-tools", false}, {"qwen2", false}, {"chatml", false}} {
		text, err := templates.ReadFile("templates/" + known.file + ".jinja")
		if err != nil {
			return chatForm{err: err}
		}
		if literal, ok := matchTemplate(oneLine(string(text)), template); ok {
			form := chatForm{tools: known.tools, hasSystem: strings.Contains(string(text), systemMark)}
			form.system, form.err = unescape(literal)
			return form
		}
	}
	return chatForm{err: fmt.Errorf("want a chat_template of Qwen2 or Qwen2.5 (ChatML), had %.60q…", template)}
}

// oneLine writes line ends as a literal of Jinja writes them: published templates have them either way inside literals,
// and those between tags are trimmed.
func oneLine(template string) string {
	template = strings.ReplaceAll(strings.TrimSpace(template), "\r\n", "\n")
	return strings.ReplaceAll(template, "\n", `\n`)
}

// matchTemplate tells whether template is known with one text in the place of every mark, and returns the text.
func matchTemplate(known, template string) (system string, ok bool) {
	front, rest, marked := strings.Cut(known, systemMark)
	if !marked {
		return "", known == template
	}
	template, ok = strings.CutPrefix(template, front)
	if !ok {
		return "", false
	}
	behind, _, _ := strings.Cut(rest, systemMark)
	system, _, ok = strings.Cut(template, behind)
	return system, ok && system+strings.ReplaceAll(rest, systemMark, system) == template
}

// unescape returns what a literal of Jinja in single quotes says.
func unescape(literal string) (string, error) {
	if !strings.Contains(literal, `\`) && !strings.Contains(literal, `'`) {
		return literal, nil
	}
	var b strings.Builder
	for i := 0; i < len(literal); i++ {
		c := literal[i]
		if c == '\'' {
			return "", errors.New("chat_template: want a literal as system prompt, had an expression")
		}
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if i++; i == len(literal) {
			return "", errors.New("chat_template: system prompt ends within an escape")
		}
		at := strings.IndexByte(`nt'"\`, literal[i])
		if at < 0 {
			return "", fmt.Errorf("chat_template: want one of the escapes \\n \\t \\' \\\" \\\\, had \\%c", literal[i])
		}
		b.WriteByte("\n\t'\"\\"[at])
	}
	return b.String(), nil
}
