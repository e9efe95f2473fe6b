package tokenizer

import (
	"encoding/json"
	"errors"

	"github.com/vulora/vulora/qwen2/jinja"
)

// pythonJSON writes the JSON document raw as Jinja's tojson does in transformers, that is as Python's
// json.dumps(json.loads(raw), ensure_ascii=False): keys in their order, ", " and ": " between, characters unescaped but
// for quotes, backslashes and controls, floats as repr writes them.
func pythonJSON(raw json.RawMessage) (string, error) {
	if len(raw) == 0 {
		return "", errors.New("want JSON, had nothing")
	}
	v, err := readJSON(raw)
	if err != nil {
		return "", err
	}
	return jinja.ToJSON(v)
}
