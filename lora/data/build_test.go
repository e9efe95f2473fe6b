package data

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// letters gives an id per byte, but one id for "\nx", a token that can reach across the end of a prompt.
type letters struct{}

func (letters) Encode(text string) (ids []int32) {
	for i := 0; i < len(text); i++ {
		if strings.HasPrefix(text[i:], "\nx") {
			ids = append(ids, 1000)
			i++
			continue
		}
		ids = append(ids, int32(text[i]))
	}
	return ids
}

type turns struct{ err error }

func (c turns) EncodeChat(messages []Message, _ []json.RawMessage) (ids []int32, said []bool, err error) {
	for _, m := range messages {
		for _, id := range (letters{}).Encode(m.Role[:1] + m.Content) {
			ids = append(ids, id)
			said = append(said, m.Role == "assistant")
		}
	}
	return ids, said, c.err
}

func TestBuild(t *testing.T) {
	completion := Row{Format: Completion, Prompt: "ab", Output: "cd"}
	across := Row{Format: Completion, Prompt: "a\n", Output: "xy"}
	text := Row{Format: Text, Output: "abc"}
	document := Row{Format: Text, Output: "abcde", Document: true}
	chat := Row{Format: Alpaca, Prompt: "p", Input: "q", Output: "r"}
	const no = Ignore
	for _, c := range []struct {
		name   string
		row    Row
		o      Options
		ids    [][]int32
		labels [][]int32
		report Report
	}{
		{"completion", completion, Options{AppendEOS: true, EOS: 7},
			[][]int32{{'a', 'b', 'c', 'd', 7}}, [][]int32{{no, no, 'c', 'd', 7}},
			Report{Examples: 1, Tokens: 5, Supervised: 3}},
		{"all", completion, Options{TrainOn: TrainAll},
			[][]int32{{'a', 'b', 'c', 'd'}}, [][]int32{{'a', 'b', 'c', 'd'}},
			Report{Examples: 1, Tokens: 4, Supervised: 3}},
		{"truncated", completion, Options{AppendEOS: true, EOS: 7, MaxLength: 3},
			[][]int32{{'a', 'b', 'c'}}, [][]int32{{no, no, 'c'}},
			Report{Examples: 1, Tokens: 3, Supervised: 1, Truncated: 1, Cut: 2}},
		{"straddled", across, Options{},
			[][]int32{{'a', 1000, 'y'}}, [][]int32{{no, 1000, 'y'}},
			Report{Examples: 1, Tokens: 3, Supervised: 2, Straddled: 1}},
		{"text", text, Options{}, [][]int32{{'a', 'b', 'c'}}, [][]int32{{'a', 'b', 'c'}},
			Report{Examples: 1, Tokens: 3, Supervised: 2}},
		{"document", document, Options{AppendEOS: true, EOS: 7, MaxLength: 4},
			[][]int32{{'a', 'b', 'c', 'd'}, {'e', 7}}, [][]int32{{'a', 'b', 'c', 'd'}, {'e', 7}},
			Report{Examples: 2, Tokens: 6, Supervised: 4}},
		{"document with a rest of one", document, Options{MaxLength: 4},
			[][]int32{{'a', 'b', 'c', 'd'}}, [][]int32{{'a', 'b', 'c', 'd'}},
			Report{Examples: 1, Tokens: 4, Supervised: 3}},
		{"limited document", document, Options{MaxLength: 2, Limit: 1},
			[][]int32{{'a', 'b'}}, [][]int32{{'a', 'b'}}, Report{Examples: 1, Tokens: 2, Supervised: 1}},
		{"masked pad", text, Options{MaskPad: true, Pad: 'b'},
			[][]int32{{'a', 'b', 'c'}}, [][]int32{{'a', no, 'c'}}, Report{Examples: 1, Tokens: 3, Supervised: 1}},
		{"chat", chat, Options{Template: TemplateChatML, System: "s", AppendEOS: true},
			[][]int32{{'s', 's', 'u', 'p', '\n', '\n', 'q', 'a', 'r'}},
			[][]int32{{no, no, no, no, no, no, no, 'a', 'r'}}, Report{Examples: 1, Tokens: 9, Supervised: 2}},
	} {
		examples, report, err := Build([]Row{c.row}, letters{}, turns{}, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var ids, labels [][]int32
		for _, e := range examples {
			ids, labels = append(ids, e.IDs), append(labels, e.Labels)
		}
		same := slices.EqualFunc(ids, c.ids, slices.Equal[[]int32])
		if !same || !slices.EqualFunc(labels, c.labels, slices.Equal[[]int32]) {
			t.Errorf("%s: want %v labelled %v, have %v labelled %v", c.name, c.ids, c.labels, ids, labels)
		}
		if report != c.report {
			t.Errorf("%s: want %+v, have %+v", c.name, c.report, report)
		}
	}
}

func TestBuildReportsMaskedRows(t *testing.T) {
	rows := []Row{
		{Format: Completion, Prompt: "abcdef", Output: "g"}, {Format: Completion, Prompt: "a", Output: "b"},
	}
	examples, report, err := Build(rows, letters{}, nil, Options{MaxLength: 4})
	if err != nil || len(examples) != 2 || report.Masked != 1 || report.FirstMasked != 0 {
		t.Errorf("want two examples, the first masked, have %v, %+v, %v", examples, report, err)
	}
	if n := NumItems(Step{MicroBatches: [][]int{{0}}}, examples, ItemsHF); n != 0 {
		t.Errorf("want no items, have %d", n)
	}
	if _, _, err := Build(rows[:1], letters{}, nil, Options{MaxLength: 4}); err == nil {
		t.Error("want an error when nothing is supervised")
	}
}

func TestBuildRefuses(t *testing.T) {
	alpaca := Row{Format: Alpaca, File: "f.json", Line: 9, Prompt: "a", Output: "b"}
	text := Row{Format: Text, File: "f.txt", Line: 1, Output: "b"}
	for _, c := range []struct {
		row  Row
		chat ChatEncoder
		o    Options
		want string
	}{
		{alpaca, nil, Options{MaxLength: 1}, "max length"},
		{alpaca, nil, Options{TrainOn: "prompt"}, "train on"},
		{alpaca, nil, Options{Template: TemplateChatML}, "chat template"},
		{alpaca, nil, Options{System: "s"}, "system"},
		{alpaca, nil, Options{Template: TemplateNone}, "f.json:9: template none"},
		{alpaca, nil, Options{Template: "x"}, `have "x"`},
		{alpaca, turns{errors.New("no turns")}, Options{Template: TemplateChatML}, "no turns"},
		{text, nil, Options{Template: TemplateSeed}, "f.txt:1: template seed"},
		{text, turns{}, Options{Template: TemplateChatML}, "template chatml"},
	} {
		_, _, err := Build([]Row{c.row}, letters{}, c.chat, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: want an error with %q, have %v", c.o, c.want, err)
		}
	}
	if _, _, err := Build([]Row{alpaca}, nil, nil, Options{}); err == nil {
		t.Error("want an error without a tokenizer")
	}
}

func TestRender(t *testing.T) {
	with := Row{Format: Alpaca, Prompt: "{input}", Input: "b", Output: "c"}
	without := Row{Format: Alpaca, Prompt: "a", Output: "c"}
	for _, c := range []struct {
		t    Template
		r    Row
		want string
	}{
		{TemplateSeed, with, "### Instruction:\n{input}\n### Input:\nb\n### Response:\n"},
		{TemplateSeed, without, "### Instruction:\na\n### Input:\n\n### Response:\n"},
		{TemplateAuto, with, alpacaWithInput + "{input}\n\n### Input:\nb\n\n### Response:\n"},
		{TemplateAlpaca, without, alpacaWithout + "a\n\n### Response:\n"},
	} {
		prompt, output, err := c.t.Render(c.r)
		if err != nil || prompt != c.want || output != "c" {
			t.Errorf("%q: want %q, have %q, %q, %v", c.t, c.want, prompt, output, err)
		}
	}
}

func TestParseNames(t *testing.T) {
	for name, want := range map[string]Template{"auto": TemplateAuto, "": TemplateAuto, "ChatML": TemplateChatML} {
		if have, err := ParseTemplate(name); err != nil || have != want {
			t.Errorf("%q: want %q, have %q, %v", name, want, have, err)
		}
	}
	for name, want := range map[string]Format{"auto": Auto, "alpaca": Alpaca, "text": Text} {
		if have, err := ParseFormat(name); err != nil || have != want {
			t.Errorf("%q: want %q, have %q, %v", name, want, have, err)
		}
	}
	for name, want := range map[string]TrainOn{"completion": TrainCompletion, "": TrainCompletion, "all": TrainAll} {
		if have, err := ParseTrainOn(name); err != nil || have != want {
			t.Errorf("%q: want %q, have %q, %v", name, want, have, err)
		}
	}
	_, a := ParseTemplate("x")
	_, b := ParseFormat("x")
	_, c := ParseTrainOn("x")
	if a == nil || b == nil || c == nil {
		t.Errorf("an unknown name was taken: %v, %v, %v", a, b, c)
	}
}
