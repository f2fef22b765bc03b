"""What can be said of columns of amounts by their numbers alone, before anything is scaled."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .._typing import Array
from .findings import Finding, note
from .measures import Columns, largest_first, lower_median
from .words import columns, count, label, number, percent

UNLIKE = 1e5
"""Times the median column's standard deviation. Less is usual, an income beside an age, and the
default scaling sees to it; the report says from where to where they go."""
ALIKE_SO_FAR = 1e6
"""Standard deviations from zero: values that differ from their sixth digit on only."""
FAR_ROWS = 100
"""Of fewer rows, 1 % is none."""
FAR_VALUES, FAR_IN_QUARTILES = 0.95, 100.0
"""Share of a column's variance that 1 % of its values make, so that, scaled by it, the others are
all but equal; and how far away they are, in distances between the quartiles."""
FEWEST_AMOUNTS = 10
"""Different values of a column that is no flag or grade."""


def scales(c: Columns) -> Finding | None:
    """Columns beside which the others are nothing, and those that hardly differ from row to row."""
    deviation = np.sqrt(c.variance)
    varying = deviation > 0
    if not varying.any():
        return None
    typical = lower_median(deviation[varying])
    which = largest_first(deviation, deviation > UNLIKE * typical)
    if len(which):
        return note(
            "badly_scaled_columns",
            f"{columns(c.names, which, 'has', 'have')} up to "
            f"{number(float(deviation[which[0]] / typical))} times the standard deviation of the "
            "median column: unscaled, the loss would be about nothing else.",
            "scale='standard', the default, takes care of that (or a logarithm, where a column "
            "spans powers of ten).",
        )
    away = np.abs(c.mean) / np.where(varying, deviation, np.inf)
    which = largest_first(away, away > ALIKE_SO_FAR)
    if not len(which):
        return None
    return note(
        "badly_scaled_columns",
        f"{columns(c.names, which, 'lies', 'lie')} up to {number(float(away[which[0]]))} standard "
        "deviations away from zero: rows differ only in the last digits of such numbers.",
        "Take away what all values have in common: float32 holds seven digits.",
    )


class FarValues(NamedTuple):
    """A column of which a few values are nearly all the variance."""

    column: int
    share: float
    """Of the column's variance that these values make."""
    n_far: int
    times: float
    """How far the farthest is from the median, in distances between the quartiles."""
    left: float
    """The variance of all other values, as a share of the column's."""
    moved: float
    """By how many of the column's standard deviations their mean is another."""


def far_columns(table: Array, which: Iterable[int]) -> list[FarValues]:
    """Which of these columns of a table (m, n), NaN where missing, a few far values scale."""
    found = []
    for column in which:
        values = table[~np.isnan(table[:, column]), column]
        n_far = len(values) // 100
        if len(values) < FAR_ROWS or len(np.unique(values)) < FEWEST_AMOUNTS:
            continue
        low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
        order = np.argsort((values - values.mean()) ** 2)
        apart = (values[order] - values.mean()) ** 2
        share = float(apart[-n_far:].sum() / apart.sum()) if apart.sum() > 0 else 0.0
        distance = float(np.abs(values - middle).max())
        if share > FAR_VALUES and high > low and distance > FAR_IN_QUARTILES * (high - low):
            others, deviation = values[order[:-n_far]], float(values.std())
            moved = float(others.mean() - values.mean()) / deviation
            left = (float(others.std()) / deviation) ** 2
            found.append(FarValues(column, share, n_far, distance / (high - low), left, moved))
    return found


def far_values(found: list[FarValues], names: tuple[str, ...]) -> Finding | None:
    """What to say of the first of such columns."""
    if not found:
        return None
    far = found[0]
    return note(
        "heavy_outliers",
        f"{percent(far.share)} of the variance of {label(names, far.column)} is that of "
        f"{count(far.n_far, 'value')}, the farthest {number(far.times)} times as "
        "far from the median as the quartiles are apart: scaled by it, all others are nearly "
        "equal.",
        "Look at those rows: drop them if they are errors; else take a logarithm.",
    )


def without_far(c: Columns, far: list[FarValues]) -> Columns:
    """The columns with the mean and variance that they have but for those values."""
    mean, variance = c.mean.copy(), c.variance.copy()
    for one in far:
        mean[one.column] += one.moved * np.sqrt(variance[one.column])
        variance[one.column] *= one.left
    return replace(c, mean=mean, variance=variance)
