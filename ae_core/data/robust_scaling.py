"""Scaling by quantiles, which a few wild values cannot spoil: far out, values grow slowly.

A mean and a standard deviation belong to the largest value as soon as it is large enough, and gross
errors then hide one another. A median and the distance between quantiles do not care how far out
the outer values are (Huber & Ronchetti 2009, "Robust statistics", chapter 5).
"""

from typing import NamedTuple

import numpy as np

from .._typing import Array
from .rows import Rows

ROWS_FOR_QUANTILES = 1000
"""Quantiles are taken of at most so many rows, evenly spaced: more would change them little."""
LINEAR_UNTIL = 5.0
"""From so many spreads off the median on, a scaled value grows with the logarithm only."""
FARTHEST = 1e30
"""Scaled values are clipped to this: float32 ends at 3e38."""
SAME = 1e-6
"""Share of a constant by which an entry may miss it: float32 has seven digits."""
SMALLEST_SPREAD = 1e-300
"""The smallest spread that is divided by, so that no factor is infinite."""

WIDEST = 1.5
"""So many times the inner spread the outer one counts at most: a fifth may be gross errors."""
NORMAL_QUARTERS, NORMAL_TAILS = 1.349, 3.290
"""Distances, in deviations, from a quarter to three quarters and from 0.05 to 0.95 of a normal."""


class RobustScaling(NamedTuple):
    """A network sees ``(X - shift) * factor``, bent beyond `LINEAR_UNTIL`; constants as 0."""

    shift: Array
    """(n_features,): the median of each column; the value itself of a constant one."""
    factor: Array
    """(n_features,): one over its spread; 1 for a constant column."""
    varies: Array
    """(n_features,) bool: whether a column has more than one value."""
    is_seen: Array
    """(n_features,) bool: whether it has any; a column that varies is seen."""

    def scaled(self, rows: Rows, which: slice, dtype: np.dtype) -> tuple[Array, Array]:
        """The rows `which` as networks see them, and where a constant has changed.

        Parameters
        ----------
        rows : Rows
            Of the table as it is, not scaled.
        which : slice
        dtype : dtype

        Returns
        -------
        scaled : array of shape (m, n_features)
            NaN where unseen.
        changed : bool array of shape (m, n_constants), in the order of the columns
        """
        values = rows.take(which, np.float64)  # (m, n), perhaps the caller's own
        all_vary = bool(self.varies.all())
        with np.errstate(over="ignore", invalid="ignore"):
            if all_vary:
                changed = np.empty((len(values), 0), dtype=bool)
            else:
                constants = self.is_seen & ~self.varies
                was = self.shift[constants]
                # NaN compares as False, so a missing entry never counts as changed.
                changed = np.abs(values[:, constants] - was) > SAME * np.abs(was)
            scaled = (values - self.shift) * self.factor
            size = np.abs(scaled)
            far = size > LINEAR_UNTIL
        if far.any():
            size = np.minimum(size[far], FARTHEST)
            scaled[far] = np.sign(scaled[far]) * (LINEAR_UNTIL + np.log1p(size - LINEAR_UNTIL))
        if not all_vary:
            scaled[:, ~self.varies] *= 0  # NaN stays
        return scaled.astype(dtype), changed


def learn_robust_scaling(rows: Rows, sample: Array, weights: Array) -> RobustScaling:
    """The scaling of a table's columns.

    The spread of a column is the larger of two distances between quantiles, each in units of a
    normal distribution's. Where both are 0, as for a flag that is rarely set, it is the usual
    distance of the other values from the median times the square root of their share: a flag's
    standard deviation.

    Parameters
    ----------
    rows : Rows
        Of the whole table, not scaled; whether a column is constant is taken from all of it.
    sample : array of shape (m, n_features)
        Some of the rows, dense, NaN where unseen.
    weights : array of shape (m,)
        Not all zero.
    """
    low, high = rows.limits
    is_seen, varies = ~np.isnan(low), low < high
    few = slice(None, None, max(1, -(-len(sample) // ROWS_FOR_QUANTILES)))
    # In units of its largest value no column can overflow.
    unit = np.fmax(np.abs(low), np.abs(high))
    unit = np.where(varies, unit, 1.0)
    values, their_weights = sample[few] / unit, weights[few]
    tail, quarter, median, three_quarters, other_tail = column_quantiles(
        values, their_weights, (0.05, 0.25, 0.5, 0.75, 0.95)
    )
    inner = (three_quarters - quarter) / NORMAL_QUARTERS
    outer = (other_tail - tail) / NORMAL_TAILS
    spread = np.where(inner > 0, np.fmax(inner, np.fmin(outer, WIDEST * inner)), outer)
    median = np.where(np.isnan(median), 0.0, median)
    for some in (few, slice(None)):  # the fewer are often enough
        narrow = np.flatnonzero(varies & ~(spread > 0))
        if len(narrow):
            own = sample[some][:, narrow] / unit[narrow]  # (m, n_narrow)
            spread[narrow] = _spread_of_others(np.abs(own - median[narrow]), weights[some])
    # A column that varies only outside the sample gets its whole range as its spread.
    narrow = varies & ~(spread > 0)
    spread = np.where(narrow, (high / unit - low / unit), spread)
    shift = np.where(varies, median * unit, np.where(is_seen, low, 0.0))
    factor = np.where(varies, 1 / np.maximum(spread * unit, SMALLEST_SPREAD), 1.0)
    return RobustScaling(shift, factor, varies, is_seen)


def column_quantiles(values: Array, weights: Array, shares: tuple[float, ...]) -> Array:
    """The smallest value of each column with those shares of the weight at or below it.

    Parameters
    ----------
    values : array of shape (m, n)
        NaN counts nothing.
    weights : array of shape (m,)
    shares : tuple of float

    Returns
    -------
    array of shape (len(shares), n); NaN for a column of NaN
    """
    wanted = np.array(shares) * (1 - 1e-9)  # an error in the last digit must not choose another
    if (weights == weights[0]).all():
        values = np.sort(values, axis=0)  # NaN last
        counts = (~np.isnan(values)).sum(axis=0)
        places = np.ceil(wanted[:, None] * counts).astype(np.intp) - 1
        return np.take_along_axis(values, np.maximum(places, 0), axis=0)
    order = np.argsort(values, axis=0, kind="stable")
    values = np.take_along_axis(values, order, axis=0)
    cumulated = np.where(np.isnan(values), 0.0, weights[order]).cumsum(axis=0)  # (m, n)
    result = np.empty((len(shares), values.shape[1]))
    for found, share in zip(result, wanted, strict=True):
        places = (cumulated < share * cumulated[-1]).sum(axis=0)
        found[:] = np.take_along_axis(values, places[None], axis=0)[0]
    return result


def total_weight(weights: Array, values: Array) -> Array:
    """The sum over rows of weight times value, (m,) and (m, n) to (n,).

    As a matrix product, only that no BLAS decides in what order it is summed.
    """
    return np.asarray(np.einsum("i,ij->j", weights, values))


def _spread_of_others(distances: Array, weights: Array) -> Array:
    """Of what lies at a distance from the median at all: (m, n) to (n,); 0 where nothing does."""
    seen = ~np.isnan(distances)
    distances = np.where(distances > 0, distances, np.nan)
    usual = column_quantiles(distances, weights, (0.5,))[0]
    share = total_weight(weights, ~np.isnan(distances)) / np.maximum(
        total_weight(weights, seen), np.finfo(np.float64).tiny
    )
    return np.where(np.isnan(usual), 0.0, usual * np.sqrt(share))
