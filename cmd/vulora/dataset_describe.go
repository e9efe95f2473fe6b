package main

import (
	"fmt"
	"strings"

	"github.com/vulora/vulora/lora/data"
)

// describeRows prints what the files became; used says what becomes of the tokens that count.
func describeRows(s *shell, d *dataset, maxLength int, used string) {
	describeFiles(s, d)
	r := &d.report
	n := data.LengthsOf(d.examples)
	s.fact("rows", "%s of %d to %d tokens, %s tokens in all, %s of them %s; half up to %d, 90%% up to %d, 99%% up to %d",
		countText(r.Examples), n.Min, n.Max, countText(r.Tokens), countText(r.Supervised), used, n.Median, n.P90, n.P99)
	if r.Truncated > 0 {
		s.note("%s longer than %d tokens: %s tokens are cut off (--max-length)", rowsAre(r.Truncated), maxLength,
			countText(r.Cut))
	}
	if r.Masked > 0 {
		s.note("%d rows have no token that is %s, their answers being cut off or masked; the first is %s",
			r.Masked, used, d.where(d.examples[r.FirstMasked]))
	}
	if copies := data.Copies(d.examples); len(copies) > 0 {
		c := copies[0]
		s.note("%s in the data before; the first is %s, as %s", rowsAre(len(copies)), d.where(d.examples[c.Row]),
			d.where(d.examples[c.Of]))
	}
}

// describeFiles says how each file was understood and what was left out.
func describeFiles(s *shell, d *dataset) {
	for _, f := range d.files {
		columns := ""
		if len(f.Used) > 0 {
			columns = ": " + strings.Join(f.Used, ", ")
		}
		if len(f.Unused) > 0 {
			columns += "; not used: " + someOf(f.Unused, 8)
		}
		s.fact("data", "%s: %s rows of the format %s%s", f.Name, countText(f.Rows), f.Format, columns)
	}
	if d.bad.Total == 0 {
		return
	}
	where := ""
	if d.badFile != "" {
		where = ", they are in " + d.badFile
	}
	s.note("%s bad and left out (--skip-bad-rows)%s", rowsAre(d.bad.Total), where)
	for _, p := range d.bad.Problems {
		fmt.Fprintf(s.err, "  %s\n", p)
	}
	if d.bad.More > 0 {
		fmt.Fprintf(s.err, "  and %d more\n", d.bad.More)
	}
}

func someOf(names []string, most int) string {
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// describeEval prints what will be evaluated on, and what of it is trained on too.
func describeEval(s *shell, o *dataOptions, d *dataset) {
	e := d.eval
	if e == nil {
		return
	}
	if len(o.evalFiles) > 0 {
		describeFiles(s, e)
	}
	n := data.LengthsOf(e.examples)
	s.fact("eval", "%s rows of %d to %d tokens, %s tokens in all, %s of them predicted", countText(e.report.Examples),
		n.Min, n.Max, countText(e.report.Tokens), countText(e.report.Supervised))
	if leaked := data.Leaked(d.examples, e.examples); len(leaked) > 0 {
		s.note("%s trained on too, so that the loss on them says little; the first is %s, as %s",
			rowsAre(len(leaked), " to evaluate on"), e.where(e.examples[leaked[0].Row]), d.where(d.examples[leaked[0].Of]))
	}
}

// rowsAre is "1 row is" or "2 rows are", with what follows the noun.
func rowsAre(n int, more ...string) string {
	noun, verb := " rows", " are"
	if n == 1 {
		noun, verb = " row", " is"
	}
	return countText(n) + noun + strings.Join(more, "") + verb
}
