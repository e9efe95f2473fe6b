package jinja

import (
	"strconv"
	"strings"
)

// tuple reads an expression, or several with commas between them; conditional ones only where the caller has no if of
// its own.
func (p *parser) tuple(conditional bool) expr {
	line := p.token().line
	one := p.expression
	if !conditional {
		one = func() expr { return p.binary(0) }
	}
	first := one()
	if !p.is(operatorToken, ",") {
		return first
	}
	t := &sequence{line, []expr{first}, true}
	for p.skip(operatorToken, ",") {
		if k := p.token().kind; k == variableEnd || k == blockEnd || p.is(operatorToken, ")", "]", "=") {
			break
		}
		t.items = append(t.items, one())
	}
	return t
}

// expression reads a if b else c, and what binds tighter.
func (p *parser) expression() expr {
	p.enter()
	defer p.leave()
	x := p.binary(0)
	for p.skip(nameToken, "if") {
		p.link()
		c := &conditional{yes: x, condition: p.binary(0)}
		if p.skip(nameToken, "else") {
			c.no = p.expression()
		}
		x = c
	}
	return x
}

// levels are the binary operators, from those that bind least; not, comparisons and signs stand between them.
var levels = [][]string{{"or"}, {"and"}, {"not"}, {"compare"}, {"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}}

func (p *parser) binary(level int) expr {
	if level == len(levels) {
		return p.unary(true)
	}
	ops, line := levels[level], p.token().line
	switch ops[0] {
	case "not":
		if p.skip(nameToken, "not") {
			p.enter()
			defer p.leave()
			return &not{p.binary(level)}
		}
		return p.binary(level + 1)
	case "compare":
		return p.comparison(level + 1)
	}
	k := operatorToken
	if level < 2 {
		k = nameToken
	}
	x := p.binary(level + 1)
	for p.is(k, ops...) {
		p.link()
		op := p.next().text
		x = &binary{line, op, x, p.binary(level + 1)}
	}
	return x
}

// comparison reads a < b < c, in and not in.
func (p *parser) comparison(level int) expr {
	c := &comparison{line: p.token().line, first: p.binary(level)}
	for {
		op := ""
		switch {
		case p.is(operatorToken, "==", "!=", "<", "<=", ">", ">="):
			op = p.next().text
		case p.skip(nameToken, "in"):
			op = "in"
		case p.is(nameToken, "not") && p.tokens[p.at+1].kind == nameToken && p.tokens[p.at+1].text == "in":
			p.at += 2
			op = "not in"
		}
		if op == "" {
			break
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, p.binary(level))
	}
	if len(c.ops) == 0 {
		return c.first
	}
	return c
}

// unary reads a sign, or a value with what stands behind it.
func (p *parser) unary(filters bool) expr {
	p.enter()
	defer p.leave()
	line := p.token().line
	var x expr
	if p.is(operatorToken, "-", "+") {
		x = &sign{line, p.next().text, p.unary(false)}
	} else {
		x = p.primary()
	}
	x = p.postfix(x)
	if filters {
		x = p.filters(x, false)
	}
	return x
}

// primary reads a constant, a name, a list, a dict or what is in parentheses.
func (p *parser) primary() expr {
	switch t := p.next(); t.kind {
	case nameToken:
		switch t.text {
		case "true", "True":
			return constant{true}
		case "false", "False":
			return constant{false}
		case "none", "None":
			return constant{nil}
		}
		p.names[t.text] = true
		return &variable{t.line, t.text}
	case stringToken:
		if p.token().kind != stringToken {
			return constant{t.text}
		}
		var b strings.Builder
		b.WriteString(t.text)
		for p.token().kind == stringToken {
			b.WriteString(p.next().text)
		}
		return constant{b.String()}
	case integerToken:
		n, err := strconv.ParseInt(t.text, 0, 64)
		if err != nil && strings.Trim(t.text, "0") != "" {
			p.at--
			p.fail("want an integer of 64 bits, had %.40s", t.text)
		}
		return constant{n}
	case floatToken:
		f, _ := strconv.ParseFloat(t.text, 64) // too large is infinite, as in Python
		return constant{f}
	case operatorToken:
		switch t.text {
		case "(":
			return p.parentheses(t.line)
		case "[":
			return &sequence{t.line, p.list("]"), false}
		case "{":
			return p.dict(t.line)
		}
	}
	p.at--
	p.fail("want an expression, had %s", p.had())
	return nil
}

func (p *parser) parentheses(line int) expr {
	if p.skip(operatorToken, ")") {
		return &sequence{line, nil, true}
	}
	x := p.tuple(true)
	p.want(operatorToken, ")")
	return x
}

// list reads expressions up to end.
func (p *parser) list(end string) (items []expr) {
	for !p.skip(operatorToken, end) {
		if len(items) > 0 {
			p.want(operatorToken, ",")
			if p.skip(operatorToken, end) {
				break
			}
		}
		items = append(items, p.expression())
	}
	return items
}

func (p *parser) dict(line int) expr {
	d := &mapping{line: line}
	for !p.skip(operatorToken, "}") {
		if len(d.keys) > 0 {
			p.want(operatorToken, ",")
			if p.skip(operatorToken, "}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.want(operatorToken, ":")
		d.values = append(d.values, p.expression())
	}
	return d
}

// postfix reads fields, items, slices and calls.
func (p *parser) postfix(x expr) expr {
	for {
		line := p.token().line
		switch {
		case p.skip(operatorToken, "."):
			p.link()
			t := p.next()
			if t.kind == integerToken {
				n, _ := strconv.ParseInt(t.text, 10, 64)
				x = &item{line, x, constant{n}}
			} else if t.kind == nameToken {
				x = &field{line, x, t.text}
			} else {
				p.at--
				p.fail("want a name or a number behind the point, had %s", p.had())
			}
		case p.skip(operatorToken, "["):
			p.link()
			x = p.subscript(line, x)
		case p.is(operatorToken, "("):
			p.link()
			x = &call{line, x, p.arguments()}
		default:
			return x
		}
	}
}

// subscript reads [i] or [a:b:c].
func (p *parser) subscript(line int, of expr) expr {
	var parts [3]expr
	n := 0
	for i := range parts {
		if !p.is(operatorToken, ":", "]") {
			parts[i] = p.expression()
		}
		if n = i; i == 2 || !p.skip(operatorToken, ":") {
			break
		}
	}
	p.want(operatorToken, "]")
	if n > 0 {
		return &slice{line, of, parts}
	}
	if parts[0] == nil {
		p.fail("want an index, had none")
	}
	return &item{line, of, parts[0]}
}

// arguments reads what is in the parentheses of a call.
func (p *parser) arguments() (a arguments) {
	p.want(operatorToken, "(")
	for first := true; !p.skip(operatorToken, ")"); first = false {
		if !first {
			p.want(operatorToken, ",")
			if p.skip(operatorToken, ")") {
				break
			}
		}
		switch {
		case p.skip(operatorToken, "**"):
			a.dict = p.expression()
		case p.skip(operatorToken, "*"):
			a.list = p.expression()
		case p.token().kind == nameToken && p.tokens[p.at+1].kind == operatorToken && p.tokens[p.at+1].text == "=":
			a.names = append(a.names, p.next().text)
			p.at++
			a.named = append(a.named, p.expression())
		case len(a.names) > 0 || a.dict != nil:
			p.fail("want no argument without a name behind one with a name")
		default:
			a.positional = append(a.positional, p.expression())
		}
	}
	return a
}
