package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// addedToken is a token sought in the text before it is split into words, as tokenizer.json writes it.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only where no word character touches it
	LStrip     bool   `json:"lstrip"`      // swallows the white space in front
	RStrip     bool   `json:"rstrip"`      // swallows the white space behind
	Normalized bool   `json:"normalized"`  // sought in the normalised text
	Special    bool   `json:"special"`
}

// addTokens enters the added tokens into the vocabulary and the matchers.
func (t *Tokenizer) addTokens(added []addedToken) error {
	for _, a := range added {
		if a.ID < 0 || int(a.ID) >= len(t.tokens)+len(added)+maxHoles {
			return fmt.Errorf("%.100q: want an id below %d, had %d", a.Content, len(t.tokens)+len(added)+maxHoles, a.ID)
		}
	}
	for _, a := range added {
		if a.Content == "" {
			return fmt.Errorf("id %d: want a text, had none", a.ID)
		}
		if n := int(a.ID) + 1 - len(t.tokens); n > 0 {
			t.tokens = append(t.tokens, make([]token, n)...)
		}
		if id, ok := t.ids[a.Content]; ok && id != a.ID {
			return fmt.Errorf("%.100q: want one id, had %d and %d", a.Content, id, a.ID)
		}
		tok := &t.tokens[a.ID]
		if tok.present && tok.text != a.Content {
			return fmt.Errorf("id %d: want one token, had %.100q and %.100q", a.ID, tok.text, a.Content)
		}
		m, content := &t.raw, a.Content
		if a.Normalized {
			m, content = &t.normalized, t.normalize(a.Content)
		}
		m.add(a, content)
		*tok = token{text: a.Content, bytes: string(appendBytes(nil, content)), present: true, special: a.Special}
		t.ids[a.Content] = a.ID
	}
	return nil
}

// matcher finds added tokens: leftmost first, of those the longest. It is a trie whose nodes list their children.
type matcher struct {
	tokens []addedToken
	nodes  []trieNode // nodes[0] is the root
	first  [256]bool  // the bytes that tokens start with
	only   byte       // the one such byte, if there is just one: most files' tokens start with <
	single bool
}

type trieNode struct {
	child, sibling int32 // 0: none
	token          int32 // index into tokens plus one; 0: none ends here
	by             byte  // leads here from the parent
}

// step returns the child of node at by b; 0 if there is none.
func (m *matcher) step(at int32, b byte) int32 {
	at = m.nodes[at].child
	for at != 0 && m.nodes[at].by != b {
		at = m.nodes[at].sibling
	}
	return at
}

func (m *matcher) add(a addedToken, content string) {
	if m.nodes == nil {
		m.nodes = make([]trieNode, 1)
		m.only, m.single = content[0], true
	}
	m.single = m.single && content[0] == m.only
	m.first[content[0]] = true
	at := int32(0)
	for i := 0; i < len(content); i++ {
		to := m.step(at, content[i])
		if to == 0 {
			to = int32(len(m.nodes))
			m.nodes = append(m.nodes, trieNode{by: content[i], sibling: m.nodes[at].child})
			m.nodes[at].child = to
		}
		at = to
	}
	m.tokens = append(m.tokens, a)
	m.nodes[at].token = int32(len(m.tokens))
}

// find returns the first token at or behind s[from]; a nil token if there is none.
func (m *matcher) find(s string, from int) (a *addedToken, start, end int) {
	for i := from; i < len(s); i++ {
		if m.single {
			n := strings.IndexByte(s[i:], m.only)
			if n < 0 {
				break
			}
			i += n
		} else if !m.first[s[i]] {
			continue
		}
		for at, k := m.step(0, s[i]), i+1; at != 0; k++ {
			if tok := m.nodes[at].token; tok > 0 {
				a, end = &m.tokens[tok-1], k
			}
			if k == len(s) {
				break
			}
			at = m.step(at, s[k])
		}
		if a != nil {
			return a, i, end
		}
	}
	return nil, 0, 0
}

// cut calls visit for the parts of s in turn: an added token, or the text between two of them with id -1. With plain,
// special tokens are left in the text.
func (m *matcher) cut(s string, plain bool, visit func(id int32, start, end int)) {
	done := 0
	for from := 0; m.nodes != nil && from < len(s); {
		a, start, end := m.find(s, from)
		if a == nil {
			break
		}
		from = end
		if plain && a.Special || a.SingleWord && !standsAlone(s, start, end) {
			continue
		}
		if a.LStrip {
			start = done + len(strings.TrimRightFunc(s[done:start], space))
		}
		if start > done {
			visit(-1, done, start)
		}
		if a.RStrip {
			end = len(s) - len(strings.TrimLeftFunc(s[end:], space))
		}
		visit(a.ID, start, end)
		done, from = end, end
	}
	if done < len(s) {
		visit(-1, done, len(s))
	}
}

// standsAlone tells whether no word character touches s[start:end].
func standsAlone(s string, start, end int) bool {
	before, n := utf8.DecodeLastRuneInString(s[:start])
	after, m := utf8.DecodeRuneInString(s[end:])
	return (n == 0 || !wordCharacter(before)) && (m == 0 || !wordCharacter(after))
}
