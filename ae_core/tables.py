"""Tables from files: CSV, Parquet, .npy and .npz, read into one array and nothing else as large.

Text is read in blocks, straight into an array made for as many rows as the file has lines. Every
mistake in a file ends in one `TableError` that says where it is and what to do.
"""

import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ._typing import Array
from .missing import MissingExtraError

CSV_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
ENDINGS = (*CSV_ENDINGS, ".parquet", ".npy", ".npz")
SEPARATORS = ",;\t|"
SHOWN = 5
"""How many columns an error names before it only counts them."""


class TableError(ValueError):
    """A file is no table of numbers; the message says what to do."""


@dataclass(frozen=True)
class Table:
    """Numbers in rows and columns."""

    values: Array  # (n_rows, n_columns)
    names: list[str] | None
    """Of the columns; None where the file has none."""


@dataclass(frozen=True)
class Choice:
    """Which columns of a file are wanted, and how it is written."""

    columns: Sequence[str] = ()
    """Only these, in this order; all when empty."""
    drop: Sequence[str] = ()
    header: bool = True
    separator: str | None = None
    """None: the one of comma, semicolon, tab and bar that the first line has most of."""

    def of(self, names: Sequence[str], path: str) -> list[str]:
        """The names chosen out of a file's.

        Raises
        ------
        TableError
            When a name is unknown or comes twice, or nothing is left.
        """
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise TableError(f"{path} has several columns called {_listed(twice)}: rename them")
        for asked in (self.columns, self.drop):
            if unknown := [name for name in asked if name not in names]:
                raise TableError(
                    f"{path} has no column {_listed(unknown)}; it has {_listed(names)}"
                )
        chosen = [n for n in (self.columns or names) if n not in self.drop]
        if not chosen:
            raise TableError(f"no column of {path} is left: it has {_listed(names)}")
        return chosen


def read_table(path: str, choice: Choice | None = None, dtype: Any = np.float64) -> Table:
    """Read a table of numbers.

    Parameters
    ----------
    path : str
        Ending in .csv, .tsv, .txt (these may be gzipped), .parquet, .npy or .npz (one array, or
        ``FILE.npz:NAME``); or '-' for CSV from standard input. An .npy file is mapped, not read.
    choice : Choice, optional
    dtype : dtype
        What text and Parquet are read as; .npy and .npz keep their own.

    Raises
    ------
    TableError
        When the file is no table of finite numbers.
    OSError
        When it can't be read.
    MissingExtraError
        When pyarrow, which reads CSV and Parquet, is not installed.
    """
    choice = choice or Choice()
    lower = path.lower()
    member = re.fullmatch(r"(.+\.npz):(.+)", path, re.IGNORECASE)
    if lower.endswith(".npy") or lower.endswith(".npz") or member:
        if choice.columns or choice.drop:
            raise TableError(f"{path} has no column names: columns can't be chosen from it")
        return Table(_read_numpy(*member.groups()) if member else _read_numpy(path), None)
    if lower.endswith(".parquet"):
        return _read_parquet(path, choice, dtype)
    if path == "-" or lower.endswith(CSV_ENDINGS):
        return _read_csv(path, choice, dtype)
    if Path(path).is_dir():
        raise TableError(f"{path} is a folder: give a file ending in {', '.join(ENDINGS)}")
    raise TableError(f"{path}: can't tell what it is; name it with one of {', '.join(ENDINGS)}")


# --- NumPy -------------------------------------------------------------------------------------


def _read_numpy(path: str, name: str | None = None) -> Array:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise TableError(f"{path} is not a whole NumPy file of numbers ({error})") from None
    if isinstance(loaded, np.lib.npyio.NpzFile):
        with loaded:
            names = loaded.files
            if name is None and len(names) != 1:
                raise TableError(f"{path} has the arrays {_listed(names)}: choose with {path}:NAME")
            if name is not None and name not in names:
                raise TableError(f"{path} has no array {name!r}; it has {_listed(names)}")
            try:
                loaded = loaded[name or names[0]]
            except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
                raise TableError(f"{path} is damaged or no array of numbers ({error})") from None
    if loaded.dtype.kind not in "fiub" or loaded.ndim != 2 or 0 in loaded.shape:
        raise TableError(
            f"{path} holds an array of shape {loaded.shape} and dtype {loaded.dtype}: "
            "rows and columns of real numbers are needed"
        )
    return loaded


# --- Parquet -----------------------------------------------------------------------------------


def _read_parquet(path: str, choice: Choice, dtype: Any) -> Table:
    pyarrow = _pyarrow("Parquet files")
    from pyarrow import parquet

    with open(path, "rb") as stream:  # missing files and folders are named here
        try:
            file = parquet.ParquetFile(stream)
            names = choice.of(file.schema_arrow.names, path)
            types = {name: file.schema_arrow.field(name).type for name in names}
            _refuse_text(path, types, lambda name: _first(file, name))
            values = np.empty((file.metadata.num_rows, len(names)), dtype)
            n_rows = 0
            for batch in file.iter_batches(columns=names):
                n_rows = _fill(values, n_rows, batch.select(names), names, path, first_line=1)
        except (pyarrow.ArrowException, OSError) as error:
            raise TableError(f"{path} is not a whole Parquet file ({_one_line(error)})") from None
    return Table(_not_empty(values[:n_rows], path), names)


def _first(file: Any, name: str) -> Any:
    batch = next(file.iter_batches(batch_size=1, columns=[name]), None)
    return None if batch is None or not batch.num_rows else batch.column(0)[0].as_py()


# --- CSV -----------------------------------------------------------------------------------------


def _read_csv(path: str, choice: Choice, dtype: Any) -> Table:
    pyarrow = _pyarrow("CSV files")
    with ExitStack() as stack:
        file: BinaryIO
        if path == "-":  # it is read twice, so it must be in a file
            file = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(sys.stdin.buffer, file)
            path = "standard input"
        else:
            file = stack.enter_context(open(path, "rb"))
        is_packed = path.lower().endswith(".gz")

        @contextmanager
        def content() -> Iterator[Any]:
            file.seek(0)
            if is_packed:
                with pyarrow.CompressedInputStream(file, "gzip") as unpacked:
                    yield unpacked
            else:
                yield file

        try:
            return _parse_csv(path, content, choice, dtype)
        except (pyarrow.ArrowException, OSError) as error:
            raise TableError(_csv_advice(path, _one_line(error))) from None


def _parse_csv(path: str, content: Any, choice: Choice, dtype: Any) -> Table:
    from pyarrow import csv

    with content() as stream:
        head = stream.read(1 << 16)
        _check_text(path, head)
        first_line = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip("\ufeff\r")
        n_lines = head.count(b"\n") + 1
        while block := stream.read(1 << 20):
            n_lines += block.count(b"\n")
    if not head.strip():
        raise TableError(f"{path} is empty")
    separator = choice.separator or max(SEPARATORS, key=first_line.count)
    _check_header(path, first_line, separator, choice)
    decimal = ","
    if separator == "," or not re.search(rb"\d,\d", head):
        decimal = "."
    parse = csv.ParseOptions(delimiter=separator)
    read = csv.ReadOptions(autogenerate_column_names=not choice.header)

    # What the first block looks like decides which columns are numbers.
    with content() as stream:
        convert = csv.ConvertOptions(decimal_point=decimal, strings_can_be_null=True)
        guess = csv.open_csv(stream, read, parse, convert)
        block = next(iter(guess), None)
        if block is None:
            raise TableError(f"{path} has no rows below its first line")
        types = dict(zip(guess.schema.names, guess.schema.types, strict=True))
        names = choice.of(guess.schema.names, path)
        _refuse_text(
            path, {name: types[name] for name in names}, lambda name: _example(block.column(name))
        )
    convert.include_columns = names
    convert.column_types = {
        name: "bool" if str(types[name]) == "bool" else "float64" for name in names
    }
    values = np.empty((n_lines, len(names)), dtype)  # lines never written to take no memory
    n_rows = 0
    with content() as stream:
        for batch in csv.open_csv(stream, read, parse, convert):
            n_rows = _fill(values, n_rows, batch, names, path, first_line=1 + choice.header)
    return Table(_not_empty(values[:n_rows], path), names if choice.header else None)


def _check_text(path: str, head: bytes) -> None:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # the last character may be cut
            line = head.count(b"\n", 0, error.start) + 1
            raise TableError(_csv_advice(path, f"Row #{line} UTF8")) from None


def _check_header(path: str, line: str, separator: str, choice: Choice) -> None:
    cells = [cell.strip().strip('"') for cell in line.split(separator)]
    if choice.header and all(_is_number(cell) for cell in cells):
        raise TableError(
            f"the first line of {path} has only numbers: if the columns have no names, say "
            "--no-header"
        )


def _csv_advice(path: str, message: str) -> str:
    """What pyarrow says of a CSV file, in a person's words."""
    row = re.search(r"Row #(\d+)", message)
    where = f"line {row[1]} of {path}" if row else path
    if "Expected" in message and (
        counts := re.search(r"Expected (\d+) columns, got (\d+)", message)
    ):
        return f"{where} has {counts[2]} cells, and the first line has {counts[1]}: mend that line"
    if "UTF8" in message:
        return f"{where} is not UTF-8 text: convert it first, with iconv -f latin1 -t utf-8"
    if value := re.search(r"column #(\d+).*invalid value '(.*)'", message):
        column = int(value[1]) + 1
        return (
            f"{where} has {value[2]!r} in column {column}, where numbers are needed: mend it, or "
            "leave the column out with --drop"
        )
    return f"{path} can't be read as CSV ({message})"


# --- what both share -----------------------------------------------------------------------------


def _fill(
    values: Array, n_rows: int, batch: Any, names: list[str], path: str, first_line: int
) -> int:
    """Copy a block of columns to the rows from n_rows on; returns where the next begins."""
    stop = n_rows + batch.num_rows
    for j, column in enumerate(batch.columns):
        # Bytes of true and false, and decimals, become numbers only here.
        values[n_rows:stop, j] = column.to_numpy(zero_copy_only=False)
    block = values[n_rows:stop]
    if not np.isfinite(block).all():
        row, j = (int(i) for i in np.argwhere(~np.isfinite(block))[0])
        what = "no number" if np.isnan(block[row, j]) else f"{block[row, j]}"
        raise TableError(
            f"line {n_rows + row + first_line} of {path} has {what} in column {names[j]!r}: fill "
            "it in, leave the row out, or leave the column out with --drop"
        )
    return stop


def _refuse_text(path: str, types: dict[str, Any], example: Any) -> None:
    from pyarrow import types as kinds

    def is_number(kind: Any) -> bool:
        tests = (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal)
        return kinds.is_null(kind) or any(test(kind) for test in tests)

    if bad := [name for name, kind in types.items() if not is_number(kind)]:
        shown = ", ".join(f"{name} ({example(name)!r})" for name in bad[:SHOWN])
        more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise TableError(
            f"{path} has columns that are no numbers: {shown}{more}; choose others with --columns, "
            f"or leave them out with {' '.join(f'--drop {_quoted(name)}' for name in bad[:SHOWN])}"
        )


def _example(column: Any) -> Any:
    values = (value.as_py() for value in column if value.is_valid)
    return next((value for value in values if not _is_number(str(value))), None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _not_empty(values: Array, path: str) -> Array:
    if not values.size:
        raise TableError(f"{path} has no rows")
    return values


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:SHOWN]))
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]+", name) else f"'{name}'"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _pyarrow(feature: str) -> Any:
    try:
        import pyarrow
        import pyarrow.csv
    except ImportError as error:
        raise MissingExtraError(feature, "pyarrow", "cli") from error
    return pyarrow


def open_binary(path: str) -> BinaryIO:
    """Standard output for '-'."""
    return sys.stdout.buffer if path == "-" else open(path, "wb")
