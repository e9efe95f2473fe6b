package jinja

// filters reads |filter and is test; calls may stand behind them. inline takes one without a bar first.
func (p *parser) filters(x expr, inline bool) expr {
	for {
		line := p.token().line
		switch {
		case inline || p.skip(operatorToken, "|"):
			inline = false
			p.link()
			name := p.dotted()
			f := &applied{line: line, of: x, by: filters[name]}
			if p.is(operatorToken, "(") {
				f.arguments = p.arguments()
			}
			if f.by == nil {
				p.fail("want a filter, had %.40q: no such one is known", name)
			}
			x = f
		case p.skip(nameToken, "is"):
			p.link()
			x = p.test(line, x)
		case p.is(operatorToken, "("):
			if _, plain := x.(*captured); plain {
				return x
			}
			p.link()
			x = &call{line, x, p.arguments()}
		default:
			return x
		}
	}
}

func (p *parser) dotted() string {
	name := p.name()
	for p.skip(operatorToken, ".") {
		name += "." + p.name()
	}
	return name
}

func (p *parser) test(line int, x expr) expr {
	negated := p.skip(nameToken, "not")
	name := p.dotted()
	t := &applied{line: line, of: x, by: tests[name]}
	if t.by == nil {
		p.fail("want a test, had %.40q: no such one is known", name)
	}
	switch next := p.token(); {
	case p.is(operatorToken, "("):
		t.arguments = p.arguments()
	case p.is(nameToken, "else", "or", "and", "if", "is", "in", "not", "recursive"):
	case next.kind == nameToken, next.kind == stringToken, next.kind == integerToken, next.kind == floatToken,
		p.is(operatorToken, "[", "{"):
		t.positional = []expr{p.postfix(p.primary())}
	}
	if negated {
		return &not{t}
	}
	return t
}
