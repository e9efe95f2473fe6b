package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Decode returns the text of ids, without the special tokens if skipSpecial. Ids that stand for nothing are passed
// over. Bytes that are no UTF-8 become U+FFFD, one for each maximal part of a character (the practice of Unicode,
// section 3.9). Decode(Encode(s), false) is the NFC of a valid s, but for tokens that strip the white space around
// them.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	s := Stream{tokenizer: t, skipSpecial: skipSpecial}
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(s.Add(id))
	}
	b.WriteString(s.Flush())
	return b.String()
}

// Stream decodes ids one at a time, for text that is shown while it is made. Make one by Tokenizer.Stream.
type Stream struct {
	tokenizer   *Tokenizer
	skipSpecial bool
	held        []byte // the beginning of a character
}

// Stream returns a decoder of one text. What its Add and Flush return, joined, is what Decode returns.
func (t *Tokenizer) Stream(skipSpecial bool) *Stream {
	return &Stream{tokenizer: t, skipSpecial: skipSpecial}
}

// Add returns the text that id completes, whole characters only: it may be "" and it may be more than id's own text.
func (s *Stream) Add(id int32) string {
	if id < 0 || int(id) >= len(s.tokenizer.tokens) || s.skipSpecial && s.tokenizer.tokens[id].special {
		return ""
	}
	text := s.tokenizer.tokens[id].bytes
	if len(s.held) == 0 && utf8.ValidString(text) {
		return text
	}
	s.held = append(s.held, text...)
	var out []byte
	for len(s.held) > 0 {
		r, n := utf8.DecodeRune(s.held)
		if r != utf8.RuneError || n > 1 {
			out = append(out, s.held[:n]...)
		} else if n = brokenLength(s.held); n == len(s.held) && !utf8.FullRune(s.held) {
			break
		} else {
			out = utf8.AppendRune(out, utf8.RuneError)
		}
		s.held = s.held[n:]
	}
	return string(out)
}

// Flush ends the text: it returns U+FFFD if the beginning of a character was held back. The stream may then be used for
// another text.
func (s *Stream) Flush() string {
	if len(s.held) == 0 {
		return ""
	}
	s.held = s.held[:0]
	return string(utf8.RuneError)
}

// brokenLength returns how many bytes of b, which starts with no whole character, are the longest beginning of one; at
// least 1.
func brokenLength(b []byte) int {
	n := 1
	for n < len(b) && n < utf8.UTFMax && !utf8.FullRune(b[:n]) {
		n++
	}
	// b[:n] is full, so broken, or all there is. What broke it starts anew.
	if n > 1 && utf8.FullRune(b[:n]) {
		n--
	}
	return n
}
