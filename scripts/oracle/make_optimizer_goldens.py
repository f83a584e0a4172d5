#!/usr/bin/env python3
"""Makes tests/golden/optimizer.json: 20 steps of each optimizer on given gradients, in f64.

    python scripts/oracle/make_optimizer_goldens.py [--out tests/golden]

The formulas are Chainer's, written out from the papers; where PyTorch means the same they are compared with it here.
Differences that matter: MomentumSGD keeps the learning rate inside v; Adam adds eps to sqrt(v) before the bias
correction (the form of Kingma and Ba's section 2, last paragraph); weight_decay_rate is multiplied by eta only, not by
alpha (Loshchilov and Hutter, "Decoupled weight decay regularization", algorithm 2, whose schedule multiplier is eta).
"""

import argparse
import pathlib

import numpy as np
import torch

import golden_file
import hashed_numbers

STEPS = 20
SIZE = 6


def sgd(p, g, state, t, lr):
    return p - lr * g


def momentum_sgd(p, g, state, t, lr, momentum):
    state["v"] = momentum * state.get("v", 0.0) - lr * g
    return p + state["v"]


def nesterov_ag(p, g, state, t, lr, momentum):
    """Bengio, Boulanger-Lewandowski, Pascanu, "Advances in optimizing recurrent networks", equations 6 and 7."""
    v = state.get("v", 0.0)
    state["v"] = momentum * v - lr * g
    return p + momentum**2 * v - (1 + momentum) * lr * g


def adam(p, g, state, t, alpha, beta1, beta2, eps, eta=1.0, weight_decay_rate=0.0):
    """Kingma and Ba, "Adam: a method for stochastic optimization", 2015."""
    state["m"] = beta1 * state.get("m", 0.0) + (1 - beta1) * g
    state["v"] = beta2 * state.get("v", 0.0) + (1 - beta2) * g * g
    alpha_t = alpha * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return p - eta * (alpha_t * state["m"] / (np.sqrt(state["v"]) + eps) + weight_decay_rate * p)


def weight_decay(p, g, rate):
    return g + rate * p


def gradient_clipping(p, g, threshold):
    norm = np.sqrt((g * g).sum())
    return g * min(1.0, threshold / norm)


ADAM = {"alpha": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
CASES = [  # name, optimizer, its formula, options, hooks before the update
    ("sgd", "SGD", sgd, {"lr": 0.1}, []),
    ("momentum_sgd", "MomentumSGD", momentum_sgd, {"lr": 0.05, "momentum": 0.9}, []),
    ("nesterov_ag", "NesterovAG", nesterov_ag, {"lr": 0.05, "momentum": 0.9}, []),
    ("adam", "Adam", adam, ADAM, []),
    ("adam_large_eps", "Adam", adam, {**ADAM, "beta2": 0.9, "eps": 0.1}, []),
    ("adamw", "AdamW", adam, {**ADAM, "eta": 0.5, "weight_decay_rate": 0.02}, []),
    ("momentum_sgd_weight_decay", "MomentumSGD", momentum_sgd, {"lr": 0.05, "momentum": 0.9}, [("WeightDecay", weight_decay, 0.1)]),
    ("sgd_gradient_clipping", "SGD", sgd, {"lr": 0.1}, [("GradientClipping", gradient_clipping, 1.5)]),
]


def pytorch_twin(name, p, options):
    """PyTorch's optimizer where it means the same, else None."""
    if name == "sgd":
        return torch.optim.SGD([p], lr=options["lr"])
    if name == "momentum_sgd":
        return torch.optim.SGD([p], lr=options["lr"], momentum=options["momentum"])
    if name == "nesterov_ag":
        return torch.optim.SGD([p], lr=options["lr"], momentum=options["momentum"], nesterov=True)
    if name == "momentum_sgd_weight_decay":
        return torch.optim.SGD([p], lr=options["lr"], momentum=options["momentum"], weight_decay=0.1)
    return None


def run(name, optimizer, formula, options, hooks):
    start = hashed_numbers.short_decimals(1, (SIZE,))
    gradients = hashed_numbers.short_decimals(2, (STEPS, SIZE))
    gradients[5] *= 1 / 64  # small ones too: clipping must leave them alone
    twin_parameter = torch.from_numpy(start.copy()).requires_grad_(True)
    twin = pytorch_twin(name, twin_parameter, options)
    p, state, trajectory = start, {}, []
    for t in range(1, STEPS + 1):
        g = gradients[t - 1]
        if twin:
            twin_parameter.grad = torch.from_numpy(g.copy())
            twin.step()
        for _, hook, value in hooks:
            g = hook(p, g, value)
        p = formula(p, g, state, t, **options)
        trajectory.append(p)
        if twin:
            np.testing.assert_allclose(p, twin_parameter.detach().numpy(), rtol=1e-13, atol=1e-14)
    return {
        "name": name,
        "optimizer": optimizer,
        "options": options,
        "hooks": [[hook, value] for hook, _, value in hooks],
        "start": golden_file.array(start),
        "gradients": golden_file.array(gradients),
        "trajectory": golden_file.array(np.stack(trajectory)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "tests" / "golden")
    arguments = parser.parse_args()
    cases = [run(*row) for row in CASES]
    golden_file.write(arguments.out / "optimizer.json", "scripts/oracle/make_optimizer_goldens.py", cases)


if __name__ == "__main__":
    main()
