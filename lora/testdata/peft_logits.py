"""Prints the logits of PEFT on a model and an adapter as JSON: peft_logits.py MODEL ADAPTER ID…"""
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="eager")
model = PeftModel.from_pretrained(model, sys.argv[2]).eval()
with torch.no_grad():
    logits = model(input_ids=torch.tensor([[int(i) for i in sys.argv[3:]]])).logits[0]
json.dump(logits.flatten().tolist(), sys.stdout)
