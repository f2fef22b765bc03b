"""What a network sees of a table: its rows, scaled, each with a weight, without a copy of it.

The table may be a memory map, or bytes. Rows are taken, cast and scaled a batch at a time, so that
nothing as large as the table is made.
"""

import copy
from functools import cached_property
from typing import Any

import numpy as np

from ._typing import Array
from .architecture import Architecture
from .losses import LOSSES
from .validation import check_per_column, check_sample_weight, check_table

USED_AS_THEY_ARE = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.uint8))


class Rows:
    """Rows of X, seen as ``(X - shift) * factor``, each with a weight.

    Every method of a network that takes data takes an array or this. X is checked here, once, and
    must not change afterwards.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        float32, float64 and uint8, of any strides, are used as they are; of other types a float64
        copy is made.
    shift, factor : array of shape (n_features,), optional
        One number per column; 0 and 1 when absent. The arithmetic is float64's.
    sample_weight : array of shape (n_samples,), optional
        Not negative, and not all zero. A row of weight 2 counts as that row twice.
    clip : bool
        Whether what lies outside 0 … 1 after scaling is seen as 0 or 1.
    name : str
        What errors call the table.

    Raises
    ------
    ValueError
        When X is not a finite table of real numbers, or the others do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core.rows import Rows
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
        name: str = "X",
    ) -> None:
        X = check_table(X, name)
        if X.dtype not in USED_AS_THEY_ARE or not X.flags.aligned:
            X = X.astype(np.float64)
        self.X: Array = X
        self.name, self.clip = name, clip
        n_rows, self.n_features = X.shape
        self.shift = check_per_column("shift", shift, self.n_features)
        self.factor = check_per_column("factor", factor, self.n_features)
        self.sample_weight = check_sample_weight(sample_weight, n_rows)

    def __len__(self) -> int:
        return len(self.X)

    @property
    def is_scaled(self) -> bool:
        """Whether the network sees something else than X itself."""
        return self.shift is not None or self.factor is not None or self.clip

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """The smallest and the largest number of each column, scaled: two (n_features,)."""
        ends = np.stack([self.X.min(axis=0), self.X.max(axis=0)])
        ends = self._scaled(ends) if self.is_scaled else ends
        return ends.min(axis=0), ends.max(axis=0)

    def reweighted(self, sample_weight: Any) -> "Rows":
        """The same rows with other weights."""
        rows = copy.copy(self)
        rows.sample_weight = check_sample_weight(sample_weight, len(self))
        return rows

    def part(self, which: slice) -> "Rows":
        """Some of the same rows; what was checked is not checked again."""
        rows = copy.copy(self)
        rows.__dict__.pop("limits", None)
        rows.X = self.X[which]
        if self.sample_weight is not None:
            rows.sample_weight = np.ascontiguousarray(self.sample_weight[which])
        return rows

    def take(self, which: Any, dtype: Any) -> Array:
        """The rows `which` (indices or a slice) as a network of that dtype sees them: (m, n)."""
        batch = self.X[which]
        batch = self._scaled(batch) if self.is_scaled else batch
        return batch.astype(dtype, order="C", copy=False)

    def weights(self, which: Any) -> Array:
        """The weights of the rows `which`, float64: (m,)."""
        weights = np.ones(len(self)) if self.sample_weight is None else self.sample_weight
        return weights[which]

    def batch_weights(self, order: Array, batch_size: int) -> Array:
        """The sum of weights of each run of batch_size rows in that order: (n_batches,) float64.

        Raises
        ------
        ValueError
            When all rows of a batch have weight zero: there is no mean of nothing.
        """
        starts = np.arange(0, len(order), batch_size)
        if self.sample_weight is None:
            return np.minimum(batch_size, len(order) - starts).astype(np.float64)
        totals = np.add.reduceat(self.weights(order), starts)
        if len(totals) and totals.min() == 0:
            raise ValueError(
                f"sample_weight is zero for all of the {batch_size} rows of batch "
                f"{int(totals.argmin())}: leave rows of weight zero out of the order"
            )
        return totals

    def _scaled(self, batch: Array) -> Array:
        batch = batch.astype(np.float64)  # a copy, to be changed
        if self.shift is not None:
            batch -= self.shift
        if self.factor is not None:
            batch *= self.factor
        return batch.clip(0, 1, out=batch) if self.clip else batch


def as_rows(
    X: Any, n_columns: int, dtype: Any, *, name: str = "X", columns: str = "features"
) -> Rows:
    """X as `Rows` that a network of this many inputs, and this dtype, can take.

    Raises
    ------
    ValueError
        When it is no table, has another number of columns, or is beyond the range of the dtype.
    """
    rows = X if isinstance(X, Rows) else Rows(X, name=name)
    if rows.n_features != n_columns:
        raise ValueError(
            f"{rows.name} has {rows.n_features} {columns}: this network has {n_columns}"
        )
    if np.dtype(dtype).itemsize < rows.X.dtype.itemsize:
        low, high = rows.limits
        largest = np.maximum(np.abs(low), np.abs(high))
        column = int(largest.argmax())
        if largest[column] > np.finfo(dtype).max:
            raise ValueError(
                f"{rows.name} has {largest[column]:g} in column {column}: every entry must be "
                f"within the range of {np.dtype(dtype)} (scale the data, or use dtype='float64')"
            )
    return rows


def check_targets(rows: Rows, architecture: Architecture) -> None:
    """Refuse data that the loss cannot be taken of.

    Raises
    ------
    ValueError
        For values outside [0, 1] under 'binary_cross_entropy'.
    """
    if LOSSES[architecture.loss].from_logits is None:
        return
    low, high = (limit(ends) for limit, ends in zip((np.min, np.max), rows.limits, strict=True))
    if low < 0 or high > 1:
        raise ValueError(
            f"{rows.name} has values from {low:g} to {high:g}: loss={architecture.loss!r} needs "
            "them between 0 and 1 (scale the data, or use loss='squared_error')"
        )
