"""Checks of data, shared by both twins: one clear error that names the argument and what to do."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT, THREADS, Check, as_numbers, shown

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))

FIT_MASK = "fit with missing_values='mask', which learns around what is missing; or "
"""Advice about NaN; other advice follows it in the same sentence."""

ENTRIES_AT_ONCE = 1 << 20
"""Where a mask is needed, it is made of so many entries at a time."""


def check_dtype(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype meant, float32 or float64 in this machine's byte order.

    Raises
    ------
    ValueError
        For any other.
    """
    checked: np.dtype[Any] = DtypeName()("dtype", dtype)
    return checked


@dataclass(frozen=True)
class DtypeName(Check):
    """Anything that NumPy takes for float32 or float64 in this machine's byte order."""

    or_none: bool = False

    @property
    def words(self) -> str:
        """What is allowed."""
        return "None, float32 or float64" if self.or_none else "float32 or float64"

    def __call__(self, argument: str, value: Any, words: str = "") -> Any:
        """The NumPy dtype, or None."""
        if self.or_none and value is None:
            return None
        if isinstance(value, str | type | np.dtype | None):  # an array's own dtype is not meant
            with suppress(Exception):  # whatever NumPy thinks of it
                if (checked := np.dtype(value)) in DTYPES:
                    return np.dtype(checked.type)  # spelled without a byte order
        self.refuse(argument, value, words)


def check_n_threads(n_threads: Any) -> int:
    """How many threads are meant: as asked, or all cores that this process may use.

    Raises
    ------
    ValueError
        For anything but None or an integer from 1 to 1024.
    """
    if n_threads is None:
        affinity = getattr(os, "sched_getaffinity", None)  # Linux only
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    return int(THREADS("n_threads", n_threads, f"None or {COUNT.words}"))


def is_sparse(X: Any) -> bool:
    """Whether X is one of scipy.sparse's matrices or arrays."""
    sparse = sys.modules.get("scipy.sparse")  # X can be one only if it was imported
    return sparse is not None and bool(sparse.issparse(X))


def row_slices(n_rows: int, n_columns: int, n_entries: int = ENTRIES_AT_ONCE) -> Iterator[slice]:
    """Slices of rows, one after the other, each of about so many entries."""
    height = max(1, n_entries // max(1, n_columns))
    for start in range(0, n_rows, height):
        yield slice(start, min(start + height, n_rows))


def refuse_np_matrix(X: Any, name: str) -> None:
    """Refuse NumPy's old matrix type, whose rows and columns stay tables of their own.

    Raises
    ------
    TypeError
    """
    if isinstance(X, np.matrix):
        raise TypeError(f"{name} is a np.matrix, which is not supported: give np.asarray({name})")


def check_table(
    X: Any,
    name: str = "X",
    *,
    missing: str | None = None,
    columns: Any = None,
    advice: str = FIT_MASK,
) -> Any:
    """Data of shape (n_samples, n_features), without a copy, whatever its strides.

    Sparse data comes back as CSR in canonical format.

    Parameters
    ----------
    X : array or scipy.sparse matrix or array
    name : str
    missing : {None, 'mask', 'implicit'}
        'mask': NaN is allowed; 'implicit': X has to be sparse.
    columns : sequence of str, optional
        Names of the columns, for errors.
    advice : str
        What else is to be done about NaN, where it is not allowed; ends with "or ".

    Raises
    ------
    ValueError
        For anything but a non-empty 2-D table of finite real numbers.
    """
    if isinstance(X, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array: fill it in first, with {name}.filled(...)")
    refuse_np_matrix(X, name)
    sparse = is_sparse(X)
    if missing == "implicit" and not sparse:
        raise ValueError(
            f"{name} is not sparse: missing_values='implicit' takes for unseen what a scipy.sparse "
            "matrix does not store; for NaN use 'mask'"
        )
    array = X if sparse else np.asanyarray(X)
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} has dtype {array.dtype}: real numbers are needed "
            "(encode text and categories as numbers first)"
        )
    if array.ndim != 2:
        hint = f"; one sample is {name}.reshape(1, -1)" if array.ndim == 1 else ""
        raise ValueError(f"{name} has shape {array.shape}: (n_samples, n_features) is needed{hint}")
    check_size(array.shape, name, takes_no_columns=True)  # as covariates are, where there are none
    if sparse:
        _check_indices(array, name)
        array = array.tocsr()
        if not array.has_canonical_format:
            array = array.copy()  # the caller's own stays as it is
            array.sum_duplicates()
    _check_finite(array, name, missing == "mask", advice, columns)
    return array


def check_size(shape: Any, name: str, *, takes_no_columns: bool = False) -> None:
    """Refuse a table (n_samples, n_features) of nothing.

    Raises
    ------
    ValueError
        Saying of what it has none.
    """
    if shape[0] == 0:
        raise ValueError(f"{name} has no rows, its shape is {shape}: at least one sample is needed")
    if shape[1] == 0 and not takes_no_columns:  # scikit-learn's contract wants to read this
        raise ValueError(
            f"{name} has no columns: 0 feature(s) (shape={shape}) while a minimum of 1 is required."
        )


def check_frame(X: Any, name: str = "X") -> None:
    """Refuse what is no pandas DataFrame whose columns have names of their own.

    Raises
    ------
    ValueError
        Saying what is the matter.
    """
    pandas = sys.modules.get("pandas")  # X can be a DataFrame only if it was imported
    if pandas is None or not isinstance(X, pandas.DataFrame):
        raise ValueError(
            f"{name} is of type {type(X).__name__}: columns='mixed' takes a pandas DataFrame, one "
            "of polars or a pyarrow.Table, whose dtypes say what its columns are (make one, or use "
            "columns='numeric')"
        )
    check_size(X.shape, name)
    for column in X.columns:
        if not isinstance(column, str):
            raise ValueError(
                f"{name} has a column named {shown(column)}: columns='mixed' needs text"
            )
    check_distinct(X.columns, name)


def check_distinct(columns: Sequence[Any], name: str) -> None:
    """Refuse names that several columns have.

    Raises
    ------
    ValueError
        Naming the most frequent one.
    """
    if len(set(columns)) < len(columns):
        twice = Counter(columns).most_common(1)[0][0]
        raise ValueError(
            f"{name} has several columns named {shown(twice)}: each needs its own name"
        )


def _check_indices(X: Any, name: str) -> None:
    """Refuse indices of nothing: SciPy looks at few of them when X is made, and then trusts all."""
    if X.format not in ("csr", "csc"):
        return
    n_lines, n_across = X.shape if X.format == "csr" else X.shape[::-1]
    starts, indices = X.indptr, X.indices
    if (
        len(starts) != n_lines + 1
        or starts[0] != 0
        or (starts[1:] < starts[:-1]).any()
        or not starts[-1] <= len(indices) == len(X.data)
        or (len(indices) and not 0 <= indices.min() <= indices.max() < n_across)
    ):
        raise ValueError(
            f"{name} is a damaged sparse matrix: its indptr or indices do not fit its shape "
            f"{X.shape} and its {len(X.data)} stored entries"
        )


def check_per_column(name: str, values: Any, n_columns: int) -> Array | None:
    """A finite float64 vector (n_columns,), or None.

    Raises
    ------
    ValueError
        For anything else.
    """
    refusal = name + " has entries that are not finite: {}"
    return _one_per("column", name, values, n_columns, np.isfinite, refusal)


def check_sample_weight(sample_weight: Any, n_rows: int) -> Array | None:
    """Weights (n_rows,), float64, none negative and some positive; or None.

    Raises
    ------
    ValueError
        For anything else.
    """
    refusal = "sample_weight has negative or non-finite entries: {}, and each must be >= 0"
    weights = _one_per(
        "row", "sample_weight", sample_weight, n_rows, lambda w: (w >= 0) & (w < np.inf), refusal
    )
    if weights is not None and weights.max() == 0:
        raise ValueError("sample_weight is zero for every row: some row must count")
    return weights


def check_row_size(row_size: Any, n_rows: int) -> Array | None:
    """Sizes (n_rows,), float64, finite and above 0; or None.

    Raises
    ------
    ValueError
        For anything else.
    """
    refusal = "{}: each must be a finite number above 0"
    return _one_per("row", "row_size", row_size, n_rows, lambda s: (s > 0) & (s < np.inf), refusal)


def _one_per(
    what: str,
    name: str,
    values: Any,
    n: int,
    are_good: Callable[[Array], Array],
    refusal: str,
) -> Array | None:
    """Numbers (n,), float64, one for each row or column; None for None.

    The first that is not good is refused, and named where `refusal` has {}.
    """
    if values is None:
        return None
    numbers = np.asarray(as_numbers(name, values), dtype=np.float64, order="C")
    if numbers.shape != (n,):
        raise ValueError(f"{name} has shape {numbers.shape}: one per {what}, ({n},)")
    bad = np.flatnonzero(~are_good(numbers))
    if len(bad):
        raise ValueError(refusal.format(f"{name}[{bad[0]}] is {numbers[bad[0]]}"))
    return numbers


def bad_entries(X: Any, are_bad: Callable[[Array], Array]) -> tuple[int, int, Any, int] | None:
    """Row, column and value of the first entry that is bad, and how many are; None for none.

    Of a CSR matrix X only what it stores is looked at.
    """
    values = X.data.reshape(1, -1) if is_sparse(X) else X
    n_bad = 0
    for part in row_slices(*values.shape):
        bad = np.argwhere(are_bad(values[part]))
        if len(bad) and not n_bad:
            row, column = bad[0] + (part.start, 0)
        n_bad += len(bad)
    if not n_bad:
        return None
    value = values[row, column]
    if is_sparse(X):
        row, column = np.searchsorted(X.indptr, column, side="right") - 1, X.indices[column]
    return int(row), int(column), value, n_bad


def _check_finite(X: Any, name: str, nan_allowed: bool, advice: str, columns: Any) -> None:
    """Refuse what is not finite."""
    # One sum sees every NaN and infinity without a mask as large as X; only an overflow of the
    # sum itself, which is harmless, can make it look again.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite((X.data if is_sparse(X) else X).sum()):
            return
    found = bad_entries(X, np.isinf if nan_allowed else lambda part: ~np.isfinite(part))
    if found is None:
        return
    row, column, value, n_bad = found
    notes = [] if columns is None else [f"column {shown(columns[column])}"]
    if n_bad > 1:
        notes.append(f"{n_bad} such entries in all")
    what = f"{name}[{row}, {column}] is {value}" + (f" ({'; '.join(notes)})" if notes else "")
    if np.isnan(value):
        raise ValueError(f"{what}. About NaN: {advice}drop such rows, or fill them in")
    allowed = "finite or NaN" if nan_allowed else "finite"
    raise ValueError(
        f"{what}: every entry must be {allowed}, and infinity is not; drop such rows, or fill them "
        "in"
    )
