package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// settingsName is the file in the output that has a run's settings.
const settingsName = "run.yaml"

// notSettings are flags that say what is to be done now and are no part of how a run is made.
var notSettings = []string{"config", "help", "json", "overwrite-output", "print-config", "profile",
	"resume"}

// writeSettings writes every setting as it is used, as a file for --config.
func (o *trainOptions) writeSettings(w io.Writer, f *flags) error {
	doc := &yaml.Node{Kind: yaml.MappingNode}
	for _, g := range f.groups {
		title := g.title
		g.set.VisitAll(func(flag *pflag.Flag) {
			if slices.Contains(notSettings, flag.Name) || flag.Value.String() == "" ||
				o.adapter.dir != "" && slices.Contains(adapterFlags, flag.Name) {
				return
			}
			key := &yaml.Node{Kind: yaml.ScalarNode, Value: flag.Name, HeadComment: title}
			title = ""
			doc.Content = append(doc.Content, key, settingNode(flag.Value))
		})
	}
	const told = "# vulora train --config %s, in the folder where the run was started: paths count from there\n"
	if _, err := fmt.Fprintf(w, told, settingsName); err != nil {
		return err
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(doc); err != nil {
		return err
	}
	return e.Close()
}

// settingNode is a flag's value in YAML: a plain number or truth value, or a string.
func settingNode(v pflag.Value) *yaml.Node {
	if list, ok := v.(pflag.SliceValue); ok {
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, text := range list.GetSlice() {
			n.Content = append(n.Content, stringNode(text))
		}
		return n
	}
	if strings.Contains("bool int uint64 float64", v.Type()) {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
	}
	return stringNode(v.String())
}

func stringNode(text string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(text)
	return n
}

// shellWord quotes text for a shell where that is needed.
func shellWord(text string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !safe(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
