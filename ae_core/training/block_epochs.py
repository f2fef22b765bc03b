"""Passes over a table in blocks, in steps of a solver: as `Epochs`, for `BlockRows`.

Each epoch reads the blocks in an order that is drawn. A buffer takes the rows of about two of them,
and its rows are put in an order that is drawn, too; what does not make a whole batch goes into the
next buffer. So every row is visited once, in as many steps as in memory; but rows that are far
apart in one epoch's order of blocks are never in one batch.
"""

import math
from typing import Any

import numpy as np

from .._typing import Array
from ..data.block_rows import BlockRows
from ..formulas.noise import noise_key
from ..formulas.solvers import SolverState
from .epochs import Epochs


class BlockEpochs(Epochs):
    """Passes over the rows of blocks that are not held out.

    Parameters
    ----------
    network, solver, shuffle, random, kl_warm_up
        As of `Epochs`.
    X : BlockRows
    batch_size : int
    """

    def _count(self, X: BlockRows, batch_size: int | None) -> None:
        self.blocks, self.n_rows, self.n_counted = X, X.n_visited, X.n_counted
        if batch_size is None or batch_size > self.n_rows:
            raise ValueError(
                f"batch_size={batch_size}: of blocks with {self.n_rows} rows, at most so many are "
                "taken for each step"
            )
        self.batch_size = batch_size
        self.n_steps = math.ceil(self.n_rows / batch_size)
        self._counts = np.empty(0)

    def run(self, state: SolverState, rates: Array, n_done: int, noise_seed: int) -> Array:
        """The losses of the steps of one epoch (n_steps,), which change the network."""
        annealing = self._annealing(n_done * self.n_steps, len(rates))
        losses, counts, n_steps = list[Array](), list[Array](), 0
        buffers: Any = self.blocks.buffers(self.random, self.batch_size)
        found = next(buffers, None)
        while found is not None:
            table, is_last = found
            order = np.arange(table.shape[0])
            if self.random is not None:
                order = self.random.permutation(order)
            n_whole = len(order) // self.batch_size * self.batch_size
            order, left = (order, order[:0]) if is_last else (order[:n_whole], order[n_whole:])
            these = slice(n_steps, n_steps + math.ceil(len(order) / self.batch_size))
            if these.stop > self.n_steps:
                raise ValueError("X has more rows than when it was read first: start again")
            if len(order):
                rows, keys = self.blocks.rows_of(table), None
                if self.network.architecture.is_noisy:  # places in a buffer are no rows' own
                    key = noise_key(noise_key(noise_seed, n_done), len(losses))
                    keys = np.full(these.stop - these.start, key, dtype=np.uint64)
                some = None if annealing is None else annealing[these]
                losses.append(self._train(rows, order, state, rates[these], keys, some))
                counts.append(rows.batch_counts(order, self.batch_size))
            n_steps = these.stop
            try:
                found = None if is_last else buffers.send(table[left])
            except StopIteration:
                found = None
        if n_steps != self.n_steps:
            raise ValueError("X has fewer rows than when it was read first: start again")
        self._counts = np.concatenate(counts)
        return np.concatenate(losses)

    def means(self, losses: Array) -> Array:
        """The mean loss (1,) of the epoch, by how much its batches count."""
        return np.atleast_1d(np.average(losses, weights=self._counts))
