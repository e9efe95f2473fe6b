package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vulora/vulora/qwen2/strictjson"
)

// splitPattern is the expression that cuts Qwen2's text into words, as tokenizer.json writes it. nextWord is its
// hand-written equal.
const splitPattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*` +
	`|\s*[\r\n]+|\s+(?!\S)|\s+`

// maxDepth bounds the nesting of every small JSON document here.
const maxDepth = 64

// readModel fills the vocabulary, the merges and the normaliser, and returns the added tokens.
func (t *Tokenizer) readModel(data []byte) ([]addedToken, error) {
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	top, err := members(data)
	if err != nil {
		return nil, err
	}
	if t.nfc, err = readNormalizer(top["normalizer"]); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	if err := checkPreTokenizer(top["pre_tokenizer"]); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	// A ByteLevel post-processor only trims offsets.
	if raw := top["post_processor"]; !isNull(raw) {
		if err := checkByteLevel(raw); err != nil {
			return nil, fmt.Errorf("post_processor: %w", err)
		}
	}
	if err := checkByteLevel(top["decoder"]); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	if err := t.readBPE(top["model"]); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	var added []addedToken
	if raw := top["added_tokens"]; !isNull(raw) {
		if err := strictjson.Check(raw, maxDepth); err != nil {
			return nil, fmt.Errorf("added_tokens: %w", err)
		}
		if err := json.Unmarshal(raw, &added); err != nil {
			return nil, fmt.Errorf("added_tokens: %w", err)
		}
	}
	return added, nil
}

// stage is a normaliser, pre-tokenizer, post-processor or decoder.
type stage struct {
	Type           string                  `json:"type"`
	Normalizers    []stage                 `json:"normalizers"`
	PreTokenizers  []stage                 `json:"pretokenizers"`
	Pattern        struct{ Regex *string } `json:"pattern"`
	Behavior       string                  `json:"behavior"`
	Invert         bool                    `json:"invert"`
	AddPrefixSpace *bool                   `json:"add_prefix_space"`
	UseRegex       *bool                   `json:"use_regex"`
}

// readStage returns the zero stage for null.
func readStage(raw []byte) (stage, error) {
	var s stage
	if isNull(raw) {
		return s, nil
	}
	if err := strictjson.Check(raw, maxDepth); err != nil {
		return s, err
	}
	err := json.Unmarshal(raw, &s)
	return s, err
}

func checkByteLevel(raw []byte) error {
	s, err := readStage(raw)
	if err == nil && s.Type != "ByteLevel" {
		err = fmt.Errorf("want ByteLevel, had %.100q", s.Type)
	}
	return err
}

func readNormalizer(raw []byte) (nfc bool, err error) {
	s, err := readStage(raw)
	if err != nil {
		return false, err
	}
	parts := []stage{s}
	switch s.Type {
	case "":
		return false, nil
	case "Sequence":
		parts = s.Normalizers
	}
	for _, p := range parts {
		if p.Type != "NFC" {
			return false, fmt.Errorf("want NFC or none, had %.100q", p.Type)
		}
	}
	return len(parts) > 0, nil
}

// checkPreTokenizer wants the sequence of Qwen2's Split and a ByteLevel that only maps bytes.
func checkPreTokenizer(raw []byte) error {
	s, err := readStage(raw)
	if err != nil {
		return err
	}
	if s.Type != "Sequence" {
		return fmt.Errorf("want a Sequence of Split and ByteLevel, had %.100q", s.Type)
	}
	p := s.PreTokenizers
	if len(p) != 2 || p[0].Type != "Split" || p[1].Type != "ByteLevel" {
		names := make([]string, 0, 4)
		for i := 0; i < len(p) && i < cap(names); i++ {
			names = append(names, fmt.Sprintf("%.40s", p[i].Type))
		}
		return fmt.Errorf("want a Sequence of Split and ByteLevel, had %d parts: %q", len(p), names)
	}
	split, level := p[0], p[1]
	if split.Pattern.Regex == nil || *split.Pattern.Regex != splitPattern {
		had := ""
		if split.Pattern.Regex != nil {
			had = *split.Pattern.Regex
		}
		return fmt.Errorf("split: want the expression %q, had %.300q", splitPattern, had)
	}
	if split.Behavior != "Isolated" || split.Invert {
		return fmt.Errorf("split: want Isolated and not inverted, had %.40q, inverted %t", split.Behavior, split.Invert)
	}
	if level.AddPrefixSpace == nil || *level.AddPrefixSpace || level.UseRegex == nil || *level.UseRegex {
		return errors.New("byte level: want add_prefix_space and use_regex false, had them true or unsaid")
	}
	return nil
}
