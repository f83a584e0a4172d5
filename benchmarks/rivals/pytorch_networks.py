#!/usr/bin/env python3
"""Times PyTorch's eager training steps of the networks in benchmarks/networks/main.cpp, with the same sizes.

    python benchmarks/rivals/pytorch_networks.py CASE [STEPS]      char_lstm, word_lstm, bilstm, gpt, dcgan, adam, momentum_sgd

Prints one JSON object with step_ms (the median) and peak_rss_bytes (above what the process held before).
"""

import json
import resource
import statistics
import sys
import time

import measure  # noqa: F401, which finds the networks
import networks
import torch
from torch import nn
from torch.nn import functional as F


class LanguageModel(nn.Module):
    def __init__(self, words, units, layers):
        super().__init__()
        self.embed, self.out = nn.Embedding(words, units), nn.Linear(units, words)
        self.lstm = nn.LSTM(units, units, layers)
        self.state = None

    def forward(self, x, t):
        h, state = self.lstm(self.embed(x), self.state)
        self.state = tuple(s.detach() for s in state)
        return F.cross_entropy(self.out(h).flatten(0, 1), t.flatten())


def trained(model, optimizer, loss):
    def step():
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        optimizer.step()

    return step


def language_model(words, units, layers, batch, length):
    model = LanguageModel(words, units, layers)
    x, t = torch.randint(words, (length, batch)), torch.randint(words, (length, batch))
    return trained(model, torch.optim.SGD(model.parameters(), lr=0.1), lambda: model(x, t))


def bilstm():
    lstm = nn.LSTM(256, 256, bidirectional=True)
    xs = [torch.randn(10 + i * 40 // 31, 256) for i in range(32)]

    def loss():
        y, _ = lstm(nn.utils.rnn.pack_sequence(xs, enforce_sorted=False))
        return (y.data * y.data).mean()

    return trained(lstm, torch.optim.SGD(lstm.parameters(), lr=0.1), loss)


def gpt():
    model = networks.Gpt()
    x, t = torch.randint(65, (8, 256)), torch.randint(65, (8, 256))
    return trained(model, torch.optim.Adam(model.parameters()), lambda: F.cross_entropy(model(x), t.flatten()))


def dcgan():
    w = 64
    g = nn.Sequential(nn.ConvTranspose2d(100, 2 * w, 7, 1, 0, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(),
                      nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
                      nn.ConvTranspose2d(w, 1, 4, 2, 1, bias=False), nn.Tanh())
    d = nn.Sequential(nn.Conv2d(1, w, 4, 2, 1, bias=False), nn.LeakyReLU(0.2), nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False),
                      nn.BatchNorm2d(2 * w), nn.LeakyReLU(0.2), nn.Conv2d(2 * w, 1, 7, 1, 0, bias=False))
    for_g, for_d = (torch.optim.Adam(m.parameters(), lr=2e-4, betas=(0.5, 0.999)) for m in (g, d))
    real, z = torch.randn(64, 1, 28, 28), torch.randn(64, 100, 1, 1)
    yes, no = torch.ones(64, 1, 1, 1), torch.zeros(64, 1, 1, 1)
    bce = F.binary_cross_entropy_with_logits

    def step():
        fake = g(z)
        for_d.zero_grad(set_to_none=True)
        (bce(d(real), yes) + bce(d(fake.detach()), no)).backward()
        for_d.step()
        for_g.zero_grad(set_to_none=True)
        bce(d(fake), yes).backward()
        for_g.step()

    return step


def optimizer(make):
    weights = [nn.Parameter(torch.zeros(1000, 1000)) for _ in range(25)]
    for weight in weights:
        weight.grad = torch.full_like(weight, 0.01)
    return make(weights).step


CASES = {
    "char_lstm": lambda: language_model(65, 512, 1, 64, 64),
    "word_lstm": lambda: language_model(10000, 650, 2, 20, 35),
    "bilstm": bilstm,
    "gpt": gpt,
    "dcgan": dcgan,
    "adam": lambda: optimizer(torch.optim.Adam),
    "momentum_sgd": lambda: optimizer(lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9)),
}


def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    name, steps = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    torch.manual_seed(1)
    before = resident()
    step = CASES[name]()
    times = []
    for i in range(steps + 2):
        start = time.perf_counter()
        step()
        if i >= 2:
            times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"case": name, "step_ms": statistics.median(times), "peak_rss_bytes": resident() - before,
                      "framework": f"pytorch {torch.__version__}"}))


if __name__ == "__main__":
    main()
