#!/usr/bin/env python3
"""Makes tests/golden/distributions.npz: what PyTorch's distributions compute, in f64.

    python scripts/oracle/make_distribution_goldens.py [--out tests/golden/distributions.npz]

Keys of a family: NAME/p0 … parameters, NAME/q0 … those of another one, NAME/x values, NAME/<function> results for p;
NAME/kl the divergence of q from p. Families follow Chainer's parameters (Geometric counts from 1, Gamma has a scale).
"""

import argparse
import pathlib

import numpy as np
import torch
from torch import distributions as D

from npz_file import write


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


LOC, SCALE = tensor(0.3, -1.2, 2.0), tensor(0.7, 1.5, 0.4)
LOC2, SCALE2 = tensor(-0.4, 0.8, 1.1), tensor(1.1, 0.6, 0.9)
REAL = tensor([0.1, -2.0, 2.5], [1.4, 0.3, 1.9])
POSITIVE = tensor([0.2, 1.7, 0.9], [2.4, 0.6, 3.1])
SHARE = tensor([0.15, 0.6, 0.35], [0.9, 0.45, 0.05])
SHARES, SHARES2 = tensor([0.2, 0.5, 0.3], [0.6, 0.1, 0.3]), tensor([0.3, 0.3, 0.4], [0.2, 0.7, 0.1])
TRIANGLE = tensor([[1.0, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.3, 0.2, 1.2]], [[0.6, 0.0, 0.0], [0.1, 1.4, 0.0], [0.5, -0.2, 0.9]])
TRIANGLE2 = tensor([[0.8, 0.0, 0.0], [-0.2, 1.1, 0.0], [0.3, 0.1, 0.7]], [[1.2, 0.0, 0.0], [0.3, 0.9, 0.0], [0.0, 0.4, 1.1]])
COUNTS = tensor([1.0, 3.0, 2.0], [4.0, 1.0, 6.0])


def mvn(loc, scale):
    return D.MultivariateNormal(loc, scale_tril=scale)


def rows(a, b):
    return torch.stack([a, b])


# name, family in PyTorch, parameters p, parameters q, values
FAMILIES = [
    ("Normal", D.Normal, (LOC, SCALE), (LOC2, SCALE2), REAL),
    ("LogNormal", D.LogNormal, (LOC, SCALE), (LOC2, SCALE2), POSITIVE),
    ("MultivariateNormal", mvn, (rows(LOC, LOC2), TRIANGLE), (rows(LOC2, SCALE), TRIANGLE2), torch.stack([REAL, REAL.flip(0)])),
    ("Cauchy", D.Cauchy, (LOC, SCALE), (LOC2, SCALE2), REAL),
    ("Gumbel", D.Gumbel, (LOC, SCALE), (LOC2, SCALE2), REAL),
    ("Laplace", D.Laplace, (LOC, SCALE), (LOC2, SCALE2), REAL),
    ("Uniform", D.Uniform, (LOC, LOC + 3), (LOC - 0.5, LOC + 4), LOC + 3 * SHARE),
    ("Beta", D.Beta, (SCALE, SCALE2 + 1), (SCALE2, SCALE + 0.5), SHARE),
    ("Dirichlet", D.Dirichlet, (rows(SCALE, SCALE2),), (rows(SCALE2, SCALE + 1),), torch.stack([SHARES, SHARES2])),
    ("Exponential", D.Exponential, (SCALE,), (SCALE2,), POSITIVE),
    ("Gamma", lambda k, theta: D.Gamma(k, 1 / theta), (SCALE + 1, SCALE2), (SCALE2, SCALE), POSITIVE),
    ("Chisquare", D.Chi2, (SCALE * 4,), (SCALE2 * 3,), POSITIVE),
    ("Pareto", D.Pareto, (SCALE + 0.5, SCALE2 + 2), (SCALE, SCALE2 + 1), POSITIVE + 2),
    ("Bernoulli", D.Bernoulli, (SHARE[0],), (SHARE[1],), tensor([1.0, 0.0, 1.0], [0.0, 0.0, 1.0])),
    ("Categorical", D.Categorical, (SHARES,), (SHARES2,), tensor([0.0, 2.0], [1.0, 1.0], [2.0, 0.0])),
    ("OneHotCategorical", D.OneHotCategorical, (SHARES,), (SHARES2,), torch.eye(3, dtype=torch.float64)[torch.tensor([[0, 2], [1, 1], [2, 0]])]),
    ("Geometric", D.Geometric, (SHARE[0],), (SHARE[1],), COUNTS),
    ("Poisson", D.Poisson, (SCALE * 3,), (SCALE2 * 2,), COUNTS),
]
INVERTIBLE = {"Normal", "LogNormal", "Cauchy", "Gumbel", "Laplace", "Uniform", "Exponential", "Pareto"}


def results(name, p, q, x):
    shift = 1 if name == "Geometric" else 0  # Chainer counts the trials, PyTorch the failures
    found = {"x": x, "log_prob": p.log_prob(x - shift)}
    if name not in ("Categorical", "Cauchy"):
        found |= {"mean": p.mean + shift, "variance": p.variance}
    if name != "Poisson":
        found["entropy"] = p.entropy()
    if name in INVERTIBLE:
        found |= {"cdf": p.cdf(x), "share": SHARE, "icdf": p.icdf(SHARE)}
    found["kl"] = D.kl_divergence(p, q)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--out", type=pathlib.Path, default=here.parent.parent / "tests/golden/distributions.npz")
    options = parser.parse_args()
    arrays = {}
    for name, family, p, q, x in FAMILIES:
        entry = {f"p{i}": value for i, value in enumerate(p)} | {f"q{i}": value for i, value in enumerate(q)}
        entry |= results(name, family(*p), family(*q), x)
        for key, value in entry.items():
            arrays[f"{name}/{key}"] = np.asarray(value.numpy(), order="C")
    write(options.out, arrays)
    print(f"{options.out.name}: {len(FAMILIES)} families")


if __name__ == "__main__":
    main()
