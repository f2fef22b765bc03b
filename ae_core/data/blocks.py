"""`Blocks`: a table that is read some rows at a time, as often as wanted, and never held whole."""

import os
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

from ..basics.arguments import COUNT, Either, shown
from ..basics.shown import cut, printable
from .block_files import Piece, files_of, pieces_of_dataset, pieces_of_files
from .checks import is_sparse
from .frames import is_frame

ENTRIES_PER_BLOCK = 1 << 20
"""Of a block, by default: 8 MB of float64."""

ONE_SHOT = (
    "which can be gone through once, and a fit reads its data several times: give a list of "
    "blocks, or an object whose __iter__ starts again"
)


class Place(NamedTuple):
    """Where the rows of a block are from, as errors say it."""

    name: str
    """Of a file, or of a block of a list; '' for a table that was cut."""
    first: int
    """The number of the block's first row, among all,"""
    row: int
    """and in the place of that name."""


ROWS = re.compile(r"""'[^']*'|"[^"]*"|(?<=\brow )\d+|(?<=\bX\[)\d+""")
"""Numbers of rows in errors, as of "X[7, 1]" and "row 7"; and names, which may look like that."""


class Blocks:
    """A table larger than memory, which `fit` and the other methods read a block at a time.

    Iterating over it gives its blocks in order, each time anew.

    Parameters
    ----------
    source : str, path, list, Dataset, or anything that is cut by rows
        A Parquet file, a folder of them (its folders included) or a pattern such as
        ``'part-*.parquet'``; a list of files; a ``pyarrow.dataset.Dataset``; a list of blocks, or
        an object whose ``__iter__`` gives blocks (arrays, DataFrames or sparse matrices of the same
        columns) and can be called again; or what has a shape and is cut by rows, ``X[0:100]``: an
        array, a memory map, a DataFrame, AnnData's or h5py's matrix in a file.
    columns : list of str, optional
        The columns of files to use, in this order; by default all.
    drop : list of str, optional
        Columns of files to leave out.
    keep : list of str, optional
        Columns of files that are no data, such as one that names the rows: they are left out, where
        `columns` does not name them, and written before the results where a method has ``to``.
    block_size : int, optional
        Rows of a block, at most; by default as many as have a million entries. What gives blocks by
        itself decides that itself.

    Attributes
    ----------
    n_rows : int or None
        None where only reading all tells.

    Raises
    ------
    ValueError, TypeError
        When it is none of these, when there is no file, or files have different columns.
    MissingExtraError
        For Parquet without pyarrow.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core import Autoencoder, Blocks
    >>> blocks = Blocks(np.random.default_rng(0).random((1000, 4)), block_size=300)
    >>> [len(block) for block in blocks]
    [300, 300, 300, 100]
    >>> model = Autoencoder(2, max_iter=5, random_state=0).fit(blocks)
    >>> [code.shape for code in model.transform(blocks)]
    [(300, 2), (300, 2), (300, 2), (100, 2)]
    """

    def __init__(
        self,
        source: Any,
        *,
        columns: Sequence[str] | None = None,
        drop: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        block_size: int | None = None,
    ) -> None:
        Either((None,), COUNT)("block_size", block_size)
        source = os.fsdecode(source) if isinstance(source, bytes) else source
        self.source = source
        self.columns = _names("columns", columns)
        self.drop = _names("drop", drop)
        self.keep = _names("keep", keep)
        self.pieces: list[Piece] | None
        self.files: list[str] = []
        """Paths, where they are files."""
        self.names: list[str] | None = None
        found = _pieces(source, self)
        if found is None:
            asked = [n for n in ("columns", "drop", "keep") if getattr(self, n) is not None]
            if asked:
                raise ValueError(
                    f"{asked[0]}={shown(getattr(self, asked[0]))} is for files: leave columns out "
                    "of the blocks themselves"
                )
            self.pieces = _of_memory(source, block_size)
        else:
            self.names, self.pieces = found
        if block_size is None and self.pieces is not None:
            one = source[0] if isinstance(source, list | tuple) else source
            block_size = _usual_size(len(self.names) if self.names else one.shape[1])
        self.block_size = block_size
        """None where blocks come as they are."""

    @property
    def n_rows(self) -> int | None:
        """How many rows there are, where that is known without reading them."""
        return None if self.pieces is None else sum(piece.n_rows for piece in self.pieces)

    def __iter__(self) -> Iterator[Any]:
        for _, _, block, _ in self.placed():
            yield block

    def __repr__(self) -> str:
        n_rows = self.n_rows
        return f"Blocks({shown(self.source)}{'' if n_rows is None else f': {n_rows:,} rows'})"

    def placed(self, order: Any = None) -> Iterator[tuple[int, Place, Any, Any]]:
        """Blocks with the number of their first row, the place they are from, and what is kept.

        Parameters
        ----------
        order : Generator, optional
            Draws the order of the pieces: files' groups of rows, slices of an array, blocks of a
            list. Other blocks come in the order they have.

        Yields
        ------
        first : int
        where : Place
        block : array, pyarrow.Table, DataFrame or sparse matrix
        kept : pyarrow.Table or None
        """
        if self.pieces is None:
            first = 0
            blocks = iter(self.source)
            if blocks is self.source:
                raise TypeError(f"source gives itself as its iterator, {ONE_SHOT}")
            for i, block in enumerate(blocks):
                if not _is_block(block):
                    raise TypeError(
                        f"block {i} is of type {type(block).__name__}: blocks must be arrays, "
                        "DataFrames or sparse matrices of the same columns"
                    )
                yield first, Place(f"block {i}", first, 0), block, None
                first += block.shape[0]
            return
        starts = list(accumulate((piece.n_rows for piece in self.pieces), initial=0))
        n_pieces = len(self.pieces)
        for place in range(n_pieces) if order is None else order.permutation(n_pieces):
            first, piece = starts[place], self.pieces[place]
            for block in piece.read(self.block_size or piece.n_rows):
                kept = None
                if self.keep:
                    kept, block = block.select(self.keep), block.select(self.names)
                row = piece.row + first - starts[place]
                yield first, Place(piece.where, first, row), block, kept
                first += block.shape[0]


def blocks_of(X: Any, name: str = "X") -> Blocks | None:
    """X as `Blocks`, where it is that, or names files; None for tables in memory and all else.

    A path is that of a Parquet file, of a folder or a pattern; a matrix that AnnData has in a file
    is read in blocks, too.
    """
    if isinstance(X, Blocks):
        return X
    module = type(X).__module__
    is_backed = module.startswith("anndata.") and hasattr(X, "shape") and hasattr(X, "indptr")
    if isinstance(X, str | os.PathLike) or module == "pyarrow._dataset" or is_backed:
        try:
            return Blocks(X)
        except (ValueError, TypeError) as error:
            raise at(Place("", 0, 0), type(error)(f"{name}: {error}")) from error
    return None


def at(where: Place, error: Exception) -> Exception:
    """An error about a block that says where it is, in one line: in which row of which file."""
    text = " ".join(str(error).split())
    names_row = any(found[0].isdecimal() for found in ROWS.finditer(text))
    text = ROWS.sub(
        lambda found: str(int(found[0]) + where.row) if found[0].isdecimal() else found[0], text
    )
    place = where.name
    if place and not names_row:
        place += f", rows from {where.first} on"
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(cut(printable(f"{place}: {text}" if place else text), 400))


def _names(argument: str, names: Any) -> list[str] | None:
    if names is None:
        return None
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{argument}={shown(names)}: must be a list of names of columns")
    return list(names)


def _pieces(source: Any, blocks: Blocks) -> Any:
    """Names and pieces of files; None where the source is none."""
    wanted = (blocks.columns, blocks.drop, blocks.keep)
    if type(source).__module__ == "pyarrow._dataset":
        return pieces_of_dataset(source, *wanted)
    if isinstance(source, str | os.PathLike):
        blocks.files = files_of(source)
        return pieces_of_files(blocks.files, *wanted)
    is_list = isinstance(source, list | tuple) and len(source) > 0
    if is_list and all(isinstance(each, str | os.PathLike) for each in source):
        blocks.files = [file for each in source for file in files_of(each)]
        return pieces_of_files(blocks.files, *wanted)
    return None


def _of_memory(source: Any, block_size: int | None) -> list[Piece] | None:
    """Pieces of what is cut by rows, or of a list of blocks; None for what only iterates."""
    if isinstance(source, list | tuple):
        if not len(source) or not all(_is_block(block) for block in source):
            raise ValueError(
                "source is a list, but not one of blocks or files: each must be an array, a "
                "DataFrame or a sparse matrix, and there must be some"
            )
        return [
            Piece(f"block {i}", block.shape[0], partial(_cut, block, 0, block.shape[0]))
            for i, block in enumerate(source)
        ]
    if len(getattr(source, "shape", ())) == 2 and (
        is_frame(source) or is_sparse(source) or hasattr(source, "__getitem__")
    ):
        if type(source).__module__.partition(".")[0] in ("dask", "dask_expr"):
            raise TypeError("source is of dask: use ae_core.dask, or a list of files")
        n_rows = source.shape[0]
        height = block_size or _usual_size(source.shape[1])
        if not n_rows:
            raise ValueError(f"source has no rows, its shape is {tuple(source.shape)}")
        return [
            Piece("", min(height, n_rows - row), partial(_cut, source, row, row + height), row)
            for row in range(0, n_rows, height)
        ]
    if not hasattr(type(source), "__iter__"):
        raise TypeError(
            f"source is of type {type(source).__name__}: give a Parquet file or folder, a list of "
            "blocks, or what gives them each time it is iterated over"
        )
    if hasattr(type(source), "__next__"):
        raise TypeError(f"source is a {type(source).__name__}, {ONE_SHOT}")
    return None


def _usual_size(n_columns: int) -> int:
    """How many rows a block has, where nobody says."""
    return max(1, ENTRIES_PER_BLOCK // max(1, n_columns))


def _is_block(block: Any) -> bool:
    return len(getattr(block, "shape", ())) == 2 and (
        is_frame(block) or is_sparse(block) or hasattr(block, "dtype")
    )


def _cut(source: Any, start: int, stop: int, block_size: int) -> Iterator[Any]:
    """The rows from start to stop, so many at a time."""
    end = min(stop, source.shape[0])
    for first in range(start, end, block_size):
        rows = slice(first, min(first + block_size, end))
        yield source.iloc[rows] if hasattr(source, "iloc") else source[rows]
