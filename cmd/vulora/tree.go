package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2"
)

// torchModule is a torch.nn.Module as its repr shows it.
type torchModule struct {
	class    string
	extra    string // what stands in the parentheses of a module without children
	children []child
	list     bool // a ModuleList, which writes equal neighbours once
}

type child struct {
	name string
	torchModule
}

// String is torch's Module.__repr__.
func (m torchModule) String() string {
	if len(m.children) == 0 {
		return m.class + "(" + m.extra + ")"
	}
	var b strings.Builder
	b.WriteString(m.class + "(\n")
	for i := 0; i < len(m.children); {
		text, j := m.children[i].String(), i+1
		for m.list && j < len(m.children) && m.children[j].String() == text {
			j++
		}
		name := m.children[i].name
		if j-i > 1 {
			name = fmt.Sprintf("%s-%s", name, m.children[j-1].name)
			text = fmt.Sprintf("%d x %s", j-i, text)
		}
		fmt.Fprintf(&b, "  (%s): %s\n", name, strings.ReplaceAll(text, "\n", "\n  "))
		i = j
	}
	return b.String() + ")"
}

func leaf(class, format string, v ...any) torchModule {
	return torchModule{class: class, extra: fmt.Sprintf(format, v...)}
}

func linearModule(out, in int64, bias bool) torchModule {
	return leaf("Linear", "in_features=%d, out_features=%d, bias=%s", in, out, pythonBool(bias))
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// tree builds the module tree of a model as transformers 5 prints it, with the adapter's modules where pc is not nil.
type tree struct {
	c       *qwen2.Config
	pc      *peft.Config
	targets []string
	four    func(module string) bool // tells whether a linear layer has 4-bit weights of bitsandbytes
}

// modelTree returns print(model) of Qwen2ForCausalLM, or of the PeftModel around it.
func modelTree(c *qwen2.Config, pc *peft.Config, targets []string, four func(module string) bool) torchModule {
	t := &tree{c, pc, targets, four}
	norm := leaf("Qwen2RMSNorm", "(%d,), eps=%s", c.Hidden, peft.Float(c.NormEps).String())
	layers := torchModule{class: "ModuleList", list: true}
	for i := range c.Layers {
		layers.children = append(layers.children, child{strconv.Itoa(i), t.layer(i, norm)})
	}
	m := torchModule{class: "Qwen2ForCausalLM", children: []child{
		{"model", torchModule{class: "Qwen2Model", children: []child{
			{"embed_tokens", leaf("Embedding", "%d, %d", c.Vocab, c.Hidden)}, {"layers", layers}, {"norm", norm},
			{"rotary_emb", leaf("Qwen2RotaryEmbedding", "")},
		}}},
		{"lm_head", t.linear("lm_head")},
	}}
	if pc == nil {
		return m
	}
	class := "PeftModel"
	if pc.TaskType == "CAUSAL_LM" {
		class = "PeftModelForCausalLM"
	}
	return torchModule{class: class, children: []child{{"base_model", torchModule{class: "LoraModel",
		children: []child{{"model", m}}}}}}
}

func (t *tree) layer(i int, norm torchModule) torchModule {
	part := func(class, prefix string, names ...string) torchModule {
		m := torchModule{class: class}
		for _, n := range names {
			m.children = append(m.children, child{n, t.linear(fmt.Sprintf("model.layers.%d.%s.%s", i, prefix, n))})
		}
		return m
	}
	mlp := part("Qwen2MLP", "mlp", "gate_proj", "up_proj", "down_proj")
	mlp.children = append(mlp.children, child{"act_fn", leaf("SiLUActivation", "")})
	return torchModule{class: "Qwen2DecoderLayer", children: []child{
		{"self_attn", part("Qwen2Attention", "self_attn", "q_proj", "k_proj", "v_proj", "o_proj")}, {"mlp", mlp},
		{"input_layernorm", norm}, {"post_attention_layernorm", norm},
	}}
}

// linear is a linear layer, wrapped where it is a target.
func (t *tree) linear(name string) torchModule {
	out, in := shape(t.c, name)
	base, kind := linearModule(out, in, biased(name)), "lora.Linear"
	if t.four(name) {
		base.class, kind = "Linear4bit", "lora.Linear4bit"
	}
	if t.pc == nil || !slices.Contains(t.targets, name) {
		return base
	}
	r, drop := int64(t.pc.Rank(name)), leaf("Identity", "")
	if t.pc.LoraDropout.Value > 0 {
		drop = leaf("Dropout", "p=%s, inplace=False", t.pc.LoraDropout.String())
	}
	byName := func(m torchModule) torchModule {
		return torchModule{class: "ModuleDict", children: []child{{"default", m}}}
	}
	return torchModule{class: kind, children: []child{
		{"base_layer", base}, {"lora_dropout", byName(drop)}, {"lora_A", byName(linearModule(r, in, false))},
		{"lora_B", byName(linearModule(out, r, false))}, {"lora_embedding_A", leaf("ParameterDict", "")},
		{"lora_embedding_B", leaf("ParameterDict", "")}, {"lora_magnitude_vector", leaf("ModuleDict", "")},
	}}
}
