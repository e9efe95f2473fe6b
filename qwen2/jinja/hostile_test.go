package jinja

import (
	"strings"
	"testing"
)

// A template that wants too much, or what it may not have, ends with an error that names its line.
func TestHostileTemplates(t *testing.T) {
	deep := func(open, shut string) string { return strings.Repeat(open, 100_000) + strings.Repeat(shut, 100_000) }
	long, err := FromJSON([]byte(`"` + strings.Repeat("ab ", 20_000) + `"`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ source, want string }{
		{`{% for a in range(1000000000) %}{% endfor %}`, "t:1: range: want at most 100000 numbers"},
		{`{{ range(0, 9223372036854775807, 9223372036854775806)|list }}`, ""},
		{"\n{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
			"t:2: want at most 5000000 steps"},
		{`{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}`,
			"t:1: want at most 5000000 steps"},
		{`{% set r = range(9999) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}`, "want at most 5000000 steps"},
		{"\n\n{{ 'x' * 10000000000 }}", "t:3: want no more memory"},
		{`{{ [1] * 9223372036854775807 }}`, "want no more memory"},
		{`{{ '' * 9223372036854775807 }}{{ [] * 99999999999 }}`, ""},
		{`{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}`,
			"want no more memory"},
		{`{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}`,
			"want no more memory"},
		{`{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}`, "t:1: want at most 100 calls within each other"},
		{`{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}`, "want at most 100 calls"},
		{`{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}`,
			"want values nested at most 200 deep"},
		{`{% set n = namespace(x=[], y=[]) %}{% for i in range(999) %}{% set n.x = [n.x] %}{% set n.y = [n.y] %}` +
			`{% endfor %}{{ n.x == n.y }}`, "want values nested at most 200 deep"},
		{`{% set n = namespace(x={}) %}{% for i in range(999) %}{% set n.x = {'a': n.x} %}{% endfor %}{{ n.x|tojson }}`,
			"want values nested at most 200 deep"},
		{`{% set n = namespace() %}{% set n.n = n %}{{ n.n.n.n is defined }}`, ""},
		{`{% set n = namespace() %}{% set n.n = [n] %}{{ n.n }}`, "want text, a number, a list or a dict to show"},
		{"{{ " + deep("(", ")") + " }}", "want at most 200 blocks and brackets"},
		{"{{ " + deep("[", "]") + " }}", "want at most 200 blocks and brackets"},
		{"{{ " + strings.Repeat("-", 100_000) + "1 }}", "want at most 200"},
		{"{{ " + strings.Repeat("not ", 100_000) + "1 }}", "want at most 200"},
		{deep("{% if 1 %}", "{% endif %}"), "want at most 200"},
		{"{{ 1" + strings.Repeat(" if 1 else 1", 100_000) + " }}", "want at most 200"},
		{`{{ 'a'.ljust(10000000000) }}`, "want no more memory"},
		{`{{ 'a'|center(9223372036854775807) }}`, "want no more memory"},
		{`{{ {'a': [1]}|tojson(indent=1000000000) }}`, "want no more memory"},
		{`{{ 'a\nb'|indent(1000000000) }}`, "want no more memory"},
		{`{{ text.replace('', text) }}`, "want no more memory"},
		{`{{ text.replace('a', text) }}`, "want no more memory"},
		{`{% for w in text.split() %}{% for v in text.split() %}{% endfor %}{% endfor %}`, "want"},
		{`{{ text.split()|unique|list }}{{ range(99999)|unique|list }}`, "want at most 5000000 steps"},
		{`{{ text.split()|join(text) }}`, "want no more memory"},
		{`{{ [1]|batch(1000000000, 'x')|list }}`, "want no more memory"},
		{`{{ 9223372036854775807 + 1 }}`, "want a result of 64 bits"},
		{`{{ 10 ** 100 }}{{ 1 ** 9223372036854775807 }}`, "want a result of 64 bits"},
		{`{{ (0 - 9223372036854775807 - 1) // -1 }}`, "want a result of 64 bits"},
		{`{{ 1 % 0 }}`, "want a divisor other than 0"},
		{`{{ "%999999999s" % 'x' }}`, "format: want"},
		{`{{ 'a'[::-9223372036854775807] }}{{ [1,2][-9223372036854775807:9223372036854775807] }}`, ""},
		{`{{ ('%(a)9999s' * 100000) % {'a': 1} }}`, "want no more memory"},
		{`{{ range(1000)|tojson(separators=('x' * 1000000, ':')) }}`, "want no more memory"},
		{`{{ range(1000)|tojson(separators=(',', 'x' * 1000000)) }}{{ ([{1: 1}] * 1000)|tojson(separators=(',', ` +
			`'x' * 1000000)) }}`, "want no more memory"},
		{`{{ ([{'x' * 1000000: 1}] * 1000)|tojson }}`, "want no more memory"},
		{`{{ ('é' * 300000).strip('x' * 300000 ~ 'é') }}{{ ('é' * 300000)|trim('x' * 300000 ~ 'é') }}`, ""},
		{`{{ ('a ' * 200000).rsplit()|length }}{{ ('a ' * 200000).rsplit(' ')|length }}`, ""},
		{`{{ ('\n' * 100000).splitlines()|length }}`, ""},
		{`{{ ('\n' * 9000000)|indent }}`, "want no more memory"},
		{`{{ ('\n' * 9000000).split('\n') }}`, "want no more memory"},
		{`{{ (' a' * 9000000).split() }}`, "want no more memory"},
		{`{% macro f() %}{{ f(*varargs) }}{% endmacro %}{{ f(*([1] * 1000000)) }}`, "want no more memory"},
		{`{% macro f() %}{{ f()` + strings.Repeat("|e", 100_000) + ` }}{% endmacro %}{{ f() }}`, "want at most 2000"},
		{`{{ 1` + strings.Repeat("+1", 100_000) + ` }}`, "want at most 2000"},
		{`{{ a` + strings.Repeat(".a", 100_000) + ` }}`, "want at most 2000"},
		{`{{ a` + strings.Repeat("[0]", 100_000) + ` }}`, "want at most 2000"},
		{`{{ a` + strings.Repeat("()", 100_000) + ` }}`, "want at most 2000"},
		{`{{ a|e` + strings.Repeat("()", 100_000) + ` }}`, "want at most 2000"},
		{`{{ a` + strings.Repeat(" is true", 100_000) + ` }}`, "want at most 2000"},
		{`{{ a` + strings.Repeat(" if a", 100_000) + ` }}`, "want at most 2000"},
		{"{{ [" + strings.Repeat("a,", 100_000) + "]|length }}", ""},
		{"{{ " + strings.Repeat("'a'", 300_000) + "|length }}", ""},
		{`{{ 'abcdef'|truncate(9223372036854775807) }}{{ 'a'|truncate(50, leeway=-100) }}`, ""},
		{`{{ 'abcdef'|truncate(3, leeway=-9223372036854775807) }}`, ""},
		{`{% set s = 'aé b' * 1000000 %}{% for i in range(99999) %}{% set x = s is lower %}{% endfor %}`,
			"want no more memory"},
		{`{% set s = 'aé b' * 1000000 %}{% for i in range(99999) %}{% set x = s.islower() %}{% endfor %}`,
			"want no more memory"},
		{`{% set s = 'aé b' * 1000000 %}{% for i in range(99999) %}{% set x = {s: 1} %}{% endfor %}`,
			"want at most 5000000 steps"},
		{`{{ {}|attr('x' * 30000000) + 1 }}`, "want something to put into +"},
		{`{% include "/etc/passwd" %}`, "t:1: want a template that is whole, had {% include %}"},
		{`{% import "os" as os %}`, "want a template that is whole"},
		{`{% extends "base" %}`, "want a template that is whole"},
		{`{{ ''.__class__.__mro__ }}`, `want a field, had "__class__"`},
		{`{{ [].append(1) }}`, "want nothing that changes a list"},
		{`{{ self }}{{ lipsum }}{{ cycler.__init__ }}`, `want a field, had "__init__"`},
		{"{{ '\n\n' ~ zz.y }}", "t:"},
		{"{# no end", "t:1: want the end of the comment"},
		{"{% raw %}{% endra", "want {% endraw %}"},
		{"{{ 'no end", "want the end of the string"},
		{"{{ a", "want the end of the tag"}, {"{%", "want the end of the tag"}, {"{{", "want the end of the tag"},
		{"{% for a in b %}", "want {% endfor %}"}, {"{% endif %}", `want a statement, had "endif"`},
		{"{{ ) }}", "want no ) here"}, {"{{ a|nofilter }}", `want a filter, had "nofilter"`},
		{"{{ a is notest }}", `want a test, had "notest"`}, {"{% break %}", "want break in a loop only"},
		{"\n{{ raise_exception('no ' ~ 1) }}", "t:2: the template refuses this: no 1"},
	} {
		template, err := Parse("t", c.source)
		if err == nil {
			_, _, err = template.Render(map[string]Value{"text": long})
		}
		if err != nil && len(err.Error()) > 6000 {
			t.Errorf("%.100s: want a short error, have %d bytes", c.source, len(err.Error()))
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.100s: want %q, have %.300v", c.source, c.want, err)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{{ a|tojson }}", "{% for x in a %}{{ loop.index }}{{ x }}{% else %}-{% endfor %}",
		"{%- set a, b = (1, 'é'[0]) -%}{{ a ~ b }}", "{% macro f(x=1) %}{{ x[1:-1:2] }}{% endmacro %}{{ f(a) }}",
		"{{ a|map('upper')|join(',') if a is string else a.b.c }}", "{# c #}{% raw %}{{{% endraw %}",
		"{% generation %}{{ a|indent(2)|truncate(5) }}{% endgeneration %}", "{{ 1 // 2 ** 3 % 4 - -5 <= 6 not in [7] }}",
		"{{ '%s-%d' % (a, 1) }}{{ a.split(',', 1)|sort|unique|list }}", "{{ a.rsplit('b')|batch(2)|list|dictsort }}"} {
		f.Add(s, `["ab","Ǆ c",{"b":{"c":1.5}}]`)
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		v, err := FromJSON([]byte(value))
		if err != nil {
			return
		}
		template, err := Parse("t", source)
		if err == nil {
			var text string
			var said []Span
			text, said, err = template.Render(map[string]Value{"a": v})
			for _, s := range said {
				if s.Start < 0 || s.Start > s.End || s.End > len(text) {
					t.Fatalf("%q: span %v of %d bytes", source, s, len(text))
				}
			}
		}
		if err != nil && !strings.HasPrefix(err.Error(), "t:") {
			t.Fatalf("%q: %v does not name its line", source, err)
		}
	})
}

// A mistake in this package ends a template, not the program.
func TestMistakesAreErrors(t *testing.T) {
	broken := func() (err error) {
		defer caught("t", &err)
		asFloat("text")
		return nil
	}
	if err := broken(); err == nil || !strings.HasPrefix(err.Error(), "t: rendering broke down") {
		t.Errorf("want an error of the template t, have %v", err)
	}
}
