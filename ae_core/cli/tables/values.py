"""What a table's values tell before anything is learned from them."""

import warnings
from collections.abc import Iterator

import numpy as np

from ..._typing import Array
from .columns import ROWS_AT_ONCE, Table, TableError, drop_option, short

EXACT, LONGEST = 2.0**53, 2.0**64
"""Up to there 64-bit floats hold each integer; and beyond that they are measurements, not ids."""


def check_values(path: str, table: Table) -> None:
    """Refuse a table in which nothing is known.

    Raises
    ------
    TableError
    """
    if not _has_values(table):
        raise TableError(
            f"{short(path)[1:-1]}: no cell of the columns that are read has a value: choose others "
            "with --columns"
        )


def _has_values(table: Table) -> bool:
    """Whether anything is not missing; looks no further than it has to."""
    values = table.values
    if hasattr(values, "iloc"):
        return any(bool(values.iloc[:, i].notna().any()) for i in range(values.shape[1]))
    return values.dtype.kind != "f" or not all(bool(np.isnan(p).all()) for p in _parts(values))


def _parts(values: Array) -> Iterator[Array]:
    """Some rows after others."""
    return (values[i : i + ROWS_AT_ONCE] for i in range(0, len(values), ROWS_AT_ONCE))


def warn_of_integers(table: Table) -> None:
    """Warn of a column of integers that 64-bit floats do not tell apart."""
    if hasattr(table.values, "iloc"):
        dtypes = table.values.dtypes
        columns = [table.values.iloc[:, i] for i in np.flatnonzero(dtypes == np.float64)]
        named = [(str(column.name), column.to_numpy()) for column in columns]
    elif table.values.dtype.kind == "f" and any(
        bool((np.abs(part) >= EXACT).any()) for part in _parts(table.values)
    ):
        named = list(zip(table.names, table.values.T, strict=True))
    else:
        return
    for name, values in named:
        seen = values[~np.isnan(values)]
        if len(seen) and EXACT <= np.abs(seen).max() < LONGEST and not (seen % 1).any():
            warnings.warn(
                f"column {short(name)} has integers beyond 2**53, which are rounded: if they only "
                f"name rows, leave it out with {drop_option([name], 40)}",
                stacklevel=2,
            )
            return
