#!/usr/bin/env python3
"""Times PyTorch's training steps on a GPU: the cases of benchmarks/compare_gpu.py.

    python benchmarks/rivals/pytorch_gpu.py --case resnet50 --batch 256 --precision bf16 [--compile] [--steps 20]

Cases: resnet50 (channels_last), mlp, char_lstm, gpt2 (attention by scaled_dot_product_attention, which takes the flash kernel in
bf16). Precision: fp32, tf32, or bf16 (autocast). Prints one JSON object with step_ms (the median), peak_device_bytes and versions.
"""

import argparse
import json
import statistics

import torch
from torch.nn import functional as F

import measure  # finds the networks that both libraries are compared by, too
import networks
import pytorch_networks

DEVICE = "cuda"  # tests/benchmarks/rivals_test.sh builds the cases on another


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=("resnet50", "mlp", "char_lstm", "gpt2"), required=True)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="bf16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=10)
    return parser.parse_args()


def pictures(o):
    model = networks.create(o.case, classes=1000 if o.case == "resnet50" else 10).to(DEVICE)
    x = torch.rand(networks.input_shape(o.case, o.batch, 224), device=DEVICE)
    if x.dim() == 4:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    t = torch.randint(1000 if o.case == "resnet50" else 10, (o.batch,), device=DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)
    forward = torch.compile(model) if o.compile else model
    return optimizer, lambda: F.cross_entropy(forward(x), t)


def words(o):
    if o.case == "gpt2":
        model = networks.Gpt(50257, 12, 768, 1024).to(DEVICE)
        shape, count, optimizer = (o.batch, 1024), 50257, torch.optim.AdamW(model.parameters(), fused=True)
        model.forward = gpt_forward.__get__(model)
    else:
        model = pytorch_networks.LanguageModel(65, 512, 1).to(DEVICE)
        shape, count, optimizer = (64, 64), 65, torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    x, t = torch.randint(count, shape, device=DEVICE), torch.randint(count, shape, device=DEVICE)
    forward = torch.compile(model) if o.compile else model
    return optimizer, lambda: forward(x, t)


def build(o):
    """The optimizer of a case, and what gives its loss."""
    return (pictures if o.case in ("resnet50", "mlp") else words)(o)


def gpt_forward(self, x, t):
    h = self.blocks(self.tokens(x) + self.places(torch.arange(x.shape[1], device=x.device)))
    return F.cross_entropy(self.head(self.norm(h)).flatten(0, 1), t.flatten())


def main():
    o = arguments()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = o.precision != "fp32"
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    optimizer, loss = build(o)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=o.precision == "bf16"):
            value = loss()
        value.backward()
        optimizer.step()
        torch.cuda.synchronize()

    measure.time_steps(step, o.warmup)
    times = measure.time_steps(step, o.steps)
    print(json.dumps({
        "framework": f"pytorch {torch.__version__}" + (" compiled" if o.compile else " eager"),
        "case": o.case, "precision": o.precision, "batch": o.batch, "gpu": torch.cuda.get_device_name(),
        "step_ms": statistics.median(times), "peak_device_bytes": torch.cuda.max_memory_allocated(),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
