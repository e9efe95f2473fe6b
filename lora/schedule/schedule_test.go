package schedule

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func goldens(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("VULORA_GOLDENS")
	if dir == "" {
		dir = "testdata"
	}
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGoldenSchedule(t *testing.T) {
	var file struct {
		Cases []struct {
			Name          string
			BaseLR        float64 `json:"base_lr"`
			Warmup, Total int
			Kwargs        map[string]any
			LR            []float64
		}
	}
	if err := json.Unmarshal(goldens(t, "schedule-optim/schedules.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("the golden has no cases")
	}
	for i, c := range file.Cases {
		delete(c.Kwargs, "error_after_the_end") // a remark: lr ends there
		f, err := New(Config{Name: c.Name, Total: c.Total, Warmup: c.Warmup, BaseLR: c.BaseLR, Args: c.Kwargs})
		if err != nil {
			t.Errorf("case %d: %v", i, err)
			continue
		}
		for step, want := range c.LR {
			// 1e-12 is the golden's; the absolute part is one rounding of cos(π) beside 1, where the rate is 0.
			if have := c.BaseLR * f(step); math.Abs(have-want) > 1e-12*math.Abs(want)+1e-16*c.BaseLR {
				t.Errorf("case %d %s %v, step %d: want %v, have %v", i, c.Name, c.Kwargs, step, want, have)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Name: "greedy"}, "have greedy, which follows the loss"},
		{Config{Name: "linear", Total: -1}, "at least 0"},
		{Config{Name: "linear", Args: map[string]any{"num_cycles": 1}}, "unknown arguments: num_cycles"},
		{Config{Name: "cosine", Args: map[string]any{"num_cycles": "1"}}, "want a number, have string"},
		{Config{Name: "cosine", Args: map[string]any{"num_cycles": math.NaN()}}, "finite"},
		{Config{Name: "cosine_with_min_lr"}, "either min_lr or min_lr_rate"},
		{Config{Name: "cosine_with_min_lr", Args: map[string]any{"min_lr": 1e-5}}, "base learning rate"},
		{Config{Name: "polynomial", BaseLR: 1e-8}, "lr_end"},
		{Config{Name: "warmup_stable_decay"}, "want num_decay_steps"},
		{Config{Name: "warmup_stable_decay", Args: map[string]any{"num_decay_steps": 1.5}}, "whole number"},
		{Config{Name: "warmup_stable_decay",
			Args: map[string]any{"num_decay_steps": 1, "decay_type": "up"}}, "want one of cosine"},
	} {
		if _, err := New(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: want an error with %q, have %v", c.config, c.want, err)
		}
	}
}

// TestEdges has steps on and beyond every boundary, with lengths of 0, for values that are not numbers.
func TestEdges(t *testing.T) {
	for _, name := range Names() {
		for _, size := range [][2]int{{0, 0}, {1, 0}, {1, 1}, {3, 5}, {5, 5}, {10, 2}} {
			c := Config{Name: name, Total: size[0], Warmup: size[1], BaseLR: 1e-3}
			switch name {
			case "cosine_with_min_lr", "cosine_warmup_with_min_lr":
				c.Args = map[string]any{"min_lr": 1e-5}
			case "warmup_stable_decay":
				c.Args = map[string]any{"num_decay_steps": 2}
			}
			f, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			for step := range 20 {
				if v := f(step); !(v >= 0 && v <= 1) {
					t.Errorf("%s %v: step %d has the factor %v", name, size, step, v)
				}
			}
		}
	}
}

func TestWarmupSteps(t *testing.T) {
	for _, c := range []struct {
		total   int
		setting float64
		want    int
	}{{13, 0, 0}, {13, 0.1, 2}, {14, 0.1, 2}, {20, 0.1, 2}, {70, 1, 1}, {70, 7.9, 7}, {70, -1, 0}, {70, math.NaN(), 0},
		{70, math.Inf(1), math.MaxInt32}} {
		if have := WarmupSteps(c.total, c.setting); have != c.want {
			t.Errorf("%v of %d: want %d, have %d", c.setting, c.total, c.want, have)
		}
	}
}
