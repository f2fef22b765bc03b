"""What `Rows` asks of a CSR table, of which what is not stored is 0, or unseen."""

from typing import Any

import numpy as np

from .._typing import Array


def as_dense(batch: Any, is_implicit: bool) -> Array:
    """A few sparse rows as an array (m, n)."""
    if not is_implicit:
        return np.asarray(batch.toarray())
    kind = batch.dtype if batch.dtype.kind == "f" else np.float64
    dense = np.full(batch.shape, np.nan, dtype=kind)
    row = np.repeat(np.arange(batch.shape[0]), np.diff(batch.indptr))
    dense[row, batch.indices] = batch.data
    return dense


def sparse_limits(X: Any, is_implicit: bool) -> Array:
    """The smallest and the largest number of each column: (2, n), NaN where nothing is seen."""
    low, high = np.full((2, X.shape[1]), np.nan)
    stored = X.indices, X.data.astype(np.float64)
    np.fmin.at(low, *stored)
    np.fmax.at(high, *stored)
    if not is_implicit:
        has_zeros = np.bincount(X.indices, minlength=X.shape[1]) < X.shape[0]
        low[has_zeros] = np.fmin(low[has_zeros], 0)
        high[has_zeros] = np.fmax(high[has_zeros], 0)
    return np.stack([low, high])


def share_seen(X: Any, n_features: int, is_implicit: bool) -> Array:
    """Of each row the share of its first n_features columns that is seen: (m,)."""
    counted = X.indices < n_features  # what is stored of features: those seen, or those missing
    if not is_implicit:
        counted &= np.isnan(X.data)
    sums = np.concatenate([[0], np.cumsum(counted)])[X.indptr]
    share = np.diff(sums) / n_features
    return share if is_implicit else 1 - share
