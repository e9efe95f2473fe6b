package tokenizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Largest files that Load reads, in bytes. The largest published tokenizer.json of a byte-level BPE has about 35 MB.
const (
	maxTokenizerBytes = 128 << 20
	maxConfigBytes    = 16 << 20
	maxTemplateBytes  = 1 << 20
)

// Tokenizer converts between text and token ids. The zero value is not usable: see Load and Read.
type Tokenizer struct {
	tokens []token          // by id; a hole between ids has neither text nor bytes
	ids    map[string]int32 // token text as in the files -> id
	byteID [256]int32       // id of the token that is one byte
	merges mergeTable
	words  wordCache

	nfc        bool
	raw        matcher // added tokens sought in the text as given
	normalized matcher // added tokens sought in the normalised text

	eos, pad  int32 // -1: none
	maxLength int
	special   map[string]string // bos_token, eos_token and so on, for chat templates
	chat      chatTemplate
	chatTools *chatTemplate // another one for chats with tools; nil for none

	scratch sync.Pool // of *heapMerge
}

// token is what an id stands for.
type token struct {
	text    string // as the files write it, byte-level letters unmapped
	bytes   string // what it decodes to
	present bool
	special bool
}

// Load reads tokenizer.json and, where they exist, tokenizer_config.json and chat_template.jinja (where transformers 5
// saves the chat template) of the folder dir. A missing tokenizer.json gives an error that is fs.ErrNotExist.
func Load(dir string) (*Tokenizer, error) {
	model, err := readFile(filepath.Join(dir, "tokenizer.json"), maxTokenizerBytes)
	if err != nil {
		return nil, err
	}
	config, err := readFile(filepath.Join(dir, "tokenizer_config.json"), maxConfigBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	t, err := Read(model, config)
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, dir)
	}
	const templateName = "chat_template.jinja"
	template, err := readFile(filepath.Join(dir, templateName), maxTemplateBytes)
	if err == nil {
		t.chat, t.chatTools = newChatTemplate(templateName, string(template)), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return t, nil
}

// Read makes a Tokenizer of the contents of a tokenizer.json and, unless it is empty, a tokenizer_config.json. Without
// the second there is no end-of-text or padding token, no limit of length, and chats are Qwen2.5's.
func Read(tokenizerJSON, configJSON []byte) (*Tokenizer, error) {
	t := &Tokenizer{eos: -1, pad: -1, chat: chatTemplate{form: qwen25Form}}
	t.scratch.New = func() any { return new(heapMerge) }
	added, err := t.readModel(tokenizerJSON)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
	}
	config, err := readConfig(configJSON)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer_config.json: %w", err)
	}
	if added, err = config.override(added); err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer_config.json: %w", err)
	}
	if err := t.addTokens(added); err != nil {
		return nil, fmt.Errorf("tokenizer: added tokens: %w", err)
	}
	if err := t.configure(config); err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer_config.json: %w", err)
	}
	t.words.init()
	return t, nil
}

func readFile(path string, maxBytes int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("tokenizer: %s: want a regular file, had %v", path, info.Mode().Type())
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("tokenizer: %s: want at most %d bytes, had %d", path, maxBytes, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return data, nil
}

// Size is one more than the largest id. A model's vocabulary may be larger: checkpoints pad it.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// ID returns the id of the token that the files write as token, such as "<|im_end|>" or "Ġthe".
func (t *Tokenizer) ID(token string) (id int32, ok bool) {
	id, ok = t.ids[token]
	return id, ok
}

// IsSpecial tells whether id is an added token marked special: control, not text. An id out of range is not.
func (t *Tokenizer) IsSpecial(id int32) bool {
	return id >= 0 && int(id) < len(t.tokens) && t.tokens[id].special
}

// EOS returns the id of the eos_token of tokenizer_config.json, which may be absent or null.
func (t *Tokenizer) EOS() (id int32, ok bool) { return t.eos, t.eos >= 0 }

// Pad returns the id of the pad_token of tokenizer_config.json, which may be absent or null.
func (t *Tokenizer) Pad() (id int32, ok bool) { return t.pad, t.pad >= 0 }

// MaxLength is the model_max_length of tokenizer_config.json in tokens; 0 where it sets no limit.
func (t *Tokenizer) MaxLength() int { return t.maxLength }

// Piece returns the text of one token for display: bytes that are not whole characters as \xNN, control characters
// escaped as in Go. An id that stands for nothing gives "".
func (t *Tokenizer) Piece(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	var b strings.Builder
	for s := t.tokens[id].bytes; s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[n:]
	}
	return b.String()
}
