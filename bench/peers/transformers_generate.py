#!/usr/bin/env python3
"""Greedy decoding with transformers on the CPU, timed: one JSON line with tokens/s of the prompt and of decoding.

The prompt is read and continued twice; the second time counts.
"""
import argparse
import json
import time

ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--model", required=True)
ap.add_argument("--text", required=True)
ap.add_argument("--new", type=int, default=64)
ap.add_argument("--dtype", choices=["f32", "bf16"], default="bf16")
ap.add_argument("--threads", type=int, default=2)
args = ap.parse_args()

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(args.threads)
tokenizer = AutoTokenizer.from_pretrained(args.model)
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.dtype]
model = AutoModelForCausalLM.from_pretrained(args.model, dtype=dtype, attn_implementation="sdpa").eval()
ids = tokenizer(open(args.text).read(), return_tensors="pt")["input_ids"]
with torch.no_grad():
    for _ in range(2):
        start = time.time()
        out = model(ids, use_cache=True, logits_to_keep=1)
        read = time.time() - start
        start = time.time()
        for _ in range(args.new):
            out = model(out.logits[:, -1:].argmax(-1), past_key_values=out.past_key_values, use_cache=True)
        wrote = time.time() - start
print(json.dumps({"prompt_tokens": ids.shape[1], "prompt_tokens_per_second": ids.shape[1] / read,
                  "decode_tokens_per_second": args.new / wrote}))
