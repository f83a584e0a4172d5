#!/usr/bin/env python3
"""Times PyTorch's eager training steps of the networks in benchmarks/networks/main.cpp, with the same sizes.

    python benchmarks/rivals/pytorch_networks.py CASE [STEPS [FORM]]

Prints one JSON object with step_ms (the median) and peak_rss_bytes (above what the process held before).
"""

import argparse
import json
import resource
import statistics

import measure  # finds the networks, too
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


def language_model(form, words, units, layers, batch, length):
    model = LanguageModel(words, units, layers)
    x, t = torch.randint(words, (length, batch)), torch.randint(words, (length, batch))
    return trained(model, torch.optim.SGD(model.parameters(), lr=0.1, **form), lambda: model(x, t))


def bilstm(form):
    lstm = nn.LSTM(256, 256, bidirectional=True)
    xs = [torch.randn(10 + i * 40 // 31, 256) for i in range(32)]

    def loss():
        y, _ = lstm(nn.utils.rnn.pack_sequence(xs, enforce_sorted=False))
        return (y.data * y.data).mean()

    return trained(lstm, torch.optim.SGD(lstm.parameters(), lr=0.1, **form), loss)


def gpt(form):
    model = networks.Gpt()
    x, t = torch.randint(65, (8, 256)), torch.randint(65, (8, 256))
    return trained(model, torch.optim.Adam(model.parameters(), **form), lambda: F.cross_entropy(model(x), t.flatten()))


def dcgan(form):
    w = 64
    g = nn.Sequential(nn.ConvTranspose2d(100, 2 * w, 7, 1, 0, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(),
                      nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
                      nn.ConvTranspose2d(w, 1, 4, 2, 1, bias=False), nn.Tanh())
    d = nn.Sequential(nn.Conv2d(1, w, 4, 2, 1, bias=False), nn.LeakyReLU(0.2), nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False),
                      nn.BatchNorm2d(2 * w), nn.LeakyReLU(0.2), nn.Conv2d(2 * w, 1, 7, 1, 0, bias=False))
    for_g, for_d = (torch.optim.Adam(m.parameters(), lr=2e-4, betas=(0.5, 0.999), **form) for m in (g, d))
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


# Of PyTorch's optimizers. On a CPU the default makes a pass over the parameter for each of its operations, fused makes one.
FORMS = {"default": {}, "foreach": {"foreach": True}, "fused": {"fused": True}}
CASES = {
    "char_lstm": lambda form: language_model(form, 65, 512, 1, 64, 64),
    "word_lstm": lambda form: language_model(form, 10000, 650, 2, 20, 35),
    "bilstm": bilstm,
    "gpt": gpt,
    "dcgan": dcgan,
    "adam": lambda form: optimizer(lambda p: torch.optim.Adam(p, **form)),
    "momentum_sgd": lambda form: optimizer(lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, **form)),
}


def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("steps", nargs="?", type=int, default=5)
    parser.add_argument("form", nargs="?", choices=FORMS, default="default")
    o = parser.parse_args()
    torch.manual_seed(1)
    before = resident()
    step = CASES[o.case](FORMS[o.form])
    measure.time_steps(step, 2)
    times = measure.time_steps(step, o.steps)
    print(json.dumps({"case": o.case, "form": o.form, "step_ms": statistics.median(times), "peak_rss_bytes": resident() - before,
                      "framework": f"pytorch {torch.__version__}"}))


if __name__ == "__main__":
    main()
