"""Reductions, products and linear algebra."""

import torch

from .inputs import distinct, labels, positive, uniform

X3 = uniform(3, 4, 5)


def spd(x):
    """Symmetric positive definite."""
    return x @ x.mT + 2 * torch.eye(x.shape[-1], dtype=x.dtype)


def fft(a, b):
    y = torch.fft.fft(torch.complex(a, b))
    return y.real, y.imag


def ifft(a, b):
    y = torch.fft.ifft(torch.complex(a, b))
    return y.real, y.imag


def bits(x):
    return labels(tuple(x.shape), 2)


def summary(x, beta=1.0):
    """Precision, recall and F of each of 5 classes."""
    t, y = labels((x.shape[0],), 5), x.argmax(1)
    p, r, f = [], [], []
    for c in range(5):
        right = float(((y == c) & (t == c)).sum())
        found, there = float((y == c).sum()), float((t == c).sum())
        p.append(right / found if found else 0.0)
        r.append(right / there if there else 0.0)
        bottom = beta ** 2 * p[-1] + r[-1]
        f.append((1 + beta ** 2) * p[-1] * r[-1] / bottom if bottom else 0.0)
    return tuple(torch.tensor(v, dtype=x.dtype) for v in (p, r, f))


def r2(x):
    t = labels(tuple(x.shape), 3).double()
    return (1 - (t - x).square().sum(0) / (t - t.mean(0)).square().sum(0)).mean()


def top_k(x, k):
    """A label is found if fewer than k classes score above it."""
    own = x[torch.arange(len(x)), labels((len(x),), 5)]
    return ((x > own[:, None]).sum(1) < k).double().mean()


def crf_path(x):
    """The second class of the best pair, found among all pairs; x is the cost, and both steps' scores."""
    totals = x[:, :, None] + x[None] + x[:, None, :]
    return torch.stack([t.flatten().argmax() % x.shape[1] for t in totals])


def coo(data):
    return torch.zeros(3, 2, dtype=data.dtype).index_put((torch.tensor([0, 2, 2, 1, 0]), torch.tensor([1, 0, 1, 1, 1])), data, accumulate=True)


CASES = [
    ("sum", [X3], lambda x: x.sum((0, 2))),
    ("mean", [X3], lambda x: x.mean((0, 2), keepdim=True)),
    ("max", [distinct(3, 4, 5)], lambda x: x.amax((0, 2))),
    ("min", [distinct(3, 4, 5)], lambda x: x.amin((0, 2))),
    ("prod", [X3], lambda x: x.prod(2).prod(0)),
    ("prod__zeros", [X3], lambda x: (x * (x.detach() > -1)).prod(1)),
    ("average", [X3, positive(4)], lambda x, w: (x * w[:, None]).sum(1) / w.sum()),
    ("logsumexp", [X3], lambda x: x.logsumexp((1, 2))),
    ("matmul", [uniform(3, 4), uniform(4, 5)], torch.matmul),
    ("matmul__transposed", [uniform(4, 3), uniform(5, 4)], lambda a, b: a.T @ b.T),
    ("matmul__batches", [uniform(2, 1, 3, 4), uniform(3, 4, 5)], torch.matmul),
    ("matmul__one_matrix", [uniform(2, 3, 4), uniform(4, 5)], torch.matmul),
    ("matmul__vectors", [uniform(4), uniform(4)], torch.matmul),
    ("matmul__vector", [uniform(2, 3, 4), uniform(4)], torch.matmul),
    ("batch_matmul", [uniform(2, 4, 3), uniform(2, 4, 5)], lambda a, b: a.mT @ b),
    ("tensordot", [uniform(2, 3, 4), uniform(4, 5, 2)], lambda a, b: torch.tensordot(a, b, ([2, 0], [0, 2]))),
    ("tensordot__count", [uniform(2, 3, 4), uniform(3, 4, 5)], lambda a, b: torch.tensordot(a, b, 2)),
    ("einsum", [uniform(2, 3, 4), uniform(4, 5)], lambda a, b: torch.einsum("bij,jk->kbi", a, b)),
    ("einsum__diagonal", [uniform(3, 3, 4)], lambda a: torch.einsum("iij->ij", a)),
    ("einsum__trace", [uniform(3, 3)], lambda a: torch.einsum("ii", a)),
    ("einsum__dots", [uniform(2, 3, 4), uniform(1, 4, 5)], lambda a, b: torch.einsum("...ij,...jk", a, b)),
    ("einsum__three", [uniform(2, 3), uniform(3, 4), uniform(4, 2)], lambda a, b, c: torch.einsum("ij,jk,ki->i", a, b, c)),
    ("inv", [uniform(2, 3, 3)], lambda a: torch.linalg.inv(spd(a))),
    ("batch_inv", [uniform(2, 3, 3)], lambda a: torch.linalg.inv(spd(a))),
    ("det", [uniform(3, 3)], lambda a: torch.linalg.det(spd(a))),
    ("batch_det", [uniform(2, 3, 3)], lambda a: torch.linalg.det(spd(a))),
    ("cholesky", [uniform(2, 3, 3)], lambda a: torch.linalg.cholesky(spd(a))),
    ("solve", [uniform(2, 3, 3), uniform(2, 3, 2)], lambda a, b: torch.linalg.solve(spd(a), b)),
    ("bias", [X3, uniform(4)], lambda x, y: x + y[:, None]),
    ("scale", [X3, uniform(4, 5)], lambda x, y: x * y),
    ("identity", [X3], lambda x: x.clone()),
    ("linear_interpolate", [X3, X3, X3], lambda p, x, y: p * x + (1 - p) * y),
    ("batch_l2_norm_squared", [X3], lambda x: x.square().sum((1, 2))),
    ("fft", [uniform(2, 5), uniform(2, 5)], fft),
    ("ifft", [uniform(2, 6), uniform(2, 6)], ifft),
    ("argmax!", [distinct(3, 4, 5)], lambda x: x.argmax(1)),
    ("argmin!", [distinct(3, 4, 5)], lambda x: x.argmin()),
    ("argsort!", [distinct(3, 4, 5)], lambda x: x.argsort(1)),
    ("accuracy!", [distinct(7, 5)], lambda x: top_k(x, 1)),
    ("top_k_accuracy!", [distinct(7, 5)], lambda x: top_k(x, 2)),
    ("binary_accuracy!", [X3], lambda x: ((x >= 0) == (bits(x) == 1)).double().mean()),
    ("precision!", [distinct(9, 5)], lambda x: summary(x)[0]),
    ("recall!", [distinct(9, 5)], lambda x: summary(x)[1]),
    ("f1_score!", [distinct(9, 5)], lambda x: summary(x)[2]),
    ("classification_summary!", [distinct(9, 5)], lambda x: summary(x, 2.0)[2]),
    ("r2_score!", [uniform(4, 5)], r2),
    ("one_hot!", [uniform(3, 4)], lambda x: torch.nn.functional.one_hot(labels((3, 4), 5), 5)),
    ("argmax_crf1d!", [distinct(4, 4)], crf_path),
    ("neg", [X3], torch.neg),
    ("global_average_pooling_2d", [uniform(2, 3, 4, 5)], lambda x: x.mean((2, 3))),
    ("forget", [X3], lambda x: (x * x).tanh()),
    ("sparse_matmul", [uniform(5), uniform(2, 4)], lambda d, b: coo(d) @ b),
    ("sparse_matmul__right", [uniform(2, 4), uniform(5)], lambda a, d: a.T @ coo(d).T),
]
