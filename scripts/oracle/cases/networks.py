"""Convolution, pooling, normalization, recurrent cells and attention."""

import itertools
import math

import torch
from torch.nn import functional as F

from .inputs import distinct, positive, uniform


def lstm(c, x):
    a, i, f, o = x.reshape(x.shape[0], -1, 4).unbind(2)
    n = x.shape[0]
    new = a.tanh() * i.sigmoid() + c[:n] * f.sigmoid()
    return torch.cat([new, c[n:]]), new.tanh() * o.sigmoid()


def slstm(c1, c2, x1, x2):
    a1, i1, f1, o1 = x1.reshape(x1.shape[0], -1, 4).unbind(2)
    a2, i2, f2, o2 = x2.reshape(x2.shape[0], -1, 4).unbind(2)
    c = a1.tanh() * i1.sigmoid() + a2.tanh() * i2.sigmoid() + c1 * f1.sigmoid() + c2 * f2.sigmoid()
    return c, c.tanh() * (o1 + o2).sigmoid()


def tree_lstm(c1, c2, x):
    a, i, o, f1, f2 = x.chunk(5, 1)
    c = a.tanh() * i.sigmoid() + c1 * f1.sigmoid() + c2 * f2.sigmoid()
    return c, c.tanh() * o.sigmoid()


def packed(kind, layers, bidirectional, order, has_cell):
    """PyTorch's network over steps of 3, 3 and 2 rows. `order` brings Chainer's gates into PyTorch's."""
    gates = len(order)
    directions = 2 if bidirectional else 1

    def run(hx, cx, w, b, x0, x1, x2):
        n = hx.shape[2]
        # w (layers × directions, 2 gates, n, n), b (layers × directions, 2 gates, n); layer 0 takes n inputs, others directions n
        joined = torch.cat([x0, x1, x2])
        packed_x = torch.nn.utils.rnn.PackedSequence(joined, torch.tensor([3, 3, 2]))
        net = getattr(torch.nn, kind)(n, n, layers, bidirectional=bidirectional).double()
        params = {}
        for layer in range(layers):
            for d in range(directions):
                k = layer * directions + d
                suffix = f"l{layer}" + ("_reverse" if d else "")
                inputs = [w[k, g] for g in order]
                params["weight_ih_" + suffix] = torch.cat(inputs)
                params["weight_hh_" + suffix] = torch.cat([w[k, gates + g] for g in order])
                params["bias_ih_" + suffix] = torch.cat([b[k, g] for g in order])
                params["bias_hh_" + suffix] = torch.cat([b[k, gates + g] for g in order])
        state = (hx, cx) if has_cell else hx
        y, last = torch.func.functional_call(net, params, (packed_x, state))
        h, c = last if has_cell else (last, None)
        ys = y.data
        return [h] + ([c] if has_cell else []) + [ys[:3], ys[3:6], ys[6:]]

    return run


def n_step(name, kind, layers, bidirectional, order, has_cell):
    count, gates = layers * (2 if bidirectional else 1), 2 * len(order)
    run = packed(kind, layers, bidirectional, order, has_cell)
    n = 2
    shapes = [(count, 3, n)] + ([(count, 3, n)] if has_cell else []) + [(count, gates, n, n), (count, gates, n), (3, n), (3, n), (2, n)]
    function = run if has_cell else (lambda hx, w, b, x0, x1, x2: run(hx, None, w, b, x0, x1, x2))
    return (name, [uniform(*s, low=-1, high=1) for s in shapes], function)


def cover_all(x, w, b):
    return F.conv2d(F.pad(x, (1, 1, 1, 2)), w, b, stride=2)


def depthwise(x, w, b):
    m, c, kh, kw = w.shape
    return F.conv2d(x, w.transpose(0, 1).reshape(c * m, 1, kh, kw), b, stride=2, padding=1, groups=c)


def local_convolution(x, w, b):
    k, oh, ow, c, kh, kw = w.shape
    columns = F.unfold(x, (kh, kw)).reshape(x.shape[0], c * kh * kw, oh, ow)
    return torch.einsum("nphw,khwp->nkhw", columns, w.reshape(k, oh, ow, -1)) + b


def shift(x):
    """Away from the centre of a window of 3 × 3; channels 4 and 8 have changed places."""
    p = F.pad(x, (1, 1, 1, 1))
    h, w = x.shape[2:]
    pixels = [{4: 8, 8: 4}.get(c, c) for c in range(9)]
    corners = [(2 - k // 3, 2 - k % 3) for k in pixels]
    return torch.stack([p[:, c, i:i + h, j:j + w] for c, (i, j) in enumerate(corners)], 1)


def unpooling(x):
    """Windows of 3 with stride 2 that add up."""
    n, c, h, w = x.shape
    columns = x.reshape(n, c, 1, h * w).expand(n, c, 9, h * w).reshape(n, c * 9, h * w)
    full = F.fold(columns, (2 * (h - 1) + 3, 2 * (w - 1) + 3), 3, stride=2)
    return full[:, :, :-1, :-1]


def spatial_pyramid(x):
    a = F.max_pool2d(x, (4, 6))
    b = F.max_pool2d(x, (2, 3))
    return torch.cat([a.reshape(2, -1), b.reshape(2, -1)], 1)[:, :, None, None]


def lrn(x):
    squares = F.pad(x.square(), (0, 0, 0, 0, 2, 2))
    around = sum(squares[:, i:i + x.shape[1]] for i in range(5))
    return x / (2 + 1e-2 * around) ** 0.75


def batch_renormalization(x, g, b):
    """Running mean 50, running variance 100; r in [1/1.2, 1.2], d in [-0.4, 0.4]."""
    m, v = x.mean((0, 2), keepdim=True), x.var((0, 2), keepdim=True, unbiased=False)
    s, running = (v + 2e-5).sqrt(), math.sqrt(100 + 2e-5)
    r = (s / running).clamp(1 / 1.2, 1.2).detach()
    d = ((m - 50) / running).clamp(-0.4, 0.4).detach()
    return ((x - m) / s * r + d) * g[:, None] + b[:, None]


def decorrelated(x):
    n, c, w = x.shape
    rows = x.transpose(0, 1).reshape(2, 2, n * w)
    d = rows - rows.mean(2, keepdim=True)
    cov = d @ d.mT / (n * w) + 2e-5 * torch.eye(2, dtype=x.dtype)
    e, v = torch.linalg.eigh(cov)
    return (v @ torch.diag_embed(e ** -0.5) @ v.mT @ d).reshape(c, n, w).transpose(0, 1)


def rotary(x):
    L, d = x.shape[-2:]
    angles = torch.arange(L)[:, None] * 10000.0 ** (-torch.arange(d // 2).double() / (d // 2))
    a, b = x.chunk(2, -1)
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1)


def attention_causal(q, k, v):
    m, length = q.shape[-2], k.shape[-2]
    mask = torch.ones(m, length, dtype=torch.bool).tril(length - m)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def attention_padded(q, k, v):
    mask = torch.arange(k.shape[-2]) < torch.tensor([3, 5])[:, None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :], scale=0.3)


def ctc(*args):
    """Six steps of 4 classes, labels without blanks of lengths 2, 3 and 0; blank 0."""
    xs = torch.stack(args)
    t = torch.tensor([[1, 2, 0], [3, 3, 1], [0, 0, 0]])
    lengths = torch.tensor([2, 3, 0])
    inputs = torch.tensor([4, 6, 5])
    return F.ctc_loss(xs.log_softmax(2), t, inputs, lengths, blank=0, reduction="none").mean()


def crf1d(cost, x0, x1, x2):
    """Every path of three steps, counted out; batches of 3, 3 and 2."""
    xs, ys = [x0, x1, x2], [torch.tensor([0, 1, 2]), torch.tensor([2, 2, 0]), torch.tensor([1, 0])]
    losses = []
    for row in range(3):
        steps = [t for t in range(3) if row < len(xs[t])]
        total, own = [], None
        for path in itertools.product(range(3), repeat=len(steps)):
            score = sum(xs[t][row, path[t]] for t in steps) + sum(cost[path[t - 1], path[t]] for t in steps[1:])
            total.append(score)
            if list(path) == [int(ys[t][row]) for t in steps]:
                own = score
        losses.append(torch.logsumexp(torch.stack(total), 0) - own)
    return torch.stack(losses).mean()


SAMPLES = torch.tensor([[1, 3], [0, 0], [4, 2]])


def negative_sampling(x, w):
    own = (w[torch.tensor([2, 1, 0])] * x).sum(1)
    others = (w[SAMPLES] * x[:, None]).sum(2)
    losses = F.softplus(-own, threshold=1e9) + F.softplus(others, threshold=1e9).sum(1)
    return losses[:2].sum()  # the third label is ignored


def black_out(x, w):
    own = (w[torch.tensor([2, 1, 0])] * x).sum(1, keepdim=True)
    others = (w[SAMPLES] * x[:, None]).sum(2)
    log_z = torch.cat([own, others], 1).logsumexp(1, keepdim=True)
    return -((own - log_z)[:, 0] + (1 - (others - log_z).exp()).log().sum(1)).mean()


def sampler(x, grid):
    return F.grid_sample(x, grid.permute(0, 2, 3, 1), align_corners=True)


def weighted_cross_entropy(x):
    t = (torch.tensor([(7 * i + 3) % 6 for i in range(12)]) - 1).reshape(4, 3)
    weight = torch.tensor([0.5, 1.0, 2.0, 0.3, 1.5], dtype=x.dtype)
    losses = F.cross_entropy(x, t, weight=weight, ignore_index=-1, reduction="none")
    return losses.sum() / (t != -1).sum()


QKV = [uniform(2, 3, 4, 6), uniform(2, 3, 5, 6), uniform(2, 3, 5, 2)]

CASES = [
    ("linear", [uniform(3, 4), uniform(5, 4), uniform(5)], F.linear),
    ("linear__batch_axes", [uniform(3, 2, 4), uniform(5, 4), uniform(5)], F.linear),
    ("batch_normalization__sequence", [uniform(3, 4, 5), positive(4), uniform(4)],
     lambda x, g, b: F.batch_norm(x, None, None, g, b, True, 0.1, 2e-5)),
    ("convolution_2d", [uniform(2, 4, 6, 5), uniform(6, 2, 3, 2), uniform(6)],
     lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=1, groups=2)),
    ("convolution_nd", [uniform(2, 3, 6, 5), uniform(4, 3, 3, 3), uniform(4)], cover_all),
    ("convolution_1d", [uniform(2, 4, 7), uniform(6, 2, 3), uniform(6)],
     lambda x, w, b: F.conv1d(x, w, b, stride=2, padding=2, dilation=2, groups=2)),
    ("convolution_3d", [uniform(2, 2, 4, 5, 3), uniform(3, 2, 3, 2, 2), uniform(3)],
     lambda x, w, b: F.conv3d(x, w, b, stride=(2, 1, 1), padding=(1, 0, 1))),
    ("dilated_convolution_2d", [uniform(2, 3, 7, 6), uniform(4, 3, 3, 2), uniform(4)],
     lambda x, w, b: F.conv2d(x, w, b, padding=1, dilation=2)),
    ("deconvolution_2d", [uniform(2, 4, 3, 4), uniform(4, 3, 3, 2), uniform(6)],
     lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, groups=2)),
    ("deconvolution_2d__outsize", [uniform(2, 4, 3, 4), uniform(4, 3, 3, 3)],
     lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=(1, 0))),
    ("deconvolution_1d", [uniform(2, 4, 5), uniform(4, 3, 3), uniform(3)],
     lambda x, w, b: F.conv_transpose1d(x, w, b, stride=2, padding=1)),
    ("deconvolution_3d", [uniform(2, 2, 3, 2, 3), uniform(2, 3, 3, 2, 2), uniform(3)],
     lambda x, w, b: F.conv_transpose3d(x, w, b, stride=2, padding=(1, 0, 0))),
    ("deconvolution_nd", [uniform(1, 2, 2, 3, 3), uniform(2, 2, 2, 2, 2)], lambda x, w: F.conv_transpose3d(x, w)),
    ("depthwise_convolution_2d", [uniform(2, 3, 5, 6), uniform(2, 3, 3, 3), uniform(6)], depthwise),
    ("local_convolution_2d", [uniform(2, 3, 5, 4), uniform(4, 3, 3, 3, 3, 2), uniform(4, 3, 3)], local_convolution),
    ("im2col", [uniform(2, 3, 5, 6)], lambda x: F.unfold(x, (3, 2), padding=1, stride=2).reshape(2, 18, 3, 4)),
    ("shift", [uniform(2, 9, 4, 5)], shift),
    ("bilinear", [uniform(3, 4), uniform(3, 2), uniform(4, 2, 5), uniform(4, 5), uniform(2, 5)],
     lambda a, b, w, v1, v2: torch.einsum("bj,bk,jkl->bl", a, b, w) + a @ v1 + b @ v2),
    ("max_pooling_2d", [distinct(2, 3, 5, 6)], lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True)),
    ("average_pooling_2d", [uniform(2, 3, 5, 6)], lambda x: F.avg_pool2d(x, 3, 2, 1)),
    ("max_pooling_1d", [distinct(2, 3, 7)], lambda x: F.max_pool1d(x, 3, 2, 1, ceil_mode=True)),
    ("max_pooling_3d", [distinct(2, 2, 4, 5, 3)], lambda x: F.max_pool3d(x, 2, 2, ceil_mode=True)),
    ("max_pooling_nd", [distinct(2, 2, 4, 5, 3)], lambda x: F.max_pool3d(x, (2, 3, 2), 1, (1, 1, 0))),
    ("average_pooling_1d", [uniform(2, 3, 7)], lambda x: F.avg_pool1d(x, 3, 2, 1)),
    ("average_pooling_3d", [uniform(2, 2, 4, 5, 3)], lambda x: F.avg_pool3d(x, 2, 1)),
    ("average_pooling_nd", [uniform(2, 2, 4, 5, 3)], lambda x: F.avg_pool3d(x, (2, 3, 2), 1, (1, 1, 0))),
    ("unpooling_2d", [uniform(2, 3, 2, 3)], unpooling),
    ("unpooling_1d", [uniform(2, 3, 4)], lambda x: x.repeat_interleave(2, 2)[:, :, :-1]),
    ("unpooling_3d", [uniform(1, 2, 2, 3, 2)],
     lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)),
    ("unpooling_nd", [uniform(2, 3, 4)], lambda x: x.repeat_interleave(3, 2)),
    ("upsampling_2d", [uniform(1, 2, 2, 2)],
     lambda x: F.max_unpool2d(x, torch.tensor([[[[1, 2], [8, 15]], [[0, 7], [8, 11]]]]), 2)),
    ("spatial_pyramid_pooling_2d", [distinct(2, 3, 4, 6)], spatial_pyramid),
    ("layer_normalization", [uniform(3, 4, 5), positive(4, 5), uniform(4, 5)], lambda x, g, b: F.layer_norm(x, (4, 5), g, b)),
    ("rms_normalization", [uniform(3, 4, 5), positive(5)], lambda x, g: F.rms_norm(x, (5,), g, 1e-6)),
    ("group_normalization", [uniform(2, 6, 5), positive(6), uniform(6)], lambda x, g, b: F.group_norm(x, 3, g, b)),
    ("batch_normalization", [uniform(3, 4, 2, 3), positive(4), uniform(4)],
     lambda x, g, b: F.batch_norm(x, None, None, g, b, True, 0.1, 2e-5)),
    ("fixed_batch_normalization", [uniform(3, 4, 2, 3), positive(4), uniform(4)],
     lambda x, g, b: F.batch_norm(x, torch.full((4,), 0.3, dtype=x.dtype), torch.full((4,), 1.7, dtype=x.dtype), g, b, False, 0.1, 2e-5)),
    ("local_response_normalization", [uniform(2, 7, 3, 2)], lrn),
    ("normalize", [uniform(3, 4, 2)], lambda x: x / (x.square().sum(1, keepdim=True).sqrt() + 1e-5)),
    ("batch_renormalization", [uniform(4, 3, 5), positive(3), uniform(3)], batch_renormalization),
    ("fixed_batch_renormalization", [uniform(3, 4, 2, 3), positive(4), uniform(4)],
     lambda x, g, b: F.batch_norm(x, torch.full((4,), 0.3, dtype=x.dtype), torch.full((4,), 1.7, dtype=x.dtype), g, b, False, 0.1, 2e-5)),
    ("decorrelated_batch_normalization", [uniform(5, 4, 3)], decorrelated),
    ("lstm", [uniform(4, 3), uniform(3, 12)], lstm),
    ("slstm", [uniform(4, 3), uniform(4, 3), uniform(4, 12), uniform(4, 12)], slstm),
    ("tree_lstm", [uniform(4, 3), uniform(4, 3), uniform(4, 15)], tree_lstm),
    n_step("n_step_lstm", "LSTM", 2, False, [0, 1, 2, 3], True),
    n_step("n_step_bilstm", "LSTM", 1, True, [0, 1, 2, 3], True),
    n_step("n_step_gru", "GRU", 2, False, [0, 1, 2], False),
    n_step("n_step_bigru", "GRU", 1, True, [0, 1, 2], False),
    n_step("n_step_rnn", "RNN", 2, False, [0], False),
    n_step("n_step_birnn", "RNN", 1, True, [0], False),
    ("scaled_dot_product_attention", QKV, F.scaled_dot_product_attention),
    ("scaled_dot_product_attention__causal", QKV, attention_causal),
    ("scaled_dot_product_attention__padded", QKV, attention_padded),
    ("rotary_embedding", [uniform(2, 5, 6)], rotary),
    ("resize_images", [uniform(2, 3, 4, 5)],
     lambda x: F.interpolate(x, (7, 3), mode="bilinear", align_corners=True)),
    ("resize_images__edges", [uniform(2, 3, 4, 5)],
     lambda x: F.interpolate(x, (7, 3), mode="bilinear", align_corners=False)),
    ("resize_images__nearest", [uniform(2, 3, 4, 5)], lambda x: F.interpolate(x, (7, 3), mode="nearest")),
    ("spatial_transformer_grid", [uniform(2, 2, 3)], lambda t: F.affine_grid(t, (2, 1, 3, 4), align_corners=True).permute(0, 3, 1, 2)),
    ("spatial_transformer_sampler", [uniform(2, 3, 4, 5), uniform(2, 2, 3, 2, low=-1.2, high=1.2)], sampler),
    ("connectionist_temporal_classification", [uniform(3, 4)] * 6, ctc),
    ("crf1d", [uniform(3, 3), uniform(3, 3), uniform(3, 3), uniform(2, 3)], crf1d),
    ("negative_sampling", [uniform(3, 4), uniform(5, 4)], negative_sampling),
    ("black_out", [uniform(3, 4), uniform(5, 4)], black_out),
    ("softmax_cross_entropy__weighted", [uniform(4, 5, 3)], weighted_cross_entropy),
    ("softmax_cross_entropy__soft", [uniform(4, 5), uniform(4, 5, low=0, high=1)],
     lambda x, t: -(t * x.log_softmax(1)).sum(1).mean()),
    ("softmax_cross_entropy__divergence", [uniform(4, 5), uniform(4, 5, low=0.1, high=1)],
     lambda x, t: (t * (t.log() - x.log_softmax(1))).sum(1).mean()),
]
