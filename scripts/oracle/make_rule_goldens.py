#!/usr/bin/env python3
"""Makes tests/golden/rules_<from>.json: 100 steps of each update rule on given gradients, in f64.

    python scripts/oracle/make_rule_goldens.py chainer     # Chainer 7.8.1, see make_chainer_snapshot.py
    python scripts/oracle/make_rule_goldens.py pytorch
    python scripts/oracle/make_rule_goldens.py papers      # NumPy alone: rules that neither of the two has

Start and gradients are hashed numbers (streams 1 and 2), a matrix of 3 x 4; only steps 1, 2, 3, 10, 30 and 100 are kept.
"""

import json
import pathlib
import sys

import numpy as np

import hashed_numbers

STEPS, SHAPE, KEPT = 100, (3, 4), (1, 2, 3, 10, 30, 100)


def start():
    return hashed_numbers.short_decimals(1, SHAPE)


def gradients():
    return hashed_numbers.short_decimals(2, (STEPS, *SHAPE))


def trajectory(step):
    """The kept states of p, where step(t, g) makes one step and returns p."""
    kept = []
    for t, g in enumerate(gradients(), 1):
        p = step(t, g)
        if t in KEPT:
            kept.append(np.array(p, dtype=np.float64).reshape(-1).tolist())
    return kept


def chainer_cases():
    import chainer
    from chainer import optimizer_hooks as hooks
    from chainer import optimizers as o

    chainer.config.dtype = np.float64

    def run(make, *added):
        link = chainer.Link()
        with link.init_scope():
            link.W = chainer.Parameter(start())
        optimizer = make().setup(link)
        for hook in added:
            optimizer.add_hook(hook)

        def step(t, g):
            link.W.grad = g.copy()
            optimizer.update()
            return link.W.array

        return trajectory(step)

    rules = {
        "sgd": (o.SGD, {"lr": 0.1}),
        "momentum_sgd": (o.MomentumSGD, {"lr": 0.05, "momentum": 0.9}),
        "corrected_momentum_sgd": (o.CorrectedMomentumSGD, {"lr": 0.05, "momentum": 0.9}),
        "adagrad": (o.AdaGrad, {"lr": 0.05, "eps": 1e-8}),
        "adadelta": (o.AdaDelta, {"rho": 0.95, "eps": 1e-6}),
        "rmsprop": (o.RMSprop, {"lr": 0.01, "alpha": 0.9, "eps": 1e-8}),
        "rmsprop_graves": (o.RMSpropGraves, {"lr": 0.01, "alpha": 0.95, "momentum": 0.9, "eps": 1e-4}),
        "smorms3": (o.SMORMS3, {"lr": 0.05, "eps": 1e-16}),
        "msvag": (o.MSVAG, {"lr": 0.1, "beta": 0.9, "eta": 0.5, "weight_decay_rate": 0.01}),
        "adam": (o.Adam, {"alpha": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}),
        "adamw": (o.AdamW, {"alpha": 0.01, "eta": 0.5, "weight_decay_rate": 0.02}),
        "amsgrad": (o.AMSGrad, {"alpha": 0.01, "beta2": 0.9}),
        "adabound": (o.AdaBound, {"alpha": 0.01, "final_lr": 0.05, "gamma": 0.1}),
        "amsbound": (o.AMSBound, {"alpha": 0.01, "final_lr": 0.05, "gamma": 0.1}),
    }
    cases = [{"rule": name, "options": options, "p": run(lambda r=rule, k=options: r(**k))} for name, (rule, options) in rules.items()]
    for name, values, hook in (
        ("gradient_clipping", [1.5], hooks.GradientClipping(1.5)),
        ("gradient_hard_clipping", [-0.25, 0.5], hooks.GradientHardClipping(-0.25, 0.5)),
        ("gradient_lars", [0.01, 0.1], hooks.GradientLARS(0.01, 0.1)),
        ("lasso", [0.05], hooks.Lasso(0.05)),
        ("weight_decay", [0.05], hooks.WeightDecay(0.05)),
    ):
        cases.append({"rule": "sgd", "options": {"lr": 0.1}, "hook": name, "values": values, "p": run(lambda: o.SGD(lr=0.1), hook)})
    return cases


def pytorch_cases():
    import torch
    from torch import optim
    from torch.optim import swa_utils

    def run(make, average=None):
        module = torch.nn.ParameterList([torch.nn.Parameter(torch.from_numpy(start()))])
        p = module[0]
        optimizer = make([p])
        averaged = average(module) if average else None

        def step(t, g):
            p.grad = torch.from_numpy(g.copy())
            optimizer.step()
            if averaged is None:
                return p.detach().numpy()
            averaged.update_parameters(module)
            return next(averaged.module.parameters()).detach().numpy()

        return trajectory(step)

    rules = {
        # Chainer's NesterovAG multiplies the new v by momentum squared, where the paper and PyTorch have the old one.
        "nesterov_ag": (lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True), {"lr": 0.05, "momentum": 0.9}),
        "adagrad": (lambda p: optim.Adagrad(p, lr=0.05, eps=1e-8), {"lr": 0.05, "eps": 1e-8}),
        "adadelta": (lambda p: optim.Adadelta(p, lr=1.0, rho=0.95, eps=1e-6), {"rho": 0.95, "eps": 1e-6}),
        "rmsprop": (lambda p: optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-8), {"lr": 0.01, "alpha": 0.9, "eps": 1e-8}),
        "radam": (lambda p: optim.RAdam(p, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True), {"lr": 0.01, "weight_decay_rate": 0.1}),
        "adafactor": (lambda p: optim.Adafactor(p, lr=0.05, weight_decay=0.1), {"lr": 0.05, "weight_decay_rate": 0.1}),
    }
    cases = [{"rule": name, "options": options, "p": run(make)} for name, (make, options) in rules.items()]
    for decay in (0.9, -1):
        function = swa_utils.get_ema_multi_avg_fn(0.9) if decay > 0 else None
        cases.append({"rule": "sgd", "options": {"lr": 0.1}, "average": decay, "p": run(
            lambda p: optim.SGD(p, lr=0.1), lambda m, f=function: swa_utils.AveragedModel(m, multi_avg_fn=f))})
    return cases


def paper_cases():
    def lamb(lr, decay):
        m, v, p = 0, 0, start()

        def step(t, g):
            nonlocal m, v, p
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            r = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-6) + decay * p
            p = p - lr * np.linalg.norm(p) / np.linalg.norm(r) * r
            return p

        return step

    def lars(lr, trust, decay):
        v, p = 0, start()

        def step(t, g):
            nonlocal v, p
            ratio = trust * np.linalg.norm(p) / (np.linalg.norm(g) + decay * np.linalg.norm(p) + 1e-9)
            v = 0.9 * v + lr * ratio * (g + decay * p)
            p = p - v
            return p

        return step

    def lion(lr, decay):
        m, p = 0, start()

        def step(t, g):
            nonlocal m, p
            p = p - lr * (np.sign(0.9 * m + 0.1 * g) + decay * p)
            m = 0.99 * m + 0.01 * g
            return p

        return step

    return [
        {"rule": "lamb", "options": {"lr": 0.01, "weight_decay_rate": 0.1}, "p": trajectory(lamb(0.01, 0.1))},
        {"rule": "lars", "options": {"lr": 0.5, "eta": 0.02, "weight_decay_rate": 0.1}, "p": trajectory(lars(0.5, 0.02, 0.1))},
        {"rule": "lion", "options": {"lr": 0.01, "weight_decay_rate": 0.1}, "p": trajectory(lion(0.01, 0.1))},
    ]


def main():
    source = sys.argv[1]
    cases = {"chainer": chainer_cases, "pytorch": pytorch_cases, "papers": paper_cases}[source]()
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path = pathlib.Path(__file__).parents[2] / f"tests/golden/rules_{source}.json"
    path.write_text('{"made_by":"scripts/oracle/make_rule_goldens.py","kept":' + json.dumps(KEPT) + ',"cases":[\n' + lines + "\n]}\n")
    print(path.name, len(cases), "cases,", path.stat().st_size // 1024, "KiB")


if __name__ == "__main__":
    main()
