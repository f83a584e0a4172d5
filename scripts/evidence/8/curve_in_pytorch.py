"""The recipe of configs/cifar10_resnet.cfg in PyTorch, on batches from standard input.

    python curve_in_pytorch.py start WEIGHTS.safetensors
    batches … | python curve_in_pytorch.py follow WEIGHTS.safetensors LOG STEPS
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "7"))
from torch_resnet import ResNet, load, save  # noqa: E402

RANKS, BATCH, SIDE, SAMPLES = 2, 128, 32, 50_000
EPOCHS, WARMUP, LR, MOMENTUM, DECAY, SMOOTHING = 36, 3, 0.1, 0.9, 0.0005, 0.1


def network():
    torch.manual_seed(1)
    model = ResNet("resnet18", first=16, classes=10, small=True, eps=2e-5)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def rate(step):
    epoch = step * BATCH / SAMPLES
    if epoch < WARMUP:
        return LR * epoch / WARMUP
    return LR * (1 + math.cos(math.pi * (epoch - WARMUP) / (EPOCHS - WARMUP))) / 2


def read(shape, dtype):
    size = math.prod(shape) * np.dtype(dtype).itemsize
    data = sys.stdin.buffer.read(size)
    assert len(data) == size, "the batches end too early"
    return torch.from_numpy(np.frombuffer(data, dtype).reshape(shape).copy())


def follow(weights, log, steps):
    model = network()
    model.load_state_dict(load(weights))
    parameters = list(model.parameters())
    speeds = [torch.zeros_like(p) for p in parameters]
    losses = []
    for step in range(steps):
        x, t = read((BATCH, 3, SIDE, SIDE), np.float32), read((BATCH,), np.int32).long()
        for p in parameters:
            p.grad = None
        # each rank normalizes its own part of the batch
        parts = [F.cross_entropy(model(x_part), t_part, label_smoothing=SMOOTHING)
                 for x_part, t_part in zip(x.chunk(RANKS), t.chunk(RANKS))]
        loss = sum(parts) / RANKS
        loss.backward()
        losses.append(loss.item())
        lr = rate(step)
        with torch.no_grad():
            for p, v in zip(parameters, speeds):
                g = p.grad + DECAY * p if p.dim() > 1 else p.grad  # neither biases nor normalization decay
                v.mul_(MOMENTUM).sub_(g, alpha=lr)
                p.add_(v, alpha=MOMENTUM).sub_(g, alpha=lr)
    expected = np.array(losses).reshape(-1, 50).mean(1)
    found = np.array([entry["main/loss"] for entry in json.load(open(log))][: len(expected)])
    assert len(found) == len(expected), f"the log has {len(found)} entries, expected {len(expected)}"
    differences = np.abs(found - expected) / expected
    print("steps        PyTorch     here   difference")
    for i, (e, f, d) in enumerate(zip(expected, found, differences)):
        print(f"{50 * i + 1:4d} to {50 * i + 50:4d}  {e:.4f}  {f:.4f}   {100 * d:.2f} %")
    print(f"curve: the mean losses of every 50 of the first {steps} steps differ by {100 * differences.max():.2f} % at most")
    assert differences.max() <= 0.02


def main():
    if sys.argv[1] == "start":
        save(network().state_dict(), pathlib.Path(sys.argv[2]))
    else:
        follow(pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))


if __name__ == "__main__":
    main()
