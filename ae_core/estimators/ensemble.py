"""Several small autoencoders that judge together how unusual the entries of a row are.

Each has one hidden layer, of tanh units: they are bounded, so that a row far away can't be followed
and reconstructed. They are trained for a few dozen steps, leave out the rows that they reconstruct
worst together, and are trained as many steps again: what is rare has little part in it. What then
counts is how large a residual is beside what is usual in its column. Large ones count linearly
(Huber 1964), so that one wild entry does not outshout all the others.

How the numbers below were found, and what they are worth, is in docs/defaults.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..formulas.solvers import Adam
from ..network.architecture import Architecture
from ..network.compiled import Network

CODE_SHARES = (0, 1 / 8, 1 / 4, 1 / 2)
"""Sizes of the codes, as shares of the number of columns; at least 1, …"""
LARGEST_CODE = 16
"""… and at most this, for the sake of speed: larger ones were not better."""
EXACT_WEIGHT = 64
"""Up to this total weight every step takes all rows, in float64; larger tables are sampled."""
SMALLEST_USUAL = 1e-3
"""Of a column's deviation: a residual below it is rounding, however usual."""
ENTRIES_LEARNED_FROM = 4_000_000
"""A larger table is learned from evenly spaced rows: no more of it is visited than that anyway."""
ENTRIES_AT_ONCE = 65_536
"""A block of this many is judged while it is in cache."""
CUTOFF = 2.8
"""Deviations above the median from which on a score is an outlier's, …"""
LARGEST_SHARE_KEPT = 0.995
"""… but the last half percent stands out in any table."""


@dataclass(frozen=True)
class Ensemble:
    """Trained networks, and what is usual for them."""

    networks: tuple[Network, ...]
    usual: Array
    """(n_networks, n_features): root mean square of each network's residual in each column."""
    counts: Array
    """(n_features,) bool: columns that are judged; constant ones are not."""

    def blocks(self, rows: Rows) -> Iterator[tuple[slice, Array]]:
        """Which rows, and how unusual each of their entries is: (block, n_features)."""
        dtype = self.networks[0].dtype
        scales = (1 / self.usual).astype(dtype)
        shares = (self.counts / len(self.networks)).astype(dtype)
        for which, part, block in _blocks(rows, dtype):
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
            yield which, total

    def scores(self, rows: Rows) -> Array:
        """How unusual each row is, the sum over its entries: (m,) float64."""
        result = np.empty(len(rows))
        for which, block in self.blocks(rows):
            block.sum(axis=1, dtype=np.float64, out=result[which])
        return result

    def contributions(self, rows: Rows) -> Array:
        """How unusual each entry is: (m, n_features) float64."""
        result = np.empty((len(rows), rows.n_features))
        for which, block in self.blocks(rows):
            result[which] = block
        return result


def code_sizes(n_features: int) -> tuple[int, ...]:
    """The code of each network, for a table of so many columns."""
    sizes = (max(1, round(share * n_features)) for share in CODE_SHARES)
    return tuple(sorted({min(LARGEST_CODE, size) for size in sizes}))


def train_ensemble(
    rows: Rows,
    *,
    codes: tuple[int, ...],
    activation: str,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
    trim: float,
    random: np.random.Generator,
    n_threads: int | None,
) -> Ensemble:
    """Train a network for each code size on the rows, twice, the second time without the oddest.

    Parameters
    ----------
    rows : Rows
        Standardised, of positive weight.
    codes : tuple of int
    activation : str
        Of the codes.
    n_steps, batch_size, learning_rate
        Of each of both trainings, by Adam.
    trim : float
        Share of the rows, by weight, to leave out of the second one.
    random : Generator
    n_threads : int, optional

    Returns
    -------
    Ensemble
    """
    n_features = rows.n_features
    is_exact = rows.weights(slice(None)).sum() <= EXACT_WEIGHT
    dtype = np.dtype(np.float64 if is_exact else np.float32)
    sample = evenly_spaced(rows, max(1, ENTRIES_LEARNED_FROM // n_features), dtype)
    low, high = sample.limits
    networks = tuple(
        Network(
            Architecture((n_features, code, n_features), (activation, "identity")),
            dtype=dtype,
            random_state=random,
            n_threads=n_threads,
        )
        for code in codes
    )
    weights = sample.weights(slice(None))
    kept = weights > 0
    for is_last in (False, True):
        for network in networks:
            which = np.flatnonzero(kept)
            order = _order(which, n_steps, len(which) if is_exact else batch_size, random)
            size = len(order) // n_steps
            solver = Adam(learning_rate)
            network.train_steps(
                sample,
                order,
                size,
                solver,
                solver.start(network.params),
                np.full(n_steps, learning_rate),
            )
        ensemble = Ensemble(networks, _usual(networks, sample), low < high)
        if not is_last:
            scores = ensemble.scores(sample)
            kept = scores <= weighted_quantile(scores, weights, 1 - trim)
    return ensemble


def automatic_threshold(scores: Array, weights: Array) -> float:
    """Above which score a row is an outlier, from the scores (n,) of the training rows alone.

    Cube roots of sums of squares are nearly normal (Wilson & Hilferty 1931): what lies far above
    their median, as deviations on its upper side go, is taken for an outlier.
    """
    roots = np.cbrt(scores)
    middle, upper = (weighted_quantile(roots, weights, share) for share in (0.5, 0.75))
    deviation = (upper - middle) / 0.6745
    rule = (middle + CUTOFF * deviation) ** 3
    return float(min(rule, weighted_quantile(scores, weights, LARGEST_SHARE_KEPT)))


def threshold_for(scores: Array, weights: Array, contamination: float) -> float:
    """Above which score lies that share of the weight of the training rows."""
    inside = weighted_quantile(scores, weights, 1 - contamination)
    outside = scores[scores > inside]
    # Half way to the next, so that rounding does not decide.
    return float((inside + outside.min()) / 2 if len(outside) else inside)


def weighted_quantile(values: Array, weights: Array, share: float) -> float:
    """The smallest of the values (n,) that has this share of the weight at or below it."""
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    # An error in the last digit of a sum must not choose another row.
    index = np.searchsorted(cumulated, share * cumulated[-1] * (1 - 1e-9))
    return float(values[order][min(int(index), len(values) - 1)])


def evenly_spaced(rows: Rows, at_most: int, dtype: Any) -> Rows:
    """At most so many of the rows, scaled and cast."""
    which = slice(None, None, -(-len(rows) // at_most))
    weights = None if rows.sample_weight is None else rows.sample_weight[which]
    return Rows(rows.take(which, dtype), sample_weight=weights)


def _order(which: Array, n_steps: int, batch_size: int, random: np.random.Generator) -> Array:
    """Rows for so many steps, epoch after epoch, each in an order of its own."""
    batch_size = min(batch_size, len(which))
    n_epochs = -(-n_steps * batch_size // len(which))
    order = np.concatenate([random.permutation(which) for _ in range(n_epochs)])
    return order[: n_steps * batch_size]


def _usual(networks: tuple[Network, ...], rows: Rows) -> Array:
    squares = np.zeros((len(networks), rows.n_features))
    for _, part, block in _blocks(rows, networks[0].dtype):
        weights = part.weights(slice(None)).astype(block.dtype)
        for network, square in zip(networks, squares, strict=True):
            residuals = network.forward(part)
            residuals -= block
            square += weights @ np.square(residuals, out=residuals)
    total = rows.weights(slice(None)).sum()
    return np.maximum(np.sqrt(squares / total), SMALLEST_USUAL)


def _blocks(rows: Rows, dtype: Any) -> Iterator[tuple[slice, Rows, Array]]:
    """Which rows, the rows, and what a network of that dtype sees of them."""
    height = max(1, ENTRIES_AT_ONCE // rows.n_features)
    for start in range(0, len(rows), height):
        which = slice(start, start + height)
        part = rows.part(which)
        yield which, part, part.take(slice(None), dtype)
