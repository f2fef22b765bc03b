"""How an estimator's parameters become a fitted network: the steps that `fit` is made of."""

import warnings
from contextlib import ExitStack
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

from .._typing import Array
from ..data.checks import check_table, is_sparse
from ..data.encoding import Encoding, check_frame
from ..data.rows import Rows
from ..data.scaling import learn_scaling
from ..diagnosis.baselines import column_mean
from ..diagnosis.findings import not_learning
from ..diagnosis.measures import loss_of, mean_error, some_of
from ..formulas.losses import LOSSES, SHARES
from ..network.compiled import Network
from ..training.callbacks import joined, with_progress_bar
from ..training.loop import train
from ..training.progress import Callback, History, TrainingState
from .parameters import (
    architecture_of,
    batch_size_of,
    check_columns,
    check_noise,
    dtype_of,
    solver_of,
    tolerance_of,
)

ROWS_JUDGED = 1000
"""How many rows tell whether a fit was better than the column mean."""

LAYOUT = (
    *("layer_sizes", "activations", "loss", "code_layer", "biases", "tied", "variational"),
    *("input_mask", "n_covariates", "input_transform"),
)
"""What a fit that goes on from another's weights can't change."""


def generator_of(estimator: Any) -> np.random.Generator:
    """The generator that the estimator's random_state stands for, in scikit-learn's sense."""
    return np.random.default_rng(check_random_state(estimator.random_state).randint(2**31))


def checked(estimator: Any, X: Any, *, reset: bool, name: str = "X") -> Any:
    """X as an array or a canonical CSR matrix, checked as scikit-learn does; DataFrames encoded.

    With `reset`, the number and names of its columns are noted, and how they are encoded is
    learned.

    Raises
    ------
    ValueError
        When it is no table of numbers (with ``columns='mixed'``, no DataFrame), or has holes that
        `missing_values` does not allow.
    """
    missing = estimator.missing_values
    if reset:
        check_columns(estimator.columns, missing)
        is_mixed, holes = estimator.columns == "mixed", missing == "mask"
        estimator.encoding_ = Encoding.learn(X, holes=holes, name=name) if is_mixed else None
    if estimator.encoding_ is not None:
        check_frame(X, name)
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        return estimator.encoding_.encode(
            X, holes=missing == "mask", others=estimator._takes_other_categories, name=name
        )
    try:
        X = validate_data(
            estimator,
            X,
            dtype="numeric",
            accept_sparse="csr",
            ensure_all_finite="allow-nan" if missing else True,
            reset=reset,
        )
        if not is_sparse(X) and X.dtype.kind == "O":  # a frame's categories get this far
            X = X.astype(np.float64)
    except ValueError as error:
        hint = _hint(estimator, str(error))
        if not hint:
            raise
        raise ValueError(f"{str(error).splitlines()[0].rstrip('.')}: {hint}") from error
    return check_table(X, name, missing=missing) if is_sparse(X) or missing == "implicit" else X


def _hint(estimator: Any, error: str) -> str:
    """What to do about an error of scikit-learn's check of X, where there is something to do."""
    if "contains NaN" in error:
        return "missing_values='mask' learns around holes, and impute fills them; or fill them in"
    if "could not convert" in error and "columns" in estimator.get_params():
        return "columns='mixed' takes a DataFrame's text and categories; or encode them as numbers"
    return ""


def weights_of(sample_weight: Any, X: Any) -> Array | None:
    """The weights (n_samples,), checked as scikit-learn does; None for none."""
    if sample_weight is None:
        return None
    return _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


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


def start(estimator: Any, X: Any, weights: Array | None, random: np.random.Generator) -> None:
    """Learn the scaling, and draw the first weights."""
    dtype = dtype_of(estimator.dtype, X)
    shift, factor = learn_scaling(X, estimator.scale, weights, missing=estimator.missing_values)
    if shift is not None and factor is not None and estimator.encoding_ is not None:
        is_number = estimator.encoding_.is_number  # flags and categories are 0 or 1 as they are
        shift, factor = np.where(is_number, shift, 0.0), np.where(is_number, factor, 1.0)
    estimator.shift_, estimator.factor_ = shift, factor
    estimator._learn_from(seen(estimator, X, weights))
    architecture = architecture_of(estimator, X.shape[1])
    check_noise(estimator, architecture)
    estimator.network_ = Network(
        architecture, dtype=dtype, random_state=random, n_threads=estimator.n_threads
    )
    estimator.history_ = History()


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
    estimator.network_ = Network(
        architecture, network.params, dtype=network.dtype, n_threads=estimator.n_threads
    )


def seen(estimator: Any, X: Any, sample_weight: Array | None = None, *, name: str = "X") -> Rows:
    """X as the estimator's network sees it.

    Cross-entropy has no meaning beyond the limits that 'minmax' has learned: there rows are
    clipped.
    """
    clip = estimator.scale == "minmax" and LOSSES[estimator.loss].domain is SHARES
    return Rows(
        X,
        estimator.shift_,
        estimator.factor_,
        sample_weight,
        clip=clip,
        missing=estimator.missing_values,
        name=name,
    )


def run(
    estimator: Any,
    rows: Rows,
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
        n_visited = int(np.count_nonzero(rows.counts(slice(None))))
        batch_size = batch_size_of(estimator.batch_size, max(1, n_visited))

    with ExitStack() as stack:
        n_done = resume.history.n_iter if resume else 0
        callbacks = with_progress_bar(stack, callbacks, estimator.verbose, max_iter, n_done)
        estimator.history_ = History()  # here, so that it is there after Ctrl-C
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
            max_fun=estimator.max_fun,
            callback=joined(callbacks),
            history=estimator.history_,
            resume=resume,
            **estimator._training_options(),
            **options,
        )


class NotLearningWarning(UserWarning):
    """A fit ended with a model that is hardly better than returning the column mean."""


def warn_if_not_learning(network: Network, rows: Rows) -> None:
    """Warn when the model is hardly better than the column mean, judged on some of the rows."""
    which = some_of(rows, ROWS_JUDGED)
    which = which[rows.counts(which) > 0]
    if len(which) < 2:
        return
    some = rows.take(which, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        loss = mean_error(network, some)
        mean = column_mean(some, some)
        found = not_learning(loss, loss_of(network.architecture, some, mean))
    if found:
        warnings.warn(f"{found.message} {found.advice}", NotLearningWarning, stacklevel=3)
