package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/lora"
	"github.com/vulora/vulora/lora/peft"
	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/safetensors"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	base    modelOptions // --model
	adapter adapterOptions
	tensors bool
	json    bool
}

func inspectCommand() command {
	return command{
		name: "inspect", args: "DIR", brief: "what a checkpoint or an adapter holds",
		long: "Prints the tree of modules as PyTorch does and the numbers of parameters; of an adapter also the norm of\n" +
			"what it adds to each weight. No weights are loaded. With flags of the adapter, it shows the checkpoint as\n" +
			"training with them would make it.",
		examples: []string{
			"vulora inspect ./Qwen2.5-0.5B",
			"vulora inspect ./Qwen2.5-0.5B --r 16 --target-modules all-linear",
			"vulora inspect ./adapter --model ./Qwen2.5-0.5B",
		},
		setup: func(f *flags) func(s *shell) error {
			o := new(inspectOptions)
			f.group("Base model of an adapter", o.base.addModel)
			o.adapter.add(f)
			f.group("Output", func(s *pflag.FlagSet) {
				s.BoolVar(&o.tensors, "tensors", false, "list the tensors instead")
				s.BoolVar(&o.json, "json", false, "print JSON")
			})
			return func(s *shell) error { return o.run(s, f) }
		},
	}
}

func (o *inspectOptions) run(s *shell, f *flags) error {
	if f.NArg() != 1 {
		return usagef("want one folder, have %d", f.NArg())
	}
	dir, err := checkpointDir(f.Arg(0), "")
	if err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "--model "))
	}
	if exists(dir, "adapter_config.json") && !exists(dir, "config.json") {
		return o.adapterDir(s, f, dir)
	}
	return o.checkpoint(s, f, dir)
}

// inspected is what inspect --json prints.
type inspected struct {
	Kind       string        `json:"kind"` // model or adapter
	Tree       string        `json:"tree,omitempty"`
	Parameters int64         `json:"parameters,omitempty"` // of the model alone
	Trainable  int64         `json:"trainable,omitempty"`
	All        int64         `json:"all,omitempty"`
	Line       string        `json:"line,omitempty"`
	Targets    []string      `json:"target_modules,omitempty"`
	Norms      []moduleNorms `json:"norms,omitempty"`
	Tensors    []tensorJSON  `json:"tensors,omitempty"`
}

type tensorJSON struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	File  string `json:"file,omitempty"`
}

// checkpoint shows a model, and what training with the adapter's flags would add.
func (o *inspectOptions) checkpoint(s *shell, f *flags, dir string) error {
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	files, err := safetensors.OpenModel(dir)
	if err != nil {
		return err
	}
	defer files.Close()
	pc, err := o.adapter.config()
	if err != nil {
		return err
	}
	targets, unmatched, err := peft.Match(&pc, c.Modules())
	if err != nil {
		return flagMistake(err)
	}
	out := inspected{Kind: "model", Parameters: countModel(c), Targets: targets}
	out.Trainable, out.All = countAdapter(c, &pc, targets)
	out.Line = peft.TrainableLine(out.Trainable, out.All)
	asked := len(givenAdapterFlags(f)) > 0
	if asked {
		out.Tree = modelTree(c, &pc, targets, fourBit(files)).String()
	} else {
		out.Tree = modelTree(c, nil, nil, fourBit(files)).String()
	}
	stored := int64(0)
	for _, name := range files.Names() {
		t, _ := files.Tensor(name)
		out.Tensors = append(out.Tensors, tensorJSON{name, t.DType, t.Shape, files.File(name)})
		if !c.Tied || name != "lm_head.weight" {
			stored += storedParameters(files, t)
		}
	}
	if stored != out.Parameters {
		s.note("config.json describes %s parameters, the files hold %s: training and generating will say what is wrong",
			countText(out.Parameters), countText(stored))
	}
	if asked && len(unmatched) > 0 {
		s.note("no module of the model is named %s", strings.Join(unmatched, ", "))
	}
	if done, err := o.print(s, &out); done {
		return err
	}
	fmt.Fprintf(s.out, "\nparameters: %s\n", countText(out.Parameters))
	if !asked {
		fmt.Fprintf(s.out, "LoRA with the defaults of train, r %d on %s:\n", pc.R, strings.Join(pc.Targets.Names, " "))
	}
	_, err = fmt.Fprintln(s.out, out.Line)
	return err
}

// print writes JSON, or the list of tensors if that is all that is wanted, else the tree if there is one.
func (o *inspectOptions) print(s *shell, out *inspected) (done bool, err error) {
	switch {
	case o.json:
		if !o.tensors {
			out.Tensors = nil
		}
		return true, s.json(out)
	case o.tensors:
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		for _, t := range out.Tensors {
			fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", t.Name, t.DType, t.Shape, t.File)
		}
		return true, w.Flush()
	case out.Tree != "":
		_, err := fmt.Fprintln(s.out, out.Tree)
		return err != nil, err
	}
	return false, nil
}

// adapterDir shows an adapter, on its base model if that is there.
func (o *inspectOptions) adapterDir(s *shell, f *flags, dir string) error {
	if names := givenAdapterFlags(f); len(names) > 0 {
		return usagef("%s: want it with a checkpoint, have the adapter %s, which has its own configuration", names[0], dir)
	}
	pc, warnings, err := lora.ReadConfig(dir)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		s.note("%s", w)
	}
	out := inspected{Kind: "adapter"}
	if out.Norms, err = adapterNorms(dir, pc); err != nil {
		return err
	}
	for _, n := range out.Norms {
		out.Targets = append(out.Targets, n.Module)
	}
	if out.Tensors, err = adapterTensors(dir); err != nil {
		return err
	}
	if err := o.onBase(s, &out, pc, dir); err != nil {
		return err
	}
	if done, err := o.print(s, &out); done {
		return err
	}
	if out.Tree != "" {
		fmt.Fprintf(s.out, "\n%s\n\n", out.Line)
	}
	fmt.Fprintf(s.out, "LoRA adapter of %s: r %d, alpha %s, dropout %s, bias %s, %d modules\n", baseName(pc), pc.R,
		pc.LoraAlpha.String(),
		pc.LoraDropout.String(), pc.Bias, len(out.Norms))
	fmt.Fprintln(s.out, "Norm of what it adds to each weight:")
	return printNorms(s, out.Norms)
}

func baseName(pc *peft.Config) string {
	if pc.BaseModel == "" {
		return "an unnamed model"
	}
	return pc.BaseModel
}

// onBase adds what only the base model's configuration can tell.
func (o *inspectOptions) onBase(s *shell, out *inspected, pc *peft.Config, adapter string) error {
	name := o.base.model
	if name == "" {
		name = pc.BaseModel
	}
	if name == "" {
		s.note("the adapter does not name its base model: give it as --model to see the tree of modules")
		return nil
	}
	dir, err := checkpointDir(name, o.base.revision)
	if err != nil && o.base.model == "" {
		s.note("the base model %s is not here: give it as --model to see the tree of modules", name)
		return nil
	}
	if err != nil {
		return err
	}
	c, err := readConfig(dir)
	if err != nil {
		return err
	}
	targets, _, err := peft.Match(pc, c.Modules())
	if err != nil {
		return err
	}
	four := func(string) bool { return false }
	if files, err := safetensors.OpenModel(dir); err != nil {
		s.note("the tree is that of a base model that is not quantised: %s", plain(err.Error()))
	} else {
		defer files.Close()
		four = fourBit(files)
	}
	out.Tree, out.Targets, out.Parameters = modelTree(c, pc, targets, four).String(), targets, countModel(c)
	out.Trainable, out.All = countAdapter(c, pc, targets)
	out.Line = peft.TrainableLine(out.Trainable, out.All)
	return otherBase(lora.CheckAdapter(c, adapter), adapter, name)
}

func adapterTensors(dir string) ([]tensorJSON, error) {
	f, err := safetensors.Open(filepath.Join(dir, "adapter_model.safetensors"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []tensorJSON
	for _, name := range f.Names() {
		t, _ := f.Tensor(name)
		all = append(all, tensorJSON{Name: name, DType: t.DType, Shape: t.Shape})
	}
	return all, nil
}

// fourBit tells which linear layers of a checkpoint have 4-bit weights of bitsandbytes.
func fourBit(files *safetensors.Model) func(module string) bool {
	return func(module string) bool { return bnb.Quantized(files.Tensor, module+".weight") }
}

// storedParameters counts the parameters in a tensor as PEFT does: two in a byte of a 4-bit weight, none in its scales.
func storedParameters(files *safetensors.Model, t safetensors.Tensor) int64 {
	if module, _, part := strings.Cut(t.Name, ".weight."); part && fourBit(files)(module) {
		return 0
	}
	n := elements(t.Shape)
	if module, ok := strings.CutSuffix(t.Name, ".weight"); ok && fourBit(files)(module) {
		n *= 2
	}
	return n
}

func elements(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}
