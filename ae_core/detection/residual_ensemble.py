"""Scores of detectors that version 0.1.0 saved: residuals divided by the usual ones.

Kept so that such files give the scores that they gave. Large residuals count linearly (Huber 1964),
so that one wild entry does not outshout all the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._typing import Array
from ..data.checks import row_slices
from ..data.rows import Rows
from ..network.compiled import Network

ENTRIES_AT_ONCE = 65_536
"""Of the rows that are scored at a time, so that they stay in cache."""


@dataclass(frozen=True)
class ResidualEnsemble:
    """Trained networks, and what is usual for them."""

    networks: tuple[Network, ...]
    usual: Array
    """(n_networks, n_features): root mean square of each network's residual in each column."""
    counts: Array
    """(n_features,) bool: columns that add to scores; constant ones do not."""
    shift: Array
    factor: Array
    """(n_features,): networks see ``(X - shift) * factor``."""

    def blocks(self, rows: Rows) -> Iterator[Array]:
        """How unusual each entry is, of some rows after others: (h, n_features)."""
        dtype = self.networks[0].dtype
        scales = (1 / self.usual).astype(dtype)
        shares = (self.counts / len(self.networks)).astype(dtype)
        rows = Rows(rows.X, self.shift, self.factor)
        for which in row_slices(len(rows), rows.n_features, ENTRIES_AT_ONCE):
            part = rows.part(which)
            block = part.take(slice(None), dtype)
            total, capped = np.zeros_like(block), np.empty_like(block)
            for network, scale in zip(self.networks, scales, strict=True):
                z = network.forward(part)
                z -= block
                z *= scale
                np.abs(z, out=z)
                # Huber's function: z²/2 up to 1, then z - 1/2.
                np.minimum(z, 1, out=capped)
                z *= capped
                capped *= capped
                capped *= 0.5
                total += z
                total -= capped
            total *= shares
            yield total

    def scores(self, rows: Rows) -> Array:
        """How unusual each row is, the sum over its entries: (m,) float64."""
        sums = [block.sum(axis=1, dtype=np.float64) for block in self.blocks(rows)]
        return np.concatenate(sums)

    def contributions(self, rows: Rows) -> Array:
        """How unusual each entry is: (m, n_features) float64."""
        return np.concatenate(list(self.blocks(rows)), dtype=np.float64)
