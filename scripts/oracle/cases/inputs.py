"""Random inputs of three decimals, made from the case's own generator."""

import numpy as np
import torch


def uniform(*shape, low=-2.0, high=2.0):
    return lambda random: random.uniform(low, high, shape).round(3)


def positive(*shape, low=0.2, high=3.0):
    return uniform(*shape, low=low, high=high)


def distinct(*shape):
    """No two equal, for what chooses the largest."""
    return lambda random: random.permutation(np.arange(np.prod(shape, dtype=int))).reshape(shape) * 0.37 - 1.5


def labels(shape, classes):
    """The labels of tests/core/functions/function_case.h."""
    return torch.tensor([(7 * i + 3) % classes for i in range(int(np.prod(shape)))]).reshape(shape)
