package jinja

import (
	"fmt"
	"slices"
)

const (
	maxDepth = 200  // of blocks and brackets within each other
	maxLinks = 2000 // operators, fields, calls and filters in one tag: each is a call when it is evaluated
)

// parser reads statements and expressions from tokens. Errors are thrown as failures and caught by Parse.
type parser struct {
	tokens    []token
	at, depth int
	links     int // in the tag that is read
	loops     int // around the place that is read
	spans     bool
	names     map[string]bool // read anywhere
}

// failure is what ends parsing or rendering.
type failure struct {
	line int
	what string
}

func (p *parser) fail(format string, v ...any) {
	panic(failure{p.tokens[p.at].line, fmt.Sprintf(format, v...)})
}

func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.fail("want at most %d blocks and brackets within each other, had more", maxDepth)
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) link() {
	if p.links++; p.links > maxLinks {
		p.fail("want at most %d operators, fields, calls and filters in one tag, had more", maxLinks)
	}
}

func (p *parser) token() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

// is tells whether the next token is the operator or word text.
func (p *parser) is(k kind, texts ...string) bool {
	t := p.token()
	return t.kind == k && slices.Contains(texts, t.text)
}

// skip takes the next token if it is that.
func (p *parser) skip(k kind, text string) bool {
	if !p.is(k, text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) want(k kind, text string) {
	if !p.skip(k, text) {
		p.fail("want %s, had %s", text, p.had())
	}
}

func (p *parser) name() string {
	t := p.token()
	if t.kind != nameToken {
		p.fail("want a name, had %s", p.had())
	}
	p.at++
	return t.text
}

func (p *parser) had() string {
	switch t := p.token(); t.kind {
	case endToken:
		return "the end of the template"
	case blockEnd:
		return "%}"
	case variableEnd:
		return "}}"
	case dataToken, blockBegin, variableBegin:
		return "text"
	default:
		return fmt.Sprintf("%.40q", t.text)
	}
}

// end takes the end of a tag.
func (p *parser) end(k kind) {
	if p.token().kind != k {
		p.fail("want the end of the tag, had %s", p.had())
	}
	p.at++
}

// body reads statements up to a block that begins with one of the words ends, takes the word and returns it.
func (p *parser) body(ends ...string) (list []stmt, end string) {
	p.enter()
	defer p.leave()
	for {
		p.links = 0
		switch t := p.next(); t.kind {
		case endToken:
			if len(ends) > 0 {
				p.fail("want {%% %s %%}, had the end of the template", ends[len(ends)-1])
			}
			return list, ""
		case dataToken:
			list = append(list, &text{t.text})
		case variableBegin:
			list = append(list, &output{t.line, p.tuple(true)})
			p.end(variableEnd)
		case blockBegin:
			if w := p.token(); w.kind == nameToken && slices.Contains(ends, w.text) {
				p.at++
				return list, w.text
			}
			list = append(list, p.statement())
		default:
			p.at--
			p.fail("want text or a tag, had %s", p.had())
		}
	}
}

// block is body behind the end of a tag, up to an end tag.
func (p *parser) block(end string) []stmt {
	p.end(blockEnd)
	list, _ := p.body(end)
	p.end(blockEnd)
	return list
}

func (p *parser) statement() stmt {
	line := p.token().line
	switch word := p.name(); word {
	case "if":
		return p.ifBlock()
	case "for":
		return p.forBlock(line)
	case "set":
		return p.set(line)
	case "macro":
		name := p.name()
		f := p.signature()
		f.name, f.body = name, p.closed("endmacro")
		return &macroBlock{f}
	case "call":
		return p.callBlock(line)
	case "filter":
		filters := p.filters(&captured{}, true)
		return &filterBlock{line, filters, p.block("endfilter")}
	case "with":
		return p.with()
	case "generation":
		p.spans = true
		return &generation{line, p.closed("endgeneration")}
	case "break", "continue":
		if p.loops == 0 {
			p.fail("want %s in a loop only", word)
		}
		p.end(blockEnd)
		return &jump{map[string]flow{"break": breakLoop, "continue": continueLoop}[word]}
	case "include", "import", "from", "extends", "block":
		p.fail("want a template that is whole, had {%% %s %%}: no other template can be read", word)
	default:
		p.fail("want a statement, had %.40q", word)
	}
	return nil
}

// closed is block where no loop around it can be left.
func (p *parser) closed(end string) []stmt {
	loops := p.loops
	p.loops = 0
	defer func() { p.loops = loops }()
	return p.block(end)
}
