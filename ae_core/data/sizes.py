"""The size of each row: how much was counted of it. Counts are divided by it."""

from typing import Any

import numpy as np

from .._typing import Array
from ..formulas.losses import LOSSES
from .checks import bad_entries, is_sparse
from .rating_biases import with_values


def row_sums(X: Any) -> Array:
    """The sum of each row (m,), float64."""
    return np.asarray(X.sum(axis=1, dtype=np.float64)).ravel()  # a sparse matrix's is (m, 1)


def usual_sum(X: Any, sample_weight: Array | None = None) -> float:
    """The median sum of the rows that have any; 1 where none has."""
    sums = row_sums(X)
    counts = sums > 0
    if sample_weight is not None:
        counts &= sample_weight > 0
    return float(np.median(sums[counts])) if counts.any() else 1.0


def row_sizes(X: Any, usual: float) -> Array:
    """The sum of each row beside the usual one (m,); 1 for rows of nothing."""
    sums = row_sums(X)
    return np.where(sums > 0, sums, usual) / usual


def divided(X: Any, sizes: Array) -> Any:
    """X with each row divided by its size, of floats; sparse where X is."""
    kind = X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)
    if is_sparse(X):
        return with_values(X, (X.data / np.repeat(sizes, np.diff(X.indptr))).astype(kind))
    return (X / sizes[:, None]).astype(kind, copy=False)


def check_domain(X: Any, loss: str, name: str) -> None:
    """Refuse what the loss can't be taken of, before a sum is taken of it.

    Raises
    ------
    ValueError
        Naming the first such number.
    """
    domain = LOSSES[loss].domain
    found = bad_entries(X, lambda part: part < domain.low)  # NaN is missing
    if found is not None:
        row, column, value, _ = found
        raise ValueError(
            f"{name}[{row}, {column}] is {value:g}: loss={loss!r} needs numbers {domain.words} "
            f"({domain.hint})"
        )
