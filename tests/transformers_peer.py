"""Hugging Face's side of a comparison, in a process of its own.

TensorFlow and PyTorch's Triton each bring an LLVM, and a process that holds both
aborts. So the tests run this file and read what it writes:

    python tests/transformers_peer.py < job.json

A job names `folder`, which holds `vocab.json` and `merges.txt`. With `kinds` it saves
a random GPT-2 in `folder/<kind>` for each, with `logits.npy` of `ids` and `greedy.npy`
after `prompts`; the ids of `texts` are printed as JSON.
"""

import json
import pathlib
import shutil
import sys

import numpy as np
import torch
import transformers


def random_gpt2(config):
    """A `GPT2LMHeadModel` with every weight, also biases and norms, at random."""
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**config)).eval()
    for name, weight in model.named_parameters():
        is_scale = ".ln_" in name and name.endswith("weight")
        weight.normal_(1.0 if is_scale else 0.0, 0.3)
    # Else the untrained model soon says one token for ever.
    model.transformer.wpe.weight.mul_(4)
    return model


def save(job, kind, out):
    """Save one model and what it answers."""
    model = random_gpt2({**job["config"], **kind.get("config", {})})
    if "type" in kind:
        model = model.to(getattr(torch, kind["type"]))
    for name in ("vocab.json", "merges.txt"):
        out.mkdir(parents=True, exist_ok=True)
        shutil.copy(pathlib.Path(job["folder"]) / name, out)
    saved = model.transformer if kind.get("without_head") else model
    saved.save_pretrained(out, **kind.get("options", {}))
    model = model.float()
    np.save(out / "logits.npy", model(torch.tensor(job["ids"])).logits.numpy())
    prompts = torch.tensor(job["prompts"])
    greedy = model.generate(
        prompts,
        attention_mask=torch.ones(prompts.shape),
        max_new_tokens=15,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    np.save(out / "greedy.npy", greedy.numpy())


def main():
    """Do the job that comes by standard input."""
    job = json.load(sys.stdin)
    with torch.no_grad():
        for name, kind in job.get("kinds", {}).items():
            save(job, kind, pathlib.Path(job["folder"]) / name)
    tokenizer = transformers.GPT2Tokenizer.from_pretrained(job["folder"])
    print(json.dumps([tokenizer(text)["input_ids"] for text in job["texts"]]))


if __name__ == "__main__":
    main()
