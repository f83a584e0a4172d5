#!/usr/bin/env python3
"""Makes tests/golden/<family>.json: values and gradients of single functions in f64, by PyTorch.

    python scripts/oracle/make_function_goldens.py [--out tests/golden]

A case holds the options, the inputs, the output, the gradient `gy` that is sent back, and the gradients of the inputs.
Names and meanings of options are Chainer's; where PyTorch has no such thing (cover_all) the formula is written out.
Inputs are multiples of 1/1024, no two of them equal inside a pooling window.
"""

import argparse
import itertools
import pathlib

import torch
from torch.nn import functional as F

import golden_file
import hashed_numbers

_streams = itertools.count(100)


def tensor(*shape, bound=2.0):
    return torch.from_numpy(hashed_numbers.short_decimals(next(_streams), shape, bound))


def case(name, options, inputs, function, constants=None, outputs=None):
    """Runs `function` on the inputs, in their order, and its backward. `constants` are inputs that have no gradient."""
    for x in inputs.values():
        x.requires_grad_(True)
    y = function(*inputs.values())
    gy = tensor(*y.shape)
    y.backward(gy)
    return {
        "name": name,
        "options": options,
        "inputs": {k: golden_file.array(v) for k, v in {**inputs, **(constants or {})}.items()},
        "output": golden_file.array(y),
        "gy": golden_file.array(gy),
        "gradients": {k: golden_file.array(v.grad) for k, v in inputs.items()},
        **{k: golden_file.array(v) for k, v in (outputs or {}).items()},
    }


def convolution():
    table = [  # name, x, W, stride, pad, dilate, groups, bias
        ("plain", (2, 3, 5, 6), (4, 3, 3, 3), (1, 1), (0, 0), (1, 1), 1, True),
        ("no_bias", (1, 2, 5, 5), (3, 2, 3, 3), (1, 1), (1, 1), (1, 1), 1, False),
        ("stride_and_pad", (2, 2, 7, 6), (3, 2, 3, 3), (2, 2), (1, 1), (1, 1), 1, True),
        ("different_in_each_direction", (1, 2, 7, 8), (2, 2, 3, 2), (2, 3), (0, 2), (1, 1), 1, True),
        ("dilate", (1, 2, 8, 9), (2, 2, 3, 3), (1, 1), (2, 1), (2, 2), 1, True),
        ("dilate_and_stride", (1, 2, 9, 9), (2, 2, 2, 3), (2, 1), (1, 2), (3, 2), 1, False),
        ("groups", (2, 4, 5, 5), (6, 2, 3, 3), (1, 1), (1, 1), (1, 1), 2, True),
        ("depthwise", (1, 4, 6, 6), (4, 1, 3, 3), (2, 2), (1, 1), (1, 1), 4, True),
        ("one_by_one", (2, 5, 3, 4), (3, 5, 1, 1), (1, 1), (0, 0), (1, 1), 1, True),
        ("one_by_one_stride", (2, 3, 5, 4), (4, 3, 1, 1), (2, 2), (0, 0), (1, 1), 1, False),
        ("pixels_left_over", (1, 2, 8, 8), (2, 2, 3, 3), (3, 3), (0, 0), (1, 1), 1, True),
        ("stem", (1, 3, 13, 12), (2, 3, 7, 7), (2, 2), (3, 3), (1, 1), 1, False),
    ]
    for name, x, w, stride, pad, dilate, groups, bias in table:
        inputs = {"x": tensor(*x), "W": tensor(*w, bound=1.0)}
        if bias:
            inputs["b"] = tensor(w[0])
        options = {"stride": stride, "pad": pad, "dilate": dilate, "groups": groups}

        def function(x, W, b=None):
            return F.conv2d(x, W, b, stride, pad, dilate, groups)

        yield case(name, options, inputs, function)


def linear():
    yield case("bias", {}, {"x": tensor(3, 4), "W": tensor(5, 4), "b": tensor(5)}, lambda x, W, b: F.linear(x, W, b))
    yield case("no_bias", {}, {"x": tensor(2, 7), "W": tensor(3, 7)}, lambda x, W: F.linear(x, W))
    yield case("one_row", {}, {"x": tensor(1, 6), "W": tensor(2, 6), "b": tensor(2)}, lambda x, W, b: F.linear(x, W, b))


def batch_normalization():
    """decay 0.9 is PyTorch's momentum 0.1; both keep the unbiased variance in the running statistics."""
    for name, shape, eps, decay in (
        ("pictures", (3, 4, 3, 2), 2e-5, 0.9),
        ("rows", (6, 5), 1e-5, 0.9),
        ("one_picture", (1, 2, 4, 4), 1e-3, 0.99),
    ):
        channels = shape[1]
        mean, var = tensor(channels), tensor(channels).abs() + 0.5
        running_mean, running_var = mean.clone(), var.clone()
        inputs = {"x": tensor(*shape), "gamma": tensor(channels), "beta": tensor(channels)}

        def train(x, gamma, beta):
            return F.batch_norm(x, running_mean, running_var, gamma, beta, True, 1 - decay, eps)

        options = {"eps": eps, "decay": decay, "train": True}
        after = {"running_mean": running_mean, "running_var": running_var}
        yield case(name + "_train", options, inputs, train, {"mean": mean, "var": var}, after)
        inputs = {"x": tensor(*shape), "gamma": tensor(channels), "beta": tensor(channels)}

        def fixed(x, gamma, beta):
            return F.batch_norm(x, mean, var, gamma, beta, False, 0.0, eps)

        options = {"eps": eps, "decay": decay, "train": False}
        yield case(name + "_fixed", options, inputs, fixed, {"mean": mean, "var": var})


def windows(size, k, stride, pad, cover_all):
    """Chainer's output size, and the real pixels that each window covers."""
    count = (size + 2 * pad - k + (stride - 1 if cover_all else 0)) // stride + 1
    spans = [(max(0, i * stride - pad), min(size, i * stride - pad + k)) for i in range(count)]
    assert all(a < b for a, b in spans), "a window without a pixel has no maximum"
    return spans


def max_pool(x, k, stride, pad, cover_all):
    """Written out: PyTorch's ceil_mode drops windows that start in the padding, cover_all does not."""
    rows = [windows(x.shape[d + 2], k[d], stride[d], pad[d], cover_all) for d in (0, 1)]
    return torch.stack(
        [torch.stack([x[:, :, a:b, c:d].amax((2, 3)) for c, d in rows[1]], -1) for a, b in rows[0]], -2
    )


def max_pooling_2d():
    table = [  # name, x, k, stride, pad, cover_all
        ("plain", (2, 3, 6, 4), (2, 2), (2, 2), (0, 0), False),
        ("stem", (1, 2, 7, 8), (3, 3), (2, 2), (1, 1), False),
        ("overlapping", (1, 2, 6, 5), (3, 2), (1, 1), (0, 1), False),
        ("cover_all", (2, 2, 7, 6), (3, 3), (2, 2), (0, 0), True),
        ("cover_all_pad", (1, 2, 6, 8), (3, 3), (2, 2), (1, 1), True),
        ("cover_all_different", (1, 3, 8, 5), (3, 2), (2, 2), (1, 0), True),
    ]
    for name, x, k, stride, pad, cover_all in table:
        options = {"ksize": k, "stride": stride, "pad": pad, "cover_all": cover_all}
        result = case(name, options, {"x": tensor(*x)}, lambda x: max_pool(x, k, stride, pad, cover_all))
        if not cover_all:  # the formula against PyTorch's own
            given = torch.tensor(result["inputs"]["x"]["data"], dtype=torch.float64).reshape(x)
            assert golden_file.array(F.max_pool2d(given, k, stride, pad)) == result["output"]
        yield result


def average_pooling_2d():
    """Chainer divides by the whole window, padding included."""
    table = [
        ("plain", (2, 3, 6, 4), (2, 2), (2, 2), (0, 0)),
        ("pad", (1, 2, 6, 7), (3, 3), (2, 2), (1, 1)),
        ("different", (1, 2, 7, 5), (3, 2), (2, 1), (1, 0)),
    ]
    for name, x, k, stride, pad in table:
        options = {"ksize": k, "stride": stride, "pad": pad}
        yield case(name, options, {"x": tensor(*x)}, lambda x: F.avg_pool2d(x, k, stride, pad, count_include_pad=True))
    yield case("whole_picture", {"ksize": (4, 5), "stride": (1, 1), "pad": (0, 0)}, {"x": tensor(2, 3, 4, 5)}, lambda x: F.avg_pool2d(x, (4, 5)))


def softmax_cross_entropy():
    """The mean over the rows whose label is not -1. Smoothed labels are (1 - s) onehot + s / classes."""
    for name, rows, classes, smoothing, ignored in (
        ("plain", 5, 4, 0.0, ()),
        ("ignored_rows", 6, 3, 0.0, (1, 4)),
        ("label_smoothing", 4, 5, 0.1, ()),
        ("label_smoothing_and_ignored_rows", 5, 4, 0.25, (0, 3)),
        ("one_row", 1, 7, 0.0, ()),
    ):
        t = hashed_numbers.labels(next(_streams), rows, classes)
        t[list(ignored)] = -1
        t = torch.from_numpy(t)
        options = {"label_smoothing": smoothing, "ignore_label": -1}

        def function(x):
            return F.cross_entropy(x, t, ignore_index=-1, label_smoothing=smoothing)

        yield case(name, options, {"x": tensor(rows, classes, bound=4.0)}, function, {"t": t})
    t = torch.tensor([2, 0])
    x = torch.tensor([[1000.0, -1000.0, 0.0], [500.0, 499.0, -2000.0]], dtype=torch.float64)
    options = {"label_smoothing": 0.0, "ignore_label": -1}
    yield case("large_logits", options, {"x": x}, lambda x: F.cross_entropy(x, t), {"t": t})


def activation():
    table = {
        "relu": (F.relu, {}),
        "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), {"slope": 0.2}),
        "elu": (lambda x: F.elu(x, 0.7), {"alpha": 0.7}),
        "gelu": (F.gelu, {}),
        "sigmoid": (torch.sigmoid, {}),
        "tanh": (torch.tanh, {}),
        "softplus": (F.softplus, {"beta": 1.0}),
        "softmax": (lambda x: F.softmax(x, 1), {"axis": 1}),
        "log_softmax": (lambda x: F.log_softmax(x, 1), {"axis": 1}),
    }
    for name, (function, options) in table.items():
        yield case(name, options, {"x": tensor(3, 7, bound=4.0)}, function)
    for name in ("sigmoid", "tanh", "softplus", "elu", "gelu"):
        x = torch.tensor([[-40.0, -15.0, -5.0, 5.0, 15.0, 40.0]], dtype=torch.float64)
        function, options = table[name]
        if name == "softplus":  # PyTorch takes x itself above a threshold of 20; asked for the exact value instead
            function = lambda x: F.softplus(x, threshold=1000)
        yield {**case(name, options, {"x": x}, function), "far_from_zero": True}


FAMILIES = (
    convolution,
    linear,
    batch_normalization,
    max_pooling_2d,
    average_pooling_2d,
    softmax_cross_entropy,
    activation,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "tests" / "golden")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for family in FAMILIES:
        path = arguments.out / f"{family.__name__}.json"
        golden_file.write(path, "scripts/oracle/make_function_goldens.py", list(family()))


if __name__ == "__main__":
    main()
