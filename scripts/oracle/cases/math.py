"""Reductions, products and linear algebra."""

import torch

from .inputs import distinct, positive, uniform

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
]
