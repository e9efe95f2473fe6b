package peft

import (
	"bytes"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestTrainableLine(t *testing.T) {
	for _, c := range []struct {
		trainable, all int64
		want           string
	}{
		{1081344, 495114112, "trainable params: 1,081,344 || all params: 495,114,112 || trainable%: 0.2184"},
		{0, 0, "trainable params: 0 || all params: 0 || trainable%: 0.0000"},
		{999, 1000, "trainable params: 999 || all params: 1,000 || trainable%: 99.9000"},
	} {
		if have := TrainableLine(c.trainable, c.all); have != c.want {
			t.Errorf("want %s, have %s", c.want, have)
		}
	}
}

func TestReadme(t *testing.T) {
	c := Default()
	card := Card{BaseModel: "a: b\n---\n#", Program: "vulora 1", Trainable: 10, All: 1000,
		Facts: []Fact{{"Rows", "54"}, {"Note", "a|b\n<i>"}, {"Nothing", ""}}}
	text, err := card.README(&c)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(string(text), "---\n", 3)
	var head struct {
		BaseModel string `yaml:"base_model"`
		Library   string `yaml:"library_name"`
		Tags      []string
	}
	if err := yaml.Unmarshal(text[4:bytes.Index(text, []byte("\n---\n\n"))], &head); err != nil {
		t.Fatalf("%v in %s", err, parts[1])
	}
	if head.BaseModel != card.BaseModel || head.Library != "peft" || len(head.Tags) != 2 {
		t.Errorf("have %+v in %s", head, text)
	}
	for _, part := range []string{"| Rank | 8 |", "| Rows | 54 |", `| Note | a\|b &lt;i> |`, "trainable%: 1.0000",
		"vulora 1"} {
		if !strings.Contains(string(text), part) {
			t.Errorf("want %q in %s", part, text)
		}
	}
	if strings.Contains(string(text), "Nothing") {
		t.Errorf("an empty fact is there: %s", text)
	}
}
