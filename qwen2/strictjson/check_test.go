package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	good := []string{
		`{}`, `[]`, `1`, `"a"`, `null`, ` {"a": 1, "b": {"a": 2}} `, `{"a":[{"a":1},{"a":1}]}`, `{"a":"b","b":"a"}`,
		"{\"é\":1}\n", `[1,"x",[2],{"k":[]}]`,
	}
	for _, s := range good {
		if err := Check([]byte(s), 4); err != nil {
			t.Errorf("Check(%s): %v", s, err)
		}
	}
	bad := map[string]string{
		``:                         "unexpected EOF",
		`   `:                      "unexpected EOF",
		`{`:                        "unexpected EOF",
		`{"a":1`:                   "unexpected EOF",
		`[1,`:                      "unexpected EOF",
		`{"a":1}}`:                 "invalid character",
		`{"a":1} {}`:               "data after it",
		`1 2`:                      "data after it",
		`{"a":1,"a":2}`:            `"a" appears twice`,
		`{"a":1,"\u0061":2}`:       `"a" appears twice`,
		`[{"x":{"b":1,"b":1}}]`:    `"b" appears twice`,
		`{"\ud800":1}`:             "not valid Unicode",
		"{\"\xff\":1}":             "not valid UTF-8",
		"\xef\xbb\xbf{}":           "invalid character",
		`[[[[[]]]]]`:               "nested deeper than 4",
		`{"a":[{"b":{"c":[]}}]}`:   "nested deeper than 4",
		`{1:2}`:                    "",
		`{"a" 1}`:                  "",
		`{"a":1,}`:                 "",
		`[1,]`:                     "",
		`{"a":NaN}`:                "invalid character",
		`{"a":[}`:                  "",
		strings.Repeat("[", 1<<20): "nested deeper than 4",
	}
	for s, want := range bad {
		err := Check([]byte(s), 4)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%.40s) = %v, want %q", s, err, want)
		}
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	if _, err := ReadFile(path, 10, 2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := ReadFile(dir, 10, 2); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("folder: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"a":[1]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path, 8, 2); err == nil || !strings.Contains(err.Error(), "at most 8 bytes, have 9") {
		t.Errorf("too long: %v", err)
	}
	if _, err := ReadFile(path, 9, 1); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("too deep: %v, want the path in it", err)
	}
	if b, err := ReadFile(path, 9, 2); err != nil || string(b) != `{"a":[1]}` {
		t.Errorf("ReadFile = %q, %v", b, err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,{"b":"\u0062"}],"c":null}`, `{"a":1,"a":2}`, `[[[`, `{"a":,}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if Check(data, 8) == nil {
			var v any
			d := json.NewDecoder(bytes.NewReader(data))
			d.UseNumber() // A number too large for a float64 is JSON all the same.
			if err := d.Decode(&v); err != nil {
				t.Fatalf("accepted %q, which encoding/json refuses: %v", data, err)
			}
		}
	})
}
