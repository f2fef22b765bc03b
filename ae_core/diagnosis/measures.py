"""What a diagnosis measures, before anything is said about it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import Array
from ..formulas.losses import LOSSES
from ..network.architecture import Architecture
from ..network.output import own_parameters
from ..network.reference import Network
from ..training.progress import History
from .baselines import filled, linear_in, principal_components, seen_mean, weighted_mean
from .hidden import FilledIn, fill_hidden
from .reconstruction import reach
from .references import References, references
from .units import Code, Layer, look_at_code, run_network


@dataclass(frozen=True, eq=False)
class Columns:
    """The data, column by column."""

    names: tuple[str, ...]
    mean: Array  # (n,), of what the network sees
    variance: Array  # (n,)
    weight: Array  # (n,), of the loss: the feature weights, or 1
    low: Array  # (n,)
    high: Array  # (n,)
    explained: Array  # (n,), NaN for columns that are constant or have no weight
    shown_low: Array  # (n,), in the user's units where those are known
    shown_high: Array  # (n,)
    has_gaps: Array  # (n,) of bool: whether an entry is missing

    @property
    def is_constant(self) -> Array:
        """Which columns have one value only, (n,) of bool."""
        return np.asarray(self.shown_low == self.shown_high)


@dataclass(frozen=True, eq=False)
class Measures:
    """All that findings are conditions on."""

    architecture: Architecture
    n_rows: int
    loss: float
    references: References
    output_share: float
    """Variance of the output over that of the data, all columns together, by their weights; but
    for what is linear in covariates."""
    explained_share: float
    """1 - variance of the residual over that of the data, likewise."""
    pca_share: float
    """The same for PCA with a code of that size."""
    beyond_reach: Array
    """(n,): squared distance of each column's values to what the output can be, summed."""
    few_rows_share: float
    """Part of the squared distance to the column mean that the farthest 1 % of rows make."""
    few_weights_share: float
    """Part of all weights of rows that the heaviest 1 % have."""
    columns: Columns
    layers: tuple[Layer, ...]
    code: Code
    filled_in: FilledIn | None
    """Where entries may be missing: how well hidden ones are filled in."""
    loss_curve: Array
    validation_curve: Array
    validation_loss: float | None
    stopped_because: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def constant_loss(self) -> float:
        """Of the best constant."""
        return self.references.constant

    @property
    def constant_name(self) -> str:
        """As messages call it."""
        return self.references.constant_name

    @property
    def pca_loss(self) -> float:
        """Of PCA with a code of that size."""
        return self.references.pca

    @property
    def varies(self) -> bool:
        """Whether there is anything to learn: rows that differ."""
        return bool((self.columns.variance * self.columns.weight > 0).any())

    @property
    def is_finite(self) -> bool:
        """Whether the network still computes numbers."""
        return math.isfinite(self.loss)

    @property
    def is_poor(self) -> bool:
        """Whether the fit is clearly worse than PCA with a code of the same size."""
        return self.varies and self.references.is_poor(self.loss)


@dataclass(frozen=True, eq=False)
class Table:
    """The rows that are looked at."""

    X: Array
    """(m, n), float64, as the network sees them; NaN where missing."""
    weights: Array | None
    """(m,), all above 0; None where all are 1."""
    shown: Array
    """(m', n), the same in the user's units."""
    names: tuple[str, ...]
    given: Array | None
    """(m, n_covariates): what the network is given beside them."""
    is_sample: bool
    """Whether there are more rows."""
    may_miss: bool
    """Whether entries may be missing."""


def measure(
    network: Network,
    table: Table,
    n_pca: int,
    history: History | None,
    validation_loss: float | None,
    settings: Mapping[str, Any],
) -> Measures:
    """Everything that findings need.

    Of columns all is taken of what is seen; what is not is NaN.
    """
    architecture, X, weights = network.architecture, table.X, table.weights
    given_beside = table.given
    run = run_network(network, X, given_beside)
    mean = seen_mean(X, weights)
    spread = filled(X, mean) - mean  # (m, n)
    variance = _variance(X, weights)
    given = architecture.feature_weights
    column_weights = np.ones(X.shape[1]) if given is None else np.asarray(given)
    total = float(column_weights @ variance)
    residual_variance = _seen_variance(X - run.X_hat, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        counted = (variance > 0) & (column_weights > 0)
        explained = np.where(counted, 1 - residual_variance / variance, np.nan)
    loss = weighted_mean(run.row_losses, X, weights)
    own = own_parameters(architecture, network.params.astype(np.float64))
    judged_by = references(
        architecture, X, n_pca, weights, own, is_sample=table.is_sample, given=given_beside
    )
    X_given, X_hat_given = np.zeros(1), np.zeros(1)
    if given_beside is not None:
        X_given = linear_in(given_beside, X, weights)
        X_hat_given = linear_in(given_beside, run.X_hat, weights)
    left = X - X_given  # what PCA, and the code, are there for
    X_pca = principal_components(
        left, left, n_pca, weights, None if given is None else column_weights
    )

    def share(part: Array) -> float:
        """Of the variance of all columns, that of part (n,)."""
        part = np.where(column_weights > 0, part, 0.0)  # nothing of it counts, whatever it is
        return _ratio(float(column_weights @ part), total)

    distances = np.sort((spread**2).sum(axis=1))  # (m,)
    farthest = distances[len(X) - _few(X) :]
    heaviest = np.zeros(0) if weights is None else np.sort(weights)[len(X) - _few(X) :]
    columns = Columns(
        table.names,
        mean,
        variance,
        column_weights,
        np.fmin.reduce(X),
        np.fmax.reduce(X),
        explained,
        np.fmin.reduce(table.shown),
        np.fmax.reduce(table.shown),
        np.asarray(np.isnan(table.shown).any(axis=0)),
    )
    gain = judged_by.start - loss
    return Measures(
        architecture=architecture,
        n_rows=len(X),
        loss=loss,
        references=judged_by,
        output_share=share(_seen_variance(run.X_hat - X_hat_given, weights)),
        explained_share=1 - share(residual_variance),
        pca_share=share(_seen_variance(left, weights) - _seen_variance(left - X_pca, weights)),
        beyond_reach=_beyond_reach(X, architecture),
        few_rows_share=_ratio(float(farthest.sum()), float(distances.sum())),
        few_weights_share=0.0 if weights is None else float(heaviest.sum() / weights.sum()),
        columns=columns,
        layers=run.layers,
        code=look_at_code(network, X, weights, gain, run.code_is_dead, given_beside),
        filled_in=fill_hidden(network, X, given_beside) if table.may_miss else None,
        loss_curve=_curve(history.loss_curve if history else ()),
        validation_curve=_curve(history.validation_loss_curve if history else ()),
        validation_loss=validation_loss,
        stopped_because=history.stopped_because if history else "",
        settings=settings,
    )


def _few(X: Array) -> int:
    """How many rows 1 % are, at least one."""
    return max(1, len(X) // 100)


def _beyond_reach(X: Array, architecture: Architecture) -> Array:
    distances = []
    for group in architecture.output_groups:
        part = X[:, group.columns]
        if LOSSES[group.loss].from_logits == "softmax":  # shares of a row, whatever its counts
            distances.append(np.zeros(part.shape[1]))
            continue
        missed = (part - np.clip(part, *reach(group.activation))) ** 2
        distances.append(np.nansum(missed, axis=0))
    return np.concatenate(distances)


def _variance(X: Array, weights: Array | None) -> Array:
    """Of each column (n,); exactly 0 where all values are equal, whatever the mean's rounding."""
    return np.where(np.fmin.reduce(X) == np.fmax.reduce(X), 0.0, _seen_variance(X, weights))


def _seen_variance(X: Array, weights: Array | None) -> Array:
    """Of what is seen of each column, (n,); 0 where nothing is."""
    unseen = np.isnan(X)
    if weights is None and not unseen.any():
        return np.asarray(X.var(axis=0))
    W = np.where(unseen, 0.0, 1.0 if weights is None else weights[:, None])  # (m, n)
    total = W.sum(axis=0)
    squares = np.where(unseen, 0.0, X - seen_mean(X, weights)) ** 2
    return np.asarray((W * squares).sum(axis=0) / np.where(total > 0, total, 1.0))


def _curve(losses: Any) -> Array:
    return np.asarray(losses, dtype=np.float64)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
