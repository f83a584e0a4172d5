"""Functions that move elements."""

import numpy as np
import torch

from .inputs import distinct, labels, uniform

X3 = uniform(3, 4, 5)
IMAGE = uniform(2, 8, 3, 4)

I = torch.tensor


def pad_first(x, before, after, mode):
    """Along axis 1 of a matrix, as NumPy's pad."""
    positions = np.pad(np.arange(x.shape[1]), (before, after), mode=mode)
    return x[:, torch.from_numpy(positions)]


def depth2space(x, r):
    n, c, h, w = x.shape
    c //= r * r
    x = x.permute(0, 2, 3, 1).reshape(n, h, w, r, r, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h * r, w * r, c)
    return x.permute(0, 3, 1, 2)


def space2depth(x, r):
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(n, h // r, r, w // r, r, c).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h // r, w // r, r * r * c).permute(0, 3, 1, 2)


CASES = [
    ("reshape", [X3], lambda x: x.reshape(5, 12)),
    ("transpose", [X3], lambda x: x.permute(2, 0, 1)),
    ("expand_dims", [X3], lambda x: x.unsqueeze(1)),
    ("squeeze", [uniform(3, 1, 4)], lambda x: x.squeeze(1)),
    ("slice", [X3], lambda x: x[:, 1::2]),
    ("select", [X3], lambda x: x[:, -2]),
    ("concat", [X3, uniform(3, 2, 5)], lambda a, b: torch.cat([a, b], 1)),
    ("split_axis", [X3], lambda x: torch.tensor_split(x, [1, 3], 1)),
    ("split_axis__sections", [X3], lambda x: torch.chunk(x, 2, 1)),
    ("cast", [X3], lambda x: x.clone()),
    ("stack", [X3, X3], lambda a, b: torch.stack([a, b], 1)),
    ("separate", [uniform(3, 4)], lambda x: torch.unbind(x, 1)),
    ("hstack", [X3, uniform(3, 2, 5)], lambda a, b: torch.hstack([a, b])),
    ("vstack", [uniform(4), uniform(2, 4)], lambda a, b: torch.vstack([a, b])),
    ("dstack", [uniform(3, 4), uniform(3, 4)], lambda a, b: torch.dstack([a, b])),
    ("broadcast", [uniform(3, 1), uniform(4)], torch.broadcast_tensors),
    ("broadcast_to", [uniform(3, 1)], lambda x: x.expand(2, 3, 4)),
    ("sum_to", [uniform(2, 3, 4)], lambda x: x.sum((0, 2)).reshape(3, 1)),
    ("pad_sequence", [uniform(3, 2), uniform(5, 2)],
     lambda a, b: torch.nn.utils.rnn.pad_sequence([a, b], batch_first=True, padding_value=-1.5)),
    ("transpose_sequence", [uniform(3, 2), uniform(2, 2), uniform(2, 2)],
     lambda a, b, c: (torch.stack([a[0], b[0], c[0]]), torch.stack([a[1], b[1], c[1]]), a[2:3])),
    ("pad", [X3], lambda x: torch.nn.functional.pad(x, (2, 0, 1, 3), value=0.5)),
    ("pad__edge", [uniform(3, 4)], lambda x: pad_first(x, 2, 3, "edge")),
    ("pad__reflect", [uniform(3, 4)], lambda x: pad_first(x, 5, 3, "reflect")),
    ("pad__symmetric", [uniform(3, 4)], lambda x: pad_first(x, 5, 3, "symmetric")),
    ("flatten", [X3], torch.flatten),
    ("copy", [X3], torch.clone),
    ("flip", [X3], lambda x: x.flip(2)),
    ("fliplr", [X3], torch.fliplr),
    ("flipud", [X3], torch.flipud),
    ("swapaxes", [X3], lambda x: x.swapaxes(0, 2)),
    ("moveaxis", [X3], lambda x: torch.moveaxis(x, (0, 1), (2, 0))),
    ("rollaxis", [X3], lambda x: x.permute(2, 0, 1)),
    ("repeat", [X3], lambda x: x.repeat_interleave(3, 1)),
    ("repeat__counts", [uniform(3, 4)], lambda x: x.repeat_interleave(I([2, 0, 3, 1]), 1)),
    ("tile", [uniform(3, 4)], lambda x: x.tile((2, 1, 3))),
    ("diagonal", [X3], lambda x: x.diagonal(-1, 2, 0)),
    ("as_strided", [uniform(3, 4)], lambda x: torch.as_strided(x.contiguous(), (2, 3), (4, 2), 1)),
    ("depth2space", [IMAGE], lambda x: depth2space(x, 2)),
    ("space2depth", [uniform(2, 3, 4, 6)], lambda x: space2depth(x, 2)),
    ("get_item", [X3], lambda x: x[1:, None, -1, ::2]),
    ("get_item__arrays", [X3], lambda x: x[I([2, 0, 2]), :, I([-1, 3, 0])]),
    ("get_item__array_inside", [X3], lambda x: x[:, I([[2, 0], [1, 1]]), 1:4]),
    ("get_item__mask", [uniform(2, 3)], lambda x: x[I([[True, False, True], [False, True, True]])]),
    ("scatter_add", [uniform(4, 3), uniform(3, 3)], lambda a, b: a.index_add(0, I([2, 0, 2]), b)),
    ("take", [X3], lambda x: x[:, I([[3, 0], [-1, 3]])]),
    ("gather", [uniform(3, 5)], lambda x: torch.gather(x, 1, labels((3, 4), 5))),
    ("scatter", [uniform(3, 4)], lambda x: torch.zeros(3, 6, dtype=x.dtype).scatter_add(1, labels((3, 4), 6), x)),
    ("select_item", [uniform(4, 5)], lambda x: x[torch.arange(4), labels((4,), 5)]),
    ("permutate", [uniform(4, 3)], lambda x: x[I([2, 0, 3, 1])]),
    ("permutate__inverse", [uniform(4, 3)], lambda x: x[I([1, 3, 0, 2])]),
    ("where", [X3, uniform(5)], lambda a, b: torch.where((labels((4, 5), 3) == 0), a, b)),
    ("embed_id", [uniform(6, 4)], lambda W: W[labels((3, 2), 6)]),
    ("sort", [distinct(3, 4, 2)], lambda x: x.sort(1)[0]),
    ("sort__descending", [distinct(3, 4)], lambda x: x.sort(1, descending=True)[0]),
    ("top_k", [distinct(3, 5)], lambda x: x.topk(2, 1)[0]),
    ("cumsum", [X3], lambda x: x.cumsum(1)),
    ("cumsum__all", [uniform(3, 4)], lambda x: x.flatten().cumsum(0)),
    ("cumprod", [X3], lambda x: x.cumprod(1)),
]
