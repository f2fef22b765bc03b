"""Tables as services have them: mappings of columns, lists of rows, arrays of objects."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import shown
from .checks import check_size


def named_columns(X: Any, names: Sequence[str]) -> dict[str, Array] | None:
    """The columns of X by name, in the order of the names: (m,) each; None for other tables.

    Parameters
    ----------
    X : mapping of str to sequence, or sequence of mappings
        Columns by name; or rows, each a value for each name, where a name that a row lacks is
        missing.
    names : sequence of str
        All columns that there have to be, and no others.

    Raises
    ------
    ValueError
        Naming the first column that is not as it should be.
    """
    if isinstance(X, Mapping):
        _check_names(X, names)
        columns = {each: _column(X[each], each) for each in names}
        lengths = {len(column) for column in columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"X has columns of {sorted(lengths)} entries: all need as many")
        check_size((*lengths, len(names)), "X")
        return columns
    if not (isinstance(X, list | tuple) and X and isinstance(X[0], Mapping)):
        return None
    known = set(names)
    for place, row in enumerate(X):
        if not isinstance(row, Mapping):
            raise ValueError(f"X[{place}] is {shown(row)}: must be a mapping, as the first is")
        if not known.issuperset(row):
            odd = next(each for each in row if each not in known)
            raise ValueError(
                f"X[{place}] has {shown(odd)}, which was no column of the fit: leave it out"
            )
    return {each: np.fromiter((row.get(each) for row in X), object, len(X)) for each in names}


def columns_of_array(X: Any, names: Sequence[str]) -> dict[str, Array]:
    """The columns of an array of objects, or of lists of rows (m, n), by the names of the fit.

    Raises
    ------
    ValueError
        When it is no table of as many columns.
    """
    table = X if isinstance(X, np.ndarray) else _of_rows(X)
    if table.ndim != 2 or table.shape[1] != len(names):
        raise ValueError(
            f"X has shape {table.shape}: (n_samples, {len(names)}) is needed, or columns by "
            f"their names, such as {shown(names[0])}"
        )
    check_size(table.shape, "X")
    return {each: table[:, place] for place, each in enumerate(names)}


def side_by_side(columns: Mapping[str, Array]) -> Array:
    """Columns (m,) as one array (m, n); of objects where one is not of numbers."""
    arrays = list(columns.values())
    if not all(array.dtype.kind in "fiub" for array in arrays):
        arrays = [array.astype(object) for array in arrays]
    return np.column_stack(arrays)


def _of_rows(X: Any) -> Array:
    try:
        rows = [list(row) for row in X]
    except TypeError:
        rows = [[]]
    if len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ValueError(
            f"X is of type {type(X).__name__}: give columns by their names, or rows of as "
            "many values each"
        )
    cells = np.fromiter(chain.from_iterable(rows), object, len(rows) * len(rows[0]))
    return cells.reshape(len(rows), -1)


def _column(values: Any, column: str) -> Array:
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise ValueError(f"X[{shown(column)}] is {shown(values)}: a column has a value per row")
    array = values if isinstance(values, np.ndarray) else np.fromiter(values, object, len(values))
    if array.ndim != 1:
        raise ValueError(f"X[{shown(column)}] has shape {array.shape}: a column is a vector")
    return array


def _check_names(X: Mapping[Any, Any], names: Sequence[str]) -> None:
    for each in names:
        if each not in X:
            raise ValueError(f"X lacks the column {shown(each)}, which the fit had")
    known = set(names)
    for each in X:
        if each not in known:
            raise ValueError(f"X has the column {shown(each)}, which the fit did not have")
