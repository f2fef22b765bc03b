"""Scaling of columns of which the first part of a stream did not say enough.

How a column is scaled is learned from the first rows, and stays, so that what the network has
learned keeps its meaning. From few rows that would be chance, and of a column that was the same in
all of them nothing. So what is known of a column is added up until it is enough. One that was the
same so far counts as one row, however many there were: how it varies is learned from where it first
does.
"""

from typing import Any

import numpy as np

from .._typing import Array
from .checks import ENTRIES_AT_ONCE, is_sparse
from .scaling import SeenColumns, deviations, from_limits, seen_columns

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
    ) -> "RunningScaling":
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
        running = cls(np.zeros((6, X.shape[1])))
        n_seen = _n_seen(X, sample_weight, missing)
        running.n_rows[:] = np.where(is_scaled, np.minimum(n_seen, ENOUGH), ENOUGH * (n_seen > 0))
        if factor is None:
            return running
        asked = is_scaled & ((n_seen < ENOUGH) | (factor == 1))
        if missing is None and not is_sparse(X) and (n_seen >= ENOUGH).all():
            asked &= _same_in_all(X, sample_weight, asked)  # without measuring what is not
        columns = np.flatnonzero(asked)
        if len(columns):
            running.n_rows[columns] = 0
            running._add(columns, seen_columns(X[:, columns], sample_weight, missing))
        return running

    @classmethod
    def of_columns(
        cls, seen: SeenColumns, factor: Array | None, is_scaled: Array
    ) -> "RunningScaling":
        """The same from what was measured of all columns."""
        running = cls(np.zeros((6, len(is_scaled))))
        n_seen = seen.n_seen
        running.n_rows[:] = np.where(is_scaled, np.minimum(n_seen, ENOUGH), ENOUGH * (n_seen > 0))
        if factor is None:
            return running
        columns = np.flatnonzero(is_scaled & ((n_seen < ENOUGH) | (factor == 1)))
        if len(columns):
            running.n_rows[columns] = 0
            running._add(columns, SeenColumns(*(values[columns] for values in seen)))
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

    def scaling(self, which: Array, scale: str) -> tuple[Array, Array]:
        """The shift and factor of some columns."""
        if scale == "minmax":
            return from_limits(self.low[which], self.high[which])
        mean = self.mean[which]
        return mean, 1 / deviations(mean, self.squares[which], self.weight[which])

    def copy(self) -> "RunningScaling":
        """One that changes by itself."""
        return RunningScaling(self.table.copy())

    def _add(self, columns: Array, part: SeenColumns) -> Array:
        """Add what rows say of columns (k,), by number; those of which it is something new."""
        n, mean, squares, low, high, weight = (
            np.where(self.was_seen[columns], old[columns], new)  # nothing before: the same again
            for old, new in (
                (self.n_rows, 0),
                (self.mean, part.mean),
                (self.squares, 0),
                (self.low, part.low),
                (self.high, part.high),
                (self.weight, 0),
            )
        )
        was_seen = n > 0
        # What was the same so far is one row, as heavy as these are.
        weight = np.where(n == 1, part.weight / np.maximum(part.n_seen, 1), weight)
        total = np.where(part.weight > 0, weight + part.weight, 1)
        share, apart = part.weight / total, part.mean - mean
        low, high = np.minimum(low, part.low), np.maximum(high, part.high)
        is_same = low == high
        values = {
            "n_rows": np.where(is_same, 1, n + part.n_seen),
            "weight": total,
            "mean": np.where(is_same, low, mean + apart * share),
            "squares": np.where(is_same, 0, squares + part.squares + apart**2 * weight * share),
            "low": low,
            "high": high,
        }
        is_new = (part.n_seen > 0) & ~(was_seen & is_same)
        for name, value in values.items():
            # Squares of large numbers overflow where 'minmax' does not need them.
            getattr(self, name)[columns[is_new]] = np.nan_to_num(value[is_new])
        return np.asarray(columns[is_new])


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
    height = max(1, ENTRIES_AT_ONCE // max(1, n_columns))
    for start in range(0, n_rows, height):
        part = slice(start, start + height)
        n_seen += (~np.isnan(X[part])[counts[part]]).sum(axis=0)
    return n_seen


def _same_in_all(X: Array, sample_weight: Array | None, among: Array) -> Array:
    """Which of some columns have the same number in all rows of positive weight: (n_features,)."""
    columns = np.flatnonzero(among)
    first = 0 if sample_weight is None else int(np.flatnonzero(sample_weight)[0])
    height = max(1, ENTRIES_AT_ONCE // max(1, X.shape[1]))
    for start in range(0, len(X), height):
        if not len(columns):
            break
        rows = X[start : start + height][:, columns]
        same = rows == X[first, columns]
        if sample_weight is not None:
            same |= (sample_weight[start : start + height] == 0)[:, None]
        columns = columns[same.all(axis=0)]
    result = np.zeros(X.shape[1], dtype=bool)
    result[columns] = True
    return result
