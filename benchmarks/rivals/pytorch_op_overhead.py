#!/usr/bin/env python3
"""Times the cost of one element-wise operation in PyTorch: a chain of 1,000 on 8 floats, forward plus backward.

    python benchmarks/rivals/pytorch_op_overhead.py [--operations 1000] [--elements 8] [--repetitions 20]

Prints one JSON object per kind of chain: us_per_op is the median over the repetitions of the whole chain's forward
and backward, divided by the number of operations.
"""

import argparse
import statistics
import time

import measure
import torch

CHAINS = {
    "relu": lambda y, x: torch.relu(y),
    "tanh": lambda y, x: torch.tanh(y),
    "add": lambda y, x: y + x,
    "mul": lambda y, x: y * x,
    "mul_constant": lambda y, x: y * 0.999,
}


def once(operation, x, operations, gy):
    x.grad = None
    start = time.perf_counter()
    y = x
    for _ in range(operations):
        y = operation(y, x)
    middle = time.perf_counter()
    y.backward(gy)
    return middle - start, time.perf_counter() - middle


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--elements", type=int, default=8)
    parser.add_argument("--repetitions", type=int, default=20)
    o = parser.parse_args()
    torch.set_num_threads(1)
    for name, operation in CHAINS.items():
        x = torch.ones(o.elements, requires_grad=True)
        gy = torch.ones(o.elements)
        for _ in range(3):
            once(operation, x, o.operations, gy)
        times = [once(operation, x, o.operations, gy) for _ in range(o.repetitions)]
        forward, backward = (statistics.median(t[k] for t in times) / o.operations * 1e6 for k in (0, 1))
        both = statistics.median(a + b for a, b in times) / o.operations * 1e6
        measure.report(
            framework=f"pytorch {torch.__version__}",
            operation=name,
            operations=o.operations,
            elements=o.elements,
            us_per_op=both,
            us_per_op_forward=forward,
            us_per_op_backward=backward,
        )


if __name__ == "__main__":
    main()
