#!/usr/bin/env python3
"""Times PyTorch's eager functions, forward and backward: the cases of benchmarks/functions.

    python benchmarks/rivals/pytorch_functions.py [--only NAME] [--elements N] [--samples 5] [--peak]

One JSON object a line: case, elements and us (the median over the samples of the time of a call), or with --peak peak_bytes.
"""

import argparse
import math
import os
import statistics
import sys
import time

import measure
import torch
from torch import nn
from torch.nn import functional as F


def normal(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).requires_grad_()


def forward_and_backward(inputs, function):
    gy = torch.ones_like(function())

    def run():
        for x in inputs:
            x.grad = None
        function().backward(gy)

    return run


def function_cases(size):
    """(name, elements, call) of each, as function_cases.cpp makes them."""
    columns = 100 if size < 10000 else 1000
    rows = size // columns

    def case(name, inputs, function):
        return name, size, lambda: forward_and_backward(inputs, function)

    x, w, b = normal(size), normal(size), normal(size)
    yield case("add", [x, w], lambda: x + w)
    yield case("mul", [x, w], lambda: x * w)
    yield case("relu", [x], lambda: F.relu(x))
    yield case("exp", [x], lambda: torch.exp(x))
    yield case("tanh", [x], lambda: torch.tanh(x))
    yield case("gelu", [x], lambda: F.gelu(x))
    yield case("chain", [x, w, b], lambda: F.relu(x * w + b) * x + w)

    m = normal(rows, columns)
    yield case("sum", [m], lambda: m.sum())
    yield case("sum_rows", [m], lambda: m.sum(1))
    yield case("sum_columns", [m], lambda: m.sum(0))
    yield case("mean_rows", [m], lambda: m.mean(1))
    yield case("max_rows", [m], lambda: m.amax(1))

    gamma, beta = normal(columns), normal(columns)
    yield case("layer_normalization", [m, gamma, beta], lambda: F.layer_norm(m, (columns,), gamma, beta))
    yield case("softmax", [m], lambda: torch.softmax(m, 1))
    yield case("log_softmax", [m], lambda: torch.log_softmax(m, 1))
    classes = min(size, 50000)
    scores, t = normal(size // classes, classes), torch.randint(classes, (size // classes,))
    yield case("softmax_cross_entropy", [scores], lambda: F.cross_entropy(scores, t))

    W, ids = normal(50000, 256), torch.randint(50000, (max(1, size // 256),))
    yield case("embed_id", [W], lambda: F.embedding(ids, W))

    batch = max(1, size // 4096)
    p, q = normal(batch, 64, 64), normal(batch, 64, 64)
    yield case("batch_matmul", [p, q], lambda: torch.bmm(p, q))

    batch, channels = max(1, size // (64 * 28 * 28)), min(64, max(1, size // (28 * 28)))
    pictures = torch.randn(batch, channels, 28, 28).contiguous(memory_format=torch.channels_last).requires_grad_()
    yield case("max_pooling_2d", [pictures], lambda: F.max_pool2d(pictures, 3, 2, 1))
    yield case("average_pooling_2d", [pictures], lambda: F.avg_pool2d(pictures, 2))

    parts = [normal(rows, columns // 4) for _ in range(4)]
    yield case("concat", parts, lambda: torch.cat(parts, 1))

    def split():
        ys = m.split(columns // 4, 1)
        return ys[0] + ys[1] + ys[2] + ys[3]

    yield case("split_axis", [m], split)
    yield case("transpose", [m], lambda: m.t().contiguous())
    order, places = torch.randperm(rows), torch.randint(columns, (rows, columns))
    yield case("take_rows", [m], lambda: m[order])
    yield case("gather", [m], lambda: torch.gather(m, 1, places))
    yield case("slice", [m], lambda: m[:, ::2].contiguous())
    condition, z = torch.rand(rows, columns) < 0.5, normal(rows, columns)
    yield case("where", [m, z], lambda: torch.where(condition, m, z))


class TreeLstm(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.x, self.left, self.right = nn.Linear(units, 5 * units), nn.Linear(units, 5 * units, False), nn.Linear(units, 5 * units, False)
        self.units, self.zeros = units, torch.zeros(1, units)

    def forward(self, children, x):
        if not children:
            a, i, o, _, _ = self.x(x).chunk(5, 1)
            c = torch.tanh(a) * torch.sigmoid(i)
        else:
            (c1, h1), (c2, h2) = children
            a, i, o, f1, f2 = (self.left(h1) + self.right(h2)).chunk(5, 1)
            c = torch.tanh(a) * torch.sigmoid(i) + c1 * torch.sigmoid(f1) + c2 * torch.sigmoid(f2)
        return c, torch.tanh(c) * torch.sigmoid(o)


class Draws:
    """The numbers of whole_cases.cpp."""

    def __init__(self):
        self.state = 1

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit


def tree_lstm():
    cell, words = TreeLstm(32), torch.randn(100, 32) * 0.1

    def state_of(leaves, draws):
        if leaves == 1:
            word = draws.below(100)
            return cell([], words[word : word + 1])
        left = 1 + draws.below(leaves - 1)
        first = state_of(left, draws)
        return cell([first, state_of(leaves - left, draws)], None)

    def run():
        cell.zero_grad(set_to_none=True)
        draws = Draws()
        loss = 0
        for _ in range(64):
            loss = loss + state_of(5 + draws.below(16), draws)[1].sum()
        loss.backward()

    return run


def one_unit_rnn():
    x, W, b = normal(1, 1), normal(1, 1, scale=0.1), normal(1)

    def run():
        for v in (x, W, b):
            v.grad = None
        h = x
        for _ in range(1000):
            h = torch.tanh(x + F.linear(h, W, b))
        h.sum().backward()

    return run


def attention(causal):
    q, k, v = (normal(1, 8, 2048, 64, scale=0.1) for _ in range(3))
    return forward_and_backward([q, k, v], lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal))


def whole_cases():
    yield "attention_2048", 8 * 2048 * 64, lambda: attention(False)
    yield "attention_2048_causal", 8 * 2048 * 64, lambda: attention(True)
    yield "tree_lstm_64_trees", 64, tree_lstm
    yield "rnn_1_unit_1000_steps", 1000, one_unit_rnn


def seconds_of(run, calls):
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return time.perf_counter() - start


def median_seconds(run, samples):
    run()
    calls = 1
    taken = seconds_of(run, calls)
    while taken < 0.01:
        calls = max(2 * calls, math.floor(0.012 / taken * calls))
        taken = seconds_of(run, calls)
    return statistics.median(seconds_of(run, calls) / calls for _ in range(samples))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only")
    parser.add_argument("--elements", type=int)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--peak", action="store_true")
    o = parser.parse_args()
    sys.setrecursionlimit(10000)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    groups = [function_cases(size) for size in ([o.elements] if o.elements else [10**3, 10**5, 10**7])]
    if not o.elements:
        groups.append(whole_cases())
    for group in groups:
        for name, elements, make in group:
            if o.only not in (None, name):
                continue
            run = make()
            if o.peak:
                memory = measure.PeakMemory()
                run()
                measure.report(case=name, elements=elements, peak_bytes=memory.above())
            else:
                measure.report(case=name, elements=elements, us=median_seconds(run, o.samples) * 1e6)


if __name__ == "__main__":
    main()
