"""Numbers that C++ and Python both make exactly, so that no weights or pictures need to be stored.

Element i of stream s is splitmix64's output function applied to key(s) + (i + 1) * 0x9e3779b97f4a7c15, where
key(s) is the output function applied to s; its upper 53 bits are a double in [0, 1).
The C++ side is tests/golden/hashed_numbers.h.
Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

import numpy as np

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits(stream, count):
    """`count` 64-bit numbers."""
    with np.errstate(over="ignore"):
        key = _mix(np.array([stream & MASK], dtype=np.uint64))
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN_GAMMA)
        return _mix(key + steps)


def uniform(stream, shape, bound=1.0):
    """f64 numbers in [-bound, bound), in row-major order of `shape`."""
    unit = (bits(stream, int(np.prod(shape, dtype=np.int64))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return ((2.0 * unit - 1.0) * bound).reshape(shape)


def labels(stream, count, classes):
    """Class numbers in [0, classes)."""
    return (bits(stream, count) % np.uint64(classes)).astype(np.int64)


def short_decimals(stream, shape, bound=1.0):
    """Multiples of 1/1024 in [-bound, bound]: exact in f32 and short when written as a decimal."""
    return np.asarray(np.round(uniform(stream, shape, bound) * 1024) / 1024)  # asarray: a 0-d one stays an array
