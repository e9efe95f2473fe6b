#!/usr/bin/env python3
"""Vulora beside llama.cpp and transformers: reading a prompt and continuing it greedily, in turns, and the ratios.

    (cd SOMEWHERE && npm install node-llama-cpp@3.22.1)
    V/bin/python bench/peers/generate.py --model Qwen2.5-0.5B --text TEXT --gguf MODEL.gguf --node SOMEWHERE

Every program reads the same --prompt tokens and writes --new ones, twice; the second time counts. Without --gguf there is
no llama.cpp. The machine should do nothing else. See train.py for what V is.
"""
import json
import os
import re
import shutil
import sys
import tempfile

import turns

ap = turns.arguments(__doc__)
ap.add_argument("--text", required=True, help="a text file, longer than the prompt")
ap.add_argument("--mode", nargs="+", default=["bf16", "int8", "nf4", "nf4+head"],
                help="of vulora: bf16, f32, int8, nf4, fp4, or one of them and +head for an 8-bit head")
ap.add_argument("--gguf", help="llama.cpp's file")
ap.add_argument("--node", default=".", help="folder where node-llama-cpp is installed")
ap.add_argument("--prompt", type=int, default=512)
ap.add_argument("--new", type=int, default=64)
ap.add_argument("--no-transformers", action="store_true")
args = turns.parse(ap)


def result(prompt, decode, peak):
    return {"prompt tok/s": prompt, "decode tok/s": decode, "peak GB": peak / 1e9}


def vulora(mode, text):
    command = [args.vulora, "generate", "--model", args.model, "--greedy", "--repetition-penalty", 1, "--threads",
               args.threads, "--max-new-tokens", args.new] + turns.base(mode)
    _, stderr, peak = turns.run(args, command, stdin=(open(text).read() + "\n") * 2)
    prompt, decode = re.findall(r"prompt tokens, (\d+)/s; \d+ new tokens, ([\d.]+)/s", stderr)[-1]
    return result(float(prompt), float(decode), peak)


def transformers(text):
    stdout, _, peak = turns.run(args, [sys.executable, turns.HERE / "transformers_generate.py", "--model", args.model,
                                       "--text", text, "--new", args.new, "--threads", args.threads])
    r = json.loads(stdout.splitlines()[-1])
    return result(r["prompt_tokens_per_second"], r["decode_tokens_per_second"], peak)


def llama(text, script):
    stdout, _, peak = turns.run(args, ["node", script, args.gguf, text, args.prompt, args.new, args.threads])
    r = json.loads(stdout.splitlines()[-1])
    return result(r["prompt_tokens_per_second"], r["decode_tokens_per_second"], peak)


def prompt_text(path):
    """Writes the first tokens of the text as one line. vulora counts them: libraries here would add to peaks there."""
    text = " ".join(open(args.text).read(20 * args.prompt).split())
    stdout, _, _ = turns.run(args, [args.vulora, "tokenize", "--model", args.model, "--json"], stdin=text)
    pieces = json.loads(stdout)["pieces"]
    if len(pieces) < args.prompt:
        sys.exit(f"{args.text}: want at least {args.prompt} tokens, have {len(pieces)}")
    with open(path, "w") as f:
        f.write("".join(pieces[:args.prompt]))


table = turns.Table("prompt + new tokens", {"prompt tok/s": True, "decode tok/s": True, "peak GB": False})
job = f"{args.prompt} + {args.new}"
with tempfile.TemporaryDirectory(dir=args.node if args.gguf else None) as d:
    text, script = os.path.join(d, "prompt.txt"), os.path.join(d, "llamacpp.mjs")
    prompt_text(text)
    shutil.copy(turns.HERE / "llamacpp.mjs", script)  # node looks for packages beside the script
    for _ in range(args.rounds):
        for mode in args.mode:
            table.add(job, f"vulora {mode}", vulora(mode, text))
        if not args.no_transformers:
            table.add(job, "transformers bf16", transformers(text))
        if args.gguf:
            table.add(job, "llama.cpp", llama(text, script))
table.ratios()
