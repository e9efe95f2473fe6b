#!/usr/bin/env python3
"""Vulora beside PEFT on the same machine: LoRA training of the same rows, in turns, and the ratio.

    python3 -m venv V && V/bin/pip install torch transformers peft bitsandbytes
    V/bin/python bench/peers/train.py --model Qwen2.5-0.5B --data alpaca.json --vulora bin/vulora [--mode bf16] [--rows full]

Rows are alpaca's, as they come, or with --rows full joined until each has --max-length tokens. Both programs see the
same rows in the same order, two at a time, and neither counts its first step. The machine should do nothing else.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--model", required=True)
ap.add_argument("--data", required=True, help="JSON list of alpaca rows")
ap.add_argument("--vulora", default=str(pathlib.Path(__file__).parents[2] / "bin" / "vulora"))
ap.add_argument("--mode", choices=["bf16", "f32", "nf4", "fp4"], nargs="+", default=["bf16"])
ap.add_argument("--rows", choices=["alpaca", "full"], default="full")
ap.add_argument("--max-length", type=int, default=512)
ap.add_argument("--steps", type=int, default=4)
ap.add_argument("--rounds", type=int, default=2)
ap.add_argument("--checkpointing", action="store_true")
args = ap.parse_args()
if args.steps < 2:
    ap.error("--steps: want at least 2, as the first is not counted")
for needed in (args.data, args.vulora):
    if not os.path.exists(needed):
        ap.error(f"{needed}: no such file")


def texts():
    rows = ["### Instruction:\n{instruction}\n### Input:\n{input}\n### Response:\n{output}".format(**r)
            for r in json.load(open(args.data))]
    if args.rows == "alpaca":
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
               "--template", "none", "--train-on", "all", "--append-eos=false", "--max-length", str(args.max_length),
               "--no-shuffle", "--batch-size", "2", "--gradient-accumulation-steps", "1", "--lora-dropout", "0",
               "--max-steps", str(args.steps), "--logging-steps", "1", "--save-strategy", "no", "--device", "cpu",
               "--precision", "f32" if mode == "f32" else "bf16", "--json",
               "--gradient-checkpointing", "on" if args.checkpointing else "off"]
    if mode in ("nf4", "fp4"):
        command += ["--quantization", mode, "--double-quant"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    lines = [json.loads(x) for x in open(os.path.join(out, "metrics.jsonl"))]
    log = [x for x in lines if "step" in x and "tokens" in x]
    rates = sorted(b["tokens"] / (b["seconds"] - a["seconds"]) for a, b in zip(log, log[1:]))
    return {"tokens_per_second": rates[len(rates) // 2], "best": rates[-1], "loss": log[-1]["loss"],
            "peak_bytes": json.loads(run.stdout)["peak_bytes"]}


def peft(mode, data):
    command = [sys.executable, str(pathlib.Path(__file__).with_name("peft_train.py")), "--model", args.model,
               "--data", data, "--steps", str(args.steps), "--max-length", str(args.max_length),
               "--dtype", "f32" if mode == "f32" else "bf16"]
    if mode in ("nf4", "fp4"):
        command += ["--quantization", mode]
    if args.checkpointing:
        command.append("--checkpointing")
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


with tempfile.TemporaryDirectory() as d:
    data = os.path.join(d, "rows.jsonl")
    with open(data, "w") as f:
        f.writelines(json.dumps({"text": t}) + "\n" for t in texts())
    print("mode  round  program   tokens/s (median, best)   peak GB   last loss")
    for mode in args.mode:
        for n in range(args.rounds):
            pair = {"vulora": vulora(mode, data, os.path.join(d, "out")), "PEFT": peft(mode, data)}
            for name, r in pair.items():
                print(f"{mode:5} {n + 1:5}  {name:8} {r['tokens_per_second']:10.1f} {r['best']:10.1f} "
                      f"{r['peak_bytes'] / 1e9:13.2f} {r['loss']:11.4f}", flush=True)
            a, b = pair["vulora"], pair["PEFT"]
            print(f"{'':12} ratio    {a['tokens_per_second'] / b['tokens_per_second']:10.2f} "
                  f"{a['best'] / b['best']:10.2f} {a['peak_bytes'] / b['peak_bytes']:13.2f}", flush=True)
