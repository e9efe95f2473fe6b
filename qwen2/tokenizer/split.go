package tokenizer

import "unicode/utf8"

// decode returns the character at s[i:] and its length; length 0 at the end.
func decode(s string, i int) (rune, int) {
	if i >= len(s) {
		return -1, 0
	}
	if c := s[i]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(s[i:])
}

// fold is the case folding of the letters in the contractions; ſ is the one other character that folds to any of them.
func fold(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	case r == 'ſ':
		return 's'
	}
	return r
}

// nextWord returns the end of the word that starts at s[i], i < len(s): the first match of splitPattern there. A byte
// that is not UTF-8 counts as a symbol.
func nextWord(s string, i int) int {
	if s[i] == '\'' {
		if end := contraction(s, i); end > 0 {
			return end
		}
	}
	r, n := decode(s, i)
	// [^\r\n\p{L}\p{N}]?\p{L}+
	switch {
	case letter(r):
		return skipLetters(s, i+n)
	case number(r):
		return i + n
	case !newline(r):
		if r1, n1 := decode(s, i+n); n1 > 0 && letter(r1) {
			return skipLetters(s, i+n+n1)
		}
	}
	if end := symbols(s, i); end > 0 {
		return end
	}
	return spaces(s, i)
}

func skipLetters(s string, i int) int {
	for {
		r, n := decode(s, i)
		if n == 0 || !letter(r) {
			return i
		}
		i += n
	}
}

// contraction is (?i:'s|'t|'re|'ve|'m|'ll|'d) at the apostrophe s[i]; 0 if there is none.
func contraction(s string, i int) int {
	r1, n1 := decode(s, i+1)
	end := i + 1 + n1
	r2, n2 := decode(s, end)
	switch fold(r1) {
	case 's', 't', 'm', 'd':
		return end
	case 'r', 'v':
		if fold(r2) == 'e' {
			return end + n2
		}
	case 'l':
		if fold(r2) == 'l' {
			return end + n2
		}
	}
	return 0
}

// symbols is " ?[^\s\p{L}\p{N}]+[\r\n]*" at s[i]; 0 if there is none.
func symbols(s string, i int) int {
	if s[i] == ' ' {
		i++
	}
	k := i
	for {
		r, n := decode(s, k)
		if n == 0 || space(r) || letter(r) || number(r) {
			break
		}
		k += n
	}
	if k == i {
		return 0
	}
	for k < len(s) && newline(rune(s[k])) {
		k++
	}
	return k
}

// spaces is \s*[\r\n]+|\s+(?!\S)|\s+ at the white space s[i].
func spaces(s string, i int) int {
	lastNewline, last, k := 0, i, i
	for {
		r, n := decode(s, k)
		if n == 0 || !space(r) {
			break
		}
		last = k
		k += n
		if newline(r) {
			lastNewline = k
		}
	}
	switch {
	case lastNewline > 0:
		return lastNewline
	case k == len(s) || last == i:
		return k
	}
	return last // leaves one space to the word behind
}
