"""What each unit does: layers with dead and saturated units, and what the code carries."""

import math
from dataclasses import dataclass

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..formulas.activations import ACTIVATIONS
from ..formulas.latent import divergence
from ..network.output import own_parameters, row_losses
from ..network.passes import forward as forward_pass
from ..network.reference import Network
from .baselines import weighted_mean
from .reconstruction import PROBABILITY_EDGES, beside, evenly, loss_of

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
CHUNK_ROWS = 2000
"""Rows whose activations are looked at at once, so that wide layers need little memory."""
TWINS = 0.9995
"""A correlation above it: each of two units follows from the other to 3 % of its spread."""
TWIN_ROWS = 30
"""Of fewer rows, units agree by chance."""
INFORMATION = 0.02
"""Nats per row: a unit of a drawn code with less has given up. Units in use have 0.2 and more."""

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
    stuck: int = 0
    """Of the dead units those whose derivative is zero for every row, which no training moves."""

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
    what the code gains over the best constant; NaN when it gains nothing."""
    is_dead: Array
    """(n_components,) of bool: dead or saturated, as counted in its layer."""
    twins: tuple[tuple[int, int, float], ...]
    """Pairs of units that say the same: ``(i, j, correlation)``."""
    information: Array | None = None
    """(n_components,), of a variational code: the divergence of the unit's distribution from the
    standard normal one, in nats, mean over rows; what the unit says of a row is at most that."""

    @property
    def is_in_use(self) -> Array | None:
        """(n_components,) of bool, of a variational code: the units that carry information."""
        return None if self.information is None else self.information > INFORMATION


def run_network(
    network: Network, X: Array, given: Array | None
) -> tuple[tuple[Layer, ...], Array, Array, Array]:
    """Run the network on rows X (m, n) with covariates (m, c), and look at what its units do.

    Returns
    -------
    layers : tuple of Layer
    code_is_dead : array of bool, shape (n_components,)
    X_hat : array of shape (m, n)
    row_losses : array of shape (m,)
    """
    n, X = X.shape[1], beside(X, given)
    architecture = network.architecture
    n_layers = architecture.n_layers
    sizes = architecture.layer_sizes[1:]
    flat = [np.zeros(size) for size in sizes]  # rows for which the unit is flat
    low = [np.full(size, np.inf) for size in sizes]
    high = [np.full(size, -np.inf) for size in sizes]
    X_hat, errors = np.empty((len(X), n)), np.empty(len(X))
    for start in range(0, len(X), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        trace = forward_pass(architecture, network.params, X[rows].astype(network.dtype))
        errors[rows] = row_losses(architecture, trace)
        X_hat[rows] = trace.H[-1]
        # Not what is left of a k-sparse code: a unit that is not among the largest is not flat.
        for i, (H, name) in enumerate(zip(trace.A[1:], architecture.activations, strict=True)):
            # An output unit may be flat: it has to be where a column is 0 or 1.
            if i < n_layers - 1:
                slope = ACTIVATIONS[name].derivative(H)
                flat[i] += (slope < FLAT * STEEPEST.get(name, 1.0)).sum(axis=0)
            low[i] = np.minimum(low[i], H.min(axis=0))
            high[i] = np.maximum(high[i], H.max(axis=0))
    layers, code_dead = [], np.zeros(architecture.n_components, dtype=bool)
    is_sparse = bool(architecture.k_sparse or architecture.sparsity or architecture.code_l1)
    for i, name in enumerate(architecture.activations):
        is_code = i + 1 == architecture.code_layer
        # A sparse code is meant to be at an end of its range for most rows.
        share = 1.0 if is_code and is_sparse else ALMOST_ALL_ROWS
        saturated = (flat[i] >= share * len(X)) & (name in BOUNDED)
        dead = (flat[i] == len(X)) & (name in ONE_SIDED)
        if is_code:
            code_dead = dead | saturated  # of a code unit without spread, `Code` tells
        elif i < n_layers - 1 and len(X) > 1:
            magnitude = np.maximum(np.abs(low[i]), np.abs(high[i]))
            dead |= (high[i] - low[i] <= NO_SPREAD * magnitude) & ~saturated
        stuck = dead & (flat[i] == len(X))
        n_each = int(dead.sum()), int(saturated.sum()), int(stuck.sum())
        layers.append(Layer(i + 1, sizes[i], name, is_code, *n_each))
    return tuple(layers), code_dead, X_hat, errors


def look_at_code(
    network: Network,
    X: Array,
    weights: Array | None,
    gain: float,
    is_dead: Array,
    given: Array | None,
) -> Code:
    """The code of rows X (m, n), unit by unit.

    Parameters
    ----------
    network : Network
    X : array of shape (m, n)
    weights : array of shape (m,), optional
    gain : float
        By how much the network's loss is below the best constant's.
    is_dead : array of bool, shape (n_components,)
    given : array of shape (m, n_covariates), optional
    """
    architecture = network.architecture
    decoder = architecture.layers(network.params)[architecture.code_layer :]
    n_weights = sum(W.size for W, _ in decoder)
    rows = Rows(beside(X, given).astype(network.dtype), missing="mask")
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
        of_given = None if given is None else given[some].astype(network.dtype)
        of_part = None if weights is None else weights[some]
        own = own_parameters(architecture, network.params.astype(np.float64))

        def loss(some_code: Array) -> float:
            X_hat = network.decode(some_code.astype(network.dtype), of_given).astype(np.float64)
            return loss_of(architecture, part, X_hat, PROBABILITY_EDGES[:1], of_part, own)

        whole = loss(code_part)
        for unit, mean in enumerate(code.mean(axis=0)):
            without = code_part.copy()
            without[:, unit] = mean
            shares[unit] = (loss(without) - whole) / gain
    information = _information(network, rows, X, weights) if architecture.variational else None
    return Code(deviations, shares, is_dead, _twins(code, deviations), information)


def _information(network: Network, rows: Rows, X: Array, weights: Array | None) -> Array:
    mean, log_variance = (part.astype(np.float64) for part in network.posterior(rows))  # (m, k)
    units = (divergence(mean[:, [i]], log_variance[:, [i]]) for i in range(mean.shape[1]))
    return np.array([weighted_mean(of_rows, X, weights) for of_rows in units])


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
