#!/usr/bin/env python3
"""The PyTorch peer of the training benchmarks: one step of a vision-language model, the tiny one or nanoVLM's 222M.

Plain PyTorch, float32 or bfloat16 under autocast with float32 masters. A driver alternates with it
in one run: with --pause this program builds the model, prints {"ready": ...}, then answers every line "run N" on
standard input with N timed steps and one JSON line {"seconds_per_step": median, ...} (processor_seconds: all
threads together; peak_bytes: the most memory this process has had). It ends with the input. Without --pause it runs --steps once.
"""
import argparse
import json
import math
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGE_TOKEN = 1


class Sizes:
    """vision_*: of the tower; text_*: of the decoder; answer: how many tokens of a row have a label."""

    def __init__(self, **sizes):
        self.__dict__.update(sizes)
        self.image_tokens = (self.image // self.patch // self.shuffle) ** 2


MODELS = {
    "tiny": Sizes(vocabulary=600, image=64, patch=8, shuffle=2, vision_width=128, vision_inner=512, vision_heads=4, vision_blocks=4,
                  text_width=128, text_inner=384, text_heads=4, kv_heads=2, text_blocks=4, theta=10000.0,
                  batch=64, tokens=48, answer=12),
    "222m": Sizes(vocabulary=49218, image=224, patch=16, shuffle=2, vision_width=768, vision_inner=3072, vision_heads=12,
                  vision_blocks=12, text_width=576, text_inner=1536, text_heads=9, kv_heads=3, text_blocks=30, theta=100000.0,
                  batch=4, tokens=128, answer=64),
}
FUSED_ATTENTION = getattr(F, "scaled_dot_product_attention", None)


def attend(q, k, v, mask=None):
    """q, k, v [B, H, T, D]; mask is additive and broadcasts to [B, H, T, T]."""
    if FUSED_ATTENTION is not None:
        return FUSED_ATTENTION(q, k, v, attn_mask=None if mask is None else mask.to(q.dtype))
    scores = q @ k.transpose(-2, -1) * (1.0 / math.sqrt(q.shape[-1]))
    if mask is not None:
        scores = scores + mask
    return F.softmax(scores, dim=-1).to(v.dtype) @ v


class VisionBlock(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        width, inner = sizes.vision_width, sizes.vision_inner
        self.heads = sizes.vision_heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        b, t, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.out(attend(q, k, v).transpose(1, 2).reshape(b, t, width))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x)), approximate="tanh"))


class Vision(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        width = sizes.vision_width
        self.patches = nn.Conv2d(3, width, sizes.patch, stride=sizes.patch)
        self.positions = nn.Parameter(torch.randn(1, (sizes.image // sizes.patch) ** 2, width) * 0.02)
        self.blocks = nn.ModuleList(VisionBlock(sizes) for _ in range(sizes.vision_blocks))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, pixels):
        x = self.patches(pixels).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.weight


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class TextBlock(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        width, inner = sizes.text_width, sizes.text_inner
        self.heads, self.kv_heads, self.head = sizes.text_heads, sizes.kv_heads, width // sizes.text_heads
        self.norm1, self.norm2 = RmsNorm(width), RmsNorm(width)
        self.q, self.k, self.v, self.o = (
            nn.Linear(width, n, bias=False) for n in (width, self.kv_heads * self.head, self.kv_heads * self.head, width))
        self.gate, self.up = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x, cos, sin, mask):
        b, t, width = x.shape
        h = self.norm1(x)
        q, k, v = (p(h).view(b, t, -1, self.head).transpose(1, 2) for p in (self.q, self.k, self.v))
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        k, v = (y.repeat_interleave(self.heads // self.kv_heads, dim=1) for y in (k, v))
        x = x + self.o(attend(q, k, v, mask).transpose(1, 2).reshape(b, t, width))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Vlm(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        self.vision = Vision(sizes)
        self.projector = nn.Linear(sizes.vision_width * sizes.shuffle ** 2, sizes.text_width, bias=False)
        self.embedding = nn.Embedding(sizes.vocabulary, sizes.text_width)
        self.blocks = nn.ModuleList(TextBlock(sizes) for _ in range(sizes.text_blocks))
        self.norm = RmsNorm(sizes.text_width)
        d = sizes.text_width // sizes.text_heads
        self.register_buffer("frequencies", sizes.theta ** (-torch.arange(0, d, 2).float() / d))
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding, nn.Conv2d)):
                nn.init.normal_(module.weight, std=0.02)
                if getattr(module, "bias", None) is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, pixels, ids, keys, labels):
        """pixels [B, 3, S, S]; ids, keys (1 attends), labels (-100 is none) [B, T]. The mean loss."""
        sizes = self.sizes
        features = self.vision(pixels)
        b, side, r, width = ids.shape[0], sizes.image // sizes.patch, sizes.shuffle, sizes.vision_width
        features = features.view(b, side // r, r, side // r, r, width).permute(0, 1, 3, 2, 4, 5)
        image = self.projector(features.reshape(b, sizes.image_tokens, width * r * r))
        x = self.embedding(ids)
        x = x.masked_scatter((ids == IMAGE_TOKEN).unsqueeze(-1), image.to(x.dtype))

        t = ids.shape[1]
        angles = torch.arange(t).float()[:, None] * self.frequencies
        cos, sin = torch.cat((angles, angles), -1).cos(), torch.cat((angles, angles), -1).sin()
        allowed = torch.ones(t, t, dtype=torch.bool).tril() & keys.bool()[:, None, None, :]
        mask = torch.zeros(b, 1, t, t).masked_fill(~allowed, torch.finfo(torch.float32).min)
        for block in self.blocks:
            x = block(x, cos, sin, mask)
        wanted = labels != -100
        logits = F.linear(self.norm(x)[wanted], self.embedding.weight)
        return F.cross_entropy(logits.float(), labels[wanted])


def make_batch(sizes, generator):
    batch, tokens = sizes.batch, sizes.tokens
    ids = torch.randint(2, sizes.vocabulary, (batch, tokens), generator=generator)
    ids[:, :sizes.image_tokens] = IMAGE_TOKEN
    lengths = torch.randint(tokens - 8, tokens + 1, (batch, 1), generator=generator)
    position = torch.arange(tokens)
    labels = ids.roll(-1, dims=1).masked_fill((position < lengths - 1 - sizes.answer) | (position >= lengths - 1), -100)
    pixels = torch.rand(batch, 3, sizes.image, sizes.image, generator=generator)
    return pixels, ids, (position < lengths).long(), labels


def peak_bytes():
    """The most memory this process has had, by Linux."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--model", choices=MODELS, default="tiny")
    parser.add_argument("--pause", action="store_true", help='answer "run N" lines on standard input')
    parser.add_argument("--profile", action="store_true", help="print where one step's time goes, and end")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    sizes = MODELS[options.model]
    model = Vlm(sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.01,
                                  foreach=options.model == "tiny")  # many small tensors; of large ones it only takes more memory
    data = [make_batch(sizes, generator) for _ in range(4)]

    def step(i):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "bf16"):
            loss = model(*data[i % len(data)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    def run(steps):
        seconds, loss, processor = [], math.nan, time.process_time()
        for i in range(steps):
            start = time.perf_counter()
            loss = step(i)
            seconds.append(time.perf_counter() - start)
        processor = (time.process_time() - processor) / steps
        print(json.dumps({"seconds_per_step": statistics.median(seconds), "minimum": min(seconds),
                          "processor_seconds_per_step": processor, "loss": loss, "peak_bytes": peak_bytes()}), flush=True)

    for i in range(options.warmup):
        step(i)
    if options.profile:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            step(0)
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=30))
        return
    if not options.pause:
        run(options.steps)
        return
    print(json.dumps({"ready": options.dtype, "threads": options.threads, "torch": torch.__version__,
                      "peak_bytes": peak_bytes(), "parameters": sum(p.numel() for p in model.parameters())}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if len(words) == 2 and words[0] == "run":
            run(int(words[1]))
        elif words:
            sys.exit(f'error: expected "run N", found {line.strip()!r}')


if __name__ == "__main__":
    main()
