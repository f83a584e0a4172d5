#!/usr/bin/env python3
"""Makes tests/golden/functions/chainer.npz: values and gradients of Chainer 7.8.1's functions where PyTorch has none of
that meaning.

    python scripts/oracle/make_chainer_function_goldens.py    # see make_chainer_snapshot.py for the Chainer it needs

Keys as of make_case_goldens.py: NAME/x0 … inputs, NAME/y0 … outputs, NAME/gy0 … what is sent back, NAME/gx0 … gradients of
the inputs; f64, but f32 of functions that take nothing else. The cases are called in the same order by
tests/core/functions/chainer_functions_test.cpp, which also has the numbers that are written out here: labels, regions.
"""

import pathlib

import chainer
import chainer.functions as F
import numpy as np

from npz_file import write

REGIONS = np.array([[1.2, 0.7, 6.1, 5.3], [-2.1, -3.2, 3, 4], [4, 4, 12.3, 11], [2, 2, 2.2, 2.1], [20, 1, 24, 5]], np.float32)
PICTURES = np.array([0, 1, 1, 0, 1], np.int32)


def uniform(*shape, low=-2.0, high=2.0):
    return lambda random: random.uniform(low, high, shape).round(3)


def labels(shape, classes):
    """The labels of tests/core/functions/function_case.h."""
    return np.array([(7 * i + 3) % classes for i in range(int(np.prod(shape)))], np.int32).reshape(shape)


def align(function, ratio):
    return lambda x: function(x, REGIONS, PICTURES, (3, 2), 0.8, ratio)


def clustering(batch, norm):
    """Labels 0, 1 and 2 of three, so that one is absent."""
    t = labels((batch, 3, 4), 3)
    return lambda e: F.discriminative_margin_based_clustering_loss(e, t, 0.1, 2.5, 3, norm, 1.0, 2.0, 0.5)


def batch_normalization(axis, shape):
    """The running statistics come out too, as constants."""
    def run(x, gamma, beta):
        mean, var = np.full(shape, 0.25), np.full(shape, 1.5)
        y = F.batch_normalization(x, gamma, beta, running_mean=mean, running_var=var, decay=0.75, axis=axis)
        return y, mean, var
    return run


def batch_renormalization(update):
    def run(x, gamma, beta):
        mean, var = np.array([0.1, -0.2, 0.3]), np.array([0.8, 1.0, 1.5])
        y = F.batch_renormalization(x, gamma, beta, 1.5, 0.3, running_mean=mean, running_var=var, decay=0.75,
                                    update_statistics=update)
        return y, mean, var
    return run


def decorrelated(x):
    mean, projection = np.zeros((2, 2)), np.zeros((2, 2, 2)) + np.eye(2)
    y = F.decorrelated_batch_normalization(x, groups=2, decay=0.75, running_mean=mean, running_projection=projection)
    return y, mean, projection


def evaluating(function):
    def run(*xs):
        with chainer.using_config("train", False):
            return function(*xs)
    return run


def summary(y):
    return F.classification_summary(y, labels((3, 4), 6) - 1, 5, 2.0)


X = uniform(2, 3, 8, 7)
SINGLE = {"roi_max_align_2d", "roi_average_align_2d", "resize_images"}
CASES = [
    ("slstm", F.slstm, [uniform(3, 4), uniform(3, 4), uniform(3, 16), uniform(3, 16)]),
    ("shift", lambda x: F.shift(x, 3, 1), [uniform(2, 9, 4, 5)]),
    ("shift__left_over", lambda x: F.shift(x, 3, 2), [uniform(2, 11, 5, 6)]),
    ("roi_max_align_2d", align(F.roi_max_align_2d, 2), [uniform(2, 3, 8, 7, low=-9, high=-1)]),
    ("roi_max_align_2d__adaptive", align(F.roi_max_align_2d, None), [uniform(2, 3, 8, 7, low=-9, high=-1)]),
    ("roi_average_align_2d", align(F.roi_average_align_2d, (1, 3)), [X]),
    ("roi_average_align_2d__adaptive", align(F.roi_average_align_2d, None), [X]),
    ("discriminative_margin_based_clustering_loss", clustering(1, 1), [uniform(1, 3, 3, 4)]),
    ("discriminative_margin_based_clustering_loss__batch", clustering(3, 1), [uniform(3, 3, 3, 4)]),
    ("discriminative_margin_based_clustering_loss__euclidean!", clustering(3, 2), [uniform(3, 3, 3, 4)]),
    ("r2_score!", lambda y: F.r2_score(y, np.arange(12.0).reshape(6, 2) ** 2), [uniform(6, 2, low=0, high=99)]),
    ("r2_scores!", lambda y: F.r2_score(y, np.arange(12.0).reshape(6, 2) ** 2, multioutput="raw_values"),
     [uniform(6, 2, low=0, high=99)]),
    ("classification_summary!", summary, [uniform(3, 6, 4)]),
    ("deformable_convolution_2d_sampler", lambda x, o, W: F.deformable_convolution_2d_sampler(x, o, W, stride=2, pad=1),
     [X, uniform(2, 18, 4, 4, low=-0.9, high=0.9), uniform(4, 3, 3, 3)]),
    ("zoneout__evaluating", evaluating(lambda h, x: F.zoneout(h, x, 0.3)), [uniform(2, 3), uniform(2, 3)]),
    ("resize_images__nearest", lambda x: F.resize_images(x, (11, 5), mode="nearest", align_corners=True), [X]),
    ("resize_images__nearest_edges", lambda x: F.resize_images(x, (3, 9), mode="nearest", align_corners=False), [X]),
    ("batch_normalization__axis", batch_normalization((0, 1, 3), (4,)),
     [uniform(2, 3, 4, 5), uniform(4), uniform(4)]),
    ("batch_normalization__axes_of_gamma", batch_normalization(None, (3, 4)),
     [uniform(4, 3, 4, 2), uniform(3, 4), uniform(3, 4)]),
    ("batch_normalization__batch_kept", batch_normalization((2, 3), (2, 3)),
     [uniform(2, 3, 4, 2), uniform(2, 3), uniform(2, 3)]),
    ("fixed_batch_normalization__axis",
     lambda x, g, b: F.fixed_batch_normalization(x, g, b, np.full((3, 4), 0.25), np.full((3, 4), 1.5), axis=(0,)),
     [uniform(2, 3, 4), uniform(3, 4), uniform(3, 4)]),
    ("convolution_2d__cover_all", lambda x, W, b: F.convolution_2d(x, W, b, 2, 1, cover_all=True),
     [uniform(2, 3, 6, 7), uniform(4, 3, 3, 3), uniform(4)]),
    ("dilated_convolution_2d__cover_all", lambda x, W: F.dilated_convolution_2d(x, W, None, 2, 1, 2, cover_all=True),
     [uniform(2, 3, 6, 7), uniform(4, 3, 3, 3)]),
    ("average_pooling_1d__pad_none", lambda x: F.average_pooling_1d(x, 3, 2, 1, pad_value=None), [uniform(2, 3, 7)]),
    ("average_pooling_3d__pad_none", lambda x: F.average_pooling_3d(x, (3, 2, 2), 2, 1, pad_value=None),
     [uniform(2, 2, 5, 4, 3)]),
    ("squeeze", F.squeeze, [uniform(1, 3, 1, 2)]),
    ("repeat", lambda x: F.repeat(x, 3), [uniform(2, 3)]),
    ("repeat__counts", lambda x: F.repeat(x, (2, 0, 1, 3)), [uniform(2, 2)]),
    ("decov__elements", lambda h: F.decov(h, reduce="no"), [uniform(5, 4)]),
    ("cross_covariance__elements", lambda y, z: F.cross_covariance(y, z, reduce="no"), [uniform(5, 4), uniform(5, 3)]),
    ("pow", lambda x: 1.7 ** x, [uniform(2, 3)]),
    ("batch_renormalization", batch_renormalization(False), [uniform(4, 3, 5), uniform(3), uniform(3)]),
    ("batch_renormalization__updated", batch_renormalization(True), [uniform(4, 3, 5), uniform(3), uniform(3)]),
    ("decorrelated_batch_normalization", decorrelated, [uniform(3, 4, 2, 2)]),
]


def make(cases):
    arrays = {}
    for number, (name, function, inputs) in enumerate(cases):
        random = np.random.default_rng(3000 + number)
        differentiable = not name.endswith("!")
        name = name.rstrip("!")
        dtype = np.float32 if name.split("__")[0] in SINGLE else np.float64
        xs = [chainer.Variable(x(random).astype(dtype)) for x in inputs]
        outputs = function(*xs)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        ys = [y for y in outputs if isinstance(y, chainer.Variable)]
        entry = {f"x{i}": x.array for i, x in enumerate(xs)}
        entry |= {f"y{i}": y.array if isinstance(y, chainer.Variable) else y for i, y in enumerate(outputs)}
        if differentiable:
            gys = [chainer.Variable(np.asarray(np.round(random.normal(size=y.shape), 3), y.dtype)) for y in ys]
            entry |= {f"gy{i}": gy.array.copy() for i, gy in enumerate(gys)}  # average pooling writes into its own
            gxs = chainer.grad(ys, xs, gys)
            entry |= {f"gx{i}": np.zeros_like(x.array) if gx is None else gx.array
                      for i, (x, gx) in enumerate(zip(xs, gxs))}
        for key, value in entry.items():
            arrays[f"{name}/{key}"] = np.asarray(value, order="C")
    return arrays


def main():
    path = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/functions/chainer.npz"
    with chainer.using_config("use_ideep", "never"), np.errstate(invalid="ignore"):
        write(path, make(CASES))
    print(path.name, len(CASES), "cases,", path.stat().st_size // 1024, "KiB")


if __name__ == "__main__":
    main()
