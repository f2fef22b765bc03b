"""What the columns of any table hold: numbers, flags, text, points in time, or something else.

Nothing is refused here, and nothing encoded: this is for saying what a table is.
"""

import datetime
import decimal
import numbers
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .cells import is_missing
from .checks import is_sparse, refuse_np_matrix

KINDS = ("numbers", "flags", "text", "dates", "spans", "other")
KINDS_OF_CELLS = {
    "flags": bool | np.bool_,
    "numbers": numbers.Real | decimal.Decimal,
    "dates": datetime.date | datetime.time | np.datetime64,
    "spans": datetime.timedelta | np.timedelta64,
}
"""What objects are, if all of a column are: the first kind that fits."""
CELLS = 10_000
"""Cells of a column of objects that are looked at, evenly spaced, to see what kind they are."""
NEARLY_ALL = 0.95
"""Share of the texts of a column that read as numbers, or dates, if it is one of these."""
MOST_MARKS, LONGEST_MARK = 0.5, 20
"""Share of the texts that may be one and the same mark, such as '?'; characters of it that are
shown."""
DATE = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))"
    r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[-+]\d{2}:?\d{2})?)?\s*"
)
"""2024-01-31, 31.1.2024, 1/31/24, with or without a time."""


@dataclass(frozen=True, eq=False)
class Kinds:
    """The columns of a table."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    """Of each column, one of `KINDS`."""
    details: tuple[str, ...]
    """Of each column what there is to add, such as 'that reads as numbers'; or ''."""
    numbers: Array
    """(m, n) float64: the columns of numbers and flags in their places, NaN for missing and for
    everything that is no number."""
    n_missing: Array
    """(n,): missing entries of each column, among those m rows."""
    n_rows: int
    """Of the whole table, of which `numbers` may be a part."""

    def of_kind(self, *kinds: str) -> list[int]:
        """The places of the columns of these kinds."""
        return [i for i, kind in enumerate(self.kinds) if kind in kinds]


def column_kinds(X: Any, at_most: int) -> Kinds:
    """What the columns of X hold, by at most so many of its rows, evenly spaced.

    Parameters
    ----------
    X : array, DataFrame or Table (of pandas, polars or pyarrow), scipy.sparse matrix
    at_most : int

    Raises
    ------
    ValueError, TypeError
        When X is no table with rows and columns.
    """
    if is_sparse(X):
        rows = X.tocsr()
        dense = rows[_evenly(X.shape[0], at_most)].toarray().astype(np.float64)
        return _all_numbers(dense, X.shape[0])
    refuse_np_matrix(X, "X")
    names = _names(X)
    if names is None:
        array = X.filled(np.nan) if isinstance(X, np.ma.MaskedArray) else np.asanyarray(X)
        if array.ndim != 2 or not array.size:
            raise ValueError(
                f"X has shape {array.shape}: a table has rows and columns, (n_samples, n_features)"
            )
        some = array[_evenly(len(array), at_most)]
        if array.dtype.kind in "fiub":
            return _all_numbers(some.astype(np.float64), len(array))
        columns = [some[:, place] for place in range(array.shape[1])]
        return _of_columns(tuple(map(str, range(len(columns)))), columns, len(array))
    n_rows = int(X.shape[0])
    if not n_rows or not names:
        raise ValueError(f"X has shape {X.shape}: there are no rows, or no columns")
    which = _evenly(n_rows, at_most)
    columns = [_column(X, place)[which] for place in range(len(names))]
    return _of_columns(names, columns, n_rows)


def _names(X: Any) -> tuple[str, ...] | None:
    """The names of a frame's columns; None for what is no frame."""
    # pyarrow's `columns` are the columns themselves.
    names = getattr(X, "column_names", getattr(X, "columns", None))
    return None if names is None else tuple(map(str, names))


def _column(X: Any, place: int) -> Array:
    if hasattr(X, "iloc"):
        return np.asarray(X.iloc[:, place])
    column = X.column(place) if hasattr(X, "column_names") else X[:, place]
    return np.asarray(column.to_numpy())


def _all_numbers(dense: Array, n_rows: int) -> Kinds:
    n = dense.shape[1]
    names, n_missing = tuple(map(str, range(n))), np.isnan(dense).sum(axis=0)
    return Kinds(names, ("numbers",) * n, ("",) * n, dense, n_missing, n_rows)


def _of_columns(names: tuple[str, ...], columns: list[Array], n_rows: int) -> Kinds:
    found = [_of_column(column) for column in columns]
    kinds, details, values, n_missing = zip(*found, strict=True)
    nothing = np.full(len(columns[0]), np.nan)
    table = np.column_stack([nothing if each is None else each for each in values])
    return Kinds(names, kinds, details, table, np.array(n_missing), n_rows)


def _of_column(column: Array) -> tuple[str, str, Array | None, int]:
    """Kind, detail, the numbers (m,) if it has any, and how many entries are missing."""
    kind = column.dtype.kind
    if column.ndim > 1:
        return "other", "but vectors", None, 0
    if kind in "fiu":
        values = column.astype(np.float64)
        return "numbers", "", values, int(np.isnan(values).sum())
    if kind == "b":
        return "flags", "", column.astype(np.float64), 0
    if kind in "mM":
        return "dates" if kind == "M" else "spans", "", None, int(np.isnat(column).sum())
    if kind not in "OUST":
        return "other", f"of type {column.dtype}", None, 0
    cells = column.astype(object)
    absent = np.array([is_missing(c) or (isinstance(c, np.floating) and c != c) for c in cells])
    present = cells[~absent]
    n_missing = int(absent.sum())
    if not len(present):
        return "numbers", "", np.full(len(cells), np.nan), n_missing
    some = present[_evenly(len(present), CELLS)]
    for what, types in KINDS_OF_CELLS.items():
        if all(isinstance(cell, types) for cell in some):
            is_numeric = what in ("flags", "numbers")
            return what, "", _as_numbers(cells, absent) if is_numeric else None, n_missing
    if all(isinstance(cell, str | bytes) for cell in some):
        return "text", _of_text([str(cell) for cell in some], present), None, n_missing
    types = sorted({type(cell).__name__ for cell in some})
    return "other", f"of {' and '.join(types[:3])}", None, n_missing


def _of_text(texts: list[str], present: Array) -> str:
    for what, reads in (("numbers", _reads_as_number), ("dates", DATE.fullmatch)):
        others = Counter(text for text in texts if not reads(text))
        is_one_mark = len(others) == 1 and others.total() <= MOST_MARKS * len(texts)
        if others.total() > (1 - NEARLY_ALL) * len(texts) and not is_one_mark:
            continue
        if not others:
            return f"that reads as {what}"
        # A mark for 'missing' is all that keeps such a column from being one of numbers.
        mark, times = others.most_common(1)[0]
        rest = "" if len(others) == 1 else f" and {len(others) - 1} other texts"
        shown = mark if len(mark) <= LONGEST_MARK else mark[: LONGEST_MARK - 1] + "…"
        return f"that reads as {what}, but for {shown!r} ({times} times){rest}"
    n_values = len(set(present.tolist()))
    return f"of {n_values} different values" if n_values > 1 else "(always the same)"


def _reads_as_number(text: str) -> bool:
    with suppress(ValueError):
        float(text.replace(",", ""))
        return True
    return False


def _as_numbers(cells: Array, absent: Array) -> Array:
    values = np.full(len(cells), np.nan)
    for place in np.flatnonzero(~absent):
        try:
            values[place] = float(cells[place])
        except (TypeError, ValueError, OverflowError):  # one that was not looked at before
            continue
    return values


def _evenly(n_rows: int, at_most: int) -> Array:
    if n_rows <= at_most:
        return np.arange(n_rows)
    return np.linspace(0, n_rows - 1, at_most).round().astype(np.intp)
