package jinja

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every snippet gives what Jinja gives in transformers' environment, or fails where that fails: see
// bench/peers/chat_templates.py.
func TestSnippets(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "snippets.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Values   map[string]json.RawMessage
		Snippets []struct{ Source, Want, Refused string }
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Snippets) < 50 {
		t.Fatal(err, len(file.Snippets))
	}
	values := map[string]Value{}
	for name, raw := range file.Values {
		if values[name], err = FromJSON(raw); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range file.Snippets {
		have := ""
		template, err := Parse("t", s.Source)
		if err == nil {
			have, _, err = template.Render(values)
		}
		if have != s.Want || (err != nil) != (s.Refused != "") {
			t.Errorf("%s\n  want %q %s\n  have %q %v", s.Source, s.Want, s.Refused, have, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "t:") {
			t.Errorf("%s: %v does not name its line", s.Source, err)
		}
	}
}

func TestStrftime(t *testing.T) {
	template, err := Parse("t", "{{ strftime_now('%Y-%m-%d %%') }}{{ strftime_now('%Q') if a }}")
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := template.Render(nil)
	if err != nil || len(text) != len("2026-01-01 %") || !template.Reads("strftime_now") {
		t.Errorf("%q, %v", text, err)
	}
	if _, _, err = template.Render(map[string]Value{"a": Bool(true)}); err == nil {
		t.Error("a format that is not known was taken")
	}
}
