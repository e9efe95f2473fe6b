package jinja

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text reads a string literal with Python's escapes.
func (l *lexer) text(rest string) error {
	quote := rest[0]
	i := 1
	for i < len(rest) && rest[i] != quote {
		if rest[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(rest) {
		return l.fail("want the end of the string, %c, had the end of the template", quote)
	}
	text, bad := unescape(rest[1:i])
	if bad != "" {
		return l.fail("want a string, had the escape %s in it", bad)
	}
	l.emit(stringToken, text)
	l.skip(i + 1)
	return nil
}

// escapes are Python's of one letter, without those that take digits.
var escapes = map[byte]string{'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n",
	'r': "\r", 't': "\t", 'v': "\v"}

// unescape decodes a literal. An escape that Python does not know stays as it is; one that is broken is bad.
func unescape(s string) (text, bad string) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, ""
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++ // text never ends a literal with a backslash
		c := s[i]
		if plain, ok := escapes[c]; ok {
			b.WriteString(plain)
			continue
		}
		if digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]; digits > 0 {
			end := min(len(s), i+1+digits)
			code, err := strconv.ParseUint(s[i+1:end], 16, 32)
			if err != nil || end-i-1 != digits || !utf8.ValidRune(rune(code)) {
				return "", s[i-1 : end]
			}
			b.WriteRune(rune(code))
			i = end - 1
			continue
		}
		if c >= '0' && c <= '7' {
			end := i + 1
			for end < len(s) && end < i+3 && s[end] >= '0' && s[end] <= '7' {
				end++
			}
			code, _ := strconv.ParseUint(s[i:end], 8, 16)
			b.WriteRune(rune(code))
			i = end - 1
			continue
		}
		if c == 'N' {
			return "", `\N`
		}
		b.WriteByte('\\')
		b.WriteByte(c)
	}
	return b.String(), ""
}

// number reads an integer or, with a fraction or an exponent, a float. Digits may have underscores between them.
func (l *lexer) number(rest string) {
	digits := func(i int, set string) int {
		for i < len(rest) && (strings.IndexByte(set, rest[i]|0x20) >= 0 || strings.IndexByte(set, rest[i]) >= 0 ||
			rest[i] == '_' && i+1 < len(rest) && strings.IndexByte(set, rest[i+1]|0x20) >= 0) {
			i++
		}
		return i
	}
	const decimal = "0123456789"
	if len(rest) > 2 && rest[0] == '0' {
		set := map[byte]string{'x': decimal + "abcdef", 'o': "01234567", 'b': "01"}[rest[1]|0x20]
		if n := digits(2, set); set != "" && n > 2 {
			l.emit(integerToken, rest[:n])
			l.skip(n)
			return
		}
	}
	n, k := digits(0, decimal), integerToken
	afterDot := l.at > 0 && l.src[l.at-1] == '.'
	if !afterDot && n+1 < len(rest) && rest[n] == '.' && digits(n+1, decimal) > n+1 {
		n, k = digits(n+1, decimal), floatToken
	}
	if !afterDot && n < len(rest) && rest[n]|0x20 == 'e' {
		e := n + 1
		if e < len(rest) && (rest[e] == '+' || rest[e] == '-') {
			e++
		}
		if m := digits(e, decimal); m > e {
			n, k = m, floatToken
		}
	}
	l.emit(k, strings.ReplaceAll(rest[:n], "_", ""))
	l.skip(n)
}

// pythonSpace is str.isspace.
func pythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
