#!/usr/bin/env python3
"""Vulora beside PEFT on the same machine: LoRA training of the same rows, in turns, and the ratio.

    python3 -m venv V && V/bin/pip install torch transformers peft bitsandbytes
    V/bin/python bench/peers/train.py --model Qwen2.5-0.5B --data alpaca.json --mode bf16 f32 nf4 --rows full alpaca

Rows are alpaca's, as they come, or joined until each has --max-length tokens (full). Both programs see the same rows in
the same order, two at a time; PEFT pads to the longer of two, and tokens count without padding. Neither counts its first
step. The machine should do nothing else.
"""
import json
import os
import sys
import tempfile

import turns

ap = turns.arguments(__doc__)
ap.add_argument("--data", required=True, help="JSON list of alpaca rows")
ap.add_argument("--mode", choices=["bf16", "f32", "nf4", "fp4"], nargs="+", default=["bf16"])
ap.add_argument("--rows", choices=["alpaca", "full"], nargs="+", default=["full"])
ap.add_argument("--max-length", type=int, default=512)
ap.add_argument("--steps", type=int, default=4)
ap.add_argument("--checkpointing", action="store_true")
args = turns.parse(ap)
if args.steps < 2:
    ap.error("--steps: want at least 2, as the first is not counted")


def texts(kind):
    rows = ["### Instruction:\n{instruction}\n### Input:\n{input}\n### Response:\n{output}".format(**r)
            for r in json.load(open(args.data))]
    if kind == "alpaca":
        return rows[:2 * args.steps]
    joined, length = [], 6 * args.max_length  # characters, more than any text of so many tokens has
    while len(joined) < 2 * args.steps:
        text = ""
        while len(text) < length:
            text += rows.pop(0) + "\n"
        joined.append(text)
    return joined


def vulora(mode, data, out):
    command = [args.vulora, "train", "--model", args.model, "--data", data, "--output", out, "--overwrite-output",
               "--template", "none", "--train-on", "all", "--append-eos=false", "--max-length", args.max_length,
               "--no-shuffle", "--batch-size", 2, "--gradient-accumulation-steps", 1, "--lora-dropout", 0,
               "--max-steps", args.steps, "--logging-steps", 1, "--save-strategy", "no", "--threads", args.threads,
               "--gradient-checkpointing", "on" if args.checkpointing else "off"] + turns.base(mode)
    _, _, peak = turns.run(args, command)
    lines = [json.loads(x) for x in open(os.path.join(out, "metrics.jsonl"))]
    log = [x for x in lines if "step" in x and "tokens" in x]
    rates = sorted(b["tokens"] / (b["seconds"] - a["seconds"]) for a, b in zip(log, log[1:]))
    return {"tokens/s": rates[len(rates) // 2], "best": rates[-1], "peak GB": peak / 1e9, "loss": log[-1]["loss"]}


def peft(mode, data):
    command = [sys.executable, turns.HERE / "peft_train.py", "--model", args.model, "--data", data, "--steps", args.steps,
               "--max-length", args.max_length, "--dtype", "f32" if mode == "f32" else "bf16", "--threads", args.threads]
    if mode in ("nf4", "fp4"):
        command += ["--quantization", mode]
    if args.checkpointing:
        command.append("--checkpointing")
    stdout, _, peak = turns.run(args, command)
    r = json.loads(stdout.splitlines()[-1])
    return {"tokens/s": r["tokens_per_second"], "best": r["best"], "peak GB": peak / 1e9, "loss": r["loss"]}


table = turns.Table("mode, rows", {"tokens/s": True, "best": True, "peak GB": False, "loss": False})
with tempfile.TemporaryDirectory() as d:
    for kind in args.rows:
        data = os.path.join(d, kind + ".jsonl")
        with open(data, "w") as f:
            f.writelines(json.dumps({"text": t}) + "\n" for t in texts(kind))
        for mode in args.mode:
            for _ in range(args.rounds):
                table.add(f"{mode}, {kind}", "vulora", vulora(mode, data, os.path.join(d, "out")))
                table.add(f"{mode}, {kind}", "PEFT", peft(mode, data))
table.ratios()
