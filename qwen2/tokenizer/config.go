package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/vulora/vulora/qwen2/strictjson"
)

// configFile is what matters of a tokenizer_config.json.
type configFile struct {
	EOS          tokenName             `json:"eos_token"`
	Pad          tokenName             `json:"pad_token"`
	BOS          tokenName             `json:"bos_token"`
	Unknown      tokenName             `json:"unk_token"`
	Separator    tokenName             `json:"sep_token"`
	Class        tokenName             `json:"cls_token"`
	Mask         tokenName             `json:"mask_token"`
	MaxLength    json.Number           `json:"model_max_length"`
	ChatTemplate json.RawMessage       `json:"chat_template"`
	Added        map[string]addedToken `json:"added_tokens_decoder"`
	SplitSpecial bool                  `json:"split_special_tokens"`
}

// tokenName is a token written as its text, as an object with a content, or as null ("").
type tokenName string

func (n *tokenName) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		var object struct {
			Content string `json:"content"`
		}
		err := json.Unmarshal(data, &object)
		*n = tokenName(object.Content)
		return err
	}
	return json.Unmarshal(data, (*string)(n))
}

func readConfig(data []byte) (*configFile, error) {
	c := new(configFile)
	if len(data) == 0 {
		return c, nil
	}
	if err := strictjson.Check(data, maxDepth); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, err
	}
	if c.SplitSpecial {
		return nil, errors.New("split_special_tokens: want false, had true")
	}
	return c, nil
}

// override puts the tokens of added_tokens_decoder into those of tokenizer.json. Where both have an id the flags of the
// former count, as in transformers.
func (c *configFile) override(added []addedToken) ([]addedToken, error) {
	at := make(map[int32]int, len(added))
	for i, a := range added {
		if _, dup := at[a.ID]; dup {
			return nil, fmt.Errorf("added token %d: want it once, had it twice in tokenizer.json", a.ID)
		}
		at[a.ID] = i
	}
	var fresh []addedToken
	for key, a := range c.Added {
		id, err := strconv.ParseUint(key, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("added_tokens_decoder: want an id, had %.100q", key)
		}
		a.ID = int32(id)
		i, ok := at[a.ID]
		if !ok {
			fresh = append(fresh, a)
			continue
		}
		if added[i].Content != a.Content {
			return nil, fmt.Errorf("added_tokens_decoder: id %d: want %.100q as in tokenizer.json, had %.100q",
				a.ID, added[i].Content, a.Content)
		}
		added[i] = a
	}
	slices.SortFunc(fresh, func(a, b addedToken) int { return int(a.ID) - int(b.ID) })
	return append(added, fresh...), nil
}

func (t *Tokenizer) configure(c *configFile) error {
	var ok bool
	for _, want := range []struct {
		key  string
		name tokenName
		id   *int32
	}{{"eos_token", c.EOS, &t.eos}, {"pad_token", c.Pad, &t.pad}} {
		if want.name == "" {
			continue
		}
		if *want.id, ok = t.ids[string(want.name)]; !ok {
			return fmt.Errorf("%s: want a token of tokenizer.json, had %.100q", want.key, want.name)
		}
	}
	t.special = map[string]string{}
	for name, token := range map[string]tokenName{"eos_token": c.EOS, "pad_token": c.Pad, "bos_token": c.BOS,
		"unk_token": c.Unknown, "sep_token": c.Separator, "cls_token": c.Class, "mask_token": c.Mask} {
		if token != "" {
			t.special[name] = string(token)
		}
	}
	// Files without a limit say 1e30.
	if n, err := c.MaxLength.Float64(); err == nil && n >= 1 && n <= math.MaxInt32 {
		t.maxLength = int(n)
	}
	return t.readTemplate(c.ChatTemplate)
}

// readTemplate takes the chat_template: a text, or a list of named ones of which "default" counts, and "tool_use" where
// there are tools.
func (t *Tokenizer) readTemplate(raw json.RawMessage) error {
	raw = bytes.TrimSpace(raw)
	if isNull(raw) {
		return nil
	}
	const name = "tokenizer_config.json: chat_template"
	if raw[0] != '[' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return fmt.Errorf("chat_template: %w", err)
		}
		t.chat = newChatTemplate(name, text)
		return nil
	}
	var named []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &named); err != nil {
		return fmt.Errorf("chat_template: %w", err)
	}
	for _, n := range named {
		switch n.Name {
		case "default":
			t.chat = newChatTemplate(name, n.Template)
		case "tool_use":
			tools := newChatTemplate(name+" "+n.Name, n.Template)
			t.chatTools = &tools
		}
	}
	return nil
}
