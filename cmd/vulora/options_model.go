package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/qwen2"
	"github.com/vulora/vulora/qwen2/bnb"
	"github.com/vulora/vulora/qwen2/tokenizer"
	"github.com/vulora/vulora/tensor"
	"github.com/vulora/vulora/tensor/kernel"
)

// modelOptions say which checkpoint is loaded, how and where.
type modelOptions struct {
	model, revision, quantization, head string
	dtype                               string
	device, precision                   string
	threads                             int
	doubleQuant, cache                  bool
	chatTemplate                        string // a file, or empty

	dir     string // of the checkpoint, once resolved
	outline bool   // nothing is loaded, and devices have no memory
}

func (o *modelOptions) add(f *flags) {
	f.group("Model", func(s *pflag.FlagSet) {
		o.addModel(s)
		choose(s, &o.quantization, "quantization", "of the base model's linear layers, while they are loaded", "none",
			"nf4", "fp4", "int8")
		s.BoolVar(&o.doubleQuant, "double-quant", false, "round the scales of nf4 and fp4 as bitsandbytes does to store "+
			"them in 8 bits")
		choose(s, &o.head, "head", "quantization of the embedding and the output head, while they are loaded", "none", "int8")
		s.BoolVar(&o.cache, "cache", true, "keep quantised weights, and the tokens of large data files, in the user's "+
			"cache folder for the next time; --no-cache makes them each time")
		choose(s, &o.dtype, "dtype", "type of the weights in memory; auto keeps that of the files", "auto", "f32", "bf16",
			"f16")
	})
	f.group("Device", func(s *pflag.FlagSet) {
		o.addDevice(s)
		choose(s, &o.precision, "precision", "of attention and of products with the base weights; auto is bf16 where the "+
			"weights are bfloat16, or were before they were quantised, and the device is faster by it",
			"auto", "f32", "bf16")
		c := s.Lookup("precision").Value.(choice)
		c.refused = map[string]string{"f16": noHalf, "fp16": noHalf}
		s.Lookup("precision").Value = c
	})
}

// noHalf answers those who look for half precision.
const noHalf = "activations and gradients are float32 on every device, so that half precision and loss scaling have " +
	"no place; --dtype f16 keeps the base's weights in float16"

func (o *modelOptions) addModel(s *pflag.FlagSet) {
	s.StringVar(&o.model, "model", "", "checkpoint `DIR` of a Qwen2 or Qwen2.5 model, or owner/name in Hugging Face's "+
		"local cache")
	s.StringVar(&o.revision, "revision", "", "`NAME` of a branch, tag or commit in the local cache (default main)")
	s.StringVar(&o.chatTemplate, "chat-template", "", "`FILE` of a Jinja template for chats, in place of the "+
		"checkpoint's own")
}

func (o *modelOptions) addDevice(s *pflag.FlagSet) {
	s.StringVar(&o.device, "device", "auto", "auto, cpu, vulkan, vulkan:N or part of a device's `NAME`; vulora "+
		"devices lists them")
	s.IntVar(&o.threads, "threads", 0, "of the CPU device, 0 for all")
}

// follow sets what the original script of --compat seed did with the base, unless a flag says otherwise.
func (o *modelOptions) follow(f *flags, compat string) {
	if compat == "seed" && !f.given("quantization") {
		o.quantization = "fp4" // what load_in_4bit alone means
	}
}

// resolve checks the options and finds the checkpoint.
func (o *modelOptions) resolve() (err error) {
	if o.doubleQuant && o.quantization != "nf4" && o.quantization != "fp4" {
		return usagef("--double-quant: want --quantization nf4 or fp4 with it, have %q", o.quantization)
	}
	if o.threads < 0 {
		return usagef("--threads: want at least 0, have %d", o.threads)
	}
	o.dir, err = checkpointDir(o.model, o.revision)
	return err
}

// cacheDir is the folder of what vulora can make again, empty where the user has none.
func cacheDir(below ...string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(append([]string{dir, "vulora"}, below...)...)
}

func (o *modelOptions) open() (tensor.Device, error) {
	d, err := tensor.Open(o.device, tensor.OpenOptions{Threads: o.threads, CacheDir: cacheDir(),
		BF16: o.precision == "bf16"})
	if errors.Is(err, kernel.ErrNoDevice) {
		return nil, usagef("--device: %s", plain(err.Error()))
	}
	return d, err
}

// formats of quantised weights; what is not in it is not quantised.
var formats = map[string]bnb.Format{"nf4": bnb.NF4, "fp4": bnb.FP4, "int8": bnb.Int8}

// load loads the model onto d for sequences of up to positions tokens, 0 for as many as it allows.
func (o *modelOptions) load(s *shell, d tensor.Device, positions int) (*qwen2.Model, error) {
	lo := qwen2.LoadOptions{Positions: positions, Outline: o.outline, Note: func(text string) { s.note("%s", text) }}
	if o.cache {
		lo.Cache = cacheDir("packed")
	}
	if o.precision == "bf16" {
		lo.Precision = kernel.RoundBF16
	}
	lo.Quantize, lo.DoubleQuant, lo.Head = formats[o.quantization], o.doubleQuant, formats[o.head]
	types := map[string]tensor.DType{"f32": tensor.F32, "bf16": tensor.BF16, "f16": tensor.F16}
	lo.DType, lo.Convert = types[o.dtype]
	m, err := qwen2.Load(d, o.dir, lo)
	if err == nil && o.precision == "auto" {
		m.Precision = m.FastestPrecision()
	}
	return m, err
}

// tokenizer loads the checkpoint's tokenizer.
func (o *modelOptions) tokenizer() (*tokenizer.Tokenizer, error) {
	t, err := tokenizer.Load(o.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &missingTokenizer{o.dir, err}
	}
	if err != nil || o.chatTemplate == "" {
		return t, err
	}
	source, err := os.ReadFile(o.chatTemplate)
	if err != nil {
		return nil, usagef("--chat-template: %s", err)
	}
	return t, t.UseChatTemplate(o.chatTemplate, string(source))
}

// missingTokenizer says what to do about it.
type missingTokenizer struct {
	dir string
	err error
}

func (e *missingTokenizer) Unwrap() error { return e.err }
func (e *missingTokenizer) Error() string {
	return e.dir + ": want the tokenizer that belongs to the model, tokenizer.json, have none: " +
		"copy it from where the checkpoint was published"
}
