package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// joiner is U+034F, which x/text puts into runs of more than 30 combining marks (the Stream-Safe Text Format of Unicode
// Standard Annex 15). The reference does not, and neither may we.
const joiner = "\u034f"

// normalize is the normaliser of tokenizer.json: NFC or nothing. Bytes that are not UTF-8 stay.
func (t *Tokenizer) normalize(s string) string {
	if !t.nfc || norm.NFC.IsNormalString(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		at := strings.IndexFunc(s, func(r rune) bool { return unicode.Is(inert, r) })
		if at < 0 {
			at = len(s)
		}
		b.WriteString(normalizePart(s[:at]))
		_, n := decode(s, at)
		b.WriteString(s[at : at+n])
		s = s[at+n:]
	}
	return b.String()
}

// normalizePart is NFC of a text without inert characters.
func normalizePart(s string) string {
	out := norm.NFC.String(s)
	if strings.Count(out, joiner) != strings.Count(s, joiner) {
		return composeLongRuns(s)
	}
	return out
}

// composeLongRuns is NFC without the Stream-Safe Text Format: decompose, order the marks, compose.
func composeLongRuns(s string) string {
	var chars []char
	for i := 0; i < len(s); {
		p := norm.NFD.PropertiesString(s[i:])
		n := max(p.Size(), 1)
		d := string(p.Decomposition())
		if d == "" {
			d = s[i : i+n]
		}
		for d != "" {
			m := max(norm.NFD.PropertiesString(d).Size(), 1)
			chars = append(chars, char{d[:m], norm.NFD.PropertiesString(d).CCC()})
			d = d[m:]
		}
		i += n
	}
	for i := 0; i < len(chars); {
		j := i + 1
		if chars[i].class != 0 {
			for j < len(chars) && chars[j].class != 0 {
				j++
			}
			slices.SortStableFunc(chars[i:j], func(a, b char) int { return int(a.class) - int(b.class) })
		}
		i = j
	}
	return compose(chars)
}

// char is a character with its canonical combining class.
type char struct {
	text  string
	class uint8
}

// compose joins each character with the last starter before it unless one of no lower class, or another starter, lies
// between (Unicode Standard, D115 to D117).
func compose(chars []char) string {
	starter := -1
	lastClass := -1 // of the characters kept since the starter; -1: none
	out := chars[:0]
	for _, c := range chars {
		if starter >= 0 && lastClass < int(c.class) {
			if joined, ok := composePair(out[starter].text, c.text); ok {
				out[starter].text = joined
				continue
			}
		}
		if c.class == 0 {
			starter, lastClass = len(out), -1
		} else {
			lastClass = int(c.class)
		}
		out = append(out, c)
	}
	var b strings.Builder
	for _, c := range out {
		b.WriteString(c.text)
	}
	return b.String()
}

func composePair(a, b string) (string, bool) {
	pair := norm.NFC.String(a + b)
	return pair, pair != a+b && utf8.RuneCountInString(pair) == 1
}
