"""Tables of numbers in files: CSV, Parquet and NumPy's own, read into one array.

Files of NumPy's need nothing else; the others need the extra ``cli``.
"""

import gzip
import os
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np

from ..._typing import Array
from ...basics.extras import MissingExtraError
from .columns import (
    NO_VALUE,
    Choice,
    Table,
    TableError,
    bad_value,
    chosen_columns,
    listed,
    not_numbers,
)
from .csv_files import Layout, Opener, read_csv
from .writing import check_output, write_rows, write_table

__all__ = [
    "Layout",
    "Table",
    "TableError",
    "check_output",
    "is_table_name",
    "read_table",
    "write_rows",
    "write_table",
]

CSV_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
ENDINGS = (*CSV_ENDINGS, ".parquet", ".npy", ".npz")
ROWS_AT_ONCE = 1 << 16


def is_table_name(path: str) -> bool:
    """Whether a file's name is that of a table."""
    return path == "-" or path.lower().endswith(ENDINGS) or ".npz:" in path.lower()


def read_table(
    path: str,
    columns: Sequence[str] | Choice | None = None,
    *,
    drop: Sequence[str] = (),
    layout: Layout | None = None,
    dtype: Any = np.float64,
    missing: bool = False,
) -> Table:
    """Read a table of numbers.

    Parameters
    ----------
    path : str
        Ending in .csv, .tsv (either also .gz), .txt, .parquet, .npy, .npz (or .npz:NAME, for one
        array of several); '-' for CSV from standard input.
    columns : sequence of str, or function, optional
        Names of the columns to read, in this order; by default all. Columns without names have
        numbers, '0', '1', …. Or a function that is given the names, and whether the file has any,
        and returns places.
    drop : sequence of str
        Names of columns to leave out.
    layout : Layout, optional
        How a CSV file is written.
    dtype : float64 or float32
        Of the array. Files of NumPy's keep their own, unless it is none that can be computed with:
        they are memory-mapped, and not copied as long as all columns are read.
    missing : bool
        Whether values may be missing; they are NaN then.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        When the file is no table of numbers: says where and what to do.
    OSError
        When it can't be read.
    MissingExtraError
        When a library is not installed.
    """
    choose = columns if callable(columns) else chosen_columns(columns, drop)
    try:
        return _read(path, choose, layout or Layout(), np.dtype(dtype), missing)
    except TableError as error:
        raise TableError(f"{_shown(path)}: {error}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TableError(f"{path}: it is damaged or cut short ({error})") from error


def _read(path: str, choose: Choice, layout: Layout, dtype: np.dtype[Any], missing: bool) -> Table:
    lower = path.lower()
    name, _, array = path.partition(".npz:") if ".npz:" in path else (path, "", "")
    if array:
        return _read_npz(name + ".npz", choose, array, missing)
    if path != "-" and not stat.S_ISFIFO(os.stat(path).st_mode):
        if os.path.isdir(path):
            raise TableError("it is a directory: give a file")
        if lower.endswith(".npy"):
            return _read_npy(path, choose, missing)
        if lower.endswith(".npz"):
            return _read_npz(path, choose, None, missing)
        if lower.endswith(".parquet"):
            return _read_parquet(path, choose, dtype, missing)
        if not lower.endswith(CSV_ENDINGS):
            raise TableError(
                f"what it is can't be told from its name: it must end in {', '.join(ENDINGS)}, or "
                "be - for CSV from standard input"
            )
        opener = cast(Opener, partial(open, path, "rb"))
        if lower.endswith(".gz"):
            opener = cast(Opener, partial(gzip.open, path, "rb"))
        if layout.separator is None and lower.endswith((".tsv", ".tsv.gz")):
            layout = replace(layout, separator="\t")
        return read_csv(opener, choose, layout, dtype, missing)
    with tempfile.TemporaryFile() as copy:  # what comes through a pipe can't be read twice
        source = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115
        shutil.copyfileobj(source, copy)
        if path != "-":
            source.close()
        return read_csv(lambda: _beginning(copy), choose, layout, dtype, missing)


def _beginning(file: Any) -> BinaryIO:
    """A second handle on an open file, at its beginning."""
    handle = open(os.dup(file.fileno()), "rb")  # noqa: SIM115
    handle.seek(0)
    return handle


def _shown(path: str) -> str:
    return "standard input" if path == "-" else path


# --- NumPy's files -------------------------------------------------------------------------------


def _read_npy(path: str, choose: Choice, missing: bool) -> Table:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        raise _no_array(path, error) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise TableError("it is no .npy file, whatever its name: rename it to .npz")
    return _of_array(array, choose, missing)


def _no_array(path: str, error: BaseException) -> TableError:
    with open(path, "rb") as file:
        start = file.read(6)
    if not start:
        return TableError("it is empty")
    if not start.startswith(b"\x93NUMPY"):
        return TableError("it is not in NumPy's format (pickled objects are not read)")
    if "object" in str(error).lower():
        return TableError("it holds Python objects, which are not read: save an array of numbers")
    return TableError(f"it is damaged or cut short ({error})")


def _read_npz(path: str, choose: Choice, name: str | None, missing: bool) -> Table:
    try:
        with open(path, "rb") as file:  # NumPy leaves damaged ones open
            arrays = np.load(file, allow_pickle=False)
            if isinstance(arrays, np.ndarray):
                raise TableError("it is no .npz file, whatever its name: rename it to .npy")
            names = arrays.files
            if name is None and len(names) != 1:
                raise TableError(
                    f"it has {len(names)} arrays, {listed(names)}: choose one, as in "
                    f"{path}:{names[0] if names else 'NAME'}"
                )
            if name is not None and name not in names:
                raise TableError(f"it has no array {name!r}; it has {listed(names)}")
            array = arrays[name or names[0]]
    except TableError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile, SyntaxError, AttributeError) as error:
        reason = "Python objects are not read" if "ickle" in str(error) else str(error)
        raise TableError(f"it can't be read as .npz ({reason})") from error
    return _of_array(array, choose, missing)


def _of_array(array: Array, choose: Choice, missing: bool) -> Table:
    """The chosen columns of an array; the array itself, if these are all."""
    if array.ndim != 2:
        hint = ": array.reshape(-1, 1) has one column" if array.ndim == 1 else ""
        hint = ": array.reshape(len(array), -1) has one row for each" if array.ndim > 2 else hint
        raise TableError(
            f"it has shape {array.shape}, and a table has rows and columns, (n, k){hint}"
        )
    if array.dtype.kind not in "fiub":
        raise TableError(f"it holds {array.dtype}, not real numbers")
    if 0 in array.shape:
        raise TableError(f"it has shape {array.shape}: there is nothing to read")
    names = [str(i) for i in range(array.shape[1])]
    chosen = choose(names, False)
    if chosen != list(range(array.shape[1])):
        array, names = array[:, chosen], [names[i] for i in chosen]
    if array.dtype == bool:
        array = array.view(np.uint8)
    elif array.dtype.kind == "f" and array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.itemsize < 4 else np.float64)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    _check_finite(array, names, missing)
    return Table(names, array, named=False)


def _check_finite(array: Array, names: list[str], missing: bool, n_before: int = 0) -> None:
    """Refuse infinities, and NaN unless values may be missing; names the first.

    Raises
    ------
    TableError
    """
    if array.dtype.kind != "f":
        return
    for start in range(0, len(array), ROWS_AT_ONCE):
        some = array[start : start + ROWS_AT_ONCE]
        bad = np.isinf(some) if missing else ~np.isfinite(some)
        if bad.any():
            row, place = np.argwhere(bad)[0]
            value = array[start + row, place]
            what = NO_VALUE if np.isnan(value) else f"is {value}"
            raise bad_value(names[place], f"row {n_before + start + row + 1}", what)


# --- Parquet -------------------------------------------------------------------------------------


def _read_parquet(path: str, choose: Choice, dtype: np.dtype[Any], missing: bool) -> Table:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("Parquet files", "pyarrow", "cli") from error
    try:
        with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            schema = file.schema_arrow
            chosen = choose(list(schema.names), True)
            names = [schema.names[i] for i in chosen]
            texts = [
                name for i, name in zip(chosen, names, strict=True) if not _numeric(schema.types[i])
            ]
            if texts:
                raise not_numbers({name: ("row 1", _first(file, name)) for name in texts})
            if not file.metadata.num_rows:
                raise TableError("it has columns and no rows")
            values = _room_for(file.metadata.num_rows, len(names), dtype)
            n_rows = 0
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=names):
                if n_rows + len(batch) > len(values):
                    break  # and is told below
                block = values[n_rows : n_rows + len(batch)]
                with np.errstate(over="ignore"):  # is told below
                    for place, name in enumerate(names):
                        column = batch.column(name).cast(pyarrow.float64(), safe=False)
                        block[:, place] = column.to_numpy(zero_copy_only=False)
                _check_finite(block, names, missing, n_rows)
                n_rows += len(batch)
            if n_rows != len(values):
                raise TableError(f"it is damaged: it says that it has {len(values)} rows")
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        message = " ".join(str(error).split())
        raise TableError(f"it can't be read as Parquet: {message[:160]}") from error
    return Table(names, values)


def _room_for(n_rows: int, n_columns: int, dtype: np.dtype[Any]) -> Array:
    """An array for as many rows as a file says it has, which may be anything."""
    try:
        return np.empty((n_rows, n_columns), dtype)
    except (MemoryError, ValueError) as error:
        raise TableError(
            f"it says that it has {n_rows} rows of {n_columns} columns: there is no memory for them"
        ) from error


def _numeric(kind: Any) -> bool:
    from pyarrow import types

    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in tests)


def _first(file: Any, name: str) -> object:
    for batch in file.iter_batches(1, columns=[name]):
        value = batch.column(0)[0].as_py()
        return value if isinstance(value, str | bytes) else str(value)
    return None
