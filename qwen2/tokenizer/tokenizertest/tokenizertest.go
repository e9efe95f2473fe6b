// Package tokenizertest gives tests the real tokenizer of Qwen2.5, which is kept compressed in the folder testdata of
// package tokenizer.
package tokenizertest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/vulora/vulora/qwen2/tokenizer"
)

// Qwen25 returns the tokenizer of Qwen2.5 Instruct. It is read once for all tests of a binary.
func Qwen25(tb testing.TB) *tokenizer.Tokenizer {
	tb.Helper()
	t, err := read()
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// Files returns the contents of Qwen2.5 Instruct's tokenizer.json (7 MB) and tokenizer_config.json.
func Files(tb testing.TB) (tokenizerJSON, configJSON []byte) {
	tb.Helper()
	model, config, err := files()
	if err != nil {
		tb.Fatal(err)
	}
	return model, config
}

var read = sync.OnceValues(func() (*tokenizer.Tokenizer, error) {
	model, config, err := files()
	if err != nil {
		return nil, err
	}
	return tokenizer.Read(model, config)
})

func files() (model, config []byte, err error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(root, "qwen2", "tokenizer", "testdata")
	packed, err := os.ReadFile(filepath.Join(dir, "tokenizer.json.gz"))
	if err != nil {
		return nil, nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, nil, err
	}
	if model, err = io.ReadAll(z); err != nil {
		return nil, nil, err
	}
	config, err = os.ReadFile(filepath.Join(dir, "tokenizer_config.json"))
	return model, config, err
}

// moduleRoot returns the folder of go.mod above the working folder, which for a test is that of its package.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("tokenizertest: want a go.mod above the working folder, had none")
		}
		dir = up
	}
	return "", err
}
