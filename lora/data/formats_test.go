package data

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestConversations(t *testing.T) {
	hi, yo := Message{Role: "user", Content: "hi"}, Message{Role: "assistant", Content: "yo"}
	raw := func(m Message, text string) Message {
		m.Raw = json.RawMessage(text)
		return m
	}
	const hiRaw, yoRaw = `{"role":"user","content":"hi"}`, `{"role":"assistant","content":"yo"}`
	for _, c := range []struct {
		name, row string
		format    Format
		want      []Message
		tools     int
	}{
		{"messages", `{"messages":[` + hiRaw + `,` + yoRaw + `],"text":"x"}`, Messages,
			[]Message{raw(hi, hiRaw), raw(yo, yoRaw)}, 0},
		{"messages with tools", `{"messages":[` + yoRaw + `],"tools":[{"type":"function"},{}]}`, Messages,
			[]Message{raw(yo, yoRaw)}, 2},
		{"tools as text", `{"messages":[` + yoRaw + `],"tools":"[{\"name\":\"f\"}]"}`, Messages,
			[]Message{raw(yo, yoRaw)}, 1},
		{"no tools", `{"messages":[` + yoRaw + `],"tools":null}`, Messages, []Message{raw(yo, yoRaw)}, 0},
		{"parts", `{"messages":[{"role":"assistant","content":[{"type":"text","text":"y"},{"type":"text","text":"o"}]}]}`,
			Messages, []Message{raw(yo,
				`{"role":"assistant","content":[{"type":"text","text":"y"},{"type":"text","text":"o"}]}`)}, 0},
		{"a call", `{"messages":[{"role":"assistant","content":null,"tool_calls":[{"name":"f"}]}]}`, Messages,
			[]Message{raw(Message{Role: "assistant", ToolCalls: json.RawMessage(`[{"name":"f"}]`)},
				`{"role":"assistant","content":null,"tool_calls":[{"name":"f"}]}`)}, 0},
		{"sharegpt", `{"system":"s","conversations":[{"from":"human","value":"hi"},{"from":"gpt","value":"yo"}]}`,
			ShareGPT, []Message{{Role: "system", Content: "s"}, hi, yo}, 0},
		{"sharegpt's own system text", `{"system":"s","conversations":[{"from":"system","value":"t"},` +
			`{"from":"gpt","value":"yo"}]}`, ShareGPT, []Message{{Role: "system", Content: "t"}, yo}, 0},
		{"sharegpt with roles", `{"conversations":[` + hiRaw + `,` + yoRaw + `]}`, ShareGPT,
			[]Message{raw(hi, hiRaw), raw(yo, yoRaw)}, 0},
		{"sharegpt with a call", `{"tools":"","conversations":[{"from":"function_call","value":" {\"name\":\"f\"} "},` +
			`{"from":"observation","value":"1"}]}`, ShareGPT,
			[]Message{{Role: "assistant", ToolCalls: json.RawMessage(`[{"name":"f"}]`)}, {Role: "tool", Content: "1"}}, 0},
	} {
		set, err := Parse("f.jsonl", []byte(c.row), ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		r := set.Rows[0]
		if r.Format != c.format || !reflect.DeepEqual(r.Turns, c.want) || len(r.Tools) != c.tools {
			t.Errorf("%s: want %s %+v with %d tools, have %+v", c.name, c.format, c.want, c.tools, r)
		}
	}
}

func TestConversationsRefuse(t *testing.T) {
	for _, c := range []struct{ row, want string }{
		{`{"messages":"hi"}`, `field "messages": want an array of messages, have a string`},
		{`{"messages":null}`, `field "messages": want an array of messages, have null`},
		{`{"messages":[]}`, `field "messages": want something said by the assistant, have nothing`},
		{`{"messages":[{"role":"user","content":"a"}]}`, `want something said by the assistant`},
		{`{"messages":[3]}`, `field "messages[0]": want an object with role and content, or from and value, have a number`},
		{`{"messages":[{"content":"a"}]}`, `field "messages[0].role": want a string, have no such field`},
		{`{"messages":[{"role":"","content":"a"}]}`, `field "messages[0].role": want a role, have none`},
		{`{"messages":[{"role":"user"}]}`, `field "messages[0].content": want a string, have no such field`},
		{`{"messages":[{"role":"user","content":3}]}`, `field "messages[0].content": want a string, have a number`},
		{`{"messages":[{"role":"user","role":"user"}]}`, `field "messages[0].role": want it once, have it twice`},
		{`{"messages":[{"role":"user","content":"\ud800"}]}`, `field "messages[0].content": want Unicode text`},
		{`{"messages":[{"role":"user","content":"\u0000"}]}`, `have the character NUL`},
		{`{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, `want parts of the type text, have "image_url"`},
		{`{"messages":[{"role":"assistant","tool_calls":{}}]}`, `field "messages[0].tool_calls": want an array`},
		{`{"messages":[{"role":"assistant","content":"a"}],"tools":{}}`, `field "tools": want an array of tools, have an o`},
		{`{"messages":[{"role":"assistant","content":"a"}],"tools":[1]}`, `field "tools": want objects, have a number as t`},
		{`{"conversations":[{"from":"me","value":"a"}]}`, `field "conversations[0].from": want human, gpt`},
		{`{"conversations":[{"from":"gpt","value":null}]}`, `field "conversations[0].value": want a string, have null`},
		{`{"conversations":[{"from":"function_call","value":"f()"}]}`, `want a function call as a JSON object`},
		{`{"messages":[],"messages":[]}`, `field "messages": want it once, have it twice`},
	} {
		_, err := Parse("f.jsonl", []byte(c.row), ReadOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "f.jsonl:1: ") {
			t.Errorf("%s: want an error with %s, have %v", c.row, c.want, err)
		}
	}
}

func TestColumns(t *testing.T) {
	const rows = `{"question":"q","answer":"a","output":3,"input":"not this"}`
	columns, err := ParseColumns([]string{"instruction=question", "output=answer", "input=context"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("f.jsonl", []byte(rows), ReadOptions{Columns: columns})
	if want := `data: f.jsonl: map: field input: want one of the columns "question", "answer", "output", "input", ` +
		`have "context"`; err == nil || err.Error() != want {
		t.Errorf("want %s, have %v", want, err)
	}
	delete(columns, "input")
	columns["input"] = "question"
	set, err := Parse("f.jsonl", []byte(rows), ReadOptions{Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	if r := set.Rows[0]; r.Prompt != "q" || r.Output != "a" || r.Input != "q" {
		t.Errorf("have %+v", r)
	}
	want := File{Name: "f.jsonl", Format: Alpaca, Rows: 1, Used: []string{"instruction=question", "output=answer",
		"input=question"}, Unused: []string{"output", "input"}}
	if !reflect.DeepEqual(set.Files[0], want) {
		t.Errorf("want %+v, have %+v", want, set.Files[0])
	}
	for _, c := range []struct{ pair, want string }{{"output", "want field=column"}, {"output=", "want field=column"},
		{"answer=output", "want one of the fields instruction, output, input, messages"}} {
		if _, err := ParseColumns([]string{c.pair}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %s, have %v", c.pair, c.want, err)
		}
	}
	if _, err := ParseColumns([]string{"output=a", "output=b"}); err == nil {
		t.Error("a field was taken twice")
	}
	if _, err := Parse("f.csv", []byte("text,text\na,b\n"), ReadOptions{}); err == nil ||
		!strings.Contains(err.Error(), `f.csv:1: want each column once, have "text" twice`) {
		t.Errorf("columns of one name: %v", err)
	}
}

func TestSkip(t *testing.T) {
	var skipped []Skipped
	o := ReadOptions{Skip: func(s Skipped) error {
		skipped = append(skipped, s)
		return nil
	}}
	content := `{"text":"a"}` + "\n" + `{"text":1, "id":7}` + "\n{\n" + `{"text":"b"}` + "\n" + `{"text":"no"}`
	var texts []string
	path := filepath.Join(t.TempDir(), "f.jsonl")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	files, bad, err := Scan(t.Context(), []string{path}, o, func(r Row) error {
		if r.Output == "no" {
			return Problem{What: "want yes"}
		}
		texts = append(texts, r.Output)
		return nil
	})
	if err != nil || bad.Total != 3 || files[0].Rows != 2 || strings.Join(texts, "") != "ab" {
		t.Errorf("want rows a and b and 3 bad ones, have %v, %+v, %+v, %v", texts, files, bad, err)
	}
	if len(skipped) != 3 || skipped[0].Line != 2 || string(skipped[0].Row) != `{"text":1, "id":7}` ||
		skipped[0].Problems[0].What != "want a string, have a number" || string(skipped[1].Row) != `"{"` ||
		skipped[2].Line != 5 || skipped[2].Problems[0].String() != path+":5: want yes" {
		t.Errorf("have %+v", skipped)
	}
	// What ends a file is no bad row, and a file of bad rows only is an error.
	for name, content := range map[string]string{"f.json": `[{"text":"a"},{]`, "f.jsonl": `{"text":1}`,
		"f.csv": "text\n1,2\n"} {
		if _, err := Parse(name, []byte(content), o); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
	full := errors.New("disk full")
	o.Skip = func(Skipped) error { return full }
	if _, err := Parse("f.jsonl", []byte(content), o); !errors.Is(err, full) {
		t.Errorf("want the error of Skip, have %v", err)
	}
	o.Skip = func(s Skipped) error {
		skipped = append(skipped, s)
		return nil
	}
	set, err := Parse("f.csv", []byte("prompt,completion\n1\n\"a\"\"\",b\nc,\n"), o)
	if last := skipped[len(skipped)-1]; err != nil || len(set.Rows) != 1 ||
		string(last.Row) != `{"prompt":"c","completion":""}` {
		t.Errorf("have %+v, %v, %+v", set, err, skipped)
	}
}

func TestCompressed(t *testing.T) {
	dir := t.TempDir()
	const rows = "{\"text\":\"a\"}\n{\"text\":1}\n"
	var gz, zst bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := w.Write([]byte("\ufeff" + rows)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(rows)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"a.jsonl.gz", gz.Bytes(), `a.jsonl.gz:2: field "text": want a string, have a number`},
		{"b.jsonl.zst", zst.Bytes(), `b.jsonl.zst:2: field "text": want a string, have a number`},
		{"c.jsonl.gz", gz.Bytes()[:gz.Len()-9], "c.jsonl.gz: want the whole file, have a part of it"},
		{"d.jsonl.zst", zst.Bytes()[:zst.Len()-5], "d.jsonl.zst: want the whole file, have a part of it"},
		{"e.jsonl.gz", []byte(rows), "e.jsonl.gz: want a gzip file"},
		{"f.jsonl.zst", []byte(rows), "f.jsonl.zst: "},
		{"g.gz", gz.Bytes(), `g.gz: want a file ending in`},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFiles([]string{path}, ReadOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %s, have %v", c.name, c.want, err)
		}
	}
}

func TestParquet(t *testing.T) {
	set, err := ReadFiles([]string{"testdata/alpaca.parquet", "testdata/messages.parquet", "testdata/text.parquet"},
		ReadOptions{Skip: func(s Skipped) error {
			if s.Line != 3 || string(s.Row) != `{"messages":[],"score":null,"tools":null}` {
				t.Errorf("have bad row %d %s", s.Line, s.Row)
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Rows) != 2+2+15 || set.Bad.Total != 1 {
		t.Fatalf("want 19 rows and a bad one, have %d and %d", len(set.Rows), set.Bad.Total)
	}
	if r := set.Rows[1]; r.Prompt != "한글" || r.Input != "x" || r.Output != "c" || r.Line != 2 || r.Format != Alpaca {
		t.Errorf("have %+v", r)
	}
	if r := set.Rows[3]; len(r.Turns) != 3 || r.Turns[2].Role != "assistant" || r.Turns[2].Content != "yo2" {
		t.Errorf("have %+v", r)
	}
	if f := set.Files[1]; !reflect.DeepEqual(f.Used, []string{"messages", "tools"}) ||
		!reflect.DeepEqual(f.Unused, []string{"score"}) {
		t.Errorf("have %+v", f)
	}
	if _, err := ReadFiles([]string{"testdata/text.parquet"}, ReadOptions{Columns: Columns{"text": "b"}}); err == nil ||
		!strings.Contains(err.Error(), `text.parquet:1: field "b": want UTF-8, have other bytes`) {
		t.Errorf("bytes as text: %v", err)
	}
}

// Every byte of a parquet file may lie; whatever comes of it must be rows or an error.
func TestParquetBroken(t *testing.T) {
	for _, name := range []string{"alpaca", "messages"} {
		whole, err := os.ReadFile("testdata/" + name + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole {
			if _, err := Parse("f.parquet", whole[:n], ReadOptions{}); err == nil {
				t.Errorf("%s cut to %d bytes was taken", name, n)
			}
			lying := bytes.Clone(whole)
			for _, x := range []byte{0xff, 0x80, 0x01} {
				lying[n] = whole[n] ^ x
				Parse("f.parquet", lying, ReadOptions{}) // must return
			}
		}
	}
}

// refused wants a file not to be read, for a reason.
func refused(t *testing.T, name, want string) {
	t.Helper()
	if _, err := ReadFiles([]string{name}, ReadOptions{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: want an error with %s, have %v", name, want, err)
	}
}

func TestHostileFiles(t *testing.T) {
	dir := t.TempDir()
	refused(t, dir, "want a file, have a folder")
	if _, err := ReadFiles([]string{filepath.Join(dir, "none.json")}, ReadOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for name, content := range map[string]string{"a.txt": "a\x00b", "a.csv": "text\na\x00b\n",
		"a.jsonl": `{"text":"a` + "\x00" + `"}`, "b.jsonl": `{"text":"\u0000"}`} {
		if _, err := Parse(name, []byte(content), ReadOptions{}); err == nil {
			t.Errorf("%s: a NUL was taken", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Scan(ctx, []string{"testdata/korean_counties.json"}, ReadOptions{}, nil); !errors.Is(err,
		context.Canceled) {
		t.Errorf("want the end of the context, have %v", err)
	}
}

// Rows longer than what memory is given for are bad rows where the next one can be found, and end the file elsewhere.
func TestLongRows(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED: -short, and this writes 64 MiB")
	}
	long := strings.Repeat("x", maxRowBytes+maxRowBytes/8)
	for _, c := range []struct{ name, content, want string }{
		{"f.jsonl", `{"text":"` + long + "\"}\n{\"text\":1}\n", "f.jsonl:1: want at most 64 MiB in a row"},
		{"f.jsonl", `{"text":"` + long + "\"}\n{\"text\":1}\n", `f.jsonl:2: field "text": want a string`},
		{"f.json", `[{"text":"` + long + `"}]`, "f.json:1: want a JSON object, have more than a row may have"},
		{"f.csv", "text\n\"" + long + "\"\n", "f.csv:1: want 1 columns, have bad CSV: want at most 64 MiB"},
		{"f.txt", long, "f.txt:1: want a line that begins with a letter within 64 MiB"},
	} {
		if _, err := Parse(c.name, []byte(c.content), ReadOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want an error with %s, have %.300v", c.name, c.want, err)
		}
	}
}

// A document in parts is the document.
func TestDocumentParts(t *testing.T) {
	text := strings.Repeat("one\n\n  two\r\n한글 삼\n!four\r\n", 40)
	want := strings.ReplaceAll(text, "\r\n", "\n")
	for size := 1; size < 90; size += 7 {
		var parts []Row
		s := &scan{ctx: t.Context(), take: func(r Row) error {
			parts = append(parts, r)
			return nil
		}}
		r := &reader{scan: s, name: "f.txt", limit: -1, format: Text}
		if err := r.document(strings.NewReader(text), size); err != nil {
			t.Fatal(err)
		}
		joined, line := "", 1
		for i, p := range parts {
			if p.Continues != (i+1 < len(parts)) || !p.Document || p.Line != line {
				t.Fatalf("size %d: part %d of %d is %+v", size, i, len(parts), p)
			}
			joined += p.Output
			line += strings.Count(p.Output, "\n")
		}
		if joined != want || size < 50 && len(parts) < 5 {
			t.Errorf("size %d: %d parts do not make the text", size, len(parts))
		}
	}
}
