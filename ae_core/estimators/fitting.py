"""How an estimator's parameters become a fitted network: the steps that `fit` is made of."""

import math
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from .._typing import Array
from ..basics.arguments import Seed, as_float, as_numbers, is_number, shown
from ..data.block_rows import BlockRows
from ..data.checks import check_sample_weight
from ..data.containers import unmasked
from ..data.rating_biases import learn_biases, without_row_biases
from ..data.rows import Rows
from ..data.running_scaling import RunningScaling
from ..data.scaling import check_scaling, learn_scaling
from ..data.sizes import check_domain, divided, row_sizes, usual_sum
from ..data.weights import relative_weights
from ..diagnosis.findings import WORSE_THAN_CONSTANT, is_worth_a_look, not_learning
from ..diagnosis.reconstruction import mean_error, some_of
from ..diagnosis.references import references
from ..formulas.losses import LOSSES, SHARES
from ..network.compiled import Network
from ..network.mean_start import start_at_mean
from ..network.passes import own_parameters
from ..training.callbacks import joined, with_progress_bar
from ..training.loop import train
from ..training.progress import Callback, History, NonFiniteLossError, TrainingState
from ..training.stream import Stream, begin, take_part
from .beside import NOTHING, Beside, divides_counts, side_by_side, usual_size
from .parameters import (
    TOLERANCE,
    architecture_of,
    batch_size_of,
    check_noise,
    dtype_of,
    scale_of,
    size_factors_of,
    solver_of,
    tolerance_of,
)

ROWS_JUDGED, FEWER_ROWS_JUDGED, ENTRIES_JUDGED = 1000, 200, 300_000
"""How many rows tell whether a fit was better than a constant; fewer of wide tables."""

MEAN_ROWS = 2000
"""How many rows say where a network starts."""

NAMES_SHOWN = 5
"""How many columns a warning names."""

LAYOUT = (
    *("layer_sizes", "activations", "loss", "code_layer", "biases", "tied", "variational"),
    *("input_mask", "n_covariates", "input_transform"),
)
"""What a fit that goes on from another's weights can't change."""


def drawing_from(random_state: Any) -> Any:
    """The generator that a random_state stands for, in scikit-learn's sense; or is.

    Raises
    ------
    ValueError
        When it is neither None, a seed nor a generator.
    """
    random_state = Seed()("random_state", random_state)
    if isinstance(random_state, np.random.Generator):
        return random_state
    return check_random_state(random_state)


def generator_of(estimator: Any) -> np.random.Generator:
    """The generator that the estimator's random_state stands for."""
    random = drawing_from(estimator.random_state)
    draw = random.integers if isinstance(random, np.random.Generator) else random.randint
    return np.random.default_rng(draw(2**31))


def weights_of(sample_weight: Any, X: Any) -> Array | None:
    """The weights (n_samples,), checked as scikit-learn does, as numbers of rows; None for none.

    Multiplied by whatever, they come out the same: see `ae_core.data.weights`.

    Raises
    ------
    ValueError
        When they are not one number of at least 0 for each row, some of them above it.
    """
    n_rows = X.shape[0]
    if sample_weight is None:
        return None
    if isinstance(sample_weight, np.ma.MaskedArray):
        sample_weight = unmasked(sample_weight, "sample_weight")
    if is_number(sample_weight):
        sample_weight = np.full(n_rows, as_float(sample_weight))
    weights = as_numbers("sample_weight", sample_weight)
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight.shape is {weights.shape}: one weight per row, ({n_rows},), is needed"
        )
    return relative_weights(check_sample_weight(weights, n_rows))


def held_out_rows(n_rows: int, fraction: float, random: np.random.Generator) -> Array:
    """Which rows to learn nothing from, in order.

    Raises
    ------
    ValueError
        When that would be none of them, or all.
    """
    n_held_out = round(fraction * n_rows)
    if not 1 <= n_held_out < n_rows:
        raise ValueError(
            f"validation_fraction={fraction!r} of n_samples={n_rows} holds out {n_held_out}: some "
            "must be held out and some left; change it, or give X_val"
        )
    return np.sort(random.permutation(n_rows)[:n_held_out])


def without(
    weights: Array | None, held_out: Array, n_rows: int
) -> tuple[Array | None, Array | None]:
    """The weights with zero for the rows held out, which are then never visited; and theirs.

    Raises
    ------
    ValueError
        When nothing is left to learn from.
    """
    if not len(held_out):
        return weights, None
    weights = np.ones(n_rows) if weights is None else weights.copy()
    their_weights = weights[held_out]
    weights[held_out] = 0
    if not weights.any() or not their_weights.any():
        raise ValueError("sample_weight is zero for every row that is held out, or for all others")
    return weights, their_weights


@contextmanager
def all_or_nothing(estimator: Any, *, keeps_epochs: bool = False) -> Iterator[None]:
    """Leave the estimator as it was when something is raised; arrays must not be changed in it.

    With `keeps_epochs`, only where training has not begun: what it has learned, or why it could
    not, is to be looked at.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException as error:
        history = getattr(estimator, "history_", None)
        has_begun = history is not None and history is not before.get("history_")
        is_about_training = isinstance(error, NonFiniteLossError | KeyboardInterrupt)
        is_kept = keeps_epochs and has_begun and (is_about_training or estimator.n_iter_ > 0)
        if not is_kept:
            vars(estimator).clear()
            vars(estimator).update(before)
        raise


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
    shift: Array | None
    factor: Array | None
    if scale == "biases":
        shift, factor = learn_biases(X, weights)
        check_scaling(X, shift, factor)
    else:
        shift, factor = learn_scaling(X, scale, weights, missing=missing)
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
    """How columns are scaled where no part has all of a row's or column's entries."""
    scale = scale_of(estimator)
    return "standard" if scale == "biases" else scale


def note_scale(estimator: Any) -> None:
    """Note how columns are scaled that are learned in parts, where nothing is known of whole rows.

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
    """Let the new network begin as the best constant, judged on some of the rows."""
    which = judged_rows(rows, MEAN_ROWS)
    X = rows.take(which, np.float64)[:, : network.architecture.n_features]
    params = network.params.astype(np.float64)
    weights = rows.weights(which)
    if rows.row_size is not None:  # with offsets, the most likely rate is Σ x / Σ s
        sizes = rows.row_size[which]
        X, weights = X / sizes[:, None], weights * sizes
    start_at_mean(network.architecture, params, X, weights)
    if np.isfinite(params).all():
        network.params[:] = params


def judged_rows(rows: Rows, at_most: int) -> Array:
    """The numbers of some rows that count, evenly spaced; of wide tables of fewer."""
    fewer = max(FEWER_ROWS_JUDGED, ENTRIES_JUDGED // rows.n_features)
    which = some_of(rows, min(at_most, fewer))
    return which[rows.counts(which) > 0]


def scale_on(estimator: Any, X: Any, weights: Array | None) -> None:
    """Learn more of the scaling of columns of which the rows so far have not said enough."""
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
    if any(getattr(architecture, n) != getattr(network.architecture, n) for n in LAYOUT):
        raise ValueError(
            f"the parameters now describe {architecture}, and the fitted model is "
            f"{network.architecture}: set n_components and the like as they were, or fit anew "
            "with warm_start=False"
        )
    # A copy: the old ones may be a file's, which can't be written to.
    estimator.network_ = Network(
        architecture, network.params.copy(), dtype=network.dtype, n_threads=estimator.n_threads
    )


def clips(estimator: Any) -> bool:
    """Whether rows are clipped to 0 … 1.

    Cross-entropy has no meaning beyond the limits that 'minmax' has learned.
    """
    return estimator._scale == "minmax" and LOSSES[estimator.loss].domain is SHARES


def seen(
    estimator: Any,
    X: Any,
    sample_weight: Array | None = None,
    *,
    name: str = "X",
    beside: Beside = NOTHING,
) -> Rows:
    """X as the estimator's network sees it; of ratings without the biases of rows."""
    row_shift = row_factor = row_size = None
    if estimator._usual_sum is not None:
        check_domain(X, estimator.loss, name)
        if beside.sizes is not None:
            row_size = beside.sizes / estimator._usual_sum
        else:
            row_size = row_sizes(X, estimator._usual_sum)
        if divides_counts(estimator):
            row_factor, row_size = row_size, None
            X = divided(X, row_factor)
            sample_weight = row_factor if sample_weight is None else sample_weight * row_factor
    if estimator._scale == "biases":
        X, row_shift = without_row_biases(X, estimator.shift_)
    shift, factor = estimator.shift_, estimator.factor_
    n_covariates = 0
    if beside.covariates is not None:
        n_covariates = beside.covariates.shape[1]
        X = side_by_side(X, beside.covariates)
        shift, factor = (
            None if ends is None else np.concatenate([ends, np.full(n_covariates, neutral)])
            for ends, neutral in ((shift, 0.0), (factor, 1.0))
        )
    return Rows(
        X,
        shift,
        factor,
        sample_weight,
        clip=clips(estimator),
        missing=estimator.missing_values,
        n_covariates=n_covariates,
        row_shift=row_shift,
        row_factor=row_factor,
        row_size=row_size,
        name=name,
    )


def in_rates(rows: Rows) -> Rows:
    """Rows that have sizes divided by them, and each weighing as much: to be judged by rates."""
    if rows.row_size is None:
        return rows
    return Rows(
        divided(rows.X, rows.row_size),
        sample_weight=rows.weights(slice(None)) * rows.row_size,
        missing=rows.missing,
        name=rows.name,
    )


def run(
    estimator: Any,
    rows: Rows | BlockRows,
    random: np.random.Generator,
    callbacks: tuple[Callback, ...],
    *,
    max_iter: int,
    resume: TrainingState | None,
    **options: Any,
) -> None:
    """Train the estimator's network as its parameters say, and keep the history."""
    solver = solver_of(estimator)
    batch_size = None
    if solver != "lbfgs":
        if isinstance(rows, BlockRows):
            n_visited = rows.n_visited
        else:
            n_visited = int(np.count_nonzero(rows.counts(slice(None))))
        batch_size = batch_size_of(estimator.batch_size, max(1, n_visited))

    with ExitStack() as stack:
        n_done = resume.history.n_iter if resume else 0
        callbacks = with_progress_bar(stack, callbacks, estimator.verbose, max_iter, n_done)
        estimator.history_ = History()  # here, so that it is there after Ctrl-C
        stack.enter_context(noting_why(estimator.history_))
        train(
            estimator.network_,
            rows,
            solver=solver,
            batch_size=batch_size,
            max_iter=max_iter,
            power_t=estimator.power_t,
            shuffle=estimator.shuffle,
            tol=tolerance_of(estimator),
            n_iter_no_change=estimator.n_iter_no_change,
            random_state=random,
            callback=joined(callbacks),
            history=estimator.history_,
            resume=resume,
            **estimator._training_options(),
            **options,
        )


@contextmanager
def noting_why(history: History) -> Iterator[None]:
    """Keep in the history why training breaks off, where it does."""
    try:
        yield
    except NonFiniteLossError as error:
        history.stopped_because = str(error).split(":")[0]
        raise
    except KeyboardInterrupt:
        history.stopped_because = "it was interrupted"
        raise


def run_part(estimator: Any, rows: Rows, stream: Stream | None) -> None:
    """Go through a part of a stream as the estimator's parameters say, and keep where it got to."""
    network, solver = estimator.network_, solver_of(estimator)
    assert not isinstance(solver, str)  # 'lbfgs' has no partial_fit
    if stream is None:
        stream, estimator.history_ = begin(network, solver, generator_of(estimator)), History()
    n_visited = int(np.count_nonzero(rows.counts(slice(None))))
    rate = estimator.learning_rate
    estimator._stream = take_part(
        network,
        rows,
        stream,
        estimator.history_,
        solver=solver,
        batch_size=batch_size_of(estimator.batch_size, max(1, n_visited)),
        learning_rate="constant" if rate == "cosine" else rate,
        power_t=estimator.power_t,
        shuffle=estimator.shuffle,
        tol=tolerance_of(estimator),
        n_iter_no_change=estimator.n_iter_no_change,
        kl_warm_up=estimator._training_options().get("kl_warm_up", 0),
    )


def warn_of_never_seen(estimator: Any, never: Array) -> None:
    """Warn of columns (n_features,) that stay missing, because nothing was seen of them."""
    places = np.flatnonzero(never)
    if not len(places):
        return
    names = getattr(estimator, "feature_names_in_", None)
    called = [str(i) if names is None else shown(names[i]) for i in places[:NAMES_SHOWN]]
    rest = f" and {len(places) - NAMES_SHOWN} more" if len(places) > NAMES_SHOWN else ""
    warnings.warn(
        f"column{'s' if len(places) > 1 else ''} {', '.join(called)}{rest} had no entry in the "
        "fit, which knows nothing of it: impute leaves it missing",
        stacklevel=3,
    )


class NotLearningWarning(UserWarning):
    """A fit ended with a model that is hardly better than returning the same for every row."""


def warn_if_not_learning(network: Network, rows: Rows) -> None:
    """Warn when the model is hardly better than the best constant, judged on some of the rows.

    Only then PCA is computed, too: where it is no better either, there is little to learn.
    """
    which = judged_rows(rows, ROWS_JUDGED)
    if len(which) < 2:
        return
    some = rows.take(which, np.float64)
    weights = None if rows.sample_weight is None else rows.weights(which)
    architecture = network.architecture
    if rows.row_size is not None:  # judged by rates, each by how much was counted
        sizes = rows.row_size[which]
        some = some.copy()  # which may be the table itself
        some[:, : rows.n_features] /= sizes[:, None]
        weights = rows.weights(which) * sizes
    with np.errstate(over="ignore", invalid="ignore"):
        loss = mean_error(network, some, weights)
        some = some[:, : rows.n_features]
        own = own_parameters(architecture, network.params.astype(np.float64))
        constant = references(architecture, some, 0, weights, own)
        if not is_worth_a_look(loss, constant):
            return
        k, is_sample = architecture.n_components, len(which) < len(rows)
        judged_by = references(architecture, some, k, weights, own, is_sample=is_sample)
        if not judged_by.has_structure and loss < WORSE_THAN_CONSTANT * judged_by.constant:
            return
        found = not_learning(
            loss,
            judged_by.constant,
            judged_by.constant_name,
            judged_by.floor,
            judged_by.pca if judged_by.has_structure else judged_by.constant,
        )
    if found:
        warnings.warn(f"{found.message} {found.advice}", NotLearningWarning, stacklevel=3)


def warn_if_not_converged(estimator: Any) -> None:
    """Warn where convergence was asked for, by 'lbfgs' or a `tol`, and the fit ended before it.

    That is where the watched loss still improved by more than the tolerance in the last
    `n_iter_no_change` epochs.
    """
    history, patience = estimator.history_, estimator.n_iter_no_change
    asked_for = estimator.tol is not None or estimator.solver == "lbfgs"
    if not asked_for or not history.stopped_because.startswith("reached "):
        return
    tol = TOLERANCE if estimator.tol is None else estimator.tol
    best, n_stale = math.inf, 0
    for loss in history.watched:
        n_stale = 0 if loss < best - tol else n_stale + 1
        best = min(best, loss)
    if n_stale >= patience:
        return
    warnings.warn(
        f"The fit {history.stopped_because} before {patience} epochs came by without the loss "
        f"improving by more than tol={tol:g}: raise that limit, or tol",
        ConvergenceWarning,
        stacklevel=3,
    )
