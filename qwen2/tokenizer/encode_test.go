package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The two ways of merging must agree at every length, around maxShort above all.
func TestMergesAgree(t *testing.T) {
	tok := small(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range maxShort + 1 {
		for range 20 {
			word := make([]byte, n)
			for i := range word {
				word[i] = "theanidor"[rng.IntN(9)]
			}
			ids := make([]int32, n)
			for i, b := range word {
				ids[i] = tok.byteID[b]
			}
			other := slices.Clone(ids)
			ids = ids[:tok.mergeShort(ids)]
			other = other[:new(heapMerge).run(&tok.merges, other)]
			if !slices.Equal(ids, other) {
				t.Fatalf("%q: scanning gives %v, the heap %v", word, ids, other)
			}
			if len(word) > 1 && !slices.Equal(tok.appendWord(nil, string(word)), ids) {
				t.Fatalf("%q: the cache gives %v, want %v", word, tok.appendWord(nil, string(word)), ids)
			}
		}
	}
}

func TestNextWord(t *testing.T) {
	for _, c := range []string{
		"I|'m| fine|,| you|'Re|!", "'LL|x", "it|'ſ|x", "don|'t", "中|'S", "a|1|2|3|٣|½", "x|  | y",
		"x|\n\n|  | y", " \t  \r\n| .|x",
		" ...\n\n|x", "naïve| café", "\tx|\t|\t|1", "x|  ", "!|\u00a0x", "\u2028|1", "$\u200b\u200d|x",
	} {
		text := strings.ReplaceAll(c, "|", "")
		var words []string
		for i := 0; i < len(text); {
			j := nextWord(text, i)
			words = append(words, text[i:j])
			i = j
		}
		if got := strings.Join(words, "|"); got != c {
			t.Errorf("%q is split as %q, want %q", text, got, c)
		}
	}
}

func TestLongWordIsNotQuadratic(t *testing.T) {
	tok := small(t)
	for _, text := range []string{strings.Repeat("the", 60_000), strings.Repeat("a\u0301\u0316", 40_000),
		strings.Repeat("<", 300_000), strings.Repeat(" \n", 100_000), "a" + strings.Repeat("\u0301", 60_000)} {
		want := tok.normalize(text)
		if got := tok.Decode(tok.Encode(text), false); got != want {
			t.Errorf("%.20q… of %d bytes comes back with %d bytes", text, len(text), len(got))
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := small(t)
	texts := make([]string, 64)
	want := make([][]int32, len(texts))
	for i := range texts {
		texts[i] = strings.Repeat("the children and their "+string(rune('a'+i))+strings.Repeat("한", i*2)+" ", 4)
		want[i] = small(t).Encode(texts[i])
	}
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range texts {
				i = (i + g*16) % len(texts)
				if ids := tok.Encode(texts[i]); !slices.Equal(ids, want[i]) {
					t.Errorf("Encode(%q) = %v, want %v", texts[i], ids, want[i])
				}
			}
		})
	}
	group.Wait()
}

func TestStream(t *testing.T) {
	tok := small(t)
	bytesOf := func(s string) (ids []int32) {
		for i := range len(s) {
			ids = append(ids, tok.byteID[s[i]])
		}
		return ids
	}
	for text, want := range map[string][]string{
		"한a":               {"", "", "한", "a", ""},
		"🙂":                {"", "", "", "🙂", ""},
		"\xf0\x9f\x99":     {"", "", "", "\ufffd"},
		"\xf0\x9fa":        {"", "", "\ufffda", ""},
		"\xe2\x82\xe2":     {"", "", "\ufffd", "\ufffd"},
		"\xff\xc0\x80x":    {"\ufffd", "\ufffd", "\ufffd", "x", ""},
		"\xed\xa0\x80":     {"", "\ufffd\ufffd", "\ufffd", ""},
		"\xf4\x90\x80\x80": {"", "\ufffd\ufffd", "\ufffd", "\ufffd", ""},
	} {
		s := tok.Stream(false)
		var got []string
		for _, id := range bytesOf(text) {
			got = append(got, s.Add(id))
		}
		got = append(got, s.Flush())
		if !slices.Equal(got, want) {
			t.Errorf("%+q streams as %+q, want %+q", text, got, want)
		}
		if s.Flush() != "" {
			t.Errorf("%+q: a second Flush returns more", text)
		}
	}
	im, _ := tok.ID("<|im_end|>")
	if s := tok.Stream(true); s.Add(im) != "" || s.Add(tok.byteID['x']) != "x" {
		t.Error("a special token is not skipped")
	}
}
