package peft

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// AllLinear is the target that stands for every linear module but the output head.
const AllLinear = "all-linear"

// outputHead is the last part of the output head's name.
const outputHead = "lm_head"

func (m Modules) allLinear() bool { return strings.EqualFold(m.Pattern, AllLinear) }

// defaultTargets are PEFT's for qwen2 (utils/constants.py).
var defaultTargets = []string{"q_proj", "v_proj"}

// Match finds the modules a config targets among the names of a model's linear modules, for instance
// "model.layers.0.self_attn.q_proj", and keeps their order. unmatched has the targets of a list that no module is named
// by: PEFT ignores them silently. It follows check_target_module_exists of peft/tuners/tuners_utils.py.
//
// Errors: what [Config.Validate] and [Config.Supported] find, and a config that fits nothing, with the names there are.
func Match(c *Config, modules []string) (targets, unmatched []string, err error) {
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	if err := c.Supported(); err != nil {
		return nil, nil, err
	}
	m, err := c.matcher()
	if err != nil {
		return nil, nil, fmt.Errorf("peft: %w", err)
	}
	excluded := ""
	n := 0
	for _, module := range modules {
		switch {
		case m.excludes(module):
			n++
			excluded = fmt.Sprintf(" (%d modules are excluded)", n)
		case m.takes(module):
			targets = append(targets, module)
		}
	}
	if len(targets) == 0 {
		where := ""
		if len(c.Layers) > 0 {
			where = fmt.Sprintf(" in the layers %v of layers_to_transform", c.Layers)
		}
		return nil, nil, fmt.Errorf("peft: target_modules: want one of %s, have %s%s%s",
			strings.Join(blockNames(modules), ", "), c.describeTargets(), where, excluded)
	}
	for _, name := range m.names {
		if !slices.ContainsFunc(modules, func(module string) bool { return named(module, name) }) {
			unmatched = append(unmatched, name)
		}
	}
	return targets, unmatched, nil
}

func (c *Config) describeTargets() string {
	if c.Targets.Pattern != "" {
		return strconv.Quote(c.Targets.Pattern)
	}
	names := c.Targets.Names
	if c.Targets.isNull() {
		names = defaultTargets
	}
	return "[" + strings.Join(names, " ") + "]"
}

// ShortNames are the distinct last parts of modules' names, sorted: what target_modules holds when a config is written.
func ShortNames(modules []string) []string {
	names := make([]string, 0, 8)
	for _, module := range modules {
		name := module[strings.LastIndexByte(module, '.')+1:]
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// blockNames are the short names to choose from. The output head is none of them: it can be matched, but not trained.
func blockNames(modules []string) []string {
	return slices.DeleteFunc(ShortNames(modules), func(name string) bool { return name == outputHead })
}

// named says whether a module has this name, or a name that ends with it after a dot.
func named(module, name string) bool {
	return module == name || strings.HasSuffix(module, "."+name)
}

type matcher struct {
	names    []string
	includes func(module string) bool
	excludes func(module string) bool
	layer    func(module string) bool
}

func (c *Config) matcher() (*matcher, error) {
	m := &matcher{names: c.Targets.Names, layer: func(string) bool { return true }}
	if c.Targets.isNull() {
		m.names = defaultTargets
	}
	var err error
	if c.Targets.allLinear() {
		m.includes = func(module string) bool { return !named(module, outputHead) }
	} else if m.includes, err = (Modules{Names: m.names, Pattern: c.Targets.Pattern}).matches(); err != nil {
		return nil, fmt.Errorf("target_modules: %w", err)
	}
	if m.excludes, err = c.Excluded.matches(); err != nil {
		return nil, fmt.Errorf("exclude_modules: %w", err)
	}
	if len(c.Layers) > 0 {
		if m.layer, err = c.layerFilter(); err != nil {
			return nil, fmt.Errorf("layers_pattern: %w", err)
		}
	}
	return m, nil
}

func (m Modules) matches() (func(module string) bool, error) {
	if m.Pattern == "" {
		return func(module string) bool {
			return slices.ContainsFunc(m.Names, func(name string) bool { return named(module, name) })
		}, nil
	}
	re, err := fullPattern(m.Pattern)
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}

// takes applies layers_to_transform to names that fit by their end only: PEFT lets a full name pass.
func (m *matcher) takes(module string) bool {
	return m.includes(module) && (slices.Contains(m.names, module) || m.layer(module))
}

func (c *Config) layerFilter() (func(module string) bool, error) {
	patterns := []*regexp.Regexp{anyLayer}
	if names := c.LayersPattern.list(); len(names) > 0 {
		patterns = nil
		for _, name := range names {
			re, err := layerPattern(name)
			if err != nil {
				return nil, err
			}
			patterns = append(patterns, re)
		}
	}
	return func(module string) bool {
		for _, re := range patterns {
			if found := re.FindStringSubmatch(module); found != nil {
				n, err := strconv.Atoi(found[len(found)-1])
				return err == nil && slices.Contains(c.Layers, n)
			}
		}
		return false
	}, nil
}
