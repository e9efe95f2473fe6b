#!/usr/bin/env python3
"""Vulora beside PEFT: from the start of the program to the end of the first training step, in turns, and the ratio.

    V/bin/python bench/peers/start.py --model Qwen2.5-0.5B [--mode bf16 nf4]

The step is on one row of --tokens tokens. Files are in the system's cache: a first turn of each is not counted. The
machine should do nothing else. See train.py for what V is.
"""
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

import turns

ap = turns.arguments(__doc__)
ap.add_argument("--mode", choices=["bf16", "f32", "nf4", "fp4"], nargs="+", default=["bf16"])
ap.add_argument("--tokens", type=int, default=128)
args = turns.parse(ap)


def first_step(command, mark):
    """Seconds from the start of command to the first line, of stdout or stderr, that has mark in it."""
    begun, seconds, lines = time.time(), None, []
    command = shlex.split(args.under) + [str(x) for x in command]
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in p.stdout:
        lines.append(line)
        if seconds is None and mark in line:
            seconds = time.time() - begun
    if p.wait() != 0 or seconds is None:
        sys.exit(f"{shlex.join(command)}: exit status {p.returncode}\n{''.join(lines)}")
    return {"seconds": seconds}


def vulora(mode, data, out):
    return first_step([args.vulora, "train", "--model", args.model, "--data", data, "--output", out, "--overwrite-output",
                       "--template", "none", "--train-on", "all", "--append-eos=false", "--max-length", args.tokens,
                       "--batch-size", 1, "--gradient-accumulation-steps", 1, "--lora-dropout", 0, "--max-steps", 1,
                       "--logging-steps", 1, "--save-strategy", "no", "--threads", args.threads] + turns.base(mode),
                      "step 1/1")


def peft(mode, data):
    command = [sys.executable, turns.HERE / "peft_train.py", "--model", args.model, "--data", data, "--steps", 1,
               "--batch-size", 1, "--max-length", args.tokens, "--dtype", "f32" if mode == "f32" else "bf16",
               "--threads", args.threads]
    if mode in ("nf4", "fp4"):
        command += ["--quantization", mode]
    return first_step(command, "first step")


table = turns.Table("mode", {"seconds": False})
with tempfile.TemporaryDirectory() as d:
    data = os.path.join(d, "rows.jsonl")
    with open(data, "w") as f:
        f.write(json.dumps({"text": "one row of a text that is long enough " * args.tokens}) + "\n")
    for mode in args.mode:
        for n in range(args.rounds + 1):
            pair = {"vulora": vulora(mode, data, os.path.join(d, "out")), "PEFT": peft(mode, data)}
            for name, result in pair.items():
                if n > 0:
                    table.add(mode, name, result)
table.ratios()
