"""Top-n recommendation: the columns of each row that are expected to be largest."""

from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from ..data.checks import is_sparse


class Recommendations(NamedTuple):
    """Of each row the best columns, best first."""

    columns: Array
    """Their numbers (m, n), int64; -1 where a row has no more of them."""
    scores: Array
    """Their reconstruction (m, n), in the data's units; NaN where there is none."""


def best_columns(scores: Array, is_left_out: Array, n: int) -> Recommendations:
    """The n columns of largest score (m, n_columns) of each row, but for those left out.

    Of equal ones the first come first.
    """
    scores = np.where(is_left_out | np.isnan(scores), -np.inf, scores)
    n = min(n, scores.shape[1])
    # Of the n largest, and of all that equal the last of them, the first columns are taken.
    last = -np.partition(-scores, n - 1, axis=1)[:, n - 1 : n]  # (m, 1)
    above = scores > last
    equal = scores == last
    room = n - above.sum(axis=1, keepdims=True)
    chosen = above | (equal & (np.cumsum(equal, axis=1) <= room))
    columns = np.nonzero(chosen)[1].reshape(len(scores), n)
    found = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    columns = np.take_along_axis(columns, order, axis=1)
    found = np.take_along_axis(found, order, axis=1)
    is_none = np.isneginf(found)
    return Recommendations(np.where(is_none, -1, columns), np.where(is_none, np.nan, found))


def seen_entries(X: Any, missing: str | None) -> Array:
    """Which entries rows X already have: (m, n_features) bool.

    What is not missing; where nothing is, what is not 0.
    """
    if not is_sparse(X):
        return np.asarray(~np.isnan(X) if missing == "mask" else X != 0)
    has_nan = missing == "mask"  # then what is not stored is 0, and known
    result = np.full(X.shape, has_nan)
    row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    which = np.isnan(X.data) if has_nan else (X.data != 0) | (missing == "implicit")
    result[row[which], X.indices[which]] = not has_nan
    return result
