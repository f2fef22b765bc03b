"""Scaling of columns of which the first part of a stream did not say enough.

The scaling of a column is learned from the first rows and then kept, so that what the network has
learned keeps its meaning. Few rows would give a poor estimate, and a column that was constant in
them none. So measures of a column are added up until it has been seen often enough. A column that
was constant so far counts as one row, however many there were: its variance is learned from where
it first varies.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from .._typing import Array
from .checks import is_sparse, row_slices
from .merged_scaling import merged_pair
from .scaling import SeenColumns, seen_columns

ENOUGH = 100
"""Rows from which on a column's scaling stays: its deviation is known to 7 %."""


class RunningScaling:
    """What is known so far of each column.

    Parameters
    ----------
    table : array of shape (6, n_features), float64
        For each column the rows of which it was seen (0: never; 1: it was the same in all; `ENOUGH`
        or more: nothing more is learned), their weight, mean, weighted squares around it, smallest
        and largest number.

    References
    ----------
    Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance: analysis and
    recommendations": how the means and squares of parts are added.
    """

    def __init__(self, table: Array) -> None:
        self.table = table
        self.n_rows, self.weight, self.mean, self.squares, self.low, self.high = table

    @classmethod
    def begin(
        cls,
        X: Any,
        sample_weight: Array | None,
        factor: Array | None,
        is_scaled: Array,
        missing: str | None,
    ) -> Self:
        """What the first rows say.

        Parameters
        ----------
        X : array or CSR matrix of shape (m, n_features)
        sample_weight : array of shape (m,), optional
        factor : array of shape (n_features,), optional
            As `learn_scaling` learned it from the same rows: 1 where they are all the same.
        is_scaled : array of shape (n_features,), bool
            Of other columns it only matters whether they were ever seen.
        missing : {None, 'mask', 'implicit'}
        """
        n_seen = _n_seen(X, sample_weight, missing)
        columns = _little_known(n_seen, factor, is_scaled)
        if missing is None and not is_sparse(X) and n_seen[0] >= ENOUGH:
            columns = _same_in_all(X, sample_weight, columns)  # the others need no measuring
        return cls._begun(
            n_seen, is_scaled, columns, lambda: seen_columns(X[:, columns], sample_weight, missing)
        )

    @classmethod
    def of_columns(cls, seen: SeenColumns, factor: Array | None, is_scaled: Array) -> Self:
        """The same from what was measured of all columns."""
        columns = _little_known(seen.n_seen, factor, is_scaled)
        return cls._begun(
            seen.n_seen, is_scaled, columns, lambda: SeenColumns(*(each[columns] for each in seen))
        )

    @classmethod
    def _begun(
        cls, n_seen: Array, is_scaled: Array, columns: Array, measured: Callable[[], SeenColumns]
    ) -> Self:
        running = cls(np.zeros((6, len(n_seen))))
        running.n_rows[:] = np.where(is_scaled, np.minimum(n_seen, ENOUGH), ENOUGH * (n_seen > 0))
        if len(columns):
            running.n_rows[columns] = 0
            running._add(columns, measured())
        return running

    @property
    def is_open(self) -> Array:
        """Of which columns too little is known: (n_features,) bool."""
        return np.asarray(self.n_rows < ENOUGH)

    @property
    def was_seen(self) -> Array:
        """Which columns had any entry: (n_features,) bool."""
        return np.asarray(self.n_rows > 0)

    def take_in(
        self, X: Any, sample_weight: Array | None, is_scaled: Array, missing: str | None
    ) -> Array:
        """What more rows say; which columns have another scaling now: (n_features,) bool.

        A copy is to be made before, where this must stay as it is.
        """
        changed = np.zeros(len(self.n_rows), dtype=bool)
        columns = np.flatnonzero(self.is_open)
        if not len(columns):
            return changed
        part = seen_columns(X[:, columns], sample_weight, missing)
        changed[self._add(columns, part)] = True
        known = ~is_scaled & self.was_seen
        self.n_rows[known] = ENOUGH
        return changed & is_scaled

    def scaling(self, which: Array, scale: str) -> tuple[Array | None, Array | None]:
        """The shift and factor of some columns."""
        return SeenColumns(*self.table[:, which]).scaling(scale)

    def copy(self) -> "RunningScaling":
        """One that changes by itself."""
        return RunningScaling(self.table.copy())

    def _add(self, columns: Array, part: SeenColumns) -> Array:
        """Add what rows say of columns (k,), by number; those of which it is something new."""
        before = SeenColumns(*self.table[:, columns])
        # What was the same so far is one row, as heavy as these are.
        weight = part.weight / np.maximum(part.n_seen, 1)
        weight = np.where(before.n_seen == 1, weight, before.weight)
        after = merged_pair(before._replace(weight=weight), part)
        is_same = after.low == after.high
        after = after._replace(n_seen=np.where(is_same, 1, after.n_seen))
        is_new = (part.n_seen > 0) & ~((before.n_seen > 0) & is_same)
        # Squares of large numbers overflow where 'minmax' does not need them.
        self.table[:, columns[is_new]] = np.nan_to_num(np.stack(after)[:, is_new])
        return np.asarray(columns[is_new])


def _little_known(n_seen: Array, factor: Array | None, is_scaled: Array) -> Array:
    """The scaled columns of which rows are few, or all the same: their numbers."""
    if factor is None:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(is_scaled & ((n_seen < ENOUGH) | (factor == 1)))


def _n_seen(X: Any, sample_weight: Array | None, missing: str | None) -> Array:
    """Rows of positive weight of which each column is seen: (n_features,)."""
    n_rows, n_columns = X.shape
    counts = np.ones(n_rows, dtype=bool) if sample_weight is None else sample_weight > 0
    n_counted = int(np.count_nonzero(counts))
    if missing is None:
        return np.full(n_columns, n_counted)
    if is_sparse(X):
        counted = np.repeat(counts, np.diff(X.indptr))
        is_nan = np.isnan(X.data)
        if missing == "implicit":
            return np.bincount(X.indices[counted & ~is_nan], minlength=n_columns)
        return n_counted - np.bincount(X.indices[counted & is_nan], minlength=n_columns)
    n_seen = np.zeros(n_columns, dtype=np.int64)
    for part in row_slices(n_rows, n_columns):
        n_seen += (~np.isnan(X[part])[counts[part]]).sum(axis=0)
    return n_seen


def _same_in_all(X: Array, sample_weight: Array | None, columns: Array) -> Array:
    """Those of some columns that have the same number in all rows of positive weight."""
    counts = np.ones(len(X), dtype=bool) if sample_weight is None else sample_weight > 0
    first = X[counts.argmax()]
    for part in row_slices(*X.shape):
        rows = X[part][:, columns][counts[part]]
        columns = columns[(rows == first[columns]).all(axis=0)]
    return columns
