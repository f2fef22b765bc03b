"""The rows that a detector's networks learn from: their usual residuals, and reference rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .._typing import Array
from ..data.checks import row_slices
from ..data.robust_scaling import total_weight
from ..data.rows import Rows
from ..detection.ensemble import ENTRIES_AT_ONCE, SMALLEST_USUAL, Member
from ..detection.neighbours import References, odd_references
from ..network.compiled import Network

MOST_REFERENCES = 256
"""References of each network, at most."""
ENTRIES_OF_REFERENCES = 500_000
"""Of wide tables there are fewer references: so many entries."""
FEWEST_REFERENCES = 16
"""References of each network, however wide the table is."""
SMALLEST_CODE_SPREAD = 1e-3
"""Smallest spread of a code unit that distances are divided by: less would be rounding."""


@dataclass(frozen=True)
class Sample:
    """The rows that are learned from, each once, scaled."""

    rows: Rows
    """Dense."""
    weights: Array
    """(m,) float64."""
    is_exact: bool
    """Whether these are all different rows of the table."""


def _residuals(network: Network, rows: Rows) -> Iterator[tuple[slice, Array, Array]]:
    """Some rows after others: which, their residuals (0 where unseen) and what is seen of them.

    Residuals are (h, n_features), and so is what is seen, bool; or, where that is all, (1,).
    """
    for which in row_slices(len(rows), rows.n_features, ENTRIES_AT_ONCE):  # so few fit into cache
        part = rows.part(which)
        residuals = network.forward(part)
        residuals -= part.X
        if rows.missing is None:
            yield which, residuals, np.ones(1)
            continue
        seen = ~np.isnan(residuals)
        residuals[~seen] = 0
        yield which, residuals, seen


def usual_residuals(network: Network, sample: Sample, is_learned: Array) -> Array:
    """The root mean square residual in each column, over some rows (m,): (n_features,)."""
    squares, seen_weight = np.zeros((2, sample.rows.n_features))
    for which, residuals, seen in _residuals(network, sample.rows):
        weights = (sample.weights[which] * is_learned[which]).astype(residuals.dtype)
        squares += total_weight(weights, np.square(residuals, out=residuals))
        seen_weight += weights.sum() if seen.size == 1 else total_weight(weights, seen)
    seen_weight = np.maximum(seen_weight, np.finfo(np.float64).tiny)
    return np.maximum(np.sqrt(squares / seen_weight), SMALLEST_USUAL)


def oddness_of(network: Network, usual: Array, sample: Sample) -> Array:
    """Huber's function of residuals over the usual ones, summed over columns: (m,).

    It is z²/2 up to 1, then |z| - 1/2 (Huber 1964): one wild entry does not outshout all others.
    """
    result = np.empty(len(sample.rows))
    scale = (1 / usual).astype(network.dtype)
    for which, z, _ in _residuals(network, sample.rows):
        z *= scale
        np.abs(z, out=z)
        capped = np.minimum(z, 1)
        z *= capped
        capped *= capped
        capped *= 0.5
        z -= capped
        z.sum(axis=1, dtype=np.float64, out=result[which])
    return result


def member_among(
    network: Network,
    usual: Array,
    sample: Sample,
    block: Array,
    which: Array,
    random: np.random.Generator,
    n_varying: int,
) -> Member:
    """The network as a member, whose references are among some of the rows (m,).

    Parameters
    ----------
    network : Network
    usual : array of shape (n_features,)
        Its usual residuals.
    sample : Sample
    block : array of shape (m, n_features)
        The rows of the sample, of the network's dtype.
    which : array of shape (n_kept,)
        Numbers of the rows.
    random : Generator
    n_varying : int
        Columns that are not constant.
    """
    weights = sample.weights[which]
    code = network.encode(sample.rows)[which]  # (n_kept, n_code)
    mean = total_weight(weights, code) / weights.sum()
    spread = np.sqrt(total_weight(weights, np.square(code - mean)) / weights.sum())
    none = References(block[:0])
    member = Member(network, usual, np.maximum(spread, SMALLEST_CODE_SPREAD), none)
    n_references = max(
        FEWEST_REFERENCES, min(MOST_REFERENCES, ENTRIES_OF_REFERENCES // block.shape[1])
    )
    odd_share, far = odd_references(n_varying)
    n_candidates = round(n_references / (1 - odd_share))
    if not sample.is_exact and len(which) > n_candidates:
        # By weight, without repetition (Efraimidis & Spirakis 2006).
        waits = random.exponential(size=len(which)) / weights
        which = which[np.sort(np.argpartition(waits, n_candidates)[:n_candidates])]
    if sample.is_exact:  # each different row is here once; frequent ones count as two references
        which = which.repeat(1 + (weights >= 2 * np.median(weights)))
    points, _, _ = member.points(block[which], sample.rows.missing is not None)
    references = References(points, network.n_threads)
    return replace(member, references=references.of_usual_ones(n_references, odd_share, far))
