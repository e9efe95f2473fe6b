package peft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxConfig bounds adapter_config.json; with every module of a large model listed it has some hundred kilobytes.
const maxConfig = 16 << 20

// keptDefaults are the keys that a Config has no field for, as PEFT writes them where they are not used.
var keptDefaults = map[string]string{
	"alora_invocation_tokens": "null", "arrow_config": "null", "auto_mapping": "null", "corda_config": "null",
	"ensure_weight_tying": "false", "eva_config": "null", "fan_in_fan_out": "false", "kasa_config": "null",
	"layer_replication": "null", "loftq_config": "{}", "lora_bias": "false", "lora_ga_config": "null",
	"megatron_config": "null", "megatron_core": `"megatron.core"`, "modules_to_save": "null",
	"monteclora_config": "null", "qalora_group_size": "16", "target_parameters": "null",
	"trainable_token_indices": "null", "use_bdlora": "null", "use_dora": "false", "use_qalora": "false",
	"velora_config": "null",
}

// unread are the keys that say nothing about what an adapter computes.
var unread = []string{"inference_mode", "peft_version", "runtime_config"}

// Parse reads adapter_config.json. Missing keys have PEFT's defaults; unknown ones are told in warnings and forgotten,
// as PEFT does. All keys with a wrong type are reported at once, and so is what [Config.Validate] finds. A peft_type
// other than LORA is an error; settings that are not supported are not, see [Config.Supported].
func Parse(content []byte) (c *Config, warnings []string, err error) {
	if len(content) > maxConfig {
		return nil, nil, fmt.Errorf("peft: adapter_config.json: want at most %d bytes, have %d",
			maxConfig, len(content))
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(content) {
		return nil, nil, errors.New("peft: adapter_config.json: want UTF-8, have other bytes")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(content, &fields); err != nil {
		return nil, nil, fmt.Errorf("peft: adapter_config.json: want a JSON object: %w", err)
	}
	p := &parser{fields: fields}
	if kind := p.text("peft_type"); kind != "LORA" {
		return nil, nil, fmt.Errorf("peft: adapter_config.json: peft_type: want LORA, have %q", kind)
	}
	read := p.config()
	if err := errors.Join(p.errs...); err != nil {
		return nil, nil, fmt.Errorf("peft: adapter_config.json: %w", err)
	}
	if err := read.Validate(); err != nil {
		return nil, nil, err
	}
	for key := range p.fields {
		if !slices.Contains(unread, key) {
			warnings = append(warnings, fmt.Sprintf("adapter_config.json: the unknown key %q is ignored", key))
		}
	}
	slices.Sort(warnings)
	return &read, warnings, nil
}

// parser takes keys out of fields; what is left is unknown.
type parser struct {
	fields map[string]json.RawMessage
	errs   []error
}

func (p *parser) config() Config {
	d := Default()
	c := Config{
		BaseModel: p.text("base_model_name_or_path"), Revision: p.text("revision"), TaskType: p.text("task_type"),
		R: p.int("r", d.R), LoraAlpha: p.number("lora_alpha", d.LoraAlpha),
		LoraDropout: p.number("lora_dropout", d.LoraDropout),
		RSLora:      p.bool("use_rslora"), Init: p.init(), Bias: Bias(p.text("bias")),
		Targets: p.modules("target_modules"), Excluded: p.modules("exclude_modules"),
		LayersPattern: p.modules("layers_pattern"),
	}
	if c.Bias == "" {
		c.Bias = d.Bias
	}
	c.Layers, c.oneLayer = p.layers()
	c.RankPattern = pattern(p, "rank_pattern", parseInt)
	c.AlphaPattern = pattern(p, "alpha_pattern", parseRawNumber)
	for key := range keptDefaults {
		raw, ok := p.take(key)
		if !ok {
			continue
		}
		v, err := decode(raw)
		if err == nil {
			err = dump(new(strings.Builder), v, "")
		}
		if err != nil {
			p.fail(key, "%w", err)
			continue
		}
		if c.other == nil {
			c.other = map[string]any{}
		}
		c.other[key] = v
	}
	return c
}

func decode(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func (p *parser) fail(key, format string, v ...any) {
	p.errs = append(p.errs, fmt.Errorf("%s: "+format, append([]any{key}, v...)...))
}

func (p *parser) take(key string) (json.RawMessage, bool) {
	raw, ok := p.fields[key]
	delete(p.fields, key)
	return raw, ok && !isNull(raw)
}

func isNull(raw []byte) bool { return string(raw) == "null" }

func (p *parser) text(key string) (s string) {
	if raw, ok := p.take(key); ok && json.Unmarshal(raw, &s) != nil {
		p.fail(key, "want a string, have %.40s", raw)
	}
	return s
}

func (p *parser) bool(key string) (b bool) {
	if raw, ok := p.take(key); ok && json.Unmarshal(raw, &b) != nil {
		p.fail(key, "want true or false, have %.40s", raw)
	}
	return b
}

func parseInt(raw []byte) (n int, err error) {
	if isNull(raw) || json.Unmarshal(raw, &n) != nil {
		return 0, fmt.Errorf("want an integer, have %.40s", raw)
	}
	return n, nil
}

func parseRawNumber(raw []byte) (Number, error) {
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return Number{}, fmt.Errorf("want a number, have %.40s", raw)
	}
	return parseNumber(string(raw))
}

func (p *parser) int(key string, otherwise int) int {
	return parsed(p, key, otherwise, parseInt)
}

func (p *parser) number(key string, otherwise Number) Number {
	return parsed(p, key, otherwise, parseRawNumber)
}

func parsed[T any](p *parser, key string, otherwise T, parse func(raw []byte) (T, error)) T {
	raw, ok := p.take(key)
	if !ok {
		return otherwise
	}
	v, err := parse(raw)
	if err != nil {
		p.fail(key, "%w", err)
	}
	return v
}

// modules is null, a string or a list of strings.
func (p *parser) modules(key string) (m Modules) {
	raw, ok := p.take(key)
	if !ok || json.Unmarshal(raw, &m.Pattern) == nil {
		return m
	}
	if !stringList(raw, &m.Names) {
		p.fail(key, "want a list of strings or a string, have %.40s", raw)
	}
	m.asRead = true
	return m
}

// stringList refuses null among the strings, which encoding/json takes for "".
func stringList(raw []byte, into *[]string) bool {
	var pointers []*string
	if json.Unmarshal(raw, &pointers) != nil {
		return false
	}
	*into = make([]string, len(pointers))
	for i, s := range pointers {
		if s == nil {
			return false
		}
		(*into)[i] = *s
	}
	return true
}

// layers is null, a number or a list of numbers.
func (p *parser) layers() (layers []int, one bool) {
	const key = "layers_to_transform"
	raw, ok := p.take(key)
	if !ok {
		return nil, false
	}
	if n, err := parseInt(raw); err == nil {
		return []int{n}, true
	}
	var numbers []*int
	bad := json.Unmarshal(raw, &numbers) != nil
	layers = make([]int, len(numbers))
	for i, n := range numbers {
		if bad = bad || n == nil; !bad {
			layers[i] = *n
		}
	}
	if bad {
		p.fail(key, "want an integer or a list of integers, have %.40s", raw)
	}
	return layers, false
}

func (p *parser) init() InitKind {
	const key = "init_lora_weights"
	raw, ok := p.take(key)
	var name string
	switch {
	case !ok || string(raw) == "true":
		return InitDefault
	case string(raw) == "false":
		return InitRandom
	case json.Unmarshal(raw, &name) != nil || name == "" || name == "true" || name == "false":
		p.fail(key, "want true, false or a name, have %.40s", raw)
	}
	return InitKind(name)
}

// pattern keeps the order of a file: the first key that fits a module counts. Of a key that comes twice the last value
// counts, at the first place, as in a Python dict.
func pattern[T any](p *parser, key string, parse func(raw []byte) (T, error)) []Entry[T] {
	raw, ok := p.take(key)
	if !ok {
		return nil
	}
	if raw[0] != '{' {
		p.fail(key, "want an object, have %.40s", raw)
		return nil
	}
	var entries []Entry[T]
	at := map[string]int{}
	d := json.NewDecoder(bytes.NewReader(raw))
	_, err := d.Token()
	for err == nil && d.More() {
		var name json.Token
		var content json.RawMessage
		if name, err = d.Token(); err != nil {
			break
		}
		if err = d.Decode(&content); err != nil {
			break
		}
		v, bad := parse(content)
		if bad != nil {
			p.fail(key, "%q: %w", name, bad)
		}
		module, _ := name.(string)
		if i, again := at[module]; again {
			entries[i].Value = v
			continue
		}
		at[module] = len(entries)
		entries = append(entries, Entry[T]{module, v})
	}
	if err != nil {
		p.fail(key, "%w", err)
	}
	return entries
}
