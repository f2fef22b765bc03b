"""Scaling of a table that lies in parts: each is measured where it is, and the measures are merged.

The merged mean and squares are those of Chan, Golub & LeVeque 1983, "Algorithms for computing the
sample variance: analysis and recommendations". Merged in the order of the parts, they have the same
bits wherever the parts were measured.
"""

from collections.abc import Sequence

import numpy as np

from .._typing import Array
from .scaling import SCALES, SeenColumns, deviations, from_limits


def merged(parts: Sequence[SeenColumns]) -> SeenColumns:
    """What is seen of each column of all parts, of which there is at least one."""
    total = parts[0]
    with np.errstate(over="ignore", invalid="ignore"):  # named by `merged_scaling`
        for part in parts[1:]:
            total = _merged_pair(total, part)
    return total


def _merged_pair(a: SeenColumns, b: SeenColumns) -> SeenColumns:
    weight = a.weight + b.weight
    share = b.weight / np.where(weight > 0, weight, 1)
    apart = b.mean - a.mean
    mean = a.mean + apart * share
    squares = a.squares + b.squares + apart**2 * a.weight * share
    # The limits of a column of which nothing is seen are 0, and say nothing.
    low, high = (
        np.where(a.n_seen == 0, end_b, np.where(b.n_seen == 0, end_a, extreme(end_a, end_b)))
        for extreme, end_a, end_b in ((np.minimum, a.low, b.low), (np.maximum, a.high, b.high))
    )
    # One number in all rows: means of means would round it.
    mean = np.where(low == high, low, mean)
    squares = np.where(low == high, 0.0, squares)
    deviation = deviations(mean, squares, np.where(weight > 0, weight, 1))
    return SeenColumns(mean, deviation, low, high, weight, squares, a.n_seen + b.n_seen)


def merged_scaling(seen: SeenColumns, scale: str | None) -> tuple[Array | None, Array | None]:
    """The shift and factor of each column, as `learn_scaling` has them to rounding.

    Raises
    ------
    ValueError
        For another scale, and for numbers whose squares are beyond float64.
    """
    if scale not in SCALES:
        raise ValueError(f"scale={scale!r}: must be None, 'standard' or 'minmax'")
    if scale is None:
        return None, None
    with np.errstate(over="ignore", invalid="ignore"):  # named below
        shift, factor = seen.mean, 1 / seen.deviation
        if scale == "minmax":
            shift, factor = from_limits(seen.low, seen.high)
    bad = np.flatnonzero(~(np.isfinite(shift) & np.isfinite(factor) & (factor != 0)))
    if len(bad):
        column = int(bad[0])
        largest = max(abs(seen.low[column]), abs(seen.high[column]))
        raise ValueError(
            f"column {column} of X has numbers as large as {largest:g}, whose square is beyond "
            "float64, so that it can't be scaled; take logarithms, clip it, or use another unit"
        )
    return shift, factor
