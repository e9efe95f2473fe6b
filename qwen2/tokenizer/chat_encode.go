package tokenizer

import "encoding/json"

// EncodeChat is Encode of RenderChat with a mask: assistant[i] tells whether ids[i] is said by an assistant, that is
// all of a turn behind its header up to and with <|im_end|>. A generation prompt is not a turn.
//
// With another template than the family's, what assistants say is what stands in its {% generation %} blocks, as in
// transformers. In a template that has none, it is what each of their messages adds to the chat before it with
// a generation prompt; that the template writes the beginning of a chat otherwise once more follows is an error.
//
// The mask comes from the messages, not from the ids: turn marks within the text of a message are encoded as the marks
// they are (which is what transformers does) but never make what follows them an assistant's. A token that is an
// assistant's in part, as where a message begins with a line break that joins the header's, counts as one.
func (t *Tokenizer) EncodeChat(messages []Message, tools []json.RawMessage, addGenerationPrompt bool) (
	ids []int32, assistant []bool, err error) {
	text, said, err := t.render(messages, tools, addGenerationPrompt, true)
	if err != nil {
		return nil, nil, err
	}
	ids = make([]int32, 0, len(text)/3+1)
	assistant = make([]bool, 0, cap(ids))
	t.raw.cut(text, false, func(id int32, start, end int) {
		for len(said) > 0 && said[0].end <= start {
			said = said[1:]
		}
		if id >= 0 {
			ids = append(ids, id)
			assistant = append(assistant, len(said) > 0 && said[0].start < end)
			return
		}
		part := text[start:end]
		spans := t.spansOf(part, start, said)
		from := 0
		ids = t.appendPart(ids, part, false, func(to int) {
			for len(spans) > 0 && spans[0].end <= from {
				spans = spans[1:]
			}
			assistant = append(assistant, len(spans) > 0 && spans[0].start < to)
			from = to
		})
	})
	return ids, assistant, nil
}

// spansOf returns those of said that touch the part of the text at offset, as spans of the normalised part. The
// family's spans start behind a line break and end behind <|im_end|> with a line break to follow: NFC joins nothing
// across these, so the length of what is before, normalised, is the place in the normalised whole. Another template
// may let a span begin with a mark that joins what is before it; then the place is within a character or at its end.
func (t *Tokenizer) spansOf(part string, offset int, said []span) []span {
	var spans []span
	normalized, done := 0, 0 // length of normalize(part[:done]), done
	place := func(at int) int {
		at = min(max(at-offset, 0), len(part))
		normalized += len(t.normalize(part[done:at]))
		done = at
		return normalized
	}
	for _, s := range said {
		if s.start >= offset+len(part) {
			break
		}
		start := place(s.start)
		spans = append(spans, span{start, place(s.end)})
	}
	return spans
}
