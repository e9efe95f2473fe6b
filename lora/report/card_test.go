package report

import (
	"math"
	"reflect"
	"testing"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/peft"
)

// The card has what is known: nothing before the first step, and what the steps before a resumption had after one.
func TestCard(t *testing.T) {
	c := new(Card)
	all := begin(t, &Set{Reports: []Report{c}}, lora.Plan{Steps: 4})
	if f := c.Facts(); len(f) != 0 {
		t.Errorf("want nothing yet, have %v", f)
	}
	tell(t, all, onStep, lora.Progress{Step: 1, Tokens: 7, Loss: math.NaN()})
	tell(t, all, onSkip, lora.Skip{Progress: lora.Progress{Step: 2, Tokens: 5}})
	tell(t, all, onLog, lora.Progress{Step: 2, Tokens: 12, Loss: 1.5})
	tell(t, all, onEval, lora.Evaluated{Step: 2, EvalLoss: 0.25, Lowest: &lora.Best{Step: 1, EvalLoss: 0.125}})
	want := []peft.Fact{{Name: "Tokens trained on", Value: "12"}, {Name: "Last logged loss", Value: "1.5000"},
		{Name: "Evaluation loss", Value: "0.2500 after step 2"},
		{Name: "Lowest evaluation loss", Value: "0.1250 after step 1"}}
	if have := c.Facts(); !reflect.DeepEqual(have, want) {
		t.Errorf("want %v, have %v", want, have)
	}
	past := Past{lines: []line{logged(lora.Progress{Step: 1, Loss: 1.5}),
		evaluated(lora.Evaluated{Step: 2, EvalLoss: 0.25})}, state: stateFields{Tokens: 12}}
	again := new(Card)
	if err := again.Begin(Run{Plan: lora.Plan{Best: c.best}, Past: past}); err != nil {
		t.Fatal(err)
	}
	if have := again.Facts(); !reflect.DeepEqual(have, want) {
		t.Errorf("want %v, have %v", want, have)
	}
}
