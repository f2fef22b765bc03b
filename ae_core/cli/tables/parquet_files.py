"""Reading Parquet and Arrow: batch by batch into one array, without threads of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..._typing import Array
from ...basics.extras import optional
from .columns import ROWS_AT_ONCE, Kept, Table, TableError, Wanted, check_finite, not_numbers
from .dates import with_times
from .layout import Start
from .mixed import NUMBERS, TEXTS, MixedColumns, NumberColumns
from .problems import Problems
from .records import Grammar

DAY_IN_MICROSECONDS = 86_400_000_000


def read_parquet(path: str, wanted: Wanted) -> Table:
    """The wanted columns of a Parquet file.

    Raises
    ------
    TableError
        When it is none, or not of such columns.
    OSError
        When it can't be read.
    MissingExtraError
        When pyarrow is not installed.
    """
    parquet = optional("pyarrow.parquet", "Parquet files", "cli")
    with _told("Parquet"):
        with open(path, "rb") as start:
            if start.read(4) not in (b"PAR1", b"PARE"):
                raise TableError(
                    "it can't be read as Parquet, whatever its name: it is damaged, or to be "
                    "renamed to end in what it is, such as .csv"
                )
        with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            return _read(file, file.metadata.num_rows, wanted)


def read_arrow(path: str, wanted: Wanted) -> Table:
    """The wanted columns of a file in Arrow's format, or Feather's, which is the same.

    Raises
    ------
    TableError, OSError, MissingExtraError
        As for `read_parquet`.
    """
    pyarrow = optional("pyarrow", "Arrow's files", "cli")
    with _told("an Arrow file"):
        with open(path, "rb") as ends:
            first = ends.read(6)
            ends.seek(max(-8, -os.path.getsize(path)), os.SEEK_END)
            last = ends.read()
        if first.startswith(b"FEA1"):
            raise TableError("it is of Feather's first version: write it anew")
        if first != b"ARROW1" and not first.startswith(b"\xff\xff\xff\xff"):
            raise TableError(
                "it is not in Arrow's format, whatever its name, or it is damaged: rename it to "
                "end in what it is, such as .csv"
            )
        # A stream that was cut between two parts would be read as a shorter one.
        if not last.endswith(b"ARROW1") if first == b"ARROW1" else last != END_OF_STREAM:
            raise TableError("it can't be read as an Arrow file: it is cut short; write it anew")
        with pyarrow.OSFile(path) as file:
            batches = _Batches(file, 8 if first == b"ARROW1" else 0)
            return _read(batches, batches.n_rows, wanted)


END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


class _Batches:
    """A file in Arrow's format, with what is used of `pyarrow.parquet.ParquetFile`."""

    def __init__(self, file: Any, start: int) -> None:
        from pyarrow import ipc

        self._options = ipc.IpcReadOptions(use_threads=False)
        self._file, self._start = file, start
        self.schema_arrow = self._opened().schema
        self.n_rows = sum(map(len, self._opened()))

    def _opened(self) -> Any:
        """The stream, which a file has behind its first bytes.

        What reads whole files starts a thread, and where none can be had fails.
        """
        from pyarrow import ipc

        self._file.seek(self._start)
        return ipc.open_stream(self._file, options=self._options)

    def iter_batches(self, n_rows: int, *, columns: list[str], use_threads: bool) -> Iterator[Any]:
        """Some rows of those columns, so many at most."""
        for batch in self._opened():
            batch.validate(full=True)
            for start in range(0, len(batch), n_rows):
                yield batch.slice(start, n_rows).select(columns)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn errors of Arrow's into a TableError of one sentence."""
    try:
        yield
    except (TableError, ImportError):
        raise
    except MemoryError as error:
        raise TableError("it is damaged, or needs more memory than there is") from error
    except Exception as error:  # Arrow's, of which not all have one class in common
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise TableError(
            f"it can't be read as {what}: it is damaged, cut short, or of a kind that is not "
            "known here; write it anew"
        ) from error


def _read(file: Any, n_rows: int, wanted: Wanted) -> Table:
    import pyarrow

    names, types = list(file.schema_arrow.names), file.schema_arrow.types
    chosen = wanted.choose(names, True)
    kept = wanted.keep(names, chosen)
    own, own_types = [names[i] for i in chosen], [types[i] for i in chosen]
    is_mixed = wanted.mixed is not None
    others = [
        name for name, kind in zip(own, own_types, strict=True) if not _is_usable(kind, is_mixed)
    ]
    if others:
        raise not_numbers({name: ("row 1", _first(file, name)) for name in others}, wanted.advice)
    if not n_rows:
        raise TableError("it has columns and no rows")
    start = Start(names, True, Grammar(), [], [])
    problems = Problems(start, chosen, wanted.advice)
    columns = _columns(start, chosen, own_types, n_rows, wanted)
    blocks: list[list[Any]] = [[] for _ in kept]
    needed = list(dict.fromkeys([*own, *(names[i] for i in kept)]))
    n_read = 0
    for batch in file.iter_batches(ROWS_AT_ONCE, columns=needed, use_threads=False):
        if n_read + len(batch) > n_rows:
            break  # and is told below
        numbers = columns.room(len(batch))
        cells = _take(batch, columns, own, own_types, numbers)
        of_numbers = [name for name, use in zip(own, columns.uses, strict=True) if use >= 0]
        check_finite(numbers, of_numbers, wanted.missing, wanted.advice, n_read)
        columns.add(numbers, cells, n_read + 1 + np.arange(len(batch)), problems)
        if problems:
            raise problems.error(n_read + len(batch))
        for block, place in zip(blocks, kept, strict=True):
            block.append(batch.column(names[place]))
        n_read += len(batch)
    if n_read != n_rows:
        raise TableError(f"it is damaged: it says that it has {n_rows} rows")
    values = columns.result()
    joined = [
        Kept(i, names[i], pyarrow.chunked_array(block))
        for i, block in zip(kept, blocks, strict=True)
    ]
    dates = [name for name, kind in zip(own, own_types, strict=True) if _is(kind, *DATE)]
    return Table(own, values, True, chosen, joined, with_times(values, dates))


def _columns(
    start: Start, chosen: list[int], types: list[Any], n_rows: int, wanted: Wanted
) -> NumberColumns | MixedColumns:
    """What takes the chosen columns, whose types tell what they are."""
    if wanted.mixed is None:
        try:
            return NumberColumns(len(chosen), wanted.dtype, n_rows)
        except (MemoryError, ValueError) as error:
            raise TableError(
                f"it says that it has {n_rows} rows of {len(chosen)} columns: there is no memory "
                "for them"
            ) from error
    kinds = {i: TEXTS if _is_text(kind) else NUMBERS for i, kind in enumerate(types)}
    columns = MixedColumns(wanted, start, chosen, kinds, place_word="row")
    texts = [
        known.name
        for i, known in enumerate(columns.known)
        if known is not None and not known.categories and kinds[i] == TEXTS
    ]
    if texts:
        raise not_numbers(dict.fromkeys(texts, ("all rows", "text")), wanted.advice)
    return columns


# --- values --------------------------------------------------------------------------------------


def _take(
    batch: Any, columns: Any, names: list[str], kinds: list[Any], numbers: Array
) -> list[list[bytes]]:
    """Put the numbers of some rows where they belong; gives the columns of texts."""
    texts: list[list[bytes]] = [[] for _ in range(columns.n_texts)]
    with np.errstate(over="ignore"):  # is told by who looks for what is not finite
        for name, kind, use in zip(names, kinds, columns.uses, strict=True):
            column = batch.column(name)
            if use < 0:
                texts[-2 - use] = _texts(column)
                continue
            numbers[:, use] = _days(column) if _is(kind, *DATE) else _numbers(column)
            columns.seen[int(_is(kind, "boolean")), use] = 1
    return texts


def _numbers(column: Any) -> Array:
    """A column of numbers or truth values as float64, NaN where missing."""
    import pyarrow

    return np.asarray(column.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False))


def _days(column: Any) -> Array:
    """A column of dates or times as days since 1970."""
    import pyarrow

    times = column.cast(pyarrow.timestamp("us"), safe=False).cast(pyarrow.int64())
    return np.asarray(times.to_numpy(zero_copy_only=False) / DAY_IN_MICROSECONDS)


def _texts(column: Any) -> list[bytes]:
    """A column of texts, as CSV has them; nothing where missing."""
    import pyarrow

    texts = column.cast(pyarrow.string()).to_pylist()
    return [
        b"" if text is None else b'"' + text.encode().replace(b'"', b'""') + b'"' for text in texts
    ]


NUMBER = ("integer", "floating", "boolean", "decimal")
DATE = ("timestamp", "date")


def _is(kind: Any, *names: str) -> bool:
    """Whether a type of Arrow's is one of these."""
    from pyarrow import types

    return any(getattr(types, f"is_{name}")(kind) for name in names)


def _is_text(kind: Any) -> bool:
    """Whether it is one of texts, or of a dictionary of them."""
    kind = kind.value_type if _is(kind, "dictionary") else kind
    return _is(kind, "string", "large_string")


def _is_usable(kind: Any, is_mixed: bool) -> bool:
    return _is(kind, *NUMBER) or (is_mixed and (_is(kind, *DATE) or _is_text(kind)))


def _first(file: Any, name: str) -> object:
    for batch in file.iter_batches(1, columns=[name], use_threads=False):
        value = batch.column(0)[0].as_py()
        return value if isinstance(value, str | bytes) else str(value)
    return None
