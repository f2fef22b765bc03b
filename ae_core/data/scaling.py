"""How columns are scaled before the network sees them: learned from the training rows."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from .checks import is_sparse, row_slices

SCALES = (None, "standard", "minmax", "biases")
"""The last is learned by `ae_core.data.rating_biases`."""

ENTRIES_AT_ONCE = 500_000
"""Entries measured at a time, so that temporary arrays do not grow with the table."""

Batches = Iterable[tuple[Any, Array | None]]
"""Parts of a table, one after the other: some rows and their weights."""

TINY = 10 * np.finfo(np.float64).eps
"""A column of a smaller range counts as constant, as in scikit-learn's MinMaxScaler."""


@np.errstate(over="ignore", invalid="ignore")  # `check_scaling` names what is too large
def learn_scaling(
    X: Any, scale: str | None, sample_weight: Array | None = None, *, missing: str | None = None
) -> tuple[Array | None, Array | None]:
    """The shift and factor of each column: a network sees ``(X - shift) * factor``.

    Parameters
    ----------
    X : array or CSR matrix of shape (n_samples, n_features)
    scale : None, 'standard' or 'minmax'
        'standard': zero mean, unit variance; 'minmax': 0 … 1. A column without variance is only
        shifted. A sparse X is only divided, by its standard deviations, so that zeros stay zeros.
    sample_weight : array of shape (n_samples,), optional
        For 'standard', a row of weight 2 counts as that row twice; a row of weight 0 does not count
        for either.
    missing : {None, 'mask', 'implicit'}
        What is unseen, as `Rows` has it: nothing is learned of it. Under 'implicit' a sparse X is
        shifted like any other.

    Returns
    -------
    shift, factor : arrays of shape (n_features,), float64; or None

    Raises
    ------
    ValueError
        For a sparse X under 'minmax', unless it is 'implicit', and for numbers whose squares are
        beyond float64.
    """
    if scale is None:
        return None, None
    zeros_stay = keeps_zeros(is_sparse(X), missing, scale)
    if is_sparse(X) or missing == "mask":
        shift, factor = seen_columns(X, sample_weight, missing).scaling(scale, zeros_stay)
    else:
        shift, factor, _, _ = scaling_of(_batches(X, sample_weight), scale)
    check_scaling(X, shift, factor)
    return shift, factor


def keeps_zeros(is_sparse: bool, missing: str | None, scale: str | None) -> bool:
    """Whether entries that a table does not store are zeros, which scaling must not change.

    Raises
    ------
    ValueError
        For 'minmax', which shifts.
    """
    zeros_stay = is_sparse and missing != "implicit"
    if zeros_stay and scale == "minmax":
        raise ValueError(
            "scale='minmax': X is sparse, and a shift would make all its zeros something else; use "
            "scale='standard', which only divides, or None"
        )
    return zeros_stay


def rows_at_once(n_columns: int) -> int:
    """How many rows of a dense table are measured at a time: it decides how sums are rounded."""
    return max(1, ENTRIES_AT_ONCE // n_columns)


def scaling_of(batches: Batches, scale: str) -> tuple[Array, Array, Array, Array]:
    """The shift and factor of columns without missing entries; their mean and squares around it.

    The mean and the squares are 0 for 'minmax'.
    """
    from sklearn.preprocessing import MinMaxScaler, StandardScaler  # to load a model needs neither

    scaler = StandardScaler() if scale == "standard" else MinMaxScaler()
    for rows, weights in batches:
        # In one order, whatever the table's: sums along columns are rounded by it.
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        if weights is not None:
            rows, weights = rows[weights > 0], weights[weights > 0]
        if len(rows) and scale == "standard":
            scaler.partial_fit(rows, sample_weight=weights)
        elif len(rows):
            scaler.partial_fit(rows)
    if scale == "standard":
        # An infinite variance is none to StandardScaler.
        factor = np.where(np.isfinite(scaler.var_), 1 / scaler.scale_, 0.0)
        squares = scaler.var_ * int(np.max(scaler.n_samples_seen_))
        return scaler.mean_, factor, scaler.mean_, squares
    none = np.zeros(len(scaler.data_min_))
    return *from_limits(scaler.data_min_, scaler.data_max_), none, none


def check_scaling(X: Any, shift: Array | None, factor: Array | None) -> None:
    """Refuse numbers that are too large to be scaled, naming the largest."""
    if factor is None:
        return
    good = np.isfinite(factor) & (factor != 0)
    good &= True if shift is None else np.isfinite(shift)
    if good.all():
        return
    column = int(np.flatnonzero(~good)[0])
    values = X[:, [column]]
    values = np.abs(values.toarray() if is_sparse(X) else values)[:, 0]
    row = int(np.nan_to_num(values, nan=-1).argmax())
    raise ValueError(
        f"X[{row}, {column}] is {X[row, column]:g}: its square is beyond float64, so that its "
        "column can't be scaled; take logarithms, clip it, or use another unit"
    )


def from_limits(low: Array, high: Array) -> tuple[Array, Array]:
    """The shift and factor of each column that make 0 … 1 of these limits."""
    factor = 1 / np.where(high - low > TINY, high - low, 1)
    # Rounding must not lift the largest value above 1, where cross-entropy has no meaning.
    too_large = (high - low) * factor > 1
    return low, np.where(too_large, np.nextafter(factor, 0), factor)


class SeenColumns(NamedTuple):
    """What is seen of each column, in numbers: (n_features,) each."""

    n_seen: Array
    """Rows of positive weight of which it is seen."""
    weight: Array
    """Sum of the weights of these rows."""
    mean: Array
    """0 where nothing is seen."""
    squares: Array
    """Weighted sum of the squares around the mean."""
    low: Array
    """0 where nothing is seen, as `high`."""
    high: Array

    def scaling(
        self, scale: str | None, zeros_stay: bool = False
    ) -> tuple[Array | None, Array | None]:
        """The shift and factor of each column; no shift where zeros must stay zeros."""
        if scale is None:
            return None, None
        if scale == "minmax":
            return from_limits(self.low, self.high)
        return None if zeros_stay else self.mean, 1 / self._deviation()

    def _deviation(self) -> Array:
        """The standard deviation of each column; 1 where nothing varies."""
        weight = np.where(self.weight > 0, self.weight, 1)
        deviation = np.sqrt(self.squares / weight)
        # The mean's rounding is no variance: as scikit-learn's StandardScaler, which has the bound.
        rounding = weight * np.finfo(np.float64).eps * np.abs(self.mean)
        is_none = (deviation <= rounding) & np.isfinite(deviation)
        return np.asarray(np.where(is_none, 1.0, deviation))


def seen_columns(X: Any, sample_weight: Array | None, missing: str | None) -> SeenColumns:
    """Measure the columns of a sparse table, or of one with missing entries, without a dense copy.

    scikit-learn's incremental scalers cannot do this: a part in which a column has no entry spoils
    the variance of that column. So this goes through X twice, for the means and then for the
    squares around them.
    """
    if sample_weight is None:
        all_rows, n_rows = float(X.shape[0]), X.shape[0]
    else:
        all_rows, n_rows = float(sample_weight.sum()), int(np.count_nonzero(sample_weight))
    has_zeros = is_sparse(X) and missing != "implicit"  # what is not stored is 0
    return seen_in(
        lambda: _batches(X, sample_weight), X.shape[1], (all_rows, n_rows) if has_zeros else None
    )


def seen_in(
    batches: Callable[[], Batches],
    n_columns: int,
    with_zeros: tuple[float, int] | None,
) -> SeenColumns:
    """Measure the columns of a table that comes in batches of rows and weights.

    `batches` is called twice, and gives all batches each time.

    Where entries that are not stored are 0, `with_zeros` has the weight and number of all rows.
    """
    # Weights of stored and of seen entries, Σ w x; the numbers of these entries.
    stored, seen, total, n_stored, n_seen = np.zeros((5, n_columns))
    low, high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
    for columns, values, weights in _stored(batches()):
        stored += np.bincount(columns, weights, n_columns)
        n_stored += np.bincount(columns, minlength=n_columns)
        known = ~np.isnan(values)
        columns, values, weights = columns[known], values[known], weights[known]
        seen += np.bincount(columns, weights, n_columns)
        n_seen += np.bincount(columns, minlength=n_columns)
        total += np.bincount(columns, weights * values, n_columns)
        np.minimum.at(low, columns, values)
        np.maximum.at(high, columns, values)
    zeros = np.zeros(n_columns)
    if with_zeros is not None:
        all_rows, n_rows = with_zeros
        zeros = np.maximum(all_rows - stored, 0)
        n_zeros = n_rows - n_stored
        n_seen += n_zeros
        low[n_zeros > 0] = np.minimum(low[n_zeros > 0], 0)
        high[n_zeros > 0] = np.maximum(high[n_zeros > 0], 0)
    weight = seen + zeros
    mean = total / np.where(weight > 0, weight, 1)
    squares = zeros * mean**2
    for columns, values, weights in _stored(batches()):
        known = ~np.isnan(values)
        columns, values, weights = columns[known], values[known], weights[known]
        squares += np.bincount(columns, weights * (values - mean[columns]) ** 2, n_columns)
    nothing = low > high
    low[nothing] = high[nothing] = 0
    return SeenColumns(n_seen, weight, mean, squares, low, high)


def _batches(X: Any, sample_weight: Array | None) -> Iterator[tuple[Any, Array | None]]:
    """The rows of a table and their weights, so many at a time."""
    per_row = stored_per_row(X.shape[0], X.shape[1], X.nnz if is_sparse(X) else None)
    for part in row_slices(X.shape[0], per_row, ENTRIES_AT_ONCE):
        yield X[part], None if sample_weight is None else sample_weight[part]


def stored_per_row(n_rows: int, n_columns: int, n_stored: int | None) -> int:
    """About how many entries a row has: all columns, or those of a sparse table."""
    return n_columns if n_stored is None else n_stored // n_rows + 1


def _stored(batches: Batches) -> Iterator[tuple[Array, Array, Array]]:
    """Column, value and weight of each entry that rows have; none of weight 0."""
    for rows, weights in batches:
        n_columns = rows.shape[1]
        weights = np.ones(rows.shape[0]) if weights is None else weights
        if is_sparse(rows):
            columns, values = rows.indices, rows.data.astype(np.float64)
            weights = np.repeat(weights, np.diff(rows.indptr))
        else:
            columns = np.tile(np.arange(n_columns), len(rows))
            values = rows.astype(np.float64).ravel()
            weights = np.repeat(weights, n_columns)
        counted = weights > 0
        yield columns[counted], values[counted], weights[counted]


SAFE_IN_FLOAT32 = 1e30
"""While shifts and widths of columns are below this, float32 overflows only where results do."""


@np.errstate(over="ignore")
def undo_scaling(X_hat: Array, shift: Any, factor: Any) -> Array:
    """Bring scaled rows (m, n_features) back to the units of the data, in place.

    What is beyond the range of their type becomes its largest number. The C interface has the same
    formula, in doubles and with the range of the network's type.
    """
    if X_hat.dtype == np.float32 and not _is_safe_in_float32(shift, factor):
        X_hat[:] = saturated(undo_scaling(X_hat.astype(np.float64), shift, factor), np.float32)
        return X_hat
    if factor is not None:
        X_hat /= factor
    if shift is not None:
        X_hat += shift
    return saturated(X_hat)


def _is_safe_in_float32(shift: Any, factor: Any) -> bool:
    wide = factor is not None and np.abs(factor).min() < 1 / SAFE_IN_FLOAT32
    return not wide and (shift is None or np.abs(shift).max() < SAFE_IN_FLOAT32)


def saturated(values: Array, dtype: Any = None) -> Array:
    """Values with the largest number of their type, or of `dtype`, for what is beyond; in place."""
    largest = np.finfo(values.dtype if dtype is None else dtype).max
    return np.clip(values, -largest, largest, out=values)
