package data

import (
	"slices"
	"strings"
	"testing"

	"github.com/vulora/vulora/qwen2/tokenizer"
	"github.com/vulora/vulora/qwen2/tokenizer/tokenizertest"
)

// encodeParts tokenises a text file in parts of about size bytes.
func encodeParts(t *testing.T, tok *tokenizer.Tokenizer, text string, size int) (ids []int32, parts int) {
	t.Helper()
	s := &scan{ctx: t.Context(), take: func(r Row) error {
		ids = append(ids, tok.Encode(r.Output)...)
		parts++
		return nil
	}}
	r := &reader{scan: s, name: "f.txt", limit: -1, format: Text}
	if err := r.document(strings.NewReader(text), size); err != nil || s.bad.Total > 0 {
		t.Fatalf("%q: %v, %v", text, err, s.bad)
	}
	return ids, parts
}

// breaks are places where a text might be cut to other tokens.
var breaks = []string{"a\nb", "a \n \nb", "\n\n\n  \n", "x\r\n\r\ny", "\r\r\nz", "1\n2\n3", "!\nword", "!!\n\n\nWord",
	"e\n\u0301x", "\u1112\n\u1161\u11ab", "\n\u1161", "한글\n한글", "don't\n's\nt", "<|im_start|>\nuser\n<|im_end|>\nabc",
	"<tool_call>\ntext\n</tool_call>", "\t\nq", "\u00a0\nq", "\u2028\nq", "q\u0085\n\u0085q", "ﬁ\nﬁ", "Å\nA\u030a",
	"\n ", "  ", "\n\n", "🙂\n🙂a", "\u0300\na\u0300", "ⅷ\nⅷ", "٣\na", "\v\na", "\x1c\na", "a\u200d\nb", "\ufeff\na"}

// The tokens of a text file in parts are those of the whole.
func TestPartsAreTheWholeText(t *testing.T) {
	tok := tokenizertest.Qwen25(t)
	most := 0
	for i, a := range breaks {
		for k, b := range breaks {
			text := a + b + strings.Repeat(a+"word"+b, 3) + breaks[(i+k)%len(breaks)] + "end"
			want := tok.Encode(strings.ReplaceAll(text, "\r\n", "\n"))
			for _, size := range []int{1, 2, 3, 5, 8, 13} {
				have, parts := encodeParts(t, tok, text, size)
				if !slices.Equal(have, want) {
					t.Fatalf("%q in parts of %d bytes: want %v, have %v", text, size, want, have)
				}
				most = max(most, parts)
			}
		}
	}
	if most < 5 {
		t.Errorf("at most %d parts", most)
	}
}

func FuzzParts(f *testing.F) {
	for _, s := range breaks {
		f.Add("one "+s+" two\n"+s, uint8(3))
	}
	tok := tokenizertest.Qwen25(f)
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "0")
		if strings.TrimSpace(text) == "" {
			return
		}
		want := tok.Encode(strings.ReplaceAll(text, "\r\n", "\n"))
		if have, _ := encodeParts(t, tok, text, 1+int(size)); !slices.Equal(have, want) {
			t.Fatalf("%q in parts of %d bytes: want %v, have %v", text, 1+size, want, have)
		}
	})
}
