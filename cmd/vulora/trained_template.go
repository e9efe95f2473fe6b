package main

import (
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/vulora/vulora/lora/data"
)

// trainedTemplate returns the template that the rows of the adapter in dir were put into, as the settings beside it
// say, and nothing where they do not.
func trainedTemplate(dir string) string {
	path := filepath.Join(dir, settingsName)
	if info, err := os.Stat(path); dir == "" || err != nil || info.Size() > maxSettings {
		return ""
	}
	content, err := os.ReadFile(path)
	var run struct{ Template string }
	if err == nil {
		err = yaml.Unmarshal(content, &run)
	}
	if err != nil || !slices.Contains(data.Templates(), data.Template(run.Template)) {
		return ""
	}
	return run.Template
}

// settleTemplate says what auto stands for with the rows there are, so that it is among the settings that are written.
func (o *dataOptions) settleTemplate(rows *dataset) {
	if o.template != "auto" {
		return
	}
	found := ""
	for _, f := range rows.files {
		t := string(data.TemplateAuto.For(f.Format))
		if found != "" && found != t {
			return // of several formats
		}
		found = t
	}
	if found != "" {
		o.template = found
	}
}

// compare says so where the adapter's rows were put otherwise than the prompt is.
func (o *promptOptions) compare(s *shell, f *flags, adapter string) {
	if o.chat || f.given("template") {
		return
	}
	switch t := trainedTemplate(adapter); t {
	case "seed", "alpaca":
		s.note("%s was trained on rows in the template %s, and the prompt is as it is: --template %s puts it as they were",
			adapter, t, t)
	case "chatml":
		s.note("%s was trained on chats, and the prompt is as it is: --chat makes it a user's message", adapter)
	}
}
