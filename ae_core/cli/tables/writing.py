"""Writing tables: CSV, Parquet, ``.npy``, some rows at a time, and whole or not at all."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..._typing import Array
from ...files.table_file import Columns, TableError, check_output, write_rows

__all__ = ["TableError", "check_output", "write_rows", "write_table"]

ROWS_AT_ONCE = 1 << 16


def write_table(path: str, names: Sequence[str], columns: Array | Columns) -> None:
    """Write a table.

    Parameters
    ----------
    path : str
        Ending in .csv, .tsv (either also .gz), .parquet or .npy, which has no names; '-' for CSV to
        standard output.
    names : sequence of str
    columns : array of shape (n_rows, n_columns), or sequence of columns

    Raises
    ------
    TableError
        When the ending stands for none of these, or names and columns do not match.
    OSError
        When it can't be written; what was there before is as it was.
    MissingExtraError
        When pyarrow is not installed; ``.npy`` does not need it.
    """
    is_array = isinstance(columns, np.ndarray) and columns.ndim == 2
    n_columns = np.shape(columns)[1] if is_array else len(columns)
    n_rows = len(columns) if is_array else len(columns[0])
    if n_columns != len(names) or (not is_array and any(len(c) != n_rows for c in columns)):
        raise TableError(f"{len(names)} names, and {n_columns} columns that may differ in length")

    def parts() -> Iterator[Array | Columns]:
        for start in range(0, n_rows, ROWS_AT_ONCE):
            these = slice(start, start + ROWS_AT_ONCE)
            yield columns[these] if is_array else [column[these] for column in columns]

    write_rows(path, names, parts(), n_rows)
