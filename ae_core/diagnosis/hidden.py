"""How well a network fills in what it is not shown, judged on seen entries that are hidden.

The loss on seen entries says nothing of that: a network with a wide code can copy what it is shown,
and then gives for a missing entry, which is 0 to it, next to nothing.
"""

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..formulas.losses import LOSSES
from ..network.architecture import Architecture
from ..network.reference import Network
from .baselines import filled, principal_directions, seen_mean
from .reconstruction import beside, evenly

HIDDEN = 0.1
"""Share of the seen entries that are hidden."""
ROWS_HIDDEN_IN = 2000
"""At most so many rows are looked at, evenly spaced."""
SEED = (20001, 520)
"""Of what is hidden. An unusual one: had the user hidden entries with the same seed, all that is
chosen here would be missing already."""
FEWEST_HIDDEN = 20
"""With fewer entries, chance decides."""
COMPONENTS = (1, 2, 4, 8)
"""Of PCA that fills in, to see whether columns say anything about each other."""
PASSES = 10
"""How often PCA fills in anew what it was computed from."""


@dataclass(frozen=True)
class FilledIn:
    """Root mean squared errors, of scaled columns, over entries that were seen and then hidden."""

    n_hidden: int
    network: float
    """What the network gives for them."""
    column_mean: float
    """What the mean of the other entries of the column gives."""
    pca: float
    """What PCA gives, with the number of components (1, 2, 4 or 8) that suits it best."""


def fill_hidden(network: Network, X: Array, given: Array | None = None) -> FilledIn | None:
    """Hide some of the seen entries of X (m, n), and see how well the network fills them in.

    Entries are hidden in columns whose output is a number, not a probability, and the same ones
    each time. None where there are too few. ``given`` (m, c) are the network's covariates.

    References
    ----------
    Troyanskaya et al. 2001, "Missing value estimation methods for DNA microarrays" (SVDimpute), for
    PCA that fills in what it is computed from.
    """
    some = evenly(len(X), ROWS_HIDDEN_IN)
    X, given = X[some], None if given is None else given[some]
    is_hidden = _chosen(network.architecture, X)
    n_hidden = int(is_hidden.sum())
    if n_hidden < FEWEST_HIDDEN:
        return None
    shown = np.where(is_hidden, np.nan, X)
    rows = Rows(beside(shown, given).astype(network.dtype), missing="mask")
    X_hat = network.forward(rows).astype(np.float64)
    mean = np.broadcast_to(seen_mean(shown), X.shape)

    def error(guess: Array) -> float:
        return float(np.sqrt(np.mean((guess[is_hidden] - X[is_hidden]) ** 2)))

    sizes = [k for k in COMPONENTS if k < X.shape[1]] or [1]
    return FilledIn(
        n_hidden,
        network=error(X_hat),
        column_mean=error(mean),
        pca=min(error(_filled_by_pca(shown, k)) for k in sizes),
    )


def _chosen(architecture: Architecture, X: Array) -> Array:
    """Which entries of X (m, n) to hide: (m, n) of bool. Something is left in every row."""
    is_number = np.zeros(X.shape[1], dtype=bool)
    for group in architecture.output_groups:
        is_number[group.columns] = LOSSES[group.loss].from_logits is None
    drawn = np.random.default_rng(SEED).random(X.shape)
    is_seen = ~np.isnan(X)
    is_hidden = is_seen & is_number & (drawn < HIDDEN)
    # A row of which all that is seen would be hidden keeps it.
    is_hidden[(is_seen & ~is_hidden).sum(axis=1) == 0] = False
    return np.asarray(is_hidden)


def _filled_by_pca(X: Array, n_components: int) -> Array:
    mean = seen_mean(X)
    unseen = np.isnan(X)
    guess = filled(X, mean)
    for _ in range(PASSES):
        center = guess.mean(axis=0)
        V = principal_directions(guess - center, n_components)  # (k, n)
        guess = np.where(unseen, center + (guess - center) @ V.T @ V, X)
    return guess
