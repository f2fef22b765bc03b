"""What a network sees of a table in blocks: as `Rows` is of one in memory.

Whether a row is held out or sampled is decided by a hash of its number, which takes no memory and
is the same each time the table is read.
"""

from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import Array
from ..formulas.noise import mix
from .checks import is_sparse
from .rows import Rows

if TYPE_CHECKING:
    from .encoded_blocks import EncodedBlocks


class BlockRows:
    """Rows of encoded blocks, seen as ``(X - shift) * factor``, for training.

    Parameters
    ----------
    blocks : EncodedBlocks
    shift, factor : array of shape (n_columns,) or None
    clip : bool
        As of `Rows`.
    held_out : float
        Rows whose hash is below that are never visited.
    """

    seen = None

    def __init__(
        self,
        blocks: "EncodedBlocks",
        shift: Array | None,
        factor: Array | None,
        clip: bool,
        held_out: float,
    ) -> None:
        self.blocks, self.shift, self.factor, self.clip = blocks, shift, factor, clip
        self.held_out, self.name = held_out, "X"
        ends = Rows(np.stack([blocks.low, blocks.high]), shift, factor, clip=clip, missing="mask")
        self.limits = ends.limits
        self.n_visited = blocks._n_counted(held_out)
        self.n_counted = float(self.n_visited)
        if blocks.missing is not None:
            self.n_visited, self.n_counted = 0, 0.0
            for first, table in blocks.tables():
                counts = self._counts(first, table)
                self.n_visited += int(np.count_nonzero(counts))
                self.n_counted += float(counts.sum())
        if not self.n_visited:
            raise ValueError("X has no entry that is seen: there is no loss of nothing")

    def rows_of(self, table: Any) -> Rows:
        """Some rows, with the limits of all."""
        rows = Rows(table, self.shift, self.factor, clip=self.clip, missing=self.blocks.missing)
        vars(rows)["limits"] = self.limits
        return rows

    def _counts(self, first: int, table: Any) -> Array:
        """How many whole rows each row of a table counts as, 0 for those held out: (m,)."""
        counts = row_hashes(first, table.shape[0]) >= self.held_out
        if self.blocks.missing is not None:
            counts = counts * Rows(table, missing=self.blocks.missing).counts(slice(None))
        return counts

    def visited(self, order: Any) -> Iterator[Any]:
        """The blocks' rows that are visited, as tables; the blocks in a drawn order."""
        for first, table in self.blocks.tables(order):
            which = self._counts(first, table) > 0
            if which.all():
                yield table
            elif which.any():
                yield table[np.flatnonzero(which)]

    def buffers(self, order: Any, batch_size: int) -> Generator[tuple[Any, bool], Any, None]:
        """Tables of about two blocks, and whether it is the last; send what is left of each.

        A table's memory is used again for the next one.
        """
        height = max(2 * (self.blocks.blocks.block_size or 0), batch_size)
        tables = self.visited(order)
        if self.blocks.is_sparse:
            yield from _sparse_buffers(tables, height)
            return
        buffer, n_filled = None, 0
        for table in tables:
            if buffer is None:
                if self.blocks.blocks.block_size is None:
                    height = max(2 * len(table), batch_size)
                height = min(height, self.n_visited)
                buffer = np.empty((height, table.shape[1]), self.blocks.dtype)
            place = 0
            while place < len(table):
                n = min(height - n_filled, len(table) - place)
                buffer[n_filled : n_filled + n] = table[place : place + n]
                n_filled, place = n_filled + n, place + n
                if n_filled == height:
                    left = yield buffer, False
                    n_filled = len(left)
                    buffer[:n_filled] = left
        if buffer is not None:
            yield buffer[:n_filled], True


def _sparse_buffers(tables: Iterable[Any], height: int) -> Generator[tuple[Any, bool], Any, None]:
    some: list[Any] = []
    n_rows = 0
    for table in tables:
        some.append(table)
        n_rows += table.shape[0]
        if n_rows >= max(height, 2 * table.shape[0]):
            left = yield joined(some), False
            some, n_rows = [left] if left.shape[0] else [], left.shape[0]
    if some:
        yield joined(some), True


def row_hashes(first: int, n_rows: int) -> Array:
    """A number from 0 to 1 for each row, by its number from `first` on: (n_rows,)."""
    numbers = np.arange(first, first + n_rows, dtype=np.uint64)
    return (mix(numbers) >> np.uint64(11)) * 2.0**-53


def joined(tables: list[Any]) -> Any:
    """Tables below each other."""
    if len(tables) == 1:
        return tables[0]
    if is_sparse(tables[0]):
        from scipy import sparse

        return sparse.vstack(tables, format="csr")
    return np.concatenate(tables)
