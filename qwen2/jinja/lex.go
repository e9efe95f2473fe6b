package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is.
type kind byte

const (
	dataToken kind = iota // text between tags
	variableBegin
	variableEnd
	blockBegin
	blockEnd
	nameToken
	stringToken
	integerToken
	floatToken
	operatorToken
	endToken
)

// token is a piece of a template; text is the decoded one of strings.
type token struct {
	kind kind
	text string
	line int
}

// lexer cuts a template into tokens.
type lexer struct {
	name         string
	src          string
	at, line     int
	lineStarting bool // what was read last ends with a line break
	tokens       []token
}

// lex normalises line ends as Jinja does and drops one at the end.
func lex(name, source string) (tokens []token, err error) {
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	l := &lexer{name: name, src: strings.TrimSuffix(source, "\n"), line: 1, lineStarting: true}
	for l.at < len(l.src) && err == nil {
		err = l.root()
	}
	l.emit(endToken, "")
	return l.tokens, err
}

func (l *lexer) fail(format string, v ...any) error {
	return fmt.Errorf("%s:%d: %s", l.name, l.line, fmt.Sprintf(format, v...))
}

func (l *lexer) emit(k kind, text string) { l.tokens = append(l.tokens, token{k, text, l.line}) }

// skip goes n bytes on.
func (l *lexer) skip(n int) {
	l.line += strings.Count(l.src[l.at:l.at+n], "\n")
	if n > 0 {
		l.lineStarting = l.src[l.at+n-1] == '\n'
	}
	l.at += n
}

// root reads the text up to the next tag, and the tag.
func (l *lexer) root() error {
	rest := l.src[l.at:]
	i := 0
	for {
		n := strings.IndexByte(rest[i:], '{')
		if n < 0 || i+n+1 >= len(rest) {
			l.emit(dataToken, rest)
			l.skip(len(rest))
			return nil
		}
		if i += n; strings.IndexByte("{%#", rest[i+1]) >= 0 {
			break
		}
		i++
	}
	text, tag := rest[:i], rest[i:]
	sign := byte(0)
	if len(tag) > 2 && (tag[2] == '-' || tag[2] == '+') {
		sign = tag[2]
	}
	l.data(text, sign, tag[1] != '{')
	open := 2
	if sign != 0 {
		open = 3
	}
	switch {
	case tag[1] == '#':
		l.skip(open)
		return l.comment()
	case tag[1] == '%' && rawBegin(tag[open:]) > 0:
		return l.raw(open + rawBegin(tag[open:]))
	case tag[1] == '%':
		l.emit(blockBegin, "")
		l.skip(open)
		return l.inside("%}", blockEnd)
	}
	l.emit(variableBegin, "")
	l.skip(open)
	return l.inside("}}", variableEnd)
}

// data takes the text before a tag: a minus strips it, and the white space between a line's start and a block goes.
func (l *lexer) data(text string, sign byte, block bool) {
	kept := text
	if sign == '-' {
		kept = strings.TrimRightFunc(text, pythonSpace)
	} else if sign != '+' && block {
		start := strings.LastIndexByte(text, '\n') + 1
		if (start > 0 || l.lineStarting) && strings.TrimLeftFunc(text[start:], pythonSpace) == "" {
			kept = text[:start]
		}
	}
	if kept != "" {
		l.emit(dataToken, kept)
	}
	l.skip(len(text))
}

func (l *lexer) comment() error {
	n := strings.Index(l.src[l.at:], "#}")
	if n < 0 {
		return l.fail("want the end of the comment, #}, had none")
	}
	sign := byte(0)
	if n > 0 {
		sign = l.src[l.at+n-1]
	}
	l.skip(n + 2)
	l.behind(sign)
	return nil
}

// behind takes the white space behind the end of a block or comment with a sign: all of it, or one line break.
func (l *lexer) behind(sign byte) {
	rest := l.src[l.at:]
	switch {
	case sign == '-':
		l.skip(len(rest) - len(strings.TrimLeftFunc(rest, pythonSpace)))
	case sign != '+' && strings.HasPrefix(rest, "\n"):
		l.skip(1)
	}
}

// rawBegin is the length of " raw %}" or " raw -%}" at the start of s, with the white space behind the latter.
func rawBegin(s string) int {
	rest := strings.TrimLeftFunc(s, pythonSpace)
	rest, ok := strings.CutPrefix(rest, "raw")
	if !ok {
		return 0
	}
	rest = strings.TrimLeftFunc(rest, pythonSpace)
	if after, ok := strings.CutPrefix(rest, "-%}"); ok {
		return len(s) - len(strings.TrimLeftFunc(after, pythonSpace))
	}
	if after, ok := strings.CutPrefix(rest, "%}"); ok {
		return len(s) - len(after)
	}
	return 0
}

// raw reads text that is not a template, up to {% endraw %}.
func (l *lexer) raw(begin int) error {
	l.skip(begin)
	l.lineStarting = false
	for at := l.at; ; at += 2 {
		n := strings.Index(l.src[at:], "{%")
		if n < 0 {
			return l.fail("want {%% endraw %%}, had none")
		}
		at += n
		tag, sign := l.src[at+2:], byte(0)
		if tag != "" && (tag[0] == '-' || tag[0] == '+') {
			tag, sign = tag[1:], tag[0]
		}
		tag, ok := strings.CutPrefix(strings.TrimLeftFunc(tag, pythonSpace), "endraw")
		tag = strings.TrimLeftFunc(tag, pythonSpace)
		end := byte(0)
		if tag != "" && (tag[0] == '-' || tag[0] == '+') {
			tag, end = tag[1:], tag[0]
		}
		if tag, shut := strings.CutPrefix(tag, "%}"); ok && shut {
			l.data(l.src[l.at:at], sign, true)
			l.skip(len(l.src) - len(tag) - l.at)
			l.behind(end)
			return nil
		}
	}
}

// inside reads the tokens of a tag up to its end.
func (l *lexer) inside(end string, endKind kind) error {
	var open []byte
	for {
		rest := l.src[l.at:]
		l.skip(len(rest) - len(strings.TrimLeftFunc(rest, pythonSpace)))
		if rest = l.src[l.at:]; rest == "" {
			return l.fail("want the end of the tag, %s, had the end of the template", end)
		}
		if len(open) == 0 {
			sign := rest[0]
			if sign != '-' && (sign != '+' || endKind != blockEnd) {
				sign = 0 // no template has this one
			}
			if strings.HasPrefix(strings.TrimPrefix(rest, string(sign)), end) {
				l.emit(endKind, "")
				l.skip(strings.Index(rest, end) + len(end))
				if endKind == blockEnd || sign == '-' {
					l.behind(sign)
				}
				return nil
			}
		}
		if err := l.token(rest, &open); err != nil {
			return err
		}
	}
}

// shuts are the brackets that end those of opens.
const opens, shuts = "([{", ")]}"

// operators, the longer ones first.
var operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "[", "]", "(", ")", "{", "}",
	">", "<", "=", ".", ":", "|", ",", ";"}

func (l *lexer) token(rest string, open *[]byte) error {
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case c == '"' || c == '\'':
		return l.text(rest)
	case c >= '0' && c <= '9':
		l.number(rest)
		return nil
	case c == '_' || unicode.IsLetter(c):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		l.emit(nameToken, rest[:n])
		l.skip(n)
		return nil
	}
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		if strings.Contains(opens, op) {
			*open = append(*open, shuts[strings.Index(opens, op)])
		} else if strings.Contains(shuts, op) {
			n := len(*open) - 1
			if n < 0 || (*open)[n] != op[0] {
				return l.fail("want no %s here", op)
			}
			*open = (*open)[:n]
		}
		l.emit(operatorToken, op)
		l.skip(len(op))
		return nil
	}
	return l.fail("want an expression, had %q", c)
}
