"""What is taken away from ratings before a network sees them: the biases of columns and rows.

Most of a rating is explained by who gives it and what it is given to: some people like everything,
and some films are liked by everybody. A network that has to learn that from few entries per row
copies the entries instead.
"""

from typing import Any, NamedTuple

import numpy as np

from .._typing import Array

SHRINKAGE = 5.0
"""Ratings of 0 added to each row and column, so that few ratings make a small bias."""

ROUNDS = 10
"""Alternating least squares of two biases converges in fewer."""


class RatingBiases(NamedTuple):
    """What `learn_biases` learned: a rating is about its column's shift and its row's bias."""

    shift: Array
    """Mean of all ratings, and each column's bias: (n_columns,)."""
    factor: Array
    """One over the standard deviation of what is left, for each column the same: (n_columns,)."""


def learn_biases(X: Any, sample_weight: Array | None = None) -> RatingBiases:
    """The biases of the columns of X, and how far ratings are from those and their rows'.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_columns)
        Of which what is not stored is unknown.
    sample_weight : array of shape (n_samples,), optional

    References
    ----------
    Koren, Bell & Volinsky 2009, "Matrix factorization techniques for recommender systems", eq. 3.
    """
    weights = np.ones(X.shape[0]) if sample_weight is None else sample_weight
    of_entries = np.repeat(weights, np.diff(X.indptr))  # (n_stored,)
    total = of_entries.sum()
    values = X.data.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # `check_scaling` names what is too large
        mean = of_entries @ values / total if total else 0.0
        values -= mean
        rows = np.zeros(X.shape[0])
        shrunk = np.bincount(X.indices, of_entries, X.shape[1]) + SHRINKAGE
        for _ in range(ROUNDS):
            left = values - np.repeat(rows, np.diff(X.indptr))
            columns = np.bincount(X.indices, of_entries * left, X.shape[1]) / shrunk
            rows = _row_means(X, values - columns[X.indices])
        left = values - columns[X.indices] - np.repeat(rows, np.diff(X.indptr))
        variance = of_entries @ left**2 / total if total else 0.0
        deviation = np.sqrt(variance)
        is_none = deviation <= 10 * np.finfo(np.float64).eps * max(1.0, abs(mean))
    factor = np.full(X.shape[1], 1.0 if is_none else 1 / deviation)
    return RatingBiases(mean + columns, factor)


def without_row_biases(X: Any, shift: Array) -> tuple[Any, Array]:
    """X with each row's bias taken from what it stores, and the biases (m,).

    They follow from the row alone: new rows have them as those of the fit. The numbers are a copy;
    the indices are X's own.
    """
    biases = _row_means(X, X.data.astype(np.float64) - shift[X.indices])
    return minus_of_rows(X, biases), biases


def minus_of_rows(X: Any, biases: Array) -> Any:
    """X with given biases (m,) of its rows taken from what it stores."""
    left = X.data.astype(np.float64) - np.repeat(biases, np.diff(X.indptr))
    return with_values(X, left.astype(X.dtype if X.dtype.kind == "f" else np.float64))


def with_values(X: Any, values: Array) -> Any:
    """A CSR matrix of other values (n_stored,) in the same places."""
    from scipy.sparse import csr_matrix  # to load a model does not need it

    made = csr_matrix((values, X.indices, X.indptr), shape=X.shape, copy=False)
    made.has_canonical_format = True
    return made


def _row_means(X: Any, left: Array) -> Array:
    """The mean (m,) of numbers (n_stored,) in each row of X, drawn towards 0 where it is of few."""
    counts = np.diff(X.indptr)
    sums = np.zeros(X.shape[0])
    is_any = counts > 0
    if is_any.any():
        sums[is_any] = np.add.reduceat(left, X.indptr[:-1][is_any])
    return np.asarray(sums / (counts + SHRINKAGE))
