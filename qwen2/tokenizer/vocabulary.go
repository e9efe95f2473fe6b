package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// maxHoles is how many ids below the largest may stand for nothing, so that a file cannot ask for memory by one id.
const maxHoles = 1 << 12

// byteLetters is the alphabet of byte-level BPE (GPT-2's bytes_to_unicode): byte b is written as the letter
// byteLetters[b], which is b itself where that prints.
var byteLetters = func() (letters [256]rune) {
	next := rune(256)
	for b := range letters {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			letters[b] = rune(b)
		} else {
			letters[b] = next
			next++
		}
	}
	return letters
}()

// letterBytes is the inverse of byteLetters; -1 for what is no letter of the alphabet.
var letterBytes = func() (b [256 + 68]int16) {
	for i := range b {
		b[i] = -1
	}
	for v, r := range byteLetters {
		b[r] = int16(v)
	}
	return b
}()

// appendBytes appends what a token decodes to: the bytes its letters stand for or, if one is not of the alphabet, its
// text as it is. This is the rule of the ByteLevel decoder, for added tokens too.
func appendBytes(dst []byte, text string) []byte {
	n := len(dst)
	for _, r := range text {
		if int(r) >= len(letterBytes) || letterBytes[r] < 0 {
			return append(dst[:n], text...)
		}
		dst = append(dst, byte(letterBytes[r]))
	}
	return dst
}

// readBPE fills tokens, ids, byteID and merges from the model of a tokenizer.json.
func (t *Tokenizer) readBPE(raw []byte) error {
	if isNull(raw) {
		return errors.New("want a BPE, had none")
	}
	m, err := members(raw)
	if err != nil {
		return err
	}
	// Old files do not name the type of a BPE.
	if typ := m["type"]; typ != nil && string(typ) != `"BPE"` {
		return fmt.Errorf("want a BPE, had %.100s", typ)
	}
	for _, key := range []string{"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback",
		"ignore_merges"} {
		switch v := m[key]; string(v) {
		case "", "null", `""`, "false", "0", "0.0":
		default:
			return fmt.Errorf("%s: want it off, had %.100s", key, v)
		}
	}
	if isNull(m["vocab"]) || isNull(m["merges"]) {
		return errors.New("want vocab and merges, had one of them or none")
	}
	if err := t.readVocab(m["vocab"]); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	if err := t.readMerges(m["merges"]); err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	return nil
}

func (t *Tokenizer) readVocab(raw []byte) error {
	type entry struct{ id, end int32 }
	var (
		entries []entry
		texts   []byte
		largest = -1
	)
	err := walkObject(raw, func(key, value []byte) (err error) {
		id, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil {
			return fmt.Errorf("%.100s: want an id, had %.100q", key, value)
		}
		if texts, err = appendString(texts, key); err != nil {
			return err
		}
		largest = max(largest, int(id))
		entries = append(entries, entry{int32(id), int32(len(texts))})
		return nil
	})
	if err != nil {
		return err
	}
	if largest >= len(entries)+maxHoles {
		return fmt.Errorf("want ids below %d for %d tokens, had %d", len(entries)+maxHoles, len(entries), largest)
	}
	t.tokens = make([]token, largest+1)
	t.ids = make(map[string]int32, len(entries))
	all, start := string(texts), int32(0)
	for _, e := range entries {
		text := all[start:e.end]
		start = e.end
		if old := t.tokens[e.id]; old.present {
			return fmt.Errorf("want one token for id %d, had %.100q and %.100q", e.id, old.text, text)
		}
		t.tokens[e.id] = token{text: text, present: true}
		t.ids[text] = e.id
	}
	if len(t.ids) != len(entries) {
		return fmt.Errorf("want each token once, had %d tokens of which %d differ", len(entries), len(t.ids))
	}
	return t.decodeVocab(len(texts))
}

// decodeVocab finds what each token decodes to and which tokens are the single bytes. size bounds the bytes of all.
func (t *Tokenizer) decodeVocab(size int) error {
	buf, ends := make([]byte, 0, size), make([]int, len(t.tokens))
	for i := range t.tokens {
		buf = appendBytes(buf, t.tokens[i].text)
		ends[i] = len(buf)
	}
	all, start := string(buf), 0
	for i := range t.tokens {
		t.tokens[i].bytes = all[start:ends[i]]
		start = ends[i]
	}
	for b, letter := range byteLetters {
		id, ok := t.ids[string(letter)]
		if !ok {
			return fmt.Errorf("want a token for each byte, had none for %#02x (%q)", b, letter)
		}
		t.byteID[b] = id
	}
	return nil
}

// readMerges reads both forms of merges: "a b" and ["a", "b"]. As in the Rust library the last of two equal pairs
// counts.
func (t *Tokenizer) readMerges(raw []byte) error {
	count := 0
	if err := walkArray(raw, func([]byte) error { count++; return nil }); err != nil {
		return err
	}
	t.merges.init(count)
	var left, right, joined []byte // kept for the next pair
	rank := uint32(0)
	return walkArray(raw, func(value []byte) (err error) {
		if value[0] == '[' {
			left, right, err = readPair(value, left[:0], right[:0])
		} else if joined, err = appendString(joined[:0], value); err == nil {
			a, b, ok := bytes.Cut(joined, []byte(" "))
			if !ok || bytes.IndexByte(b, ' ') >= 0 {
				err = fmt.Errorf("want two tokens, had %.100q", joined)
			}
			left, right = append(left[:0], a...), append(right[:0], b...)
		}
		if err != nil {
			return fmt.Errorf("merge %d: %w", rank, err)
		}
		joined = append(append(joined[:0], left...), right...)
		a, okA := t.ids[string(left)]
		b, okB := t.ids[string(right)]
		both, okBoth := t.ids[string(joined)]
		if !okA || !okB || !okBoth {
			return fmt.Errorf("merge %d: want tokens of the vocabulary, had %.100q and %.100q", rank, left, right)
		}
		t.merges.set(a, b, rank, both)
		rank++
		return nil
	})
}

func readPair(raw, a, b []byte) ([]byte, []byte, error) {
	n := 0
	err := walkArray(raw, func(value []byte) (err error) {
		switch n++; n {
		case 1:
			a, err = appendString(a, value)
		case 2:
			b, err = appendString(b, value)
		}
		return err
	})
	if err == nil && n != 2 {
		err = fmt.Errorf("want a pair, had %d", n)
	}
	return a, b, err
}
