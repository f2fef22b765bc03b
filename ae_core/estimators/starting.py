"""How a fit begins: the scaling, and the first weights, drawn or those of a fit before."""

from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import shown
from ..data.rating_biases import learn_biases
from ..data.rows import Rows
from ..data.running_scaling import RunningScaling
from ..data.scaling import check_scaling, learn_scaling
from ..data.sizes import usual_sum
from ..diagnosis.reconstruction import judged_rows, rates_of
from ..network.compiled import Network
from ..network.mean_start import start_at_mean
from ..training.progress import History
from .beside import NOTHING, Beside, usual_size
from .fitting import seen
from .parameters import architecture_of, check_noise, dtype_of, scale_of, size_factors_of

MEAN_ROWS = 2000
"""Rows of which the mean is taken, at most, that a network starts from."""

LAYOUT = (
    *("layer_sizes", "activations", "loss", "code_layer", "biases", "tied", "variational"),
    *("input_mask", "n_covariates", "input_transform"),
)
"""Attributes of the architecture that stay when a fit goes on from the weights of another."""


def is_scaled(estimator: Any, n_features: int) -> Array:
    """Which columns the network sees scaled: (n_features,) bool."""
    if estimator._scale is None:
        return np.zeros(n_features, dtype=bool)
    if estimator.encoding_ is None:
        return np.ones(n_features, dtype=bool)
    return estimator.encoding_.is_number  # flags and categories are 0 or 1 as they are


def start(
    estimator: Any,
    X: Any,
    weights: Array | None,
    random: np.random.Generator,
    *,
    in_parts: bool = False,
    beside: Beside = NOTHING,
) -> None:
    """Learn the scaling, and draw the first weights."""
    dtype, missing = dtype_of(estimator.dtype, X), estimator.missing_values
    scale = scale_in_parts(estimator) if in_parts else scale_of(estimator)
    estimator._scale, estimator._usual_sum = scale, None
    if size_factors_of(estimator) is not None:
        estimator._usual_sum = (
            usual_sum(X, weights) if beside.sizes is None else usual_size(beside.sizes, weights)
        )
    learned: tuple[Array | None, Array | None]
    if scale == "biases":
        learned = learn_biases(X, weights)
        check_scaling(X, *learned)
    else:
        learned = learn_scaling(X, scale, weights, missing=missing)
    shift, factor = learned
    scaled = is_scaled(estimator, X.shape[1])
    if shift is not None and factor is not None and estimator.encoding_ is not None:
        shift, factor = np.where(scaled, shift, 0.0), np.where(scaled, factor, 1.0)
    estimator.shift_, estimator.factor_ = shift, factor
    estimator._running = RunningScaling.begin(X, weights, factor, scaled, missing)
    draw_network(estimator, seen(estimator, X, weights, beside=beside), dtype, random)


def draw_network(estimator: Any, rows: Rows, dtype: Any, random: np.random.Generator) -> None:
    """Learn what the architecture needs from scaled rows, all or some, and draw the weights."""
    estimator._learn_from(rows)
    architecture = architecture_of(estimator, rows.n_features)
    check_noise(estimator, architecture)
    estimator.network_ = Network(
        architecture, dtype=dtype, random_state=random, n_threads=estimator.n_threads
    )
    if estimator._scale != "biases":  # which leave residuals, whose means are noise
        begin_at_mean(estimator.network_, rows)
    estimator.history_ = History()


def scale_in_parts(estimator: Any) -> str | None:
    """How columns are scaled that come in parts: biases need all rows and columns."""
    scale = scale_of(estimator)
    return "standard" if scale == "biases" else scale


def note_scale(estimator: Any) -> None:
    """Note how columns of blocks or partitions are scaled; rows have no sizes and no covariates.

    Raises
    ------
    ValueError
        When rows are to be divided by their sizes.
    """
    if estimator.size_factors not in ("auto", None):
        raise ValueError(
            f"size_factors={estimator.size_factors!r}: not for data that is read in blocks or "
            "partitions; use size_factors=None, or divide the rows first"
        )
    estimator._scale, estimator._usual_sum = scale_in_parts(estimator), None
    estimator._covariates = None  # of a fit before


def begin_at_mean(network: Network, rows: Rows) -> None:
    """Set biases so that the new network returns the mean of some of the rows."""
    which = judged_rows(rows, MEAN_ROWS)
    X, weights = rates_of(rows, which)
    params = network.params.astype(np.float64)
    start_at_mean(network.architecture, params, X[:, : rows.n_features], weights)
    if np.isfinite(params).all():
        network.params[:] = params


def scale_on(estimator: Any, X: Any, weights: Array | None) -> None:
    """Update the scaling of columns of which too little is known from the rows so far."""
    if estimator._running is None:
        return
    running = estimator._running.copy()
    scaled = is_scaled(estimator, X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):  # named below
        changed = running.take_in(X, weights, scaled, estimator.missing_values)
        estimator._running = running
        if not changed.any():
            return
        shift, factor = running.scaling(changed, estimator._scale)
    if estimator.shift_ is not None:
        estimator.shift_ = estimator.shift_.copy()
        estimator.shift_[changed] = shift
    estimator.factor_ = estimator.factor_.copy()
    estimator.factor_[changed] = factor
    check_scaling(X, estimator.shift_, estimator.factor_)


def go_on(estimator: Any) -> None:
    """Keep the scaling and the weights of the fit before.

    Raises
    ------
    ValueError
        When the parameters now describe another network.
    """
    network = estimator.network_
    architecture = architecture_of(estimator, network.architecture.n_features)
    check_noise(estimator, architecture)
    for name in LAYOUT:
        now, then = getattr(architecture, name), getattr(network.architecture, name)
        if now != then:
            raise ValueError(
                f"the parameters now describe a network with {name}={shown(now)}, and the fitted "
                f"model has {shown(then)}: set n_components and the like as they were, or fit anew "
                "with warm_start=False"
            )
    # A copy: the old ones may be a file's, which can't be written to.
    estimator.network_ = Network(
        architecture, network.params.copy(), dtype=network.dtype, n_threads=estimator.n_threads
    )
