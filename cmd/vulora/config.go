package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// maxSettings bounds a configuration file, in bytes.
const maxSettings = 1 << 20

// complete sets the flags that are not on the command line: from the environment, then from the file --config.
func (f *flags) complete() error {
	var errs []error
	f.VisitAll(func(g *pflag.Flag) {
		name, value, ok := fromEnvironment(g.Name)
		if !ok || g.Name == "help" || f.given(g.Name) {
			return
		}
		if err := f.put(g, "environment", value); err != nil {
			errs = append(errs, usagef("environment %s: %s", name, err))
		}
	})
	if f.config != "" {
		errs = append(errs, f.readFile(f.config)...)
	}
	return errors.Join(errs...)
}

// fromEnvironment finds a flag's value under its name or a shorter one.
func fromEnvironment(flag string) (name, value string, ok bool) {
	names := []string{flag}
	for short, full := range synonyms {
		if full == flag {
			names = append(names, short)
		}
	}
	for _, n := range names {
		if value, ok = os.LookupEnv(environmentName(n)); ok {
			return environmentName(n), value, true
		}
	}
	return "", "", false
}

func environmentName(flag string) string {
	return "VULORA_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// put sets a flag that nothing before has set. List flags take several values.
func (f *flags) put(g *pflag.Flag, source string, values ...string) error {
	for _, v := range values {
		err := g.Value.Set(v)
		if err != nil {
			return errors.New(wanted(g, v, err))
		}
	}
	g.Changed = true
	f.source[g.Name] = source
	return nil
}

// readFile sets flags from a YAML mapping and tells everything that is wrong with it.
func (f *flags) readFile(path string) []error {
	content, err := readSettings(path)
	if err != nil {
		return []error{err}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		return []error{usagef("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	if len(doc.Content) == 0 {
		return nil // an empty file
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return []error{usagef("%s:%d: want flags as NAME: VALUE, have %s", path, top.Line, kind(top))}
	}
	var errs []error
	seen := map[string]bool{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if err := f.setting(key.Value, value, seen); err != nil {
			errs = append(errs, usagef("%s:%d: %s", path, key.Line, err))
		}
	}
	return errs
}

func readSettings(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usagef("--config: %s", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSettings+1))
	if err != nil {
		return nil, usagef("--config: %s", err)
	}
	if len(content) > maxSettings {
		return nil, usagef("--config: %s: want at most %d bytes, have more", path, maxSettings)
	}
	return content, nil
}

// setting sets the flag key unless something with precedence has.
func (f *flags) setting(key string, value *yaml.Node, seen map[string]bool) error {
	g := f.Lookup(key)
	if g == nil || g.Name == "config" || g.Name == "help" {
		return fmt.Errorf("unknown key %q%s", key, didYouMean("", key, f.names()))
	}
	if seen[g.Name] {
		return fmt.Errorf("%s: want it once, have it again", key)
	}
	seen[g.Name] = true
	values, err := texts(value, g.Value.Type() == "stringArray")
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if f.given(g.Name) {
		return nil
	}
	if err := f.put(g, "config", values...); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// texts writes a YAML value as it would stand on the command line. Lists of a flag that is not repeatable and
// mappings are written with commas.
func texts(n *yaml.Node, repeatable bool) ([]string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return []string{n.Value}, nil
	case yaml.SequenceNode, yaml.MappingNode:
		var parts []string
		for _, x := range n.Content {
			if x.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("want a list of plain values, have %s in it", kind(x))
			}
			parts = append(parts, x.Value)
		}
		if n.Kind == yaml.MappingNode {
			parts = pairs(parts)
		} else if repeatable {
			return parts, nil
		}
		return []string{strings.Join(parts, ",")}, nil
	}
	return nil, fmt.Errorf("want a value, have %s", kind(n))
}

func pairs(keysAndValues []string) (joined []string) {
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		joined = append(joined, keysAndValues[i]+"="+keysAndValues[i+1])
	}
	return joined
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	return "a plain value"
}
