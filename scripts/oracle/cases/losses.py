"""Losses and activations of channels."""

import torch
from torch.nn import functional as F

from .inputs import distinct, labels, positive, uniform

X = uniform(4, 5)


def binary(shape, ignored):
    t = labels(shape, 3)
    return t - 1 if ignored else t.clamp(max=1)


def sigmoid_cross_entropy(x):
    t = binary((4, 5), True)
    losses = F.softplus(x, threshold=1e9) - x * t
    return losses[t >= 0].sum() / (t >= 0).sum()


def hinge(x, power):
    signs = 1 - 2 * F.one_hot(labels((4,), 5), 5)
    return F.relu(1 + x * signs).pow(power).sum() / 4


def huber(x, t):
    return F.huber_loss(x, t, delta=0.8, reduction="none").sum(1)


def contrastive(a, b):
    y = binary((4,), False)
    d2 = (a - b).square().sum(1)
    return 0.5 * (y * d2 + (1 - y) * F.relu(6 - d2.sqrt()).square()).mean()


def triplet(a, p, n):
    return F.relu((a - p).square().sum(1) - (a - n).square().sum(1) + 8).mean()


def covariance(y, z):
    return (y - y.mean(0)).T @ (z - z.mean(0)) / len(y)


def decov(h):
    c = covariance(h, h)
    return 0.5 * (c - torch.diag(torch.diag(c))).square().sum()


def focal(x):
    log_p = F.log_softmax(x, 1)[torch.arange(4), labels((4,), 5)]
    return (-0.5 * (1 - log_p.exp()) ** 2 * log_p).mean()


def clustering(e):
    """Four labels, of which 3 and 4 are absent; Chainer's averages over labels, pixels and pictures."""
    t = labels((2, 3, 3), 3)
    means = torch.zeros(4, *e.shape[:2], dtype=e.dtype)
    variance = 0
    for k in (1, 2):
        mask = (t == k)[:, None]
        mean = (e * mask).sum((2, 3)) / mask.sum((2, 3)).clamp(min=1)
        means = means.index_put((torch.tensor([k - 1]),), mean[None])
        spread = ((mean[:, :, None, None] - e) * mask).abs().sum(1)
        variance = variance + F.relu(spread - 0.1).square().sum() / mask.sum() / 4
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    distance = sum(F.relu(2 * 1.5 - (means[a] - means[b]).abs().sum(1)).square().sum() for a, b in pairs)
    return variance, distance / (len(pairs) * 2), 0.001 * means.abs().sum() / (4 * 2)


def prelu(x, w):
    return torch.where(x >= 0, x, w[:, None] * x)


def cross_entropy(x, weight=None):
    t = labels((4, 3), 6) - 1
    return F.cross_entropy(x, t, ignore_index=-1)


CASES = [
    ("absolute_error", [X, X], lambda a, b: (a - b).abs()),
    ("squared_error", [X, X], lambda a, b: (a - b).square()),
    ("squared_difference", [X, X], lambda a, b: (a - b).square()),
    ("mean_absolute_error", [X, X], lambda a, b: (a - b).abs().mean()),
    ("mean_squared_error", [X, X], lambda a, b: (a - b).square().mean()),
    ("huber_loss", [X, X], huber),
    ("sigmoid_cross_entropy", [X], sigmoid_cross_entropy),
    ("softmax_cross_entropy", [uniform(4, 5, 3)], cross_entropy),
    ("hinge", [X], lambda x: hinge(x, 1)),
    ("hinge__squared", [X], lambda x: hinge(x, 2)),
    ("bernoulli_nll", [uniform(4, 5, low=0, high=1), X], lambda x, y: (F.softplus(y, threshold=1e9) - x * y).sum()),
    ("gaussian_nll", [X, X, X],
     lambda x, m, v: F.gaussian_nll_loss(x, m, v.exp(), full=True, eps=1e-300, reduction="sum")),
    ("gaussian_kl_divergence", [X, X], lambda m, v: 0.5 * (m * m + v.exp() - v - 1).sum()),
    ("contrastive", [X, X], contrastive),
    ("triplet", [X, X, X], triplet),
    ("cross_covariance", [X, uniform(4, 3)], lambda y, z: 0.5 * covariance(y, z).square().sum()),
    ("decov", [X], decov),
    ("focal_loss", [X], focal),
    ("discriminative_margin_based_clustering_loss", [uniform(2, 4, 3, 3)], clustering),
    ("crelu", [X], lambda x: torch.cat([F.relu(x), F.relu(-x)], 1)),
    ("maxout", [distinct(3, 6, 2)], lambda x: x.reshape(3, 2, 3, 2).amax(2)),
    ("prelu", [uniform(3, 4, 2), positive(4)], prelu),
    ("swish", [uniform(3, 4, 2), positive(4)], lambda x, b: x * torch.sigmoid(b[:, None] * x)),
    ("rrelu", [X], lambda x: torch.where(x >= 0, x, x * (1 / 8 + 1 / 3) / 2)),
    ("glu", [uniform(3, 6)], F.glu),
    ("softmax", [uniform(3, 4, 2)], lambda x: x.softmax(1)),
    ("log_softmax", [uniform(3, 4, 2)], lambda x: x.log_softmax(1)),
]
