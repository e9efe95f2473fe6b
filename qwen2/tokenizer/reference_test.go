package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The files in testdata/reference were written by the Python package tokenizers 0.23.3: a small tokenizer with added
// tokens of every kind, what it makes of texts that hold them and of random ids, and what its NFC makes of combining
// marks in long runs, in odd orders and newer than its tables.
func reference(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "reference", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// smallJSON is a tokenizer.json with few tokens.
func smallJSON(t testing.TB) []byte {
	t.Helper()
	var raw json.RawMessage
	reference(t, "tokenizer.json", &raw)
	return raw
}

func small(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := Read(smallJSON(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestReferenceAddedTokens(t *testing.T) {
	var file struct {
		Texts []struct {
			Text       string
			IDs, Plain []int32
			Dec, Skip  string
		}
		IDs []struct {
			IDs []int32
			Dec string
		}
	}
	reference(t, "added_tokens.json", &file)
	tok := small(t)
	for _, c := range file.Texts {
		if ids := tok.Encode(c.Text); !slices.Equal(ids, c.IDs) {
			t.Errorf("Encode(%q) = %v, want %v", c.Text, ids, c.IDs)
		}
		if ids := tok.EncodePlain(c.Text); !slices.Equal(ids, c.Plain) {
			t.Errorf("EncodePlain(%q) = %v, want %v", c.Text, ids, c.Plain)
		}
		if s := tok.Decode(c.IDs, false); s != c.Dec {
			t.Errorf("Decode(%v) = %q, want %q", c.IDs, s, c.Dec)
		}
		if s := tok.Decode(c.IDs, true); s != c.Skip {
			t.Errorf("Decode(%v) without specials = %q, want %q", c.IDs, s, c.Skip)
		}
	}
	for _, c := range file.IDs {
		if s := tok.Decode(c.IDs, false); s != c.Dec {
			t.Errorf("Decode(%v) = %q, want %q", c.IDs, s, c.Dec)
		}
	}
	if len(file.Texts) == 0 || len(file.IDs) == 0 {
		t.Error("no cases")
	}
}

func TestReferenceNFC(t *testing.T) {
	var pairs [][2]string
	reference(t, "nfc.json", &pairs)
	if len(pairs) == 0 {
		t.Fatal("no cases")
	}
	tok := Tokenizer{nfc: true}
	for _, p := range pairs {
		if s := tok.normalize(p[0]); s != p[1] {
			t.Errorf("normalize(%+q) = %+q, want %+q", p[0], s, p[1])
		}
	}
}
