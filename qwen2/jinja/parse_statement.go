package jinja

func (p *parser) ifBlock() stmt {
	s := new(ifBlock)
	for {
		s.conditions = append(s.conditions, p.tuple(false))
		p.end(blockEnd)
		body, end := p.body("elif", "else", "endif")
		s.bodies = append(s.bodies, body)
		if end == "else" {
			p.end(blockEnd)
			s.otherwise, end = p.body("endif")
		}
		if end == "endif" {
			p.end(blockEnd)
			return s
		}
	}
}

func (p *parser) forBlock(line int) stmt {
	s := &forBlock{line: line, target: p.target(false)}
	p.want(nameToken, "in")
	s.over = p.tuple(false)
	if p.skip(nameToken, "if") {
		s.condition = p.expression()
	}
	s.recursive = p.skip(nameToken, "recursive")
	p.end(blockEnd)
	p.loops++
	body, end := p.body("else", "endfor")
	p.loops--
	s.body = body
	if end == "else" {
		p.end(blockEnd)
		s.otherwise, _ = p.body("endfor")
	}
	p.end(blockEnd)
	return s
}

func (p *parser) set(line int) stmt {
	s := &setBlock{line: line, target: p.target(true)}
	if p.skip(operatorToken, "=") {
		s.value = p.tuple(true)
		p.end(blockEnd)
		return s
	}
	s.filters = p.filters(&captured{}, false)
	s.body = p.block("endset")
	return s
}

// with reads {% with a = 1, b = 2 %}.
func (p *parser) with() stmt {
	s := new(withBlock)
	for p.token().kind != blockEnd {
		if len(s.targets) > 0 {
			p.want(operatorToken, ",")
		}
		s.targets = append(s.targets, p.target(false))
		p.want(operatorToken, "=")
		s.values = append(s.values, p.expression())
	}
	s.body = p.block("endwith")
	return s
}

// callBlock reads {% call(a) macro(b) %}.
func (p *parser) callBlock(line int) stmt {
	f := &function{name: "caller"}
	if p.is(operatorToken, "(") {
		f = p.signature()
		f.name = "caller"
	}
	c, ok := p.expression().(*call)
	if !ok {
		p.fail("want a call behind call")
	}
	f.body = p.closed("endcall")
	return &callBlock{line, c, f}
}

// signature reads a macro's parameters.
func (p *parser) signature() *function {
	f := new(function)
	p.want(operatorToken, "(")
	for !p.skip(operatorToken, ")") {
		if len(f.params) > 0 {
			p.want(operatorToken, ",")
			if p.skip(operatorToken, ")") {
				break
			}
		}
		f.params = append(f.params, p.name())
		var fallback expr
		if p.skip(operatorToken, "=") {
			fallback = p.expression()
		}
		f.defaults = append(f.defaults, fallback)
	}
	return f
}

// target reads what is assigned to: a name, several, or with fields the field of a namespace.
func (p *parser) target(fields bool) target {
	var t target
	for {
		if p.skip(operatorToken, "(") {
			inner := p.target(false)
			p.want(operatorToken, ")")
			t.parts = append(t.parts, inner)
		} else {
			one := target{name: p.name()}
			if fields && p.skip(operatorToken, ".") {
				one.field = p.name()
			}
			t.parts = append(t.parts, one)
		}
		if !p.skip(operatorToken, ",") {
			break
		}
		t.several = true
		if p.token().kind != nameToken && !p.is(operatorToken, "(") || p.is(nameToken, "in") {
			break
		}
	}
	if !t.several {
		return t.parts[0]
	}
	return t
}
