package peft

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// TrainableLine is what PEFT's print_trainable_parameters prints.
func TrainableLine(trainable, all int64) string {
	percent := 0.0
	if all != 0 {
		percent = 100 * float64(trainable) / float64(all)
	}
	return fmt.Sprintf("trainable params: %s || all params: %s || trainable%%: %.4f",
		commas(trainable), commas(all), percent)
}

// commas is Python's {:,}.
func commas(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Card has the facts of a model card. Empty facts are left out.
type Card struct {
	BaseModel string
	Program   string // name and version of what wrote the adapter
	Trainable int64
	All       int64
	Facts     []Fact
}

// Fact is a line of a model card's table.
type Fact struct{ Name, Value string }

// front is the YAML at the top of a model card, as PEFT 0.21.2 writes it.
type front struct {
	BaseModel string   `yaml:"base_model,omitempty"`
	Library   string   `yaml:"library_name"`
	Pipeline  string   `yaml:"pipeline_tag,omitempty"`
	Tags      []string `yaml:"tags"`
}

// README is the model card of an adapter with the config c, in Markdown with a YAML head.
func (k Card) README(c *Config) ([]byte, error) {
	head := front{BaseModel: k.BaseModel, Library: "peft", Tags: []string{"lora"}}
	if c.TaskType == "CAUSAL_LM" {
		head.Pipeline = "text-generation"
	}
	if k.BaseModel != "" {
		head.Tags = []string{"base_model:adapter:" + k.BaseModel, "lora"}
	}
	var b strings.Builder
	b.WriteString("---\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(head); err != nil {
		return nil, fmt.Errorf("peft: model card: %w", err)
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("peft: model card: %w", err)
	}
	b.WriteString("---\n\n# LoRA adapter\n\n")
	facts := []Fact{
		{"Base model", k.BaseModel}, {"Rank", strconv.Itoa(c.R)}, {"Alpha", c.LoraAlpha.String()},
		{"Dropout", c.LoraDropout.String()}, {"Bias", string(c.Bias)}, {"Target modules", c.describeTargets()},
		{"Parameters", TrainableLine(k.Trainable, k.All)},
	}
	if k.Trainable == 0 {
		facts = facts[:len(facts)-1]
	}
	b.WriteString("| | |\n|---|---|\n")
	for _, f := range append(facts, k.Facts...) {
		if f.Value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", cell(f.Name), cell(f.Value))
		}
	}
	b.WriteString("\nLoad it with PEFT:\n\n```python\nfrom peft import PeftModel\n" +
		"model = PeftModel.from_pretrained(base_model, \"path/of/this/adapter\")\n```\n")
	if k.Program != "" {
		b.WriteString("\nTrained with " + cell(k.Program) + ".\n")
	}
	return []byte(b.String()), nil
}

// cell keeps a value from ending its line or its cell, or from being read as HTML.
var cell = strings.NewReplacer("\r", " ", "\n", " ", "|", `\|`, "<", "&lt;", "`", "'").Replace
