"""Scaling of a table in parts: each part is measured where it is, and the measures are merged.

The merged mean and squares are those of Chan, Golub & LeVeque 1983, "Algorithms for computing the
sample variance: analysis and recommendations". Merged in the order of the parts, they have the same
bits wherever the parts were measured.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from .._typing import Array
from .scaling import SeenColumns


@np.errstate(over="ignore", invalid="ignore")  # `merged_scaling` names what is too large
def merged(parts: Sequence[SeenColumns]) -> SeenColumns:
    """What is seen of each column of all parts, of which there is at least one."""
    return reduce(merged_pair, parts)


def merged_pair(a: SeenColumns, b: SeenColumns) -> SeenColumns:
    """What is seen of each column of two parts."""
    weight = a.weight + b.weight
    share = b.weight / np.where(weight > 0, weight, 1)
    apart = b.mean - a.mean
    both = SeenColumns(
        n_seen=a.n_seen + b.n_seen,
        weight=weight,
        mean=a.mean + apart * share,
        squares=a.squares + b.squares + apart**2 * a.weight * share,
        low=np.minimum(a.low, b.low),
        high=np.maximum(a.high, b.high),
    )
    # Of a column that one part has nothing of, the other says everything.
    total = SeenColumns(*np.where(a.n_seen == 0, b, np.where(b.n_seen == 0, a, both)))
    is_same = total.low == total.high  # in all rows: means of means would round it
    return total._replace(
        mean=np.where(is_same, total.low, total.mean),
        squares=np.where(is_same, 0.0, total.squares),
    )


@np.errstate(over="ignore", invalid="ignore")
def merged_scaling(seen: SeenColumns, scale: str | None) -> tuple[Array | None, Array | None]:
    """The shift and factor of each column, as `learn_scaling` has them to rounding.

    Raises
    ------
    ValueError
        For numbers whose squares are beyond float64.
    """
    shift, factor = seen.scaling(scale)
    if shift is None or factor is None:
        return None, None
    bad = np.flatnonzero(~(np.isfinite(shift) & np.isfinite(factor) & (factor != 0)))
    if len(bad):
        column = int(bad[0])
        largest = max(abs(seen.low[column]), abs(seen.high[column]))
        raise ValueError(
            f"column {column} of X has numbers as large as {largest:g}, whose square is beyond "
            "float64, so that it can't be scaled; take logarithms, clip it, or use another unit"
        )
    return shift, factor
