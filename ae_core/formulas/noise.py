"""Random numbers that depend on where they are used, and on nothing else.

A generator with a state gives each number to whoever asks next: then noise depends on the order of
rows and on the number of threads. Here a number is a function of a key (made of a seed and an
epoch), a stream (what it is for), a row and a column; both twins and any number of threads compute
the same one.

The function is Philox2x32 with 7 rounds, the fewest that pass BigCrush (Salmon, Moraes, Dror & Shaw
2011, "Parallel random numbers: as easy as 1, 2, 3", table 2), keyed for each row by a hash of key,
stream and row (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"). One
block of it gives four columns 16 bits each: fine enough for noise, and a quarter of the work.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from .._typing import Array

CORRUPTION, SAMPLE = 0, 1 << 20
"""Streams: corruption of the input, samples of a variational code; dropout of layer l has l."""

LEVELS = 1 << 16
"""Different values of a number."""

COARSE_LEVELS = 1 << 13
"""Different values of corruption's normal noise: enough for noise, and their table stays in the
first cache."""

_MULTIPLIER, _WEYL, _ROUNDS = 0xD256D193, 0x9E3779B9, 7
_LOW = np.uint64(0xFFFFFFFF)


class Draw(NamedTuple):
    """Which random numbers a pass over some rows uses."""

    key: int
    """Of `noise_key`."""
    rows: Array
    """(m,) the rows' numbers in their table."""


def mix(x: Array) -> Array:
    """SplitMix64's hash of uint64 numbers."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def noise_key(seed: int, epoch: int) -> int:
    """The key of an epoch, 64 bits."""
    once = mix(np.array([seed], dtype=np.uint64))
    return int(mix(once + np.uint64(epoch))[0])


def philox(left: Array, right: Array, key: Array) -> tuple[Array, Array]:
    """Philox2x32-7 of counters (left, right): 32-bit numbers in uint64 arrays."""
    for _ in range(_ROUNDS):
        product = left * np.uint64(_MULTIPLIER)
        left, right = (product >> np.uint64(32)) ^ key ^ right, product & _LOW
        key = (key + np.uint64(_WEYL)) & _LOW
    return left, right


def integers(draw: Draw, stream: int, n_columns: int) -> Array:
    """A number of 0 … 65535 for each row and column, all equally likely: (m, n_columns) uint16."""
    n_blocks = -(-n_columns // 4)
    rows = draw.rows.astype(np.uint64) + (np.uint64(stream) << np.uint64(40))
    hashed = mix(np.array([draw.key], dtype=np.uint64) ^ mix(rows))  # (m,)
    shape = (len(rows), n_blocks)
    left = np.broadcast_to(np.arange(n_blocks, dtype=np.uint64), shape)
    right = np.broadcast_to((hashed >> np.uint64(32))[:, None], shape)
    left, right = philox(left, right, (hashed & _LOW)[:, None])
    half = np.uint64(0xFFFF)
    quarters = (left & half, left >> np.uint64(16), right & half, right >> np.uint64(16))
    return np.concatenate(quarters, axis=1)[:, :n_columns].astype(np.uint16)


def threshold(share: float) -> int:
    """The integer below which that share of the numbers lies."""
    return round(share * LEVELS)


@cache
def normal_quantiles(n_levels: int = LEVELS) -> Array:
    """The normal distribution in equally likely steps, of variance 1: (n_levels,) float64."""
    from scipy.special import ndtri  # takes a while to import, and few networks need it

    quantiles = ndtri((np.arange(n_levels) + 0.5) / n_levels)
    quantiles /= np.sqrt(np.mean(quantiles**2))
    quantiles.flags.writeable = False
    return np.asarray(quantiles)


def normals(draw: Draw, stream: int, n_columns: int, n_levels: int = LEVELS) -> Array:
    """A normal number for each row and column: (m, n_columns) float64."""
    numbers = integers(draw, stream, n_columns) // (LEVELS // n_levels)
    return np.asarray(normal_quantiles(n_levels)[numbers])
