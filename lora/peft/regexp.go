package peft

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// fullPattern is re.fullmatch of Python.
func fullPattern(pattern string) (*regexp.Regexp, error) {
	return compile(pattern, `\A(?:`, `)\z`)
}

// suffixPattern is how PEFT reads the keys of rank_pattern and alpha_pattern: (.*\.)?(key)$
func suffixPattern(key string) (*regexp.Regexp, error) {
	return compile(key, `\A(?:.*\.)?(?:`, `)\z`)
}

// layerPattern finds the number after a name given in layers_pattern.
func layerPattern(name string) (*regexp.Regexp, error) {
	return compile(name, `\A.*\.(?:`, `)\.([0-9]+)\.`)
}

// anyLayer finds the first number that is a part of a module's name on its own.
var anyLayer = regexp.MustCompile(`\A.*?[^.]*\.([0-9]+)\.`)

// lookarounds and the like are what Python's re has and RE2, Go's engine, does not.
var lookarounds = []struct{ text, name string }{
	{"(?=", "a lookahead"}, {"(?!", "a negative lookahead"}, {"(?<=", "a lookbehind"},
	{"(?<!", "a negative lookbehind"}, {"(?P=", "a back reference"}, {"(?(", "a condition"},
	{"(?>", "an atomic group"}, {"(?#", "a comment"},
}

var (
	backReference = regexp.MustCompile(`(?:^|[^\\])(?:\\\\)*\\[1-9]`)
	openRepeat    = regexp.MustCompile(`(?:^|[^\\])(?:\\\\)*\{,[0-9]*\}`)
	endOfText     = regexp.MustCompile(`((?:^|[^\\])(?:\\\\)*)\\Z`)
)

// compile turns a Python regular expression into a Go one, anchored by what stands before and after. Where the two
// languages differ it is an error that says how; nothing is taken with another meaning.
func compile(pattern, before, after string) (*regexp.Regexp, error) {
	if openRepeat.MatchString(pattern) {
		return nil, fmt.Errorf("regular expression %q: want {0,n} for {,n}, which RE2 (Go's engine) reads as text",
			pattern)
	}
	own := endOfText.ReplaceAllString(pattern, `${1}\z`)
	if _, err := syntax.Parse(own, syntax.Perl); err != nil {
		return nil, explain(pattern, err)
	}
	re, err := regexp.Compile(before + own + after)
	if err != nil {
		return nil, explain(pattern, err)
	}
	return re, nil
}

func explain(pattern string, err error) error {
	for _, l := range lookarounds {
		if strings.Contains(pattern, l.text) {
			return fmt.Errorf("regular expression %q: %s (%s) is not possible in RE2 (Go's engine); "+
				"list the modules or use exclude_modules", pattern, l.name, l.text)
		}
	}
	if backReference.MatchString(pattern) {
		return fmt.Errorf("regular expression %q: a back reference is not possible in RE2 (Go's engine)", pattern)
	}
	var bad *syntax.Error
	if errors.As(err, &bad) {
		return fmt.Errorf("regular expression %q: %s: %q", pattern, bad.Code, bad.Expr)
	}
	return fmt.Errorf("regular expression %q: %w", pattern, err)
}
