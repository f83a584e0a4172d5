#!/usr/bin/env python3
"""Makes tests/golden/functions/<family>.npz: values and gradients of functions in f64, by PyTorch.

    python scripts/oracle/make_case_goldens.py [--out tests/golden/functions]

The table of a family is in cases/<family>.py: the name of a case of the C++ table (tests/core/functions), its inputs and
the function in PyTorch. Keys of a case: NAME/x0 … inputs, NAME/y0 … outputs, NAME/gy0 … what is sent back, NAME/gx0 …
gradients of the inputs. PyTorch stands for Chainer; where they differ the table writes Chainer's formula out.
"""

import argparse
import importlib
import pathlib

import numpy as np
import torch

from npz_file import write

FAMILIES = ["elementwise", "arrays", "losses", "networks", "math"]


def outputs_of(function, inputs):
    y = function(*inputs)
    return [y] if isinstance(y, torch.Tensor) else list(y)


def make(cases):
    arrays = {}
    for number, (name, inputs, function) in enumerate(cases):
        random = np.random.default_rng(1000 + number)
        xs = [torch.tensor(x(random), dtype=torch.float64) for x in inputs]
        differentiable = not name.endswith("!")
        name = name.rstrip("!")
        if f"{name}/y0" in arrays:
            raise SystemExit(f"{name} is in the table twice")
        for x in xs:
            x.requires_grad_(differentiable)
        ys = outputs_of(function, xs)
        entry = {f"x{i}": x for i, x in enumerate(xs)} | {f"y{i}": y.double() for i, y in enumerate(ys)}
        if differentiable:
            gys = [torch.tensor(random.normal(size=y.shape).round(3)) for y in ys]
            gxs = torch.autograd.grad(ys, xs, gys, allow_unused=True)
            entry |= {f"gy{i}": gy for i, gy in enumerate(gys)}
            entry |= {f"gx{i}": torch.zeros_like(x) if gx is None else gx for i, (x, gx) in enumerate(zip(xs, gxs))}
        for key, value in entry.items():
            arrays[f"{name}/{key}"] = np.asarray(value.detach().numpy(), order="C")
    return arrays


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--out", type=pathlib.Path, default=here.parent.parent / "tests/golden/functions")
    parser.add_argument("families", nargs="*", default=FAMILIES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for family in options.families or FAMILIES:
        cases = importlib.import_module(f"cases.{family}").CASES
        write(options.out / f"{family}.npz", make(cases))
        print(f"{family}: {len(cases)} cases")


if __name__ == "__main__":
    main()
