"""Tables that are written some rows at a time, whole or not at all: CSV, Parquet, ``.npy``."""

import csv
import errno
import gzip
import io
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any, BinaryIO

import numpy as np

from .._typing import Array
from ..basics.extras import optional
from ..basics.shown import cut, printable
from .whole_file import file_to_replace, target_of, write_whole

Columns = Sequence[Array | Sequence[Any]]
"""Equally long columns, of any kind that Arrow has."""

CSV_OUTPUTS = {".csv": ",", ".tsv": "\t", ".csv.gz": ",", ".tsv.gz": "\t"}
OUTPUTS = (*CSV_OUTPUTS, ".parquet", ".npy")
GZIP_LEVEL = 1
"""Digits pack to half their size at any level; the highest takes several times as long."""
NAME_ROOM = 40
"""Characters for a name, or for a value, in a message."""


PATH_SHOWN = 80
"""Characters of a path in a message."""


class TableError(ValueError):
    """A file is no table of numbers; the message says where, and what to do."""


def check_output(path: str, *, is_table: bool = True) -> None:
    """Refuse a place that can't be written to, better before hours of work than after.

    Parameters
    ----------
    path : str
    is_table : bool
        Whether its ending must be that of a table.

    Raises
    ------
    TableError
        For an ending that stands for no kind of table.
    OSError
        When no file can be made there.
    """
    if is_table and path == "-":
        return
    if not path:
        raise TableError("'': no file is named: say where to write")
    if is_table and not path.lower().endswith(OUTPUTS):
        called = cut(printable(path), PATH_SHOWN)
        raise TableError(
            f"{called}: what to write can't be told from its name: it must end in "
            f"{', '.join(OUTPUTS)}, or be - for CSV to standard output"
        )
    try:
        target = target_of(path)
        file_to_replace(target)
        tempfile.TemporaryFile(dir=os.path.dirname(target)).close()
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from error


def write_rows(
    path: str, names: Sequence[str], parts: Iterable[Array | Columns], n_rows: int
) -> None:
    """Write a table that comes in parts, each some rows of all columns.

    Parameters
    ----------
    path, names
        As for `write_table`.
    parts : iterable of arrays (n, n_columns), or of sequences of columns
    n_rows : int
        Of all parts together.

    Raises
    ------
    TableError, OSError, MissingExtraError
        As for `write_table`. An error of the iterable leaves no file either.
    """
    lower = path.lower()
    if lower.endswith(".npy"):
        return write_whole(path, lambda file: _write_npy(file, names, parts, n_rows))
    optional("pyarrow", "CSV and Parquet files", "cli")
    if path == "-":
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed", "standard output")
        # Text that something else has printed comes first.
        sys.stdout.flush()
        _write_csv(sys.stdout.buffer, names, parts, ",")
        sys.stdout.buffer.flush()
        return None
    if lower.endswith(".parquet"):
        return write_whole(path, lambda file: _write_parquet(file, names, parts))
    check_output(path)
    ending = next(ending for ending in CSV_OUTPUTS if lower.endswith(ending))
    return write_whole(path, lambda file: _csv_file(file, names, parts, ending))


def _csv_file(file: BinaryIO, names: Sequence[str], parts: Iterable[Any], ending: str) -> None:
    packed = gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) if ending.endswith(".gz") else None
    with packed or nullcontext(file) as to:
        _write_csv(to, names, parts, CSV_OUTPUTS[ending])


def _write_csv(file: Any, names: Sequence[str], parts: Iterable[Any], separator: str) -> None:
    from pyarrow import csv as arrow_csv

    header = io.StringIO()
    csv.writer(header, delimiter=separator, lineterminator="\n").writerow(names)
    file.write(header.getvalue().encode())
    options = arrow_csv.WriteOptions(
        include_header=False, delimiter=separator, quoting_style="needed"
    )
    for part in parts:
        # By way of memory: Arrow would close the file.
        buffer = io.BytesIO()
        arrow_csv.write_csv(_arrow_table(part, nothing_for_nan=True), buffer, options)
        file.write(buffer.getbuffer())


def _write_parquet(file: BinaryIO, names: Sequence[str], parts: Iterable[Any]) -> None:
    from pyarrow import parquet

    writer = None
    try:
        for part in parts:
            table = _arrow_table(part).rename_columns(list(names))
            writer = writer or parquet.ParquetWriter(file, table.schema)
            writer.write_table(_as_first(table, writer.schema))
    finally:
        if writer is not None:
            writer.close()


def _as_first(table: Any, schema: Any) -> Any:
    """A part with the types of the first one, where they hold its values.

    Raises
    ------
    TableError
    """
    if table.schema.equals(schema):
        return table
    import pyarrow

    try:
        return table.cast(schema)
    except (pyarrow.ArrowException, ValueError) as error:
        raise TableError(
            "the columns of later rows are of other types than those of the first, and a .parquet "
            "file has one for each column: write .csv"
        ) from error


def _write_npy(file: BinaryIO, names: Sequence[str], parts: Iterable[Any], n_rows: int) -> None:
    dtype = None
    for part in parts:
        if not isinstance(part, np.ndarray):
            columns = zip(names, part, strict=True)
            part = np.column_stack([_numbers(name, column) for name, column in columns])
        if dtype is None:
            dtype = part.dtype
            header = {"descr": dtype.str, "fortran_order": False, "shape": (n_rows, len(names))}
            np.lib.format.write_array_header_1_0(file, header)
        file.write(np.ascontiguousarray(part, dtype).data)


def _numbers(name: str, column: Any) -> Array:
    try:
        return np.asarray(column, np.float64)
    except (ValueError, TypeError) as error:
        raise TableError(
            f"an .npy file holds numbers, and column {short(name)} is text: write .csv or .parquet"
        ) from error


def _arrow_table(part: Any, *, nothing_for_nan: bool = False) -> Any:
    import pyarrow

    columns = part.T if isinstance(part, np.ndarray) else part
    arrays = [
        pyarrow.array(c, from_pandas=nothing_for_nan if isinstance(c, np.ndarray) else None)
        for c in columns
    ]
    return pyarrow.table(arrays, [str(i) for i in range(len(columns))])


def short(value: object, at_most: int = NAME_ROOM) -> str:
    """A value as Python writes it, cut when long."""
    if isinstance(value, str) and len(value) > at_most:
        value = value[: at_most + 1]
    text = printable(repr(value))
    return text if len(text) <= at_most else f"{text[: at_most - 2]}…{text[-1]}"
