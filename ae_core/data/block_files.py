"""Parquet files as pieces of `Blocks`: which files, which columns, and how they are read.

Without threads of Arrow's, which would hold several groups of rows at a time.
"""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..basics.arguments import shown
from ..basics.extras import optional
from ..basics.shown import cut, printable

PATH_SHOWN = 80
"""Characters of a path in a message."""
OTHER_TABLES = (".csv", ".tsv", ".txt", ".gz", ".npy", ".npz", ".arrow", ".feather", ".xlsx")
LARGEST_PIECE = 1 << 16
"""Small row groups of a file are read together, up to about this many rows."""

Names = Sequence[str] | None


class Piece(NamedTuple):
    """Rows that are read one after the other."""

    where: str
    """What errors call the place they come from; '' for none."""
    n_rows: int
    read: Callable[[int], Iterator[Any]]
    """Given how many rows a block has at most: the blocks."""
    row: int = 0
    """Of its first row: the number in that place."""


def files_of(path: str | os.PathLike[str]) -> list[str]:
    """The Parquet files that a path, a folder or a pattern stands for, in the order of their names.

    Raises
    ------
    ValueError
        When there is none.
    """
    name = os.fsdecode(path)
    called = shown(name)[:PATH_SHOWN]
    if os.path.isdir(name):
        found = []
        for folder, folders, files in os.walk(name):
            folders[:] = (each for each in folders if each[0] not in "._")
            for each in files:
                if each[0] not in "._" and each.lower().endswith((".parquet", ".pq")):
                    found.append(os.path.join(folder, each))
        if not found:
            visible = (each for each in os.scandir(name) if each.name[0] not in "._")
            others = sorted(each.name for each in visible if each.is_file())
            if others:
                raise ValueError(
                    f"the folder {called} has no .parquet files, and others, such as "
                    f"{shown(others[0])[:PATH_SHOWN]}, are given one by one: join them, or write "
                    "them as Parquet"
                )
            raise ValueError(f"the folder {called} has no .parquet files: give one that has some")
        return sorted(found)
    if os.path.exists(name):
        return [name]
    if glob.has_magic(name):
        found = sorted(each for each in glob.glob(name, recursive=True) if os.path.isfile(each))
        if not found:
            raise ValueError(f"no file matches {called}: give the path of Parquet files")
        return found
    raise ValueError(
        f"there is no file {called}: give a Parquet file, a folder of them or a pattern"
    )


def pieces_of_files(
    files: list[str], columns: Names, drop: Names, keep: Names
) -> tuple[list[str], list[Piece]]:
    """The names of the columns that are data, and pieces to be read.

    Raises
    ------
    ValueError
        For a file that is no Parquet or has other columns than the first; names it.
    """
    first_schema = None
    pieces = []
    for path in files:
        with _opened(path) as file:
            schema, metadata = file.schema_arrow, file.metadata
            if first_schema is None:
                first_schema = schema
                names, needed = chosen(list(schema.names), columns, drop, keep)
            _check_same(path, schema, files[0], first_schema, needed, columns is not None)
            sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        row = 0
        for groups in _together(sizes):
            n_rows = sum(sizes[group] for group in groups)
            if n_rows:
                read = partial(_rows_of_file, path, groups, needed, n_rows)
                pieces.append(Piece(called(path), n_rows, read, row))
            row += n_rows
    if not pieces:
        raise ValueError(f"{called(files[0])} and the other files have no rows")
    return names, pieces


def pieces_of_dataset(
    dataset: Any, columns: Names, drop: Names, keep: Names
) -> tuple[list[str], list[Piece]]:
    """The same of a ``pyarrow.dataset.Dataset``: a piece is a fragment of it."""
    names, needed = chosen(list(dataset.schema.names), columns, drop, keep)
    pieces = []
    for i, fragment in enumerate(dataset.get_fragments()):
        n_rows = fragment.count_rows()
        where = called(getattr(fragment, "path", "") or f"fragment {i}")
        if n_rows:
            read = partial(_rows_of_fragment, dataset, fragment, needed)
            pieces.append(Piece(where, n_rows, read))
    if not pieces:
        raise ValueError("source is a Dataset without rows")
    return names, pieces


def chosen(
    there: list[str], columns: Names, drop: Names, keep: Names
) -> tuple[list[str], list[str]]:
    """The columns that are data, and those that are read: these and the ones to keep.

    Raises
    ------
    ValueError
        For names that are not there, and where nothing is left.
    """
    for argument, asked in (("columns", columns), ("drop", drop), ("keep", keep)):
        unknown = [name for name in asked or () if name not in there]
        if unknown:
            raise ValueError(
                f"{argument} has {shown(unknown[0])}, and the first file has no such column: it "
                f"has {cut(', '.join(map(printable, there)), 100)}"
            )
    left_out = {*(drop or ()), *((keep or ()) if columns is None else ())}
    names = [name for name in (there if columns is None else columns) if name not in left_out]
    if not names:
        raise ValueError("columns, drop and keep leave no column to learn from")
    return names, list(dict.fromkeys([*names, *(keep or ())]))


def called(path: str) -> str:
    """A path as messages have it."""
    return cut(printable(path), PATH_SHOWN)


def _opened(path: str) -> Any:
    parquet = optional("pyarrow.parquet", "Parquet files", "cli")
    try:
        return parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    except Exception as error:  # Arrow's, of which not all have one class in common
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{called(path)} {_what_is_wrong(path)}") from error


def _what_is_wrong(path: str) -> str:
    """What is wrong with a file that Arrow cannot read, and what to do about it."""
    with open(path, "rb") as file:
        n_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        start = file.read(4)
        file.seek(max(0, n_bytes - 4))
        end = file.read()
    if not n_bytes:
        return "can't be read as Parquet, it is empty: leave it out"
    if start == b"PARE":
        return "can't be read as Parquet, it is encrypted: give one that is not"
    if start != b"PAR1":
        kind = os.path.splitext(path)[1].lower()
        if kind in OTHER_TABLES:
            return (
                "can't be read as Parquet, and a folder or a pattern stands for such files alone: "
                f"give one {kind} file by its own name, or write the rows as Parquet"
            )
        return "can't be read as Parquet, it does not start with 'PAR1': leave it out"
    what = "is damaged" if end == b"PAR1" else "is cut off: its last bytes are not there"
    return f"can't be read as Parquet, it {what}; leave it out, or write it anew"


def _check_same(
    path: str, schema: Any, first: str, first_schema: Any, needed: list[str], by_name: bool
) -> None:
    """Refuse a file that lacks columns, or has others where all are used.

    Raises
    ------
    ValueError
    """
    lacking = [name for name in needed if name not in schema.names]
    more = [] if by_name else [name for name in schema.names if name not in first_schema.names]
    if lacking or more:
        what = f"lacks the column {shown(lacking[0])}" if lacking else f"has {shown(more[0])}"
        raise ValueError(
            f"{called(path)} {what}, unlike {called(first)}: all files need the same columns; "
            "leave it out, or name those that all have with columns"
        )


def _together(sizes: list[int]) -> Iterator[list[int]]:
    """Neighbouring groups of rows, as many as make a piece."""
    some: list[int] = []
    n_rows = 0
    for group, size in enumerate(sizes):
        if some and n_rows + size > LARGEST_PIECE:
            yield some
            some, n_rows = [], 0
        some.append(group)
        n_rows += size
    if some:
        yield some


def _rows_of_file(
    path: str, groups: list[int], names: list[str], n_rows: int, block_size: int
) -> Iterator[Any]:
    """Groups of rows of a file, as tables of at most so many rows."""
    import pyarrow

    n_read = 0
    with _opened(path) as file:
        try:
            batches = file.iter_batches(
                block_size, row_groups=groups, columns=names, use_threads=False
            )
            for batch in batches:
                n_read += len(batch)
                yield pyarrow.Table.from_batches([batch]).select(names)
        except pyarrow.ArrowException as error:
            raise ValueError(
                f"{called(path)} is a Parquet file that is damaged among its rows; leave it "
                "out, or write it anew"
            ) from error
    if n_read != n_rows:
        raise ValueError(f"{called(path)} has changed while it was read: start again")


def _rows_of_fragment(
    dataset: Any, fragment: Any, names: list[str], block_size: int
) -> Iterator[Any]:
    """A fragment of a dataset, as tables of at most so many rows."""
    import pyarrow

    for batch in fragment.to_batches(
        schema=dataset.schema,
        columns=names,
        batch_size=block_size,
        batch_readahead=0,
        fragment_readahead=0,
        use_threads=False,
    ):
        if len(batch):
            yield pyarrow.Table.from_batches([batch]).select(names)
