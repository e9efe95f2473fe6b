package data

import (
	"fmt"
	"slices"
	"strings"
)

// Template says how a row's fields become a prompt and the text that follows it.
type Template string

// The templates. TemplateAuto, the zero value, is alpaca for rows of the alpaca format, chatml for conversations and
// none for the others.
const (
	TemplateAuto   Template = ""
	TemplateSeed   Template = "seed"   // three headings, always with an input: the prompt of the Korean article
	TemplateAlpaca Template = "alpaca" // the wording of Stanford's Alpaca, as the data set's own "text" has it
	TemplateChatML Template = "chatml" // the tokenizer's chat template: a user turn and an assistant turn
	TemplateNone   Template = "none"   // text as it is, or prompt and completion one after the other
)

// Templates lists the templates by name.
func Templates() []Template {
	return []Template{TemplateSeed, TemplateAlpaca, TemplateChatML, TemplateNone}
}

// Stanford's wording, from the data set tatsu-lab/alpaca.
const (
	alpacaWithInput = "Below is an instruction that describes a task, paired with an input that provides further " +
		"context. Write a response that appropriately completes the request.\n\n### Instruction:\n"
	alpacaWithout = "Below is an instruction that describes a task. Write a response that appropriately completes " +
		"the request.\n\n### Instruction:\n"
)

// For is the template that t stands for with rows of format f.
func (t Template) For(f Format) Template {
	if t != TemplateAuto {
		return t
	}
	switch {
	case f == Alpaca:
		return TemplateAlpaca
	case f.conversation():
		return TemplateChatML
	}
	return TemplateNone
}

// Render gives the prompt of a row and the text that shall follow it. It is an error where the template cannot say the
// row: text needs none, alpaca rows need a template with headings or turns. Use [Row.Messages] for chatml.
func (t Template) Render(r Row) (prompt, output string, err error) {
	prompt, output, err = t.render(r)
	if err != nil {
		return "", "", fmt.Errorf("data: %w", err)
	}
	return prompt, output, nil
}

func (t Template) render(r Row) (prompt, output string, err error) {
	switch t = t.For(r.Format); {
	case t == TemplateChatML:
		return "", "", fmt.Errorf("template chatml: want a conversation, have one text")
	case r.Format.conversation():
		return "", "", fmt.Errorf("template %s: want rows with one prompt, have conversations: they need chatml", t)
	case r.Format == Text && t != TemplateNone:
		return "", "", fmt.Errorf("template %s: want rows with a prompt, have the format text", t)
	case t == TemplateNone && r.Format == Alpaca:
		return "", "", fmt.Errorf("template none: want rows of the format text or completion, have alpaca")
	case t == TemplateNone:
		return r.Prompt, r.Output, nil
	case t == TemplateSeed:
		return "### Instruction:\n" + r.Prompt + "\n### Input:\n" + r.Input + "\n### Response:\n", r.Output, nil
	case t == TemplateAlpaca && r.Input != "":
		return alpacaWithInput + r.Prompt + "\n\n### Input:\n" + r.Input + "\n\n### Response:\n", r.Output, nil
	case t == TemplateAlpaca:
		return alpacaWithout + r.Prompt + "\n\n### Response:\n", r.Output, nil
	}
	return "", "", fmt.Errorf("template: want one of %v, have %q", Templates(), string(t))
}

// Messages is the row as a conversation: the system text where there is one, then the turns of the row, or the user's
// prompt (with its input below an empty line) and the assistant's output. A system text of the row's own stays. Rows of
// the format text have no turns: the result is nil.
func (r Row) Messages(system string) []Message {
	if r.Format == Text {
		return nil
	}
	var m []Message
	if system != "" && (len(r.Turns) == 0 || r.Turns[0].Role != "system") {
		m = append(m, Message{Role: "system", Content: system})
	}
	if r.Format.conversation() {
		return append(m, r.Turns...)
	}
	user := r.Prompt
	if r.Input != "" {
		user += "\n\n" + r.Input
	}
	return append(m, Message{Role: "user", Content: user}, Message{Role: "assistant", Content: r.Output})
}

// ParseTemplate checks a name from outside; "auto" and "" are TemplateAuto.
func ParseTemplate(name string) (Template, error) {
	t := Template(strings.ToLower(name))
	if t == "auto" || t == TemplateAuto {
		return TemplateAuto, nil
	}
	if !slices.Contains(Templates(), t) {
		return "", fmt.Errorf("data: template: want auto or one of %v, have %q", Templates(), name)
	}
	return t, nil
}
