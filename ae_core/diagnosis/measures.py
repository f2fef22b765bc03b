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
from .baselines import linear_in, principal_components, seen_mean, weighted_mean
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
    shown_low: Array  # (n,), in the user's units where those are known
    shown_high: Array  # (n,)
    has_gaps: Array  # (n,) of bool: whether an entry is missing

    @property
    def is_constant(self) -> Array:
        """Which columns have one value only, (n,) of bool."""
        return np.asarray(self.shown_low == self.shown_high)


def largest_first(values: Array, which: Array) -> Array:
    """The columns for which ``which`` (n,) is true, those of the largest values (n,) first."""
    found = np.flatnonzero(which)
    return found[np.argsort(-values[found], kind="stable")]


def lower_median(values: Array) -> float:
    """The median, of two in the middle the smaller one."""
    return float(np.sort(values)[(len(values) - 1) // 2])


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
    pca_share: float
    """Variance that PCA with a code of that size explains over that of the data, likewise."""
    beyond_reach: Array
    """(n,): squared distance of each column's values to what the output can be, summed."""
    few_rows_share: float
    """Part of the squared distance to the column mean that the farthest 1 % of rows make."""
    few_weights_share: float
    """Part of all weights of rows that the heaviest 1 % have."""
    columns: Columns
    explained: Array
    """(n,): share of each column's variance; NaN where that is 0 or has no weight."""
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
    history: History,
    validation_loss: float | None,
    settings: Mapping[str, Any],
) -> Measures:
    """Everything that findings need.

    Of columns all is taken of what is seen; what is not is NaN.
    """
    architecture, X, weights, given = network.architecture, table.X, table.weights, table.given
    feature_weights = architecture.feature_weights
    columns = columns_of(X, table.names, weights, feature_weights, table.shown)
    layers, code_is_dead, X_hat, row_losses = run_network(network, X, given)
    total = float(columns.weight @ columns.variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        counted = (columns.variance > 0) & (columns.weight > 0)
        left_over = seen_variance(X - X_hat, weights) / columns.variance
        explained = np.where(counted, 1 - left_over, np.nan)
    loss = weighted_mean(row_losses, X, weights)
    own = own_parameters(architecture, network.params.astype(np.float64))
    judged_by = references(
        architecture, X, n_pca, weights, own, is_sample=table.is_sample, given=given
    )
    X_given, X_hat_given = np.zeros(1), np.zeros(1)
    if given is not None:
        X_given = linear_in(given, X, weights)
        X_hat_given = linear_in(given, X_hat, weights)
    left = X - X_given  # what PCA, and the code, are there for
    column_weights = None if feature_weights is None else columns.weight
    X_pca = principal_components(left, left, n_pca, weights, column_weights)

    def share(part: Array) -> float:
        """Of the variance of all columns, that of part (n,)."""
        part = np.where(columns.weight > 0, part, 0.0)  # nothing of it counts, whatever it is
        return _ratio(float(columns.weight @ part), total)

    distances = np.nansum((X - columns.mean) ** 2, axis=1)  # (m,)
    return Measures(
        architecture=architecture,
        n_rows=len(X),
        loss=loss,
        references=judged_by,
        output_share=share(seen_variance(X_hat - X_hat_given, weights)),
        pca_share=share(seen_variance(left, weights) - seen_variance(left - X_pca, weights)),
        beyond_reach=_beyond_reach(X, architecture),
        few_rows_share=share_of_few(distances),
        few_weights_share=0.0 if weights is None else share_of_few(weights),
        columns=columns,
        explained=explained,
        layers=layers,
        code=look_at_code(network, X, weights, judged_by.start - loss, code_is_dead, given),
        filled_in=fill_hidden(network, X, given) if table.may_miss else None,
        loss_curve=np.asarray(history.loss_curve, dtype=np.float64),
        validation_curve=np.asarray(history.validation_loss_curve, dtype=np.float64),
        validation_loss=validation_loss,
        stopped_because=history.stopped_because,
        settings=settings,
    )


def columns_of(
    X: Array,
    names: tuple[str, ...],
    weights: Array | None = None,
    column_weights: Any = None,
    shown: Array | None = None,
) -> Columns:
    """Look at the columns of X (m, n), with weights (m,) of rows and (n,) of columns.

    ``shown`` (m', n) is the table in the user's units, where X is not.
    """
    low, high = np.fmin.reduce(X), np.fmax.reduce(X)
    shown = X if shown is None else shown
    return Columns(
        names=names,
        mean=seen_mean(X, weights),
        variance=np.where(low == high, 0.0, seen_variance(X, weights)),  # whatever rounding makes
        weight=np.ones(X.shape[1]) if column_weights is None else np.asarray(column_weights),
        low=low,
        high=high,
        shown_low=np.fmin.reduce(shown),
        shown_high=np.fmax.reduce(shown),
        has_gaps=np.asarray(np.isnan(shown).any(axis=0)),
    )


def share_of_few(values: Array) -> float:
    """The part of the sum of values (m,) that the largest 1 % of them, at least one, make."""
    few = max(1, len(values) // 100)
    return _ratio(float(np.sort(values)[-few:].sum()), float(values.sum()))


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


def seen_variance(X: Array, weights: Array | None = None) -> Array:
    """Of what is seen of each column, (n,); 0 where nothing is."""
    unseen = np.isnan(X)
    if weights is None and not unseen.any():
        return np.asarray(X.var(axis=0))
    W = np.where(unseen, 0.0, 1.0 if weights is None else weights[:, None])  # (m, n)
    total = W.sum(axis=0)
    squares = np.where(unseen, 0.0, X - seen_mean(X, weights)) ** 2
    return np.asarray((W * squares).sum(axis=0) / np.where(total > 0, total, 1.0))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
