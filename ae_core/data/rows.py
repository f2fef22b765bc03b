"""What a network sees of a table: its rows, scaled, each with a weight, without a copy of it.

The table may be a memory map, bytes, sparse, or have missing entries. Rows are taken, cast and
scaled a batch at a time, so that nothing as large as the table is made. Its last columns may be
covariates, which a network is given but does not reconstruct.

Where entries are missing, a row of which half is seen counts half: its loss is summed over what is
seen, and the loss of a batch is the sum of all that is seen over the number of whole rows it makes.
"""

import copy
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import INDEX, Either, OneOf, checked_bool
from ..basics.memory import lacking
from ..formulas.noise import mix
from .checks import (
    check_per_column,
    check_row_size,
    check_sample_weight,
    check_table,
    is_sparse,
    row_slices,
)
from .containers import table_of
from .plain_rows import is_plain
from .sparse_rows import as_dense, share_seen, sparse_limits

USED_AS_THEY_ARE = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.uint8))


class Rows:
    """Rows of X, seen as ``(X - shift) * factor``, each with a weight.

    Every method of a network that takes data takes an array or this. X is checked here, once, and
    must not change afterwards.

    Parameters
    ----------
    X : array or scipy.sparse matrix or array of shape (n_samples, n_features)
        float32, float64 and uint8, of any strides, are used as they are; of other types a float64
        copy is made. Of sparse ones, CSR is.
    shift, factor : array of shape (n_features,), optional
        One number per column; 0 and 1 when absent. The arithmetic is float64's.
    sample_weight : array of shape (n_samples,), optional
        Not negative, and not all zero. A row of weight 2 counts as that row twice.
    clip : bool
        Whether what lies outside 0 … 1 after scaling is seen as 0 or 1.
    missing : {None, 'mask', 'implicit'}
        'mask': NaN is unseen; 'implicit': what a sparse X does not store is. Unseen entries are 0
        to the network, after scaling, and have no loss.
    n_covariates : int
        How many of the columns, the last ones, are covariates.
    row_shift : array of shape (n_samples,), optional
        What was taken from each row of the data before it became X: not used here, but to be added
        to reconstructions.
    row_factor : array of shape (n_samples,), optional
        What each row of the data was divided by, the same.
    row_size : array of shape (n_samples,), optional
        How much was counted of each row, above 0: a network is given its features divided by that,
        before an input transform, and an output that is exp of its sums is multiplied with it.
    name : str
        What errors call the table.

    Attributes
    ----------
    n_columns, n_features : int
        Columns of the table, and those of them that are no covariates.
    seen : array of shape (n_samples,) or None
        Share of each row's features that is seen; None where all are.

    Raises
    ------
    ValueError
        When X is not a finite table of real numbers, or the others do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core.data.rows import Rows
    >>> pixels = np.array([[0, 255], [51, 102]], dtype=np.uint8)
    >>> Rows(pixels, factor=np.full(2, 1 / 255)).take([1], np.float64)
    array([[0.2, 0.4]])
    """

    def __init__(
        self,
        X: Any,
        shift: Any = None,
        factor: Any = None,
        sample_weight: Any = None,
        *,
        clip: bool = False,
        missing: str | None = None,
        n_covariates: int = 0,
        row_shift: Array | None = None,
        row_factor: Array | None = None,
        row_size: Array | None = None,
        name: str = "X",
    ) -> None:
        Either((None,), OneOf(("mask", "implicit")))("missing", missing)
        if not isinstance(X, np.ndarray):  # which is one table, whatever it is of
            X = table_of(X, name, missing=missing)
        seeing = f"ae_core.data.rows.Rows({name}, missing='mask') sees to that; or "
        X = check_table(X, name, missing=missing, advice=seeing * name.startswith("X"))
        self.is_sparse = is_sparse(X)
        if X.dtype not in USED_AS_THEY_ARE or not (self.is_sparse or X.flags.aligned):
            X = _as_doubles(X, name)
        self.X: Any = X
        self.name, self.clip, self.missing = name, checked_bool("clip", clip), missing
        n_rows, self.n_columns = X.shape
        self.n_covariates = INDEX("n_covariates", n_covariates)
        self.shift = check_per_column("shift", shift, self.n_columns)
        self.factor = check_per_column("factor", factor, self.n_columns)
        self.sample_weight = check_sample_weight(sample_weight, n_rows)
        self.row_shift, self.row_factor = row_shift, row_factor
        self.row_size = check_row_size(row_size, n_rows)
        self.seen = self._count_seen()

    @classmethod
    def of_plain(
        cls,
        X: Array,
        shift: Array | None = None,
        factor: Array | None = None,
        *,
        clip: bool = False,
        missing: str | None = None,
    ) -> "Rows":
        """The same of an array that `is_plain` has looked at, or that a network gave.

        Nothing is checked: the checks of a row take longer than a network does. What else is given
        is as an earlier `Rows` has it.
        """
        rows = cls.__new__(cls)
        rows.X, rows.is_sparse = X, False
        rows.name, rows.clip, rows.missing = "X", clip, missing
        rows.n_columns, rows.n_covariates = X.shape[1], 0
        rows.shift, rows.factor, rows.sample_weight = shift, factor, None
        rows.row_shift = rows.row_factor = rows.row_size = None
        rows.seen = None if missing is None else rows._count_seen()
        return rows

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def n_features(self) -> int:
        """Columns that are reconstructed: all but the covariates."""
        return int(self.n_columns - self.n_covariates)

    @property
    def is_scaled(self) -> bool:
        """Whether the network sees something else than X itself."""
        return self.shift is not None or self.factor is not None or self.clip

    @property
    def may_have_missing(self) -> bool:
        """Whether `take` may give NaN: of missing data, or of covariates, which are not checked."""
        return self.seen is not None or (self.missing is not None and self.n_covariates > 0)

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """The smallest and the largest number of each column, scaled: two (n_columns,).

        Of what is seen; NaN for a column of which nothing is.
        """
        if self.is_sparse:
            ends = sparse_limits(self.X, self.missing == "implicit")
        elif self.seen is not None:
            ends = np.stack([np.fmin.reduce(self.X, axis=0), np.fmax.reduce(self.X, axis=0)])
        else:
            ends = np.stack([self.X.min(axis=0), self.X.max(axis=0)])
        ends = self._scaled(ends) if self.is_scaled else ends
        return ends.min(axis=0), ends.max(axis=0)

    @cached_property
    def input_limits(self) -> tuple[Array, Array]:
        """The same of what a network is given: of features divided by the size of their row."""
        if self.row_size is None:
            return self.limits
        n = self.n_features
        low, high = (end * 1.0 for end in self.limits)  # of bytes floats
        low[:n] = high[:n] = np.nan
        for part in row_slices(len(self), self.n_columns):
            given = self.take(part, np.float64)[:, :n] / self.row_size[part, None]
            low[:n] = np.fmin(low[:n], np.fmin.reduce(given))
            high[:n] = np.fmax(high[:n], np.fmax.reduce(given))
        return low, high

    def place_of(self, column: int, size: float) -> int:
        """The first row whose entry of that column has this size, once it is scaled."""
        for part in row_slices(len(self), self.n_columns):
            found = np.flatnonzero(np.abs(self.take(part, np.float64)[:, column]) >= size)
            if len(found):
                return part.start + int(found[0])
        return 0

    def reweighted(self, sample_weight: Any) -> "Rows":
        """The same rows with other weights."""
        rows = copy.copy(self)
        rows.sample_weight = check_sample_weight(sample_weight, len(self))
        return rows

    def with_covariates(self, n_covariates: int) -> "Rows":
        """The same rows, of whose columns the last so many are covariates."""
        rows = copy.copy(self)
        rows.__dict__.pop("input_limits", None)
        rows.n_covariates = n_covariates
        rows.seen = rows._count_seen()
        return rows

    def part(self, which: slice | Array) -> "Rows":
        """Some of the same rows; what was checked is not checked again."""
        rows = copy.copy(self)
        for cached in ("limits", "input_limits"):
            rows.__dict__.pop(cached, None)
        rows.X = self.X[which]
        for name in ("sample_weight", "seen", "row_shift", "row_factor", "row_size"):
            per_row = getattr(self, name)
            if per_row is not None:
                setattr(rows, name, np.ascontiguousarray(per_row[which]))
        return rows

    def take(self, which: Any, dtype: Any) -> Array:
        """The rows `which` (indices or a slice) as a network of that dtype sees them: (m, n).

        NaN is what is unseen.
        """
        batch = self.X[which]
        if self.is_sparse:
            batch = as_dense(batch, self.missing == "implicit")
        batch = self._scaled(batch) if self.is_scaled else batch
        return batch.astype(dtype, order="C", copy=False)

    def weights(self, which: Any) -> Array:
        """The weights of the rows `which`, float64: (m,)."""
        weights = np.ones(len(self)) if self.sample_weight is None else self.sample_weight
        return weights[which]

    def counts(self, which: Any) -> Array:
        """How many whole rows each of the rows `which` counts as, float64: (m,).

        Its weight times the share of it that is seen. The loss is divided by their sum.
        """
        weights = self.weights(which)
        return weights if self.seen is None else weights * self.seen[which]

    def batch_counts(self, order: Array, batch_size: int) -> Array:
        """The sum of counts of each run of batch_size rows in that order: (n_batches,) float64.

        Raises
        ------
        ValueError
            When a batch counts nothing: there is no mean of nothing.
        """
        starts = np.arange(0, len(order), batch_size)
        if self.sample_weight is None and self.seen is None:
            return np.minimum(batch_size, len(order) - starts).astype(np.float64)
        totals = np.add.reduceat(self.counts(order), starts)
        if len(totals) and totals.min() == 0:
            raise ValueError(
                f"sample_weight is zero, or nothing is seen, for all of the {batch_size} rows of "
                f"batch {int(totals.argmin())}: leave such rows out of the order"
            )
        return totals

    def total_count(self, which: Any = slice(None)) -> float:
        """How many whole rows the rows `which` count as, together.

        Raises
        ------
        ValueError
            When they count nothing: there is no mean of nothing.
        """
        total = float(self.counts(which).sum())
        if total == 0:
            raise ValueError(
                "sample_weight is zero, or nothing is seen, for all of the rows: some must count"
            )
        return total

    def fingerprints(self) -> Array:
        """A number for each row that says what is in it, as a network sees it: (m,) uint64.

        Noise keyed by it does not depend on where a row stands, nor on the rows beside it.
        """
        prints = np.zeros(len(self), dtype=np.uint64)
        columns = mix(np.arange(self.n_columns, dtype=np.uint64))
        for part in row_slices(len(self), self.n_columns):
            X = self.take(part, np.float64) + 0.0  # one zero, not two
            X[np.isnan(X)] = np.nan  # and one NaN
            prints[part] = mix(X.view(np.uint64) ^ columns).sum(axis=1, dtype=np.uint64)
        return prints

    def _count_seen(self) -> Array | None:
        n_rows, n = len(self), self.n_features
        if self.missing is None or (self.X.dtype == np.uint8 and self.missing == "mask"):
            return None
        if self.is_sparse:
            seen = share_seen(self.X, n, self.missing == "implicit")
            if self.missing == "implicit":
                return seen
        else:
            seen = np.empty(n_rows)
            for part in row_slices(n_rows, n):
                seen[part] = 1 - np.isnan(self.X[part, :n]).sum(axis=1) / n
        return None if (seen == 1).all() else seen

    def _scaled(self, batch: Array) -> Array:
        batch = batch.astype(np.float64)  # a copy, to be changed
        if self.shift is not None:
            batch -= self.shift
        if self.factor is not None:
            batch *= self.factor
        return batch.clip(0, 1, out=batch) if self.clip else batch


def _as_doubles(X: Any, name: str) -> Any:
    try:
        return X.astype(np.float64)
    except MemoryError as error:
        what = f"a copy of {name} {X.shape}, of {X.dtype}, as float64"
        raise lacking(what, error, "give float64 or float32, which are used as they are") from None


def as_rows(
    X: Any,
    n_features: int,
    dtype: Any,
    *,
    n_covariates: int = 0,
    name: str = "X",
    columns: str = "features",
) -> Rows:
    """X as `Rows` that a network of this many features, and this dtype, can take.

    Raises
    ------
    ValueError
        When it is no table, has another number of columns, or is beyond the range of the dtype.
    """
    if (
        name == "X"
        and not n_covariates
        and is_plain(X, n_features, None)
        and X.dtype.itemsize <= np.dtype(dtype).itemsize
    ):
        return Rows.of_plain(X)
    rows = X if isinstance(X, Rows) else Rows(X, name=name)
    if rows.n_columns != n_features + n_covariates:
        columns = "columns" if n_covariates else columns
        more = f" features and {n_covariates} covariates" if n_covariates else ""
        raise ValueError(
            f"{rows.name} has {rows.n_columns} {columns}: this network has {n_features}{more}"
        )
    if rows.n_covariates != n_covariates:
        rows = rows.with_covariates(n_covariates)
    if np.dtype(dtype).itemsize < rows.X.dtype.itemsize:
        low, high = rows.limits
        largest = np.fmax(np.abs(low), np.abs(high))
        column = int(np.nan_to_num(largest, nan=-1.0, posinf=np.inf).argmax())
        if largest[column] > np.finfo(dtype).max:
            row = rows.place_of(column, largest[column])
            scaled = f", {largest[column]:g} once it is scaled" if rows.is_scaled else ""
            raise ValueError(
                f"{rows.name} has {rows.X[row, column]:g} in column {column}, row {row}{scaled}: "
                f"every entry must be within the range of {np.dtype(dtype)} (scale the data, or "
                "use dtype='float64')"
            )
    return rows
