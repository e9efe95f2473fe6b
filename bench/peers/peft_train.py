#!/usr/bin/env python3
"""LoRA training with transformers and PEFT on the CPU, timed: one JSON line with tokens/s and peak memory.

Batches are padded to their longest row; tokens count without padding. The first step is not counted. With --quantization
the linear layers of the base are bitsandbytes' 4-bit ones.
"""
import argparse
import json
import resource
import time

ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--model", required=True)
ap.add_argument("--data", required=True, help="JSON lines with a text each")
ap.add_argument("--dtype", choices=["f32", "bf16"], default="bf16")
ap.add_argument("--quantization", choices=["none", "nf4", "fp4"], default="none")
ap.add_argument("--checkpointing", action="store_true")
ap.add_argument("--batch-size", type=int, default=2)
ap.add_argument("--steps", type=int, default=4, help="including the first, which is not counted")
ap.add_argument("--max-length", type=int, default=512)
ap.add_argument("--threads", type=int, default=2)
args = ap.parse_args()
begun = time.time()

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

torch.set_num_threads(args.threads)
torch.manual_seed(42)
dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.dtype]
quantized = None
if args.quantization != "none":
    quantized = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type=args.quantization,
                                   bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype)
tokenizer = AutoTokenizer.from_pretrained(args.model)
model = AutoModelForCausalLM.from_pretrained(args.model, dtype=dtype, quantization_config=quantized,
                                             attn_implementation="sdpa")
model.config.use_cache = False
model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, lora_dropout=0.0,
                                         target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]))
if args.checkpointing:
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.0, fused=True)
with open(args.data) as f:
    rows = [tokenizer(json.loads(line)["text"], truncation=True, max_length=args.max_length)["input_ids"] for line in f]

rates, first = [], None
for step in range(args.steps):
    batch = rows[step * args.batch_size:(step + 1) * args.batch_size]
    longest = max(map(len, batch))
    ids = torch.tensor([r + [0] * (longest - len(r)) for r in batch])
    mask = torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in batch])
    labels = ids.masked_fill(mask == 0, -100)
    start = time.time()
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    if step == 0:
        first = time.time() - begun
        print("first step", first, flush=True)
    else:
        rates.append(sum(map(len, batch)) / (time.time() - start))
rates = sorted(rates) or [None]
print(json.dumps({"tokens_per_second": rates[len(rates) // 2], "best": rates[-1], "loss": loss.item(),
                  "seconds_to_first_step": first,
                  "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
