package data

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	alpaca := []Row{
		{Format: Alpaca, Line: 1, Prompt: "a", Input: "b", Output: "c"},
		{Format: Alpaca, Line: 2, Prompt: "d", Output: "e\"é"},
	}
	for _, c := range []struct {
		file, content string
		want          []Row
	}{
		{"a.jsonl", `{"instruction":"a","input":"b","output":"c","text":"all"}` + "\r\n" +
			`{"instruction":"d","input":null,"output":"e\"\u00e9"}`, alpaca},
		{"a.json", `{"instruction":"a","input":"b","x":1,"x":2,"output":"c"}` + "\n" +
			`{"instruction":"d","output":"e\"é"}` + "\n\n", alpaca},
		{"a.json", "\ufeff[{\"instruction\":\"a\",\"input\":\"b\",\"output\":\"c\"},\n" +
			`{"instruction":"d","output":"e\"é"}]`, alpaca},
		{"A.CSV", "\ufeffinstruction, input,output\r\na,b,c\r\n\"d\",,\"e\"\"é\"\r\n", []Row{
			{Format: Alpaca, Line: 2, Prompt: "a", Input: "b", Output: "c"},
			{Format: Alpaca, Line: 3, Prompt: "d", Output: "e\"é"}}},
		{"p.json", "\n{\"prompt\":\n \"p\", \"completion\":\"q\"}\n",
			[]Row{{Format: Completion, Line: 2, Prompt: "p", Output: "q"}}},
		{"t.json", "[\n\n  {\n\"text\": \"one\"},\n{\"text\":\"two\"\n}\n\n]\n",
			[]Row{{Format: Text, Line: 3, Output: "one"}, {Format: Text, Line: 5, Output: "two"}}},
		{"t.jsonl", `{"text":"😀\ud83d\ude00\\ud800"}`,
			[]Row{{Format: Text, Line: 1, Output: `😀😀\ud800`}}},
		{"t.csv", "id,text\n1,\"a\nb\"\n\n2,c\n", []Row{
			{Format: Text, Line: 2, Output: "a\nb"}, {Format: Text, Line: 5, Output: "c"}}},
		{"t.txt", "\ufeffone\r\ntwo\n", []Row{{Format: Text, Line: 1, Document: true, Output: "one\ntwo\n"}}},
	} {
		set, err := Parse(c.file, []byte(c.content), ReadOptions{})
		if err != nil {
			t.Errorf("%q: %v", c.content, err)
			continue
		}
		if len(set.Rows) != len(c.want) || set.Files[0].Rows != len(c.want) || set.Files[0].Format != c.want[0].Format {
			t.Errorf("%q: want %d rows, have %+v", c.content, len(c.want), set)
			continue
		}
		for i, want := range c.want {
			want.File = c.file
			if !reflect.DeepEqual(set.Rows[i], want) {
				t.Errorf("%q: row %d: want %+v, have %+v", c.content, i, want, set.Rows[i])
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ file, content, want string }{
		{"f.jsonl", "", "f.jsonl: want at least one row, have an empty file"},
		{"f.jsonl", " \r\n\n", "f.jsonl: want at least one row, have an empty file"},
		{"f.json", "[ ]", "f.json: want at least one row, have none"},
		{"f.csv", "text\n", "f.csv: want at least one row, have none"},
		{"f.txt", "\xff\xfea\x00", "have UTF-16"},
		{"f.txt", "a\nb\xffc", "f.txt:2: want UTF-8"},
		{"f.parquet", "PAR1", "f.parquet:1: want a parquet file: want at least 12 bytes, have 4"},
		{"f.xlsx", "PK", `have ".xlsx"`},
		{"f.json", "[", "f.json:1: want the end of the array, have the end of the file"},
		{"f.json", "[1]", "f.json:1: want a JSON object, have a number"},
		{"f.json", "3", "f.json:1: want a JSON object, have a number"},
		{"f.json", `[{"text":"a"}`, "f.json:1: want the end of the array, have the end of the file"},
		{"f.json", "[{\"text\":\"a\"},\n\n]", "f.json:3: want a JSON object, have bad JSON"},
		{"f.json", "[{\"text\":\"a\"}\n]\nx", "f.json:3: want nothing after the array, have 'x'"},
		{"f.json", "[{\"text\":\"a\"},\n{\"text\":3},\n{\"text\":\n]",
			`f.json:2: field "text": want a string, have a number`},
		{"f.json", "[{\"text\":\"a\"},\n{\"text\":3},\n{\"text\":\n]", "f.json:3: want a JSON object, have bad JSON"},
		{"f.jsonl", "{\"text\":\"a\"}\n{\"text\":[]}", `f.jsonl:2: field "text": want a string, have an array`},
		{"f.jsonl", "{\"text\":\"a\"}\n{text}", "f.jsonl:2: want a JSON object, have bad JSON"},
		{"f.jsonl", "{\"text\":\"a\"}\n{\"tex\":\"b\"}", `f.jsonl:2: field "text": want a string, have no such field`},
		{"f.jsonl", "{\"text\":\"a\"}\n{\"text\":\" \"}", `f.jsonl:2: field "text": want some text, have none`},
		{"f.jsonl", "{\"text\":\"a\xff\"}", `f.jsonl:1: field "text": want UTF-8`},
		{"f.jsonl", `{"text":"a\ud800b"}`, `f.jsonl:1: field "text": want Unicode text`},
		{"f.jsonl", `{"text":"a\udc00"}`, `f.jsonl:1: field "text": want Unicode text`},
		{"f.jsonl", `{"Text":"a","b":1}`, `have "Text", "b"`},
		{"f.jsonl", `{"instruction":null,"output":""}`, `field "instruction": want a string, have null`},
		{"f.jsonl", `{"instruction":null,"output":""}`, `field "output": want some text`},
		{"f.jsonl", strings.Repeat("[", 100_000), "f.jsonl:1: want a JSON object, have bad JSON"},
		{"f.json", strings.Repeat("[", 100_000), "f.json:1: want a JSON object, have bad JSON"},
		{"f.csv", "text,b\nc\nd,e\n", "f.csv:2: want 2 columns"},
		{"f.csv", "text\n\"a", "f.csv:2: want 1 columns"},
		{"f.csv", "text\n\xff\n", `f.csv:2: field "text": want UTF-8`},
	} {
		_, err := Parse(c.file, []byte(c.content), ReadOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.40q: want an error with %q, have %v", c.file, c.content, c.want, err)
		}
	}
}

func TestBadRowsAreCounted(t *testing.T) {
	content := `{"text":"good"}` + "\n" + strings.Repeat(`{"text":1}`+"\n", 30)
	_, err := Parse("f.jsonl", []byte(content), ReadOptions{})
	var bad *BadRows
	if !errors.As(err, &bad) {
		t.Fatalf("want bad rows, have %v", err)
	}
	if bad.Total != 30 || len(bad.Problems) != 20 || bad.More != 10 || bad.Problems[19].Line != 21 {
		t.Errorf("want 30 bad rows and 20 problems, have %d, %d and %d more", bad.Total, len(bad.Problems), bad.More)
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 22 || !strings.Contains(lines[21], "and 10 more") {
		t.Errorf("have %s", err)
	}
}

func TestReadOptions(t *testing.T) {
	rows := `{"instruction":"a","output":"b","text":"c"}` + "\n" + `{"instruction":"d","output":"","text":"e"}` + "\n"
	if _, err := Parse("f.jsonl", []byte(rows), ReadOptions{}); err == nil {
		t.Error("an empty output was taken")
	}
	for _, o := range []ReadOptions{{AllowEmptyOutput: true}, {Format: Text}} {
		if set, err := Parse("f.jsonl", []byte(rows), o); err != nil || len(set.Rows) != 2 {
			t.Errorf("%+v: want 2 rows, have %+v, %v", o, set, err)
		}
	}
	if set, err := Parse("f.jsonl", []byte(rows), ReadOptions{Limit: 1}); err != nil || len(set.Rows) != 1 {
		t.Errorf("want the first row, have %+v, %v", set, err)
	}
	if _, err := Parse("f.jsonl", []byte(rows), ReadOptions{Format: "vicuna"}); err == nil {
		t.Error("an unknown format was taken")
	}
}

func TestReadFiles(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.jsonl"), filepath.Join(dir, "two.csv")
	for name, content := range map[string]string{one: `{"text":"a"}`, two: "prompt,completion\nb,c\nd,e\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := ReadFiles([]string{one, two, filepath.Join(dir, "absent")}, ReadOptions{Limit: 2})
	if err != nil || len(set.Rows) != 2 || len(set.Files) != 2 || set.Rows[1].Output != "c" {
		t.Errorf("want two rows of two files, have %+v, %v", set, err)
	}
	if _, err := ReadFiles([]string{filepath.Join(dir, "absent")}, ReadOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("want a missing file, have %v", err)
	}
	if _, err := ReadFiles(nil, ReadOptions{}); err == nil {
		t.Error("want an error without files")
	}
}

func TestKoreanCounties(t *testing.T) {
	set, err := ReadFiles([]string{"testdata/korean_counties.json"}, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Rows) != 54 || set.Rows[0].Line != 2 || set.Rows[1].Line != 7 || set.Files[0].Format != Alpaca {
		t.Errorf("want 54 rows from line 2 on, have %d, %+v", len(set.Rows), set.Rows[:2])
	}
}

func FuzzRows(f *testing.F) {
	names := []string{"f.json", "f.jsonl", "f.csv", "f.txt"}
	for kind := range names {
		for _, seed := range []string{
			`[{"instruction":"a","input":null,"output":"b"}, {"text":1}]`, "{\"text\":\"a\"}\n{\"text\":\"\\ud800\"}\n",
			"prompt,completion\n\"a\nb\",c\n", "\ufefftext\r\n\r\n", "[[[[", "[{\"text\":\"a\"},]", "{", "\"",
			"a,b\n\"",
		} {
			f.Add(uint8(kind), []byte(seed), 0)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, content []byte, limit int) {
		name := names[int(kind)%len(names)]
		set, err := Parse(name, content, ReadOptions{Limit: limit})
		if err != nil {
			if err.Error() == "" || !strings.Contains(err.Error(), name) {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		if len(set.Rows) == 0 || limit > 0 && len(set.Rows) > limit {
			t.Fatalf("have %d rows with limit %d", len(set.Rows), limit)
		}
		for _, r := range set.Rows {
			if strings.TrimSpace(r.Output) == "" || r.Line < 1 || r.Format == Auto {
				t.Errorf("have a bad row: %+v", r)
			}
			if strings.ToValidUTF8(r.Prompt+r.Input+r.Output, "") != r.Prompt+r.Input+r.Output {
				t.Errorf("have a row that is not UTF-8: %+v", r)
			}
		}
	})
}
