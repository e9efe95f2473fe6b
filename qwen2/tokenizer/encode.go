package tokenizer

// Encode returns the ids of text. Added tokens in it, special ones included, are recognised: see EncodePlain for text
// of a stranger. Nothing is put in front or behind. Text that is not UTF-8 is encoded byte by byte as it is.
func (t *Tokenizer) Encode(text string) []int32 {
	return t.appendText(make([]int32, 0, len(text)/3+1), text, false)
}

// EncodePlain is Encode with special tokens such as <|im_end|> taken for the plain text they are written as, for text
// that must not control the model. Added tokens that are not special, such as <tool_call>, are still recognised. This
// is what split_special_tokens does in transformers.
func (t *Tokenizer) EncodePlain(text string) []int32 {
	return t.appendText(make([]int32, 0, len(text)/3+1), text, true)
}

func (t *Tokenizer) appendText(dst []int32, text string, plain bool) []int32 {
	t.raw.cut(text, plain, func(id int32, start, end int) {
		if id >= 0 {
			dst = append(dst, id)
		} else {
			dst = t.appendPart(dst, text[start:end], plain, nil)
		}
	})
	return dst
}

// appendPart appends the ids of a text between added tokens, so that normalising never crosses one. Unless it is nil,
// ended is called for each id with the place in the normalised part where the text of the id ends.
func (t *Tokenizer) appendPart(dst []int32, part string, plain bool, ended func(end int)) []int32 {
	part = t.normalize(part)
	t.normalized.cut(part, plain, func(id int32, start, end int) {
		if id >= 0 {
			dst = append(dst, id)
			if ended != nil {
				ended(end)
			}
			return
		}
		n := len(dst)
		for i, text := 0, part[start:end]; i < len(text); {
			j := nextWord(text, i)
			dst = t.appendWord(dst, text[i:j])
			i = j
		}
		if ended == nil {
			return
		}
		for _, id := range dst[n:] {
			start += len(t.tokens[id].bytes)
			ended(start)
		}
	})
	return dst
}
