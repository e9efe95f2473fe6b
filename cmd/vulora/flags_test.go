package main

import (
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vulora/vulora/lora/peft"
)

func TestDidYouMean(t *testing.T) {
	names := []string{"learning-rate", "lora-alpha", "lora-dropout", "limit"}
	for have, want := range map[string]string{
		"lerning-rate": "learning-rate", "Learning_Rate": "learning-rate", "lora-alfa": "lora-alpha",
		"learn":  "learning-rate",
		"limits": "limit", "temperature": "", "x": "",
	} {
		suggestion := didYouMean("--", have, names)
		if want == "" && suggestion != "" || !strings.Contains(suggestion, want) {
			t.Errorf("%s: have %q, want %q", have, suggestion, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		if have := distance(c.a, c.b); have != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, have, c.want)
		}
	}
}

func TestModules(t *testing.T) {
	for have, want := range map[string]peft.Modules{
		"":                 {},
		"q_proj":           {Names: []string{"q_proj"}},
		"q_proj, v_proj":   {Names: []string{"q_proj", "v_proj"}},
		"layers.0.q_proj":  {Names: []string{"layers.0.q_proj"}},
		"All-Linear":       {Pattern: "All-Linear"},
		`.*\.(q|v)_proj`:   {Pattern: `.*\.(q|v)_proj`},
		`.*q_proj,.*[vo]p`: {Pattern: `.*q_proj,.*[vo]p`},
	} {
		if got := modules(have); got.Pattern != want.Pattern || !slices.Equal(got.Names, want.Names) {
			t.Errorf("%q: have %+v, want %+v", have, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for have, want := range map[string]string{
		"qwen2: config: strictjson: stat /a: no": "config: stat /a: no",
		"data: 1 bad row\n  a.json:1: x":         "1 bad row\n  a.json:1: x",
		"a: lora: peft: b":                       "a: b",
		"/tmp/data: not found":                   "/tmp/data: not found",
	} {
		if got := plain(have); got != want {
			t.Errorf("%q: have %q, want %q", have, got, want)
		}
	}
}

func TestUnits(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 1 << 30: "1 GiB",
		988097824: "942 MiB"} {
		if have := bytesText(n); have != want {
			t.Errorf("%d: have %s, want %s", n, have, want)
		}
	}
	for d, want := range map[time.Duration]string{8300 * time.Millisecond: "8.3s", 125 * time.Second: "2m05s",
		72 * time.Minute: "1h12m"} {
		if have := durationText(d); have != want {
			t.Errorf("%d: have %s, want %s", d, have, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 494032768: "494,032,768", -1000: "-1,000",
		-100: "-100"} {
		if have := countText(n); have != want {
			t.Errorf("%d: have %s, want %s", n, have, want)
		}
	}
}

func TestProductNorm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(rows, cols int) matrix {
		m := matrix{rows, cols, make([]float32, rows*cols)}
		for i := range m.x {
			m.x[i] = float32(r.NormFloat64())
		}
		return m
	}
	b, a, sum := random(7, 3), random(3, 5), 0.0
	for i := range b.rows {
		for j := range a.cols {
			x := 0.0
			for k := range a.rows {
				x += float64(b.x[i*b.cols+k]) * float64(a.x[k*a.cols+j])
			}
			sum += x * x
		}
	}
	// Both are sums of a hundred products in float64.
	if have, want := productNorm(b, a), math.Sqrt(sum); math.Abs(have-want) > 1e-12*want {
		t.Errorf("have %v, want %v", have, want)
	}
}

// Every shell that is here must be able to read its script.
func TestCompletionSyntax(t *testing.T) {
	tried := 0
	for name, write := range map[string]func(*strings.Builder){
		"bash": func(b *strings.Builder) { bash(b, completions()) },
		"zsh":  func(b *strings.Builder) { zsh(b, completions()) },
		"fish": func(b *strings.Builder) { fish(b, completions()) },
	} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		tried++
		var script strings.Builder
		write(&script)
		c := exec.Command(path, "-n")
		c.Stdin = strings.NewReader(script.String())
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if tried == 0 {
		t.Skip("NOT TESTED: none of bash, zsh and fish is installed")
	}
}
