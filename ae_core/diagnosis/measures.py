"""What a diagnosis measures, before anything is said about it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..formulas.activations import ACTIVATIONS
from ..formulas.losses import LINKS, LOSSES
from ..network.architecture import Architecture
from ..network.passes import Trace, own_parameters, row_losses
from ..network.passes import forward as forward_pass
from ..network.reference import Network
from ..training.progress import History
from .baselines import column_mean, filled, principal_components, seen_mean

FLAT = 0.01
"""Of an activation's steepest derivative: a unit below it passes on next to no gradient."""
ALMOST_ALL_ROWS = 0.95
"""A unit that is flat for so many rows is saturated; the others learn too little to move it."""
NO_SPREAD = 1e-7
"""Relative: a standard deviation below it is the rounding of float32, not a difference of rows."""
CODE_ROWS = 1000
"""Rows that show what a code unit carries: one decoding of them for every unit."""
CODE_WORK = 2e10
"""Multiplications all those decodings may take, about a second; below it all rows are used."""
FEWEST_CODE_ROWS = 100
PROBABILITY_EDGES = (1e-7, 1e-4, 1e-3, 1e-2, 5e-2)
"""How far from 0 and 1 a baseline is kept under cross-entropy; the one that suits it best, on …"""
EDGE_ROWS = 500
"""… so many rows."""
DENSE_ENTRIES = 2_000_000
"""Of a sparse table so many rows are looked at as have this many entries when made dense, 16 MB."""
CHUNK_ROWS = 2000
"""Rows whose activations are looked at at once, so that wide layers need little memory."""

BOUNDED = ("logistic", "tanh", "softsign")
"""Flat at both ends: a unit there still says which end, so it is saturated."""
ONE_SIDED = ("relu", "elu", "selu", "softplus")
"""Flat at one end: a unit that is there for all rows says nothing, so it is dead."""
STEEPEST = {"logistic": 0.25}  # of the others it is 1 (selu's 1.76 makes no difference)


@dataclass(frozen=True)
class Layer:
    """One layer, over all rows."""

    number: int
    """1 is the first that computes something, as in ``W1``."""
    units: int
    activation: str
    is_code: bool
    dead: int
    """Units with the same output for every row, or a derivative that is zero for every row."""
    saturated: int
    """Units of a bounded activation at an end of its range for almost all rows."""

    @property
    def label(self) -> str:
        """As messages call it."""
        return f"layer {self.number} ({'the code, ' if self.is_code else ''}{self.activation})"


@dataclass(frozen=True, eq=False)
class Code:
    """The code, unit by unit."""

    standard_deviation: Array
    """(n_components,)."""
    share: Array
    """(n_components,): how much the loss rises when this unit is set to its mean, as a share of
    what the code gains over the column mean; NaN when it gains nothing."""
    is_dead: Array
    """(n_components,) of bool: dead or saturated, as counted in its layer."""
    twins: tuple[tuple[int, int, float], ...]
    """Pairs of units that say the same: ``(i, j, correlation)``."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The data, column by column."""

    names: tuple[str, ...]
    mean: Array  # (n,), of what the network sees
    variance: Array  # (n,)
    low: Array  # (n,)
    high: Array  # (n,)
    explained: Array  # (n,), NaN for constant columns
    shown_low: Array  # (n,), in the user's units where those are known
    shown_high: Array  # (n,)

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
    mean_loss: float
    pca_loss: float
    n_pca: int
    output_share: float
    """Variance of the output over that of the data, all columns together."""
    explained_share: float
    """1 - variance of the residual over that of the data, all columns together."""
    pca_share: float
    """The same for PCA with a code of that size."""
    beyond_reach: Array
    """(n,): squared distance of each column's values to what the output can be, summed."""
    few_rows_share: float
    """Part of the squared distance to the column mean that the farthest 1 % of rows make."""
    columns: Columns
    layers: tuple[Layer, ...]
    code: Code
    loss_curve: Array
    validation_curve: Array
    validation_loss: float | None
    stopped_because: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def varies(self) -> bool:
        """Whether there is anything to learn: rows that differ."""
        return bool((self.columns.variance > 0).any())

    @property
    def is_finite(self) -> bool:
        """Whether the network still computes numbers."""
        return math.isfinite(self.loss)


def measure(
    network: Network,
    X: Array,
    shown: Array,
    names: tuple[str, ...],
    n_pca: int,
    history: History | None,
    validation_loss: float | None,
    settings: Mapping[str, Any],
) -> Measures:
    """Everything that findings need, of rows X (m, n) in float64 as the network sees them.

    Of columns all is taken of what is seen; what is not is NaN.
    """
    architecture = network.architecture
    layers, code_dead, X_hat, errors = _run(network, X)
    mean, unseen = seen_mean(X), np.isnan(X)
    spread = filled(X, mean) - mean  # (m, n)
    variance = _variance(X)
    total = float(variance.sum())
    residual_variance = _seen_variance(X - X_hat, unseen)
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.where(variance > 0, 1 - residual_variance / variance, np.nan)
    loss = float(errors.sum() / whole_rows(X))
    X_mean, X_pca = column_mean(X, X), principal_components(X, X, n_pca)
    own = own_parameters(architecture, network.params.astype(np.float64))
    mean_loss = loss_of(architecture, X, X_mean, own=own)
    distances = np.sort((spread**2).sum(axis=1))  # (m,)
    farthest = distances[len(X) - max(1, len(X) // 100) :]
    columns = Columns(
        names,
        mean,
        variance,
        np.fmin.reduce(X),
        np.fmax.reduce(X),
        explained,
        np.fmin.reduce(shown),
        np.fmax.reduce(shown),
    )
    return Measures(
        architecture=architecture,
        n_rows=len(X),
        loss=loss,
        mean_loss=mean_loss,
        pca_loss=min(loss_of(architecture, X, X_pca, own=own), mean_loss),
        n_pca=n_pca,
        output_share=_ratio(float(X_hat.var(axis=0).sum()), total),
        explained_share=1 - _ratio(float(residual_variance.sum()), total),
        pca_share=1 - _ratio(float(_seen_variance(X - X_pca, unseen).sum()), total),
        beyond_reach=_beyond_reach(X, architecture),
        few_rows_share=_ratio(float(farthest.sum()), float(distances.sum())),
        columns=columns,
        layers=layers,
        code=_code(network, X, mean_loss - loss, code_dead),
        loss_curve=_curve(history.loss_curve if history else ()),
        validation_curve=_curve(history.validation_loss_curve if history else ()),
        validation_loss=validation_loss,
        stopped_because=history.stopped_because if history else "",
        settings=settings,
    )


def loss_of(
    architecture: Architecture,
    X: Array,
    X_hat: Array,
    edges: tuple[float, ...] = PROBABILITY_EDGES,
    own: Array | None = None,
) -> float:
    """The mean loss of a reconstruction X_hat (m, n), in the architecture's own loss.

    Of what is seen of X. Where the loss is taken of logits, X_hat is kept away from 0 and 1 by as
    much as suits it best.
    """

    def kept_off(edge: float, rows: Any = slice(None)) -> float:
        Z = X_hat[rows].copy()  # what the loss is taken of: logits, or the output itself
        for group in architecture.output_groups:
            columns, needed = slice(group.start, group.stop), LOSSES[group.loss].from_logits
            if needed:
                most = reach(needed)[1]
                Z[:, columns] = LINKS[needed].logits(np.clip(Z[:, columns], edge, most - edge))
        learned = np.zeros(architecture.n_own) if own is None else own
        trace = Trace(X[rows], [X_hat[rows]], Z, [], [], own=learned)
        return float(row_losses(architecture, trace).sum() / whole_rows(X[rows]))

    if all(LOSSES[group.loss].from_logits is None for group in architecture.output_groups):
        return kept_off(0)

    if len(edges) > 1:
        some = evenly(len(X), EDGE_ROWS)
        edges = (min(edges, key=lambda edge: kept_off(edge, some)),)
    return kept_off(edges[0])


def whole_rows(X: Array) -> float:
    """How many whole rows the seen entries of X (m, n) make."""
    n_unseen = int(np.isnan(X).sum())
    return max(1, X.size - n_unseen) / X.shape[1]


def mean_error(network: Network, X: Array) -> float:
    """The network's mean loss of what is seen of X (m, n)."""
    rows = Rows(X, missing="mask")
    errors = network.reconstruction_errors(rows).astype(np.float64)
    return float(np.average(errors, weights=rows.counts(slice(None))))


def reach(activation: str) -> tuple[float, float]:
    """The smallest and largest output of an activation."""
    if activation in LINKS:
        return LINKS[activation].reach
    function = ACTIVATIONS[activation].function
    ends = function(np.array([-1e300, 1e300]))
    # Only what the function itself gives at both ends is known here, so new ones need no entry.
    low, high = (float(e) if abs(e) < 1e100 else math.copysign(math.inf, e) for e in ends)
    return low, high


def _run(network: Network, X: Array) -> tuple[tuple[Layer, ...], Array, Array, Array]:
    """Layers, which code units are dead, the output (m, n) and each row's loss (m,)."""
    architecture = network.architecture
    n_layers = architecture.n_layers
    sizes = architecture.layer_sizes[1:]
    flat = [np.zeros(size) for size in sizes]  # rows for which the unit is flat
    low = [np.full(size, np.inf) for size in sizes]
    high = [np.full(size, -np.inf) for size in sizes]
    X_hat, errors = np.empty_like(X), np.empty(len(X))
    for start in range(0, len(X), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        trace = forward_pass(architecture, network.params, X[rows].astype(network.dtype))
        errors[rows] = row_losses(architecture, trace)
        X_hat[rows] = trace.H[-1]
        # Not what is left of a k-sparse code: a unit that is not among the largest is not flat.
        for i, (H, name) in enumerate(zip(trace.A[1:], architecture.activations, strict=True)):
            if i < n_layers - 1:  # an output unit may well be flat
                slope = ACTIVATIONS[name].derivative(H)
                flat[i] += (slope < FLAT * STEEPEST.get(name, 1.0)).sum(axis=0)
            low[i] = np.minimum(low[i], H.min(axis=0))
            high[i] = np.maximum(high[i], H.max(axis=0))
    layers = []
    code_dead = np.zeros(architecture.n_components, dtype=bool)
    for number in range(1, n_layers + 1):
        i, name, is_code = number - 1, architecture.activations[number - 1], False
        saturated = np.zeros(sizes[i], dtype=bool)
        dead = np.zeros(sizes[i], dtype=bool)
        # An output unit may well be flat: it has to be where a column is 0 or 1.
        if number < n_layers:
            is_code = number == architecture.code_layer
            if name in BOUNDED:
                # A sparse code is meant to be at an end of its range for most rows.
                share = 1.0 if is_code and _is_sparse_code(architecture) else ALMOST_ALL_ROWS
                saturated = flat[i] >= share * len(X)
            if name in ONE_SIDED:
                dead = flat[i] == len(X)
            if len(X) > 1 and not is_code:  # of a code unit without spread, `Code` tells
                magnitude = np.maximum(np.abs(low[i]), np.abs(high[i]))
                dead |= (high[i] - low[i] <= NO_SPREAD * magnitude) & ~saturated
            if is_code:
                code_dead = dead | saturated
        layers.append(Layer(number, sizes[i], name, is_code, int(dead.sum()), int(saturated.sum())))
    return tuple(layers), code_dead, X_hat, errors


def _is_sparse_code(architecture: Architecture) -> bool:
    return bool(architecture.k_sparse or architecture.sparsity or architecture.code_l1)


def _code(network: Network, X: Array, gain: float, is_dead: Array) -> Code:
    architecture = network.architecture
    n_weights = sum(
        W.size for W, _ in architecture.layers(network.params)[architecture.code_layer :]
    )
    rows = Rows(X.astype(network.dtype), missing="mask")
    code = network.encode(rows).astype(np.float64)  # (m, k)
    k = code.shape[1]
    deviations = code.std(axis=0)
    shares = np.full(k, np.nan)
    if not np.isfinite(code).all():
        return Code(deviations, shares, is_dead, ())
    if math.isfinite(gain) and gain > 0:
        n_rows = int(min(CODE_ROWS, max(FEWEST_CODE_ROWS, CODE_WORK // (k * n_weights))))
        some = evenly(len(X), n_rows)
        part, code_part = X[some], code[some]

        def loss(some_code: Array) -> float:
            X_hat = network.decode(some_code.astype(network.dtype)).astype(np.float64)
            return loss_of(architecture, part, X_hat, PROBABILITY_EDGES[:1])

        whole = loss(code_part)
        for unit, mean in enumerate(code.mean(axis=0)):
            without = code_part.copy()
            without[:, unit] = mean
            shares[unit] = (loss(without) - whole) / gain
    return Code(deviations, shares, is_dead, _twins(code, deviations))


TWINS = 0.9995
"""A correlation above it: each of two units follows from the other to 3 % of its spread."""
TWIN_ROWS = 30
"""Of fewer rows, units agree by chance."""


def _twins(code: Array, deviations: Array) -> tuple[tuple[int, int, float], ...]:
    magnitude = np.abs(code).max(axis=0)
    usable = np.flatnonzero(deviations > NO_SPREAD * magnitude)
    if len(code) < TWIN_ROWS or len(usable) < 2:
        return ()
    standard = (code[:, usable] - code[:, usable].mean(axis=0)) / deviations[usable]
    correlation = standard.T @ standard / len(code)
    pairs = np.argwhere(np.triu(np.abs(correlation) > TWINS, 1))
    return tuple(
        (int(usable[i]), int(usable[j]), float(np.clip(correlation[i, j], -1, 1))) for i, j in pairs
    )


def _beyond_reach(X: Array, architecture: Architecture) -> Array:
    distances = []
    for group in architecture.output_groups:
        part = X[:, group.start : group.stop]
        missed = (part - np.clip(part, *reach(group.activation))) ** 2
        distances.append(np.nansum(missed, axis=0))
    return np.concatenate(distances)


def _variance(X: Array) -> Array:
    """Of each column (n,); exactly 0 where all values are equal, whatever the mean's rounding."""
    return np.where(np.fmin.reduce(X) == np.fmax.reduce(X), 0.0, _seen_variance(X, np.isnan(X)))


def _seen_variance(X: Array, unseen: Array) -> Array:
    """Of what is seen of each column, (n,); 0 where nothing is."""
    if not unseen.any():
        return np.asarray(X.var(axis=0))
    counts = np.maximum(len(X) - unseen.sum(axis=0), 1)
    deviations = X - np.where(unseen, 0.0, X).sum(axis=0) / counts
    return np.asarray((np.where(unseen, 0.0, deviations) ** 2).sum(axis=0) / counts)


def _curve(losses: Any) -> Array:
    return np.asarray(losses, dtype=np.float64)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


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
