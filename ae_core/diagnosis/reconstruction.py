"""The loss of any reconstruction, a network's or a baseline's, in the loss that the network has."""

import math
from typing import Any

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..formulas.activations import ACTIVATIONS
from ..formulas.losses import LINKS, LOSSES
from ..network.architecture import Architecture
from ..network.output import row_losses
from ..network.reference import Network
from ..network.trace import Trace
from .baselines import weighted_mean

PROBABILITY_EDGES = (1e-7, 1e-4, 1e-3, 1e-2, 5e-2)
"""How far from 0 and 1 a baseline is kept under cross-entropy; the one that suits it best, on …"""
EDGE_ROWS = 500
"""… so many rows."""
DENSE_ENTRIES = 2_000_000
"""Of a sparse table so many rows are looked at as have this many entries when made dense, 16 MB."""
FEWER_ROWS_JUDGED, ENTRIES_JUDGED = 200, 300_000
"""To judge a network before and after a fit, wide tables are cut to this many entries, but never to
fewer rows than that."""


def bounded(X: Array, dtype: Any) -> Array:
    """Rows (m, n) whose squares do not overflow that dtype, to be judged by: a copy where needed.

    Beyond the root of the largest number, how far out an entry is makes no difference.
    """
    most = float(np.sqrt(np.finfo(dtype).max)) / 1e4
    if np.nan_to_num(np.abs(X)).max(initial=0) <= most:
        return X
    return np.clip(X, -most, most)


def beside(X: Array, given: Array | None) -> Array:
    """Rows X (m, n_features) as a network takes them, with its covariates, if it has any."""
    return X if given is None else np.concatenate([X, given], axis=1)


def loss_of(
    architecture: Architecture,
    X: Array,
    X_hat: Array,
    edges: tuple[float, ...] = PROBABILITY_EDGES,
    weights: Array | None = None,
    own: Array | None = None,
) -> float:
    """The mean loss of a reconstruction X_hat (m, n), in the architecture's own loss.

    Of what is seen of X, with weights (m,) of its rows. Where the loss is taken of logits, X_hat is
    kept away from the ends of what there are logits of, by as much as suits it best.

    Parameters
    ----------
    architecture : Architecture
    X, X_hat : arrays of shape (m, n)
    edges : tuple of float
        How far X_hat may be kept away.
    weights : array of shape (m,), optional
    own : array of shape (n_own,), optional
        The losses' own parameters, if they have any.
    """
    learned = np.zeros(architecture.n_own) if own is None else own

    def kept_off(edge: float, rows: Any = slice(None)) -> float:
        Z = X_hat[rows].copy()  # what the loss is taken of: logits, or the output itself
        for group in architecture.output_groups:
            needed = LOSSES[group.loss].from_logits
            if needed is None:
                continue
            part, (_, most) = Z[:, group.columns], reach(needed)
            if needed == "softmax":  # of counts, too, the output is shares
                part = np.maximum(part, 0)
                sums = part.sum(axis=1, keepdims=True)
                part = part / np.where(sums > 0, sums, 1)
            Z[:, group.columns] = LINKS[needed].logits(np.clip(part, edge, most - edge))
        trace = Trace(X[rows], [X_hat[rows]], Z, [], [], own=learned)
        of_rows = None if weights is None else weights[rows]
        return weighted_mean(row_losses(architecture, trace), X[rows], of_rows)

    if all(LOSSES[group.loss].from_logits is None for group in architecture.output_groups):
        return kept_off(0)

    if len(edges) > 1:
        some = evenly(len(X), EDGE_ROWS)
        edges = (min(edges, key=lambda edge: kept_off(edge, some)),)
    return kept_off(edges[0])


def reach(activation: str) -> tuple[float, float]:
    """The smallest and largest output of an activation."""
    if activation in LINKS:
        return LINKS[activation].reach
    function = ACTIVATIONS[activation].function
    ends = function(np.array([-1e300, 1e300]))
    # Only what the function itself gives at both ends is known here, so new ones need no entry.
    low, high = (float(e) if abs(e) < 1e100 else math.copysign(math.inf, e) for e in ends)
    return low, high


def mean_error(network: Network, X: Array, weights: Array | None = None) -> float:
    """The network's mean loss of what is seen of rows X (m, n_columns) with weights (m,)."""
    n_covariates = network.architecture.n_covariates
    rows = Rows(X, sample_weight=weights, missing="mask", n_covariates=n_covariates)
    errors = network.reconstruction_errors(rows).astype(np.float64)
    return float(np.average(errors, weights=rows.counts(slice(None))))


def evenly(n_rows: int, at_most: int) -> Array:
    """Row numbers, evenly spaced from the first to the last row, at most so many of them."""
    if n_rows <= at_most:
        return np.arange(n_rows)
    return np.linspace(0, n_rows - 1, at_most).round().astype(np.intp)


def some_of(rows: Rows, at_most: int) -> Array:
    """The numbers of at most so many rows, evenly spaced; of fewer, where they are sparse."""
    if rows.is_sparse:
        at_most = min(at_most, max(2, DENSE_ENTRIES // rows.n_features))
    return evenly(len(rows), at_most)


def rates_of(rows: Rows, which: Array) -> tuple[Array, Array | None]:
    """Some rows (k, n_columns), float64, and what each weighs: (k,), or None for all the same.

    Where rows have sizes, these are rates, and each weighs as much as its size: the most likely
    rate of all is then their mean, Σ x / Σ s.
    """
    X = rows.take(which, np.float64)
    weights = None if rows.sample_weight is None else rows.weights(which)
    if rows.row_size is not None:
        sizes = rows.row_size[which]
        X = X.copy()  # which may be the table itself
        X[:, : rows.n_features] /= sizes[:, None]
        weights = rows.weights(which) * sizes
    return X, weights


def judged_rows(rows: Rows, at_most: int) -> Array:
    """The numbers of some rows of positive weight, evenly spaced; fewer of wide tables."""
    fewer = max(FEWER_ROWS_JUDGED, ENTRIES_JUDGED // rows.n_features)
    which = some_of(rows, min(at_most, fewer))
    return which[rows.counts(which) > 0]
