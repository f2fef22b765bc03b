"""Tables in files: CSV, Parquet and NumPy's own, each by the name's ending.

Files of NumPy's need nothing else; the others need the extra ``cli``.
"""

import gzip
import os
import re
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np

from ...basics.shown import LONGEST, cut, printable
from .columns import Advice, Choice, Table, TableError, Wanted, chosen_columns
from .csv_files import read_csv
from .layout import Layout
from .numpy_files import read_npy, read_npz
from .parquet_files import read_parquet
from .writing import check_output, write_rows, write_table

__all__ = [
    "Advice",
    "Layout",
    "Table",
    "TableError",
    "Wanted",
    "check_output",
    "is_table_name",
    "read_table",
    "write_rows",
    "write_table",
]

CSV_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
ENDINGS = (*CSV_ENDINGS, ".parquet", ".npy", ".npz")
IN_NPZ = re.compile(r"(.*\.npz):(.+)", re.IGNORECASE | re.DOTALL)
PATH_SHOWN = 80
"""Characters of a path in a message."""


def is_table_name(path: str) -> bool:
    """Whether a file's name is that of a table."""
    return path == "-" or path.lower().endswith(ENDINGS) or IN_NPZ.fullmatch(path) is not None


def read_table(
    path: str,
    columns: Sequence[str] | Choice | Wanted | None = None,
    *,
    drop: Sequence[str] = (),
    layout: Layout | None = None,
    dtype: Any = np.float64,
    missing: bool = False,
) -> Table:
    """Read a table of numbers, or of whatever else is wanted.

    Parameters
    ----------
    path : str
        Ending in .csv, .tsv (either also .gz), .txt, .parquet, .npy, .npz (or .npz:NAME, for one
        array of several); '-' for CSV from standard input.
    columns : sequence of str, function or Wanted, optional
        Names of the columns to read, in this order; by default all. Columns without names have
        numbers, '0', '1', …. Or a function that is given the names, and whether the file has any,
        and returns places; or all that is wanted, and then the other parameters do not matter.
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
    wanted = columns
    if not isinstance(wanted, Wanted):
        choose = wanted if callable(wanted) else chosen_columns(wanted, drop)
        wanted = Wanted(choose, np.dtype(dtype), missing)
    try:
        return _read(path, wanted, layout or Layout())
    except TableError as error:
        raise TableError(cut(f"{_shown(path)}: {error}", LONGEST)) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TableError(f"{_shown(path)}: it is damaged or cut short") from error


def _read(path: str, wanted: Wanted, layout: Layout) -> Table:
    if path == "-":
        _check_stream(sys.stdin.buffer)
        return read_csv(_Pipe(sys.stdin.buffer, wanted).open, wanted, layout)
    in_npz = IN_NPZ.fullmatch(path)
    name, lower = in_npz[1] if in_npz else path, path.lower()
    mode = os.stat(name).st_mode
    if stat.S_ISDIR(mode):
        raise TableError("it is a directory: give a file, or a folder of .parquet files")
    if stat.S_ISFIFO(mode):
        with open(name, "rb") as stream:
            return read_csv(_Pipe(stream, wanted).open, wanted, layout)
    if not stat.S_ISREG(mode):
        raise TableError("it is neither a file nor a pipe")
    if in_npz:
        return read_npz(name, wanted, in_npz[2])
    if lower.endswith(".npy"):
        return read_npy(path, wanted)
    if lower.endswith(".npz"):
        return read_npz(path, wanted, None)
    if lower.endswith(".parquet"):
        return read_parquet(path, wanted)
    if not lower.endswith(CSV_ENDINGS):
        raise TableError(
            f"what it is can't be told from its name: it must end in {', '.join(ENDINGS)}, or "
            "be - for CSV from standard input"
        )
    opener = cast(Callable[[], BinaryIO], partial(open, path, "rb"))
    if lower.endswith(".gz"):
        opener = cast(Callable[[], BinaryIO], partial(gzip.open, path, "rb"))
    if layout.separator is None and lower.endswith((".tsv", ".tsv.gz")):
        layout = replace(layout, separator="\t")
    return read_csv(opener, wanted, layout)


def _check_stream(stream: BinaryIO) -> None:
    """Refuse devices that never end, but not a person who types."""
    mode = os.fstat(stream.fileno()).st_mode
    if (stat.S_ISCHR(mode) and not stream.isatty()) or stat.S_ISBLK(mode) or stat.S_ISDIR(mode):
        raise TableError("it is neither a file nor a pipe")


class _Pipe:
    """A stream that can be read again from its beginning, if that may be wanted."""

    def __init__(self, stream: BinaryIO, wanted: Wanted) -> None:
        self._stream = stream
        # Of mixed columns the kinds may turn out to be others; numbers are read once.
        self._copy: Any = None
        if wanted.mixed is not None:
            self._copy = tempfile.TemporaryFile()  # noqa: SIM115

    def open(self) -> BinaryIO:
        """The stream from its beginning."""
        return cast(BinaryIO, _Beginning(self._stream, self._copy))


class _Beginning:
    """What was copied from a stream, and then the stream, which is copied on."""

    def __init__(self, stream: BinaryIO, copy: Any) -> None:
        self._stream, self._copy, self._place = stream, copy, 0

    def __enter__(self) -> "_Beginning":
        return self

    def __exit__(self, *error: object) -> None:
        pass  # the stream stays open: it may be read again

    def read(self, n_bytes: int) -> bytes:
        """Some bytes, so many at most; none at the end."""
        if self._copy is None:
            return self._stream.read(n_bytes)
        self._copy.seek(self._place)
        piece: bytes = self._copy.read(n_bytes)
        if not piece:
            piece = self._stream.read(n_bytes)
            self._copy.write(piece)
        self._place += len(piece)
        return piece


def _shown(path: str) -> str:
    return "standard input" if path == "-" else cut(printable(path), PATH_SHOWN)
