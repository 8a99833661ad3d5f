#!/usr/bin/env python3
"""The PyTorch peer of the decoding benchmark: the decoder of pytorch_step.py, one token at a time on cached keys and values.

The caches are preallocated and grouped queries share keys without copies of them. Prints {"ready": ...}, then answers every line
"run CONTEXT TOKENS ROWS" on standard input with the time of TOKENS steps, each of ROWS tokens, after a prompt of CONTEXT tokens.
"""
import argparse
import json
import math
import sys
import time

import torch
import torch.nn.functional as F

from pytorch_step import MODELS, Vlm, rotate


def attend(block, x, cos, sin, cache, start):
    b, t, width = x.shape
    h = block.norm1(x)
    q, k, v = (p(h).view(b, t, -1, block.head).transpose(1, 2) for p in (block.q, block.k, block.v))  # [B, heads, T, D]
    q, k = rotate(q, cos, sin), rotate(k, cos, sin)
    keys, values = cache
    keys[:, :, start:start + t], values[:, :, start:start + t] = k, v
    keys, values = keys[:, :, :start + t], values[:, :, :start + t]
    groups = block.heads // block.kv_heads
    if t == 1:  # the queries of a group stand side by side
        scores = q.view(b, block.kv_heads, groups, block.head) @ keys.transpose(2, 3) * (1.0 / math.sqrt(block.head))
        y = F.softmax(scores, dim=-1) @ values
    else:
        keys, values = (c.repeat_interleave(groups, dim=1) for c in (keys, values))
        scores = q @ keys.transpose(2, 3) * (1.0 / math.sqrt(block.head))
        unseen = torch.ones(t, start + t, dtype=torch.bool).triu(start + 1)
        y = F.softmax(scores.masked_fill(unseen, -math.inf), dim=-1) @ values
    x = x + block.o(y.reshape(b, block.heads, t, block.head).transpose(1, 2).reshape(b, t, width))
    h = block.norm2(x)
    return x + block.down(F.silu(block.gate(h)) * block.up(h))


@torch.inference_mode()
def decode(model, ids, tokens):
    """ids [B, T]; the seconds of `tokens` greedy steps after them, and the tokens."""
    sizes, (rows, context) = model.sizes, ids.shape
    shape = (rows, sizes.kv_heads, context + tokens, sizes.text_width // sizes.text_heads)
    caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in model.blocks]

    def step(ids, start):
        angles = torch.arange(start, start + ids.shape[1]).float()[:, None] * model.frequencies
        angles = torch.cat((angles, angles), -1)
        cos, sin = angles.cos(), angles.sin()
        x = model.embedding(ids)
        for block, cache in zip(model.blocks, caches):
            x = attend(block, x, cos, sin, cache, start)
        return F.linear(model.norm(x[:, -1]), model.embedding.weight).argmax(-1, keepdim=True)

    token, made = step(ids, 0), []
    begin = time.perf_counter()
    for i in range(tokens):
        token = step(token, context + i)
        made.append(token)
    return time.perf_counter() - begin, torch.cat(made, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="tiny")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    sizes = MODELS[options.model]
    model = Vlm(sizes).eval()
    generator = torch.Generator().manual_seed(1)
    decode(model, torch.randint(2, sizes.vocabulary, (1, 16), generator=generator), 8)
    print(json.dumps({"ready": options.model, "torch": torch.__version__, "parameters": sum(p.numel() for p in model.parameters())}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if len(words) != 4 or words[0] != "run":
            sys.exit(f'error: expected "run CONTEXT TOKENS ROWS", found {line.strip()!r}')
        context, tokens, rows = (int(word) for word in words[1:])
        seconds, _ = decode(model, torch.randint(2, sizes.vocabulary, (rows, context), generator=generator), tokens)
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
