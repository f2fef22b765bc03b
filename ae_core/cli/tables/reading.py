"""Tables in files: CSV, Parquet and NumPy's own, each by the name's ending.

Files of NumPy's need nothing else; the others need the extra ``cli``.
"""

import bz2
import gzip
import lzma
import os
import re
import shlex
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np

from ...basics.extras import optional
from ...basics.shown import LONGEST, cut, printable
from .columns import Choice, Table, TableError, Wanted, chosen_columns
from .csv_files import read_csv
from .layout import Layout
from .numpy_files import read_npy, read_npz
from .parquet_files import read_arrow, read_parquet
from .text import OTHER_FILES

PLAIN_ENDINGS = (".csv", ".tsv", ".txt")
PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zst")
CSV_ENDINGS = (
    *PLAIN_ENDINGS,
    *(plain + packed for packed in PACKED_ENDINGS for plain in PLAIN_ENDINGS),
)
READERS: dict[str, Callable[[str, Wanted], Table]] = {
    ".parquet": read_parquet,
    ".feather": read_arrow,
    ".arrow": read_arrow,
    ".npy": read_npy,
    ".npz": read_npz,
}
"""What reads other files than CSV, by the ending of their names."""
ENDINGS = (*CSV_ENDINGS, *READERS)
OTHER_ENDINGS = {
    (".xlsx", ".xls", ".xlsm", ".ods", ".numbers"): "it is a workbook: save its sheet as CSV",
    (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"): (
        "it is an archive: unpack it"
    ),
    (".json", ".jsonl", ".ndjson", ".xml", ".html"): "it is no table: write CSV",
    (".pkl", ".pickle", ".h5", ".hdf5", ".mat", ".rds", ".sav", ".dta", ".h5ad", ".orc", ".avro"): (
        "tables of this kind are not read here: write it as CSV or Parquet first"
    ),
    (".gz",): "it must end in .csv.gz, if that is what it holds: rename it",
}
"""What to do about files that are no tables of those kinds."""
MODEL_START = re.compile(rb"[\s\S]{8}\{")
"""How a saved model begins: eight bytes, and then its description."""
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
IN_NPZ = re.compile(r"(.*\.npz):(.+)", re.IGNORECASE | re.DOTALL)
STARTS = {
    ending.removeprefix(".csv"): start
    for start, (_, ending, unpacks) in OTHER_FILES.items()
    if unpacks
}
"""How compressed files begin."""
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
        Ending in .csv, .tsv, .txt (each also .gz, .bz2, .xz, .zst), .parquet, .feather, .arrow,
        .npy, .npz (or .npz:NAME, for one array of several); '-' for CSV from standard input.
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
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise TableError(f"{_shown(path)}: it is damaged or cut short") from error


Reader = Callable[[Wanted], Table]


def _read(path: str, wanted: Wanted, layout: Layout) -> Table:
    with _opened(path, wanted, layout) as read:
        table = read(wanted)
        if wanted.beside is None:
            return table
        try:
            beside = read(wanted.beside)
        except TableError as error:
            raise TableError(f"of --covariates: {error}") from error
    if len(beside.values) != len(table.values):
        raise TableError("it has changed while it was read")
    return replace(table, beside=beside.values)


@contextmanager
def _opened(path: str, wanted: Wanted, layout: Layout) -> Iterator[Reader]:
    """What reads the wanted columns of that file or stream."""
    if path == "-":
        if sys.stdin is None:
            raise TableError("it is closed")
        _check_stream(sys.stdin.buffer)
        yield _of_pipe(sys.stdin.buffer, wanted, layout)
        return
    if ADDRESS.match(path) and not os.path.exists(path):
        raise TableError("it is an address, and here files are read: download it first")
    mode = os.stat((IN_NPZ.fullmatch(path) or [path, path])[1]).st_mode
    if stat.S_ISDIR(mode):
        raise TableError("it is a directory: give a file, or a folder of .parquet files")
    if stat.S_ISFIFO(mode):
        with open(path, "rb") as stream:
            yield _of_pipe(stream, wanted, layout)
        return
    if not stat.S_ISREG(mode):
        raise TableError("it is neither a file nor a pipe")
    yield _of_file(path, layout)


def _of_pipe(stream: BinaryIO, wanted: Wanted, layout: Layout) -> Reader:
    # Of mixed columns the kinds may turn out to be others; numbers alone are read once.
    pipe = _Pipe(stream, is_read_again=wanted.mixed is not None or wanted.beside is not None)
    opener = cast(Callable[[], BinaryIO], lambda: pipe)
    return lambda wanted: read_csv(opener, wanted, layout, is_pipe=True)


def _of_file(path: str, layout: Layout) -> Reader:
    """What reads a file, by the ending of its name."""
    in_npz = IN_NPZ.fullmatch(path)
    if in_npz:
        return partial(read_npz, in_npz[1], name=in_npz[2])
    lower = path.lower()
    for ending, read in READERS.items():
        if lower.endswith(ending):
            return partial(read, path)
    if not lower.endswith(CSV_ENDINGS):
        raise _unknown(path)
    opener = cast(Callable[[], BinaryIO], partial(open, path, "rb"))
    packed = next((ending for ending in PACKED_ENDINGS if lower.endswith(ending)), None)
    if packed is not None:
        opener = _unpacked(path, packed)
    if layout.separator is None and ".tsv" in lower[-8:]:
        layout = replace(layout, separator="\t")
    return lambda wanted: read_csv(opener, wanted, layout)


def _unknown(path: str) -> TableError:
    """The error for a file whose name does not tell its format."""
    lower = path.lower()
    with open(path, "rb") as file:
        if MODEL_START.match(file.read(9)):
            return TableError(
                "it seems to be a model, not a table; MODEL comes before DATA: see --help"
            )
    for endings, what in OTHER_ENDINGS.items():
        if lower.endswith(endings):
            return TableError(what)
    return TableError(
        "what it is can't be told from its name: it must end in .csv, or be given as - with "
        f"< {shlex.quote(cut(printable(path), 40))}, if it is CSV; others end in "
        f"{', '.join(READERS)}"
    )


def _unpacked(path: str, ending: str) -> Callable[[], BinaryIO]:
    """What opens a compressed file, and gives its text."""
    with open(path, "rb") as file:
        start = file.read(6)
    if start and not start.startswith(STARTS[ending]):
        raise TableError(
            f"it is damaged or cut short, or not what {ending} stands for: if it is not "
            f"compressed, rename it without {ending}"
        )
    if ending == ".zst":
        pyarrow = optional("pyarrow", "CSV files", "cli")
        return cast(Callable[[], BinaryIO], partial(pyarrow.input_stream, path, "zstd", 1 << 16))
    opens: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    return cast(Callable[[], BinaryIO], partial(opens[ending], path, "rb"))


def _check_stream(stream: BinaryIO) -> None:
    """Refuse devices that never end, but not a person who types."""
    mode = os.fstat(stream.fileno()).st_mode
    if (stat.S_ISCHR(mode) and not stream.isatty()) or stat.S_ISBLK(mode) or stat.S_ISDIR(mode):
        raise TableError("it is neither a file nor a pipe")


class _Pipe:
    """A stream, which as a context begins anew where it may be read again: from a copy of it."""

    def __init__(self, stream: BinaryIO, *, is_read_again: bool) -> None:
        self._stream, self._place = stream, 0
        self._copy = tempfile.TemporaryFile() if is_read_again else None  # noqa: SIM115

    def __enter__(self) -> "_Pipe":
        self._place = 0
        return self

    def __exit__(self, *error: object) -> None:
        pass  # the stream stays open

    def read(self, n_bytes: int) -> bytes:
        """Some bytes, so many at most; none at the end."""
        if self._copy is None:
            return self._stream.read(n_bytes)
        self._copy.seek(self._place)
        piece = self._copy.read(n_bytes)
        if not piece:
            piece = self._stream.read(n_bytes)
            self._copy.write(piece)
        self._place += len(piece)
        return piece


def _shown(path: str) -> str:
    return "standard input" if path == "-" else cut(printable(path), PATH_SHOWN)
