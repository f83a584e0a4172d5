#!/usr/bin/env python3
"""Makes tests/golden/links.npz: Chainer 7.8.1's links with their parameters, inputs and outputs, f32.

    python scripts/oracle/make_link_goldens.py        # see make_chainer_snapshot.py for the Chainer it needs

<case>/link/… are the parameters under Chainer's keys, <case>/x0, x1 … the inputs, <case>/y0 … the outputs. Parameters are
small hashed numbers, running statistics too; evaluation mode, so that nothing is drawn.
"""

import pathlib

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import link_hooks
import numpy as np

import hashed_numbers


def number(stream, shape, bound=1.0):
    return np.asarray(hashed_numbers.short_decimals(stream, shape, bound), np.float32)


def x_of(*shape, stream=100, bound=1.0):
    return number(stream, shape, bound)


def ids(shape, classes, stream=200):
    return hashed_numbers.labels(stream, int(np.prod(shape)), classes).reshape(shape).astype(np.int32)


def steps(link, *xs):
    """A stateful link over several inputs; the last output."""
    return [link(x) for x in xs]


def trees(link, c1, h1, c2, h2, x):
    return link(c1, c2, h1, h2, x)


def by_class(link, x, t):
    return [link(x[i:i + 1], t[i:i + 1]) for i in range(len(t))]


def n_step(link, *xs):
    result = link(None, None, list(xs)) if isinstance(link, (L.NStepLSTM, L.NStepBiLSTM)) else link(None, list(xs))
    return [*result[:-1], *result[-1]]


STEPS = [x_of(3, 2), x_of(3, 2, stream=101), x_of(2, 2, stream=102)]
RAGGED = [x_of(2, 3), x_of(4, 3, stream=101), x_of(1, 3, stream=102), x_of(4, 3, stream=103)]
NODES = [x_of(2, 3, stream=s) for s in (110, 111, 112, 113)] + [x_of(2, 2)]
PICTURE = x_of(2, 4, 6, 5)


def call(link, *xs):
    return link(*xs)


def cases():
    yield "linear", L.Linear(4, 3), call, [x_of(2, 4)]
    yield "linear_lazy", L.Linear(None, 3), call, [x_of(2, 2, 2)]
    yield "prelu", L.PReLU((3,)), call, [x_of(2, 3)]
    yield "swish", L.Swish((3,)), call, [x_of(2, 3)]
    yield "maxout", L.Maxout(4, 3, 2), call, [x_of(2, 4)]
    yield "dropconnect", L.SimplifiedDropconnect(4, 3), lambda link, x: link(x, train=False), [x_of(2, 4)]
    yield "bias", L.Bias(1, (4,)), call, [PICTURE]
    yield "scale", L.Scale(1, (4,), True), call, [PICTURE]
    yield "bilinear", L.Bilinear(3, 4, 2), call, [x_of(2, 3), x_of(2, 4, stream=101)]
    yield "embed_id", L.EmbedID(7, 3), call, [ids((2, 4), 7)]
    yield "highway", L.Highway(4), call, [x_of(2, 4)]
    yield "convolution_1d", L.Convolution1D(4, 3, 3, stride=2, pad=1), call, [x_of(2, 4, 7)]
    yield "convolution_3d", L.Convolution3D(2, 3, 2), call, [x_of(1, 2, 3, 4, 3)]
    yield "deconvolution_1d", L.Deconvolution1D(4, 3, 3, stride=2), call, [x_of(2, 4, 5)]
    yield "deconvolution_2d", L.Deconvolution2D(4, 3, 3, stride=2, pad=1), call, [PICTURE]
    yield "deconvolution_3d", L.Deconvolution3D(2, 3, 2), call, [x_of(1, 2, 3, 2, 3)]
    yield "dilated_convolution_2d", L.DilatedConvolution2D(4, 3, 3, pad=2, dilate=2), call, [PICTURE]
    yield "depthwise_convolution_2d", L.DepthwiseConvolution2D(4, 2, 3, pad=1), call, [PICTURE]
    yield "local_convolution_2d", L.LocalConvolution2D(4, 2, (6, 5), 3), call, [PICTURE]
    yield "deformable_convolution_2d", L.DeformableConvolution2D(4, 3, 3, pad=1), call, [PICTURE]
    yield ("deformable_convolution_2d_no_bias", L.DeformableConvolution2D(4, 3, 3, pad=1, deform_nobias=True), call,
           [PICTURE])
    yield "mlp_convolution_2d", L.MLPConvolution2D(4, (3, 2), 3, pad=1), call, [PICTURE]
    yield "inception", L.Inception(4, 2, 3, 2, 3, 2, 2), call, [PICTURE]
    yield "inception_bn", L.InceptionBN(4, 2, 3, 2, 3, 2, "avg", 2), call, [PICTURE]
    yield "inception_bn_reduction", L.InceptionBN(4, 0, 3, 2, 3, 2, "max", stride=2), call, [PICTURE]
    huffman = L.BinaryHierarchicalSoftmax.create_huffman_tree(dict(enumerate([10, 7, 4, 3, 1, 2])))
    for name, tree, classes in (("", huffman, [0, 1, 2, 3, 4, 5]), ("_tree", ((1, 2), ((3, 0), 5)), [0, 1, 2, 3, 5])):
        yield (f"binary_hierarchical_softmax{name}", L.BinaryHierarchicalSoftmax(3, tree), by_class,
               [x_of(len(classes), 3), np.array(classes, np.int32)])
    yield "layer_normalization", L.LayerNormalization(4), call, [x_of(2, 4)]
    yield "group_normalization", L.GroupNormalization(2, 4), call, [PICTURE]
    yield "batch_normalization", L.BatchNormalization(4), call, [PICTURE]
    yield "batch_normalization_lazy", L.BatchNormalization(4), call, [PICTURE]
    yield "batch_normalization_no_beta", L.BatchNormalization(4, use_beta=False), call, [PICTURE]
    yield "batch_normalization_no_gamma", L.BatchNormalization(4, use_gamma=False), call, [PICTURE]
    yield "batch_normalization_axis", L.BatchNormalization((4, 5), axis=(0, 2)), call, [PICTURE]
    yield "batch_renormalization", L.BatchRenormalization(4), call, [PICTURE]
    yield "decorrelated_batch_normalization", L.DecorrelatedBatchNormalization(4, groups=2), call, [PICTURE]
    yield "lstm", L.LSTM(2, 3), steps, STEPS
    yield "peephole_lstm", L.StatefulPeepholeLSTM(2, 3), steps, STEPS[:2]
    yield "zoneout_lstm", L.StatefulZoneoutLSTM(2, 3), steps, STEPS[:2]
    yield "gru", L.StatefulGRU(2, 3), steps, STEPS[:2]
    yield "mgu", L.StatefulMGU(2, 3), steps, STEPS[:2]
    yield "child_sum_tree_lstm", L.ChildSumTreeLSTM(2, 3), trees, NODES
    yield "nary_tree_lstm", L.NaryTreeLSTM(2, 3, 2), trees, NODES
    for name, link in (("lstm", L.NStepLSTM), ("bilstm", L.NStepBiLSTM), ("gru", L.NStepGRU), ("bigru", L.NStepBiGRU),
                       ("rnn_tanh", L.NStepRNNTanh), ("birnn_tanh", L.NStepBiRNNTanh), ("rnn_relu", L.NStepRNNReLU),
                       ("birnn_relu", L.NStepBiRNNReLU)):
        yield f"n_step_{name}", link(2, 3, 2, 0.0), n_step, RAGGED
    spectral, standard = link_hooks.SpectralNormalization, link_hooks.WeightStandardization
    yield "spectral_linear", L.Linear(4, 3).add_hook(spectral()), call, [x_of(2, 4)]
    yield "spectral_embed_id", L.EmbedID(7, 3).add_hook(spectral()), call, [ids((2, 4), 7)]
    yield ("spectral_convolution_2d", L.Convolution2D(4, 3, 3).add_hook(spectral(2, use_gamma=True, factor=0.5)), call,
           [PICTURE])
    yield "spectral_deconvolution_2d", L.Deconvolution2D(4, 3, 3).add_hook(spectral()), call, [PICTURE]
    yield "standardized_convolution_2d", L.Convolution2D(4, 3, 3).add_hook(standard()), call, [PICTURE]


def main():
    values = {}
    with chainer.using_config("train", False), chainer.using_config("use_ideep", "never"):
        for name, link, run, xs in cases():
            if name == "linear_lazy":
                link(xs[0])
            for i, (key, parameter) in enumerate(sorted(link.namedparams())):
                parameter.array[...] = number(1 + i, parameter.shape, 0.75)
            if hasattr(link, "avg_mean"):
                link.avg_mean[...] = number(90, link.avg_mean.shape)
            if hasattr(link, "avg_var"):
                link.avg_var[...] = 1.25 + number(91, link.avg_var.shape)
            if hasattr(link, "avg_projection"):
                link.avg_projection[...] = number(92, link.avg_projection.shape)
            if hasattr(link, "W_u"):
                link.W_u[...] = number(93, link.W_u.shape)
            serializer = chainer.serializers.DictionarySerializer()
            serializer.save(link)
            values.update({f"{name}/link/{key}": value for key, value in serializer.target.items()})
            values.update({f"{name}/x{i}": x for i, x in enumerate(xs)})
            outputs = run(link, *xs)
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            values.update({f"{name}/y{i}": y.array for i, y in enumerate(outputs)})
    path = pathlib.Path(__file__).parents[2] / "tests/golden/links.npz"
    np.savez_compressed(path, **values)
    print(path.name, len(values), "arrays,", path.stat().st_size // 1024, "KiB")


if __name__ == "__main__":
    main()
