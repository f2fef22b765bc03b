"""Results beyond the range of their type: saturated where they can be, refused by name else.

One absurd entry must not leave a whole batch without scores, nor come out as infinity or NaN.
"""

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..data.seen_rows import Seeing
from ..network.compiled import Network

FARTHEST_DRAW = 40.0
"""Deviations from its mean within which every draw of a normal distribution is."""


def within_range(values: Array, rows: Rows, what: str) -> Array:
    """Codes or reconstructions (m, k) of rows, if all are numbers.

    Parameters
    ----------
    values : array of shape (m, k)
    rows : Rows
        What they are of.
    what : str
        What errors call them.

    Raises
    ------
    ValueError
        Naming the row, and the entry of it that is farthest out.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return values
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if not len(bad):  # only their sum is infinite
        return values
    row = int(bad[0])
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.abs(rows.take(slice(row, row + 1), np.float64)[0])
    column = int(np.nan_to_num(scaled, nan=-1.0, posinf=np.inf).argmax())
    raise ValueError(
        f"{rows.name} has {rows.X[row, column]:g} in column {column}, row {row}: {what} of this "
        f"row is beyond the range of {values.dtype}; clip or leave out such entries, or fit with a "
        "smaller learning_rate_init where they are usual"
    )


def reconstructed(network: Network, rows: Rows, seeing: Seeing) -> Array:
    """The reconstruction (m, n_features) of rows, in the data's units.

    Raises
    ------
    ValueError
        When one is beyond the range of the network's type.
    """
    X_hat = within_range(seeing.in_units(network.forward(rows)), rows, "the reconstruction")
    return seeing.as_large(X_hat, rows)


def scored(scores: Array) -> Array:
    """Scores (m,) of rows, in place: of what is beyond their type, the lowest there is."""
    largest = float(np.finfo(scores.dtype).max)
    return np.nan_to_num(scores, copy=False, nan=-largest, posinf=largest, neginf=-largest)


def bounds(network: Network, rows: Rows, n_draws: int = 1) -> Array:
    """`Network.bound` of rows: (m,); minus infinity for a row whose code is beyond the type."""
    try:
        return network.bound(rows, n_draws=n_draws)
    except ValueError:  # about a drawn code: of which rows can there be none?
        with np.errstate(over="ignore", invalid="ignore"):
            mean, log_variance = network.posterior(rows)
            widest = np.abs(mean) + FARTHEST_DRAW * np.exp(log_variance / 2)
        has_code = np.asarray(np.isfinite(widest).all(axis=1))
        if has_code.all():
            raise
    result = np.full(len(rows), -np.inf)
    if has_code.any():
        result[has_code] = network.bound(rows.part(np.flatnonzero(has_code)), n_draws=n_draws)
    return result


def errors_in_range(errors: Array) -> Array:
    """Losses (m, …) as float64: of what is beyond their type, the largest that the type has."""
    largest = float(np.finfo(errors.dtype).max)
    result = errors.astype(np.float64)
    return np.nan_to_num(result, copy=False, nan=largest, posinf=largest)


def average(scores: Array, weights: Array | None) -> float:
    """The mean of scores (m,) by weights (m,), finite where they are."""
    largest = float(np.abs(scores).max())
    if largest < np.finfo(np.float64).max / len(scores):
        return float(np.average(scores, weights=weights))
    return float(np.average(scores / largest, weights=weights) * largest)
