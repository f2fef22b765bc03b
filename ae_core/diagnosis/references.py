"""The losses that a fit is judged by: the best constant's, PCA's, and the least there can be."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._typing import Array
from ..network.architecture import Architecture
from .baselines import (
    best_constant,
    column_mean,
    entropy,
    held_out_components,
    likely_components,
    linear_in,
    principal_components,
)
from .reconstruction import loss_of
from .words import count

POOR = 0.1
"""Share of what PCA gains over the best constant that a fit has to fall short of to be poor, …"""
WORSE_THAN_PCA = 1.1
"""… with this many times PCA's loss, and …"""
WORTH_SAYING = 0.02
"""… more of it by this share of the constant's loss: below it both are nearly perfect."""
GIVEN = 0.2
"""Covariates per row: with more of them a linear fit learns the rows by heart."""
FEWEST_ROWS = 8
"""Of fewer rows, half are too few to learn from."""


@dataclass(frozen=True)
class References:
    """Losses on the same rows, in the same loss, with the same weights of rows and columns."""

    constant_name: str
    """'column mean', 'column median' or 'best constant': what is best under that loss."""
    constant: float
    mean: float
    pca: float
    """Never more than the constant's."""
    n_components: int
    floor: float
    """The least loss there can be: the data's entropy under a cross-entropy, else 0."""
    floor_name: str = "the data's entropy"
    """What that is, where it is not 0."""
    is_learnable: bool = True
    """Whether PCA of some rows says anything of others: it gains on pure noise, too, but only on
    the rows that it is computed from."""

    pca_of_others: float | None = None
    """Where columns say nothing about each other: the loss of PCA on rows that it was not computed
    from. Of the others it learns by heart what no network should."""

    of_covariates: float | None = None
    """Where rows have covariates: the loss of what is linear in these alone. PCA is then of what
    they leave."""

    @property
    def start(self) -> float:
        """What a code that says nothing leaves: the best constant, or what covariates say."""
        return self.constant if self.of_covariates is None else self.of_covariates

    @property
    def gain(self) -> float:
        """By how much PCA is below that."""
        return self.start - self.pca

    @property
    def has_structure(self) -> bool:
        """Whether a code of that size is worth anything on this data."""
        return self.is_learnable and self.gain > WORTH_SAYING * (self.constant - self.floor)

    def lost(self, loss: float) -> float:
        """The share of what PCA gains that a loss falls short of: 0 like PCA, 1 like the constant.

        NaN where PCA gains nothing.
        """
        if not self.has_structure:
            return math.nan
        return (loss - self.pca) / self.gain

    def is_poor(self, loss: float) -> bool:
        """Whether a loss is clearly worse than PCA's; also where it is no finite number."""
        if not math.isfinite(loss):
            return True
        margin = WORTH_SAYING * (self.constant - self.floor)
        return (
            self.has_structure
            and (self.pca_of_others is None or loss > self.pca_of_others)
            and self.lost(loss) > POOR
            and loss - self.pca > margin
            and loss - self.floor > WORSE_THAN_PCA * (self.pca - self.floor)
        )

    def table(self) -> dict[str, float]:
        """Name → loss, the constants first."""
        rows = {"column mean": self.mean}
        if self.constant_name != "column mean":
            rows = {self.constant_name: self.constant, **rows}
        size = f", {count(self.n_components, 'component')}" if self.n_components else ""
        if self.of_covariates is not None:
            rows["linear in the covariates"] = self.of_covariates
            size += ", beside the covariates"
        rows[f"PCA{size}"] = self.pca
        if self.floor > 0:
            rows[f"least possible ({self.floor_name})"] = self.floor
        return rows


def references(
    architecture: Architecture,
    X: Array,
    n_components: int,
    weights: Array | None = None,
    own: Array | None = None,
    *,
    is_sample: bool = False,
    given: Array | None = None,
) -> References:
    """What a network of that loss has to beat on rows X (m, n), and what it cannot.

    Parameters
    ----------
    architecture : Architecture
    X : array of shape (m, n)
        As the network sees it, NaN where it is missing.
    n_components : int
        Of PCA; 0 for the constants alone, which cost next to nothing.
    weights : array of shape (m,), optional
        Of rows. Those of columns are the architecture's.
    own : array of shape (n_own,), optional
        The losses' own parameters, if they have any.
    is_sample : bool
        Whether a network has learned from more rows than these: then PCA of a part of them is
        judged on the others.
    given : array of shape (m, n_covariates), optional
        What the network is given beside the rows; ignored where there are nearly as many
        covariates as rows.
    """
    given = None if given is None or given.shape[1] > GIVEN * len(X) else given
    name, constant = best_constant(architecture, X, weights)

    def loss(X_hat: Array) -> float:
        return loss_of(architecture, X, X_hat, weights=weights, own=own)

    of_constant = loss(np.broadcast_to(constant, X.shape))
    of_mean = of_constant if name == "column mean" else loss(column_mean(X, X, weights))
    of_pca, of_others, is_learnable = of_constant, None, True
    floor, floor_name = entropy(architecture, X, weights), "the data's entropy"
    if architecture.n_own:  # a likelihood of which the loss leaves no constant out
        floor, floor_name = loss(np.nan_to_num(X)), "of these dispersions"
    floor = min(floor, of_constant)
    left, of_given, of_covariates, start = X, np.zeros(1), None, of_constant

    def of_left(X_hat: Array) -> float:
        return loss(X_hat + of_given)

    if n_components:
        columns = architecture.feature_weights
        column_weights = None if columns is None else np.asarray(columns)
        if given is not None:
            of_given = linear_in(given, X, weights)  # (m, n)
            left = X - of_given
            of_covariates = start = min(loss(of_given), of_constant)
        if given is not None and architecture.variational and column_weights is not None:
            # How much noise there is was learned of rows with all that covariates say in them.
            X_pca = likely_components(left, n_components, weights, column_weights)
        elif is_sample and len(X) >= 4:
            X_pca = held_out_components(left, n_components, weights, column_weights)
        else:
            X_pca = principal_components(left, left, n_components, weights, column_weights)
        of_pca = min(of_left(X_pca), start)
        most = start - floor
        if not is_sample and _may_be_noise(start - of_pca, most, X, n_components):
            # Of columns without any relation k of n can still be copied. A drawn code should not:
            # what it copies costs more than it is worth.
            for_nothing = n_components / X.shape[1]
            others = _of_others(of_left, left, n_components, weights, column_weights)
            gained = (start - others) / most if most > 0 else 0.0
            is_learnable = gained > WORTH_SAYING + for_nothing * architecture.variational
            of_others = others if gained <= WORTH_SAYING + for_nothing else None
    return References(
        constant_name=name,
        constant=of_constant,
        mean=of_mean,
        pca=of_pca,
        n_components=n_components,
        floor=floor,
        floor_name=floor_name,
        is_learnable=is_learnable,
        pca_of_others=of_others,
        of_covariates=of_covariates,
    )


def _may_be_noise(gain: float, most: float, X: Array, n_components: int) -> bool:
    """Whether PCA gains no more than about twice what it does on columns without any relation.

    Of m rows and n such columns the largest eigenvalues are at most (1 + √(n / m))² times the mean
    (Marchenko & Pastur 1967).
    """
    m, n = X.shape
    return gain < 2 * n_components / n * (1 + (n / m) ** 0.5) ** 2 * most


def _of_others(
    loss: Callable[[Array], float],
    X: Array,
    n_components: int,
    weights: Array | None,
    column_weights: Array | None,
) -> float:
    """The loss of PCA of one half of the rows X (m, n), of the size that suits it, on the other."""
    if len(X) < FEWEST_ROWS:
        return -math.inf  # nobody can tell
    sizes = {n_components, max(1, n_components // 2), 1}
    return min(loss(held_out_components(X, k, weights, column_weights)) for k in sizes)
