package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// Check returns an error unless data is exactly one JSON value in valid UTF-8 whose arrays and objects nest at most
// maxDepth deep and whose objects have no key twice.
func Check(data []byte, maxDepth int) error {
	if !utf8.Valid(data) {
		return errors.New("strictjson: not valid UTF-8")
	}
	c := checker{dec: json.NewDecoder(bytes.NewReader(data)), maxDepth: maxDepth}
	c.dec.UseNumber()
	for {
		t, err := c.dec.Token()
		if err == io.EOF && c.values == 1 && len(c.stack) == 0 {
			break
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("strictjson: at byte %d: %w", c.dec.InputOffset(), err)
		}
		if err := c.token(t); err != nil {
			return fmt.Errorf("strictjson: at byte %d: %w", c.dec.InputOffset(), err)
		}
	}
	if !json.Valid(data) { // Token is laxer than Unmarshal about commas in a few places.
		return errors.New("strictjson: not valid JSON")
	}
	return nil
}

// checker follows the tokens of a document.
type checker struct {
	dec      *json.Decoder
	maxDepth int
	stack    []level
	values   int // finished or begun values at the top
}

// level is an open object or array. keys is nil in an array.
type level struct {
	keys    map[string]struct{}
	wantKey bool
}

func (c *checker) token(t json.Token) error {
	d, isDelim := t.(json.Delim)
	if isDelim && (d == '}' || d == ']') {
		c.stack = c.stack[:len(c.stack)-1]
		return nil
	}
	if n := len(c.stack); n == 0 {
		if c.values++; c.values > 1 {
			return errors.New("want one value, have data after it")
		}
	} else if top := &c.stack[n-1]; top.keys != nil {
		top.wantKey = !top.wantKey
		if !top.wantKey {
			return top.addKey(t)
		}
	}
	if !isDelim {
		return nil
	}
	if len(c.stack) == c.maxDepth {
		return fmt.Errorf("nested deeper than %d", c.maxDepth)
	}
	l := level{}
	if d == '{' {
		l = level{keys: map[string]struct{}{}, wantKey: true}
	}
	c.stack = append(c.stack, l)
	return nil
}

func (l *level) addKey(t json.Token) error {
	k, ok := t.(string)
	if !ok {
		return fmt.Errorf("want a key, have %v", t)
	}
	if strings.ContainsRune(k, utf8.RuneError) { // What encoding/json makes of an escaped lone surrogate.
		return fmt.Errorf("key %q is not valid Unicode", k)
	}
	if _, dup := l.keys[k]; dup {
		return fmt.Errorf("key %q appears twice", k)
	}
	l.keys[k] = struct{}{}
	return nil
}

// ReadFile returns the content of the JSON file path after Check. A file that is not regular or has more than maxBytes
// bytes is refused before it is read. A missing file gives an error that is fs.ErrNotExist.
func ReadFile(path string, maxBytes int64, maxDepth int) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("strictjson: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("strictjson: %s: want a regular file, have %v", path, info.Mode().Type())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("strictjson: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("strictjson: %s: %w", path, err)
	}
	if int64(len(data)) > maxBytes {
		return nil, fmt.Errorf("strictjson: %s: want at most %d bytes, have %d", path, maxBytes, info.Size())
	}
	if err := Check(data, maxDepth); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
