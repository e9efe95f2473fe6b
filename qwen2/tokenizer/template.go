package tokenizer

import (
	"embed"
	"fmt"
	"strings"

	"github.com/vulora/vulora/qwen2/jinja"
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
}

var qwen25Form = chatForm{system: qwen25System, hasSystem: true, tools: true}

// chatTemplate is how chats are rendered: as a template of the family does, or by running another.
type chatTemplate struct {
	form  chatForm
	jinja *jinja.Template
	err   error // why chats cannot be rendered
}

// newChatTemplate reads a chat_template; name is for its errors, which count only where a chat is rendered.
func newChatTemplate(name, source string) chatTemplate {
	if form, ok := recogniseTemplate(source); ok {
		return chatTemplate{form: form}
	}
	t, err := jinja.Parse(name, source)
	return chatTemplate{jinja: t, err: err}
}

// UseChatTemplate renders chats by another template than the checkpoint's own; name is what errors call it.
func (t *Tokenizer) UseChatTemplate(name, source string) error {
	if len(source) > maxTemplateBytes {
		return fmt.Errorf("tokenizer: %s: want a chat template of at most %d bytes, had %d", name, maxTemplateBytes,
			len(source))
	}
	chat := newChatTemplate(name, source)
	if chat.err != nil {
		return fmt.Errorf("tokenizer: chat template: %w", chat.err)
	}
	t.chat, t.chatTools = chat, nil
	return nil
}

// ChatReadsClock tells whether a chat may be written otherwise at another time.
func (t *Tokenizer) ChatReadsClock() bool {
	for _, chat := range []*chatTemplate{&t.chat, t.chatTools} {
		if chat != nil && chat.jinja != nil && chat.jinja.Reads("strftime_now") {
			return true
		}
	}
	return false
}

// recogniseTemplate compares a chat_template with those of the family.
func recogniseTemplate(template string) (form chatForm, ok bool) {
	template = oneLine(template)
	for _, known := range []struct {
		file  string
		tools bool
	}{{"qwen2.5", true}, {"qwen2.5-no-tools", false}, {"qwen2", false}, {"chatml", false}} {
		text, err := templates.ReadFile("templates/" + known.file + ".jinja")
		if err != nil {
			return form, false
		}
		if literal, ok := matchTemplate(oneLine(string(text)), template); ok {
			form = chatForm{tools: known.tools, hasSystem: strings.Contains(string(text), systemMark)}
			form.system, ok = unescape(literal)
			return form, ok
		}
	}
	return form, false
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

// unescape returns what a literal of Jinja in single quotes says, where it is one with none but common escapes.
func unescape(literal string) (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(literal); i++ {
		c := literal[i]
		if c == '\'' {
			return "", false // an expression
		}
		if c == '\\' {
			i++
			at := -1
			if i < len(literal) {
				at = strings.IndexByte(`nt'"\`, literal[i])
			}
			if at < 0 {
				return "", false
			}
			c = "\n\t'\"\\"[at]
		}
		b.WriteByte(c)
	}
	return b.String(), true
}
