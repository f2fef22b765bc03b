"""Blocks as arrays that were checked, and what is learned of them before a fit."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from .._typing import Array
from .block_rows import joined, row_hashes
from .blocks import Blocks, at
from .checks import is_sparse, row_slices
from .rows import USED_AS_THEY_ARE, Rows
from .running_scaling import ENOUGH, RunningScaling
from .scaling import (
    SeenColumns,
    check_scaling,
    keeps_zeros,
    rows_at_once,
    scaling_of,
    seen_in,
    stored_per_row,
)

ROWS_SAMPLED = 10_000
"""Rows, spread at random, for what is estimated from some."""

Bar = Callable[[str, int | None], AbstractContextManager[Any]]
"""Called with a description and the number of rows; gives a progress bar, which has `update`."""


class EncodedBlocks:
    """Blocks as arrays or CSR matrices, and what a first pass finds out about them.

    Parameters
    ----------
    blocks : Blocks
    encode : function
        Makes of a block an array or CSR matrix that was checked.
    missing : {None, 'mask', 'implicit'}
    bar : function, optional
        Shows how far a pass is.

    Raises
    ------
    ValueError, TypeError
        When a block is not as it should be: names the file.
    """

    def __init__(
        self,
        blocks: Blocks,
        encode: Callable[[Any], Any],
        missing: str | None,
        bar: Bar | None = None,
    ) -> None:
        self.blocks, self.encode, self.missing = blocks, encode, missing
        self.bar: Bar = bar or (lambda what, n_rows: nullcontext())
        self.n_rows = self.n_stored = 0
        dtypes = set()
        self.is_sparse = False
        self.low: Any = np.nan
        self.high: Any = np.nan
        """Of each column, not scaled; NaN where nothing is seen: (n_columns,)."""
        for _, table in self.tables(say="reading"):
            self.n_rows += table.shape[0]
            self.is_sparse = is_sparse(table)
            self.n_stored += table.nnz if self.is_sparse else 0
            dtypes.add(table.dtype)
            low, high = Rows(table, missing=missing).limits
            self.low, self.high = np.fmin(self.low, low), np.fmax(self.high, high)
        if not self.n_rows:
            raise ValueError("X gives no blocks: there is nothing to learn from")
        self.n_columns = len(self.low)
        one = dtypes.pop() if len(dtypes) == 1 else np.dtype(np.float64)
        self.dtype: np.dtype[Any] = one if one in USED_AS_THEY_ARE else np.dtype(np.float64)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_columns)."""
        return self.n_rows, self.n_columns

    def tables(self, order: Any = None, say: str = "") -> Iterator[tuple[int, Any]]:
        """Encoded blocks, each with the number of its first row."""
        blocks = self._encoded(order)
        if self.blocks.names is not None:  # files are read while others are learned from
            blocks = ahead(blocks, 2 * (self.blocks.block_size or 0))  # what a buffer takes
        shows = self.bar(say, self.n_rows or self.blocks.n_rows) if say else nullcontext()
        with shows as bar:
            for first, table in blocks:
                yield first, table
                if bar is not None:
                    bar.update(table.shape[0])

    def _encoded(self, order: Any) -> Iterator[tuple[int, Any]]:
        for first, where, block, _ in self.blocks.placed(order):
            try:
                yield first, self.encode(block)
            except (ValueError, TypeError) as error:
                raise at(where, error) from error

    def picked(self, below: float, least: float = 0.0) -> Any:
        """The rows whose hash is within these limits, as one table; None for none."""

        def chosen(first: int, n_rows: int) -> Array:
            hashes = row_hashes(first, n_rows)
            return np.flatnonzero((hashes >= least) & (hashes < below))

        return self._taken(chosen)

    def every(self, step: int) -> Any:
        """The rows 0, step, 2 step, … as one table."""
        return self._taken(lambda first, n_rows: np.arange(-first % step, n_rows, step))

    def _taken(self, chosen: Callable[[int, int], Array]) -> Any:
        """Rows of each table, chosen by its first row's number and its height; None for none."""
        parts = []
        for first, table in self.tables():
            which = chosen(first, table.shape[0])
            if len(which):
                parts.append(table[which])
        return joined(parts) if parts else None

    @np.errstate(over="ignore", invalid="ignore")  # `check_scaling` names what is too large
    def learn_scaling(
        self, scale: str | None, is_scaled: Array, held_out: float
    ) -> tuple[Array | None, Array | None, RunningScaling]:
        """The shift and factor of columns, to the bits of `scaling.learn_scaling`.

        Parameters
        ----------
        scale : {None, 'standard', 'minmax'}
        is_scaled : array of shape (n_columns,), bool
        held_out : float
            The share of rows that nothing is learned of.
        """
        n = self.n_columns
        zeros_stay = keeps_zeros(self.is_sparse, self.missing, scale)
        n_counted = self._n_counted(held_out)
        shift = factor = None
        if self.is_sparse or self.missing is not None:
            n_stored = self.n_stored if self.is_sparse else None
            height = rows_at_once(stored_per_row(self.n_rows, n, n_stored))
            seen = seen_in(
                lambda: self._weighted(height, held_out, "scaling"),
                n,
                (float(n_counted), n_counted) if zeros_stay else None,
            )
            shift, factor = seen.scaling(scale, zeros_stay)
        else:
            mean = squares = np.zeros(n)
            if scale is not None:
                batches = self._weighted(rows_at_once(n), held_out, "scaling")
                shift, factor, mean, squares = scaling_of(batches, scale)
            counts = np.full(n, n_counted)
            seen = SeenColumns(counts, counts * 1.0, mean, squares, self.low, self.high)
            if scale is not None and n_counted < ENOUGH:  # a stream goes on from these numbers
                seen = seen_in(lambda: self._weighted(rows_at_once(n), held_out, ""), n, None)
        if scale is not None:
            check_scaling(np.stack([self.low, self.high]), shift, factor)
        if shift is not None and factor is not None:
            shift, factor = np.where(is_scaled, shift, 0.0), np.where(is_scaled, factor, 1.0)
        return shift, factor, RunningScaling.of_columns(seen, factor, is_scaled)

    def _n_counted(self, held_out: float) -> int:
        if held_out == 0:
            return self.n_rows
        return self.n_rows - sum(
            int((row_hashes(part.start, part.stop - part.start) < held_out).sum())
            for part in row_slices(self.n_rows, 1)
        )

    def _weighted(
        self, height: int, held_out: float, say: str
    ) -> Iterator[tuple[Any, Array | None]]:
        """Rows, so many at a time, and their weights: 0 for those that are held out."""
        first = 0
        for table in rechunked((table for _, table in self.tables(say=say)), height):
            weights = None
            if held_out > 0:
                weights = (row_hashes(first, table.shape[0]) >= held_out).astype(np.float64)
            first += table.shape[0]
            yield table, weights


def rechunked(tables: Iterable[Any], height: int) -> Iterator[Any]:
    """The same rows as tables of that height, the last one perhaps lower."""
    some: list[Any] = []
    n_rows = 0
    for table in tables:
        place = 0
        while place < table.shape[0]:
            n = min(height - n_rows, table.shape[0] - place)
            some.append(table[place : place + n])
            n_rows, place = n_rows + n, place + n
            if n_rows == height:
                yield joined(some)
                some, n_rows = [], 0
    if some:
        yield joined(some)


MOST_AHEAD = 64
"""The most tables that are read ahead, however few rows each has."""


def ahead(items: Iterator[tuple[int, Any]], n_rows: int) -> Iterator[tuple[int, Any]]:
    """The same items, made by another thread, which is about n_rows rows ahead."""
    end: Any = object()
    pool = ThreadPoolExecutor(1)
    coming = deque([pool.submit(next, items, end)])
    try:
        while (item := coming.popleft().result()) is not end:
            wanted = min(max(1, n_rows // max(1, item[1].shape[0])), MOST_AHEAD)
            while len(coming) < wanted:
                coming.append(pool.submit(next, items, end))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
