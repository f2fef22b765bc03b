"""How an estimator's parameters become a fitted network: the steps that `fit` is made of."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._typing import Array
from ..basics.arguments import Seed, as_float, as_numbers, is_number
from ..data.block_rows import BlockRows
from ..data.checks import check_sample_weight
from ..data.containers import unmasked
from ..data.held_out import HeldOutEntries
from ..data.rows import Rows
from ..data.seen_rows import Seeing, is_clipped, side_by_side
from ..data.sizes import divided
from ..data.weights import relative_weights
from ..training.callbacks import joined, with_progress_bar
from ..training.loop import train
from ..training.progress import Callback, History, NonFiniteLossError, TrainingState
from ..training.stream import Stream, begin, take_part
from .beside import NOTHING, Beside, divides_counts
from .parameters import batch_size_of, solver_of, tolerance_of


def drawing_from(random_state: Any) -> Any:
    """The generator that a random_state is, or stands for as in scikit-learn.

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

    A common factor does not change them: see `ae_core.data.weights`.

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
    check_split(fraction, n_rows, n_held_out)
    return np.sort(random.permutation(n_rows)[:n_held_out])


def check_split(fraction: float, n_rows: int, n_held_out: int) -> None:
    """Refuse to hold out no row, or all.

    Raises
    ------
    ValueError
    """
    if not 1 <= n_held_out < n_rows:
        raise ValueError(
            f"validation_fraction={fraction!r} of n_samples={n_rows} holds out {n_held_out}: some "
            "must be held out and some left; change it, or give X_val"
        )


def without(
    weights: Array | None, held_out: Array, n_rows: int
) -> tuple[Array | None, Array | None]:
    """The weights with 0 for rows held out, which are then not learned from; and those of these.

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
    """Restore the estimator's attributes when something is raised; arrays must not be changed.

    With `keeps_epochs`, only if training has not begun: what it has learned before Ctrl-C, or why
    the loss became infinite, can then be looked at.
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


def clips(estimator: Any) -> bool:
    """Whether rows are clipped to 0 … 1."""
    return is_clipped(estimator._scale, estimator.loss)


def seeing_of(estimator: Any) -> Seeing:
    """What the estimator's fit learned of columns and rows."""
    return Seeing(
        estimator.loss,
        estimator._scale,
        estimator.shift_,
        estimator.factor_,
        estimator._usual_sum,
        estimator.missing_values,
        divides_counts(estimator),
    )


def seen(
    estimator: Any,
    X: Any,
    sample_weight: Array | None = None,
    *,
    name: str = "X",
    beside: Beside = NOTHING,
) -> Rows:
    """X as the estimator's network sees it, with what is given beside its rows."""
    seeing = seeing_of(estimator)
    return seeing.rows(
        X, sample_weight, covariates=beside.covariates, sizes=beside.sizes, name=name
    )


def in_rates(rows: Rows) -> Rows:
    """Counts divided by the sizes of their rows, which become weights: to be judged as rates."""
    if rows.row_size is None:
        return rows
    rates = divided(rows.X[:, : rows.n_features], rows.row_size)
    if rows.n_covariates:
        covariates = rows.X[:, rows.n_features :]
        rates = side_by_side(rates, covariates.toarray() if rows.is_sparse else covariates)
    return Rows(
        rates,
        sample_weight=rows.weights(slice(None)) * rows.row_size,
        missing=rows.missing,
        n_covariates=rows.n_covariates,
        name=rows.name,
    )


def run(
    estimator: Any,
    rows: Rows | BlockRows,
    random: np.random.Generator,
    callbacks: tuple[Callback, ...],
    validation: Rows | HeldOutEntries | None,
    resume: TrainingState | None,
) -> None:
    """Train the estimator's network as its parameters say, and keep the history."""
    solver, max_iter = solver_of(estimator), estimator.max_iter
    estimator._stream = None
    with ExitStack() as stack:
        n_done = resume.history.n_iter if resume else 0
        callbacks = with_progress_bar(stack, callbacks, estimator.verbose, max_iter, n_done)
        estimator.history_ = History()  # here, so that it is there after Ctrl-C
        stack.enter_context(noting_why(estimator.history_))
        train(
            estimator.network_,
            rows,
            solver=solver,
            batch_size=None if solver == "lbfgs" else _batch_size(estimator, rows),
            max_iter=max_iter,
            learning_rate=estimator.learning_rate,
            power_t=estimator.power_t,
            shuffle=estimator.shuffle,
            tol=tolerance_of(estimator),
            n_iter_no_change=estimator.n_iter_no_change,
            random_state=random,
            X_val=validation,
            keep_best=estimator.early_stopping,
            callback=joined(callbacks),
            history=estimator.history_,
            resume=resume,
            **estimator._training_options(),
        )


def _batch_size(estimator: Any, rows: Rows | BlockRows) -> int:
    """Rows per step: "auto" goes by the rows that are learned from."""
    if isinstance(rows, BlockRows):
        n_visited = rows.n_visited
    else:
        n_visited = int(np.count_nonzero(rows.counts(slice(None))))
    return batch_size_of(estimator.batch_size, max(1, n_visited))


@contextmanager
def noting_why(history: History) -> Iterator[None]:
    """Record in the history why training was interrupted, if it was."""
    try:
        yield
    except NonFiniteLossError as error:
        history.stopped_because = str(error).split(":")[0]
        raise
    except KeyboardInterrupt:
        history.stopped_because = "it was interrupted"
        raise


def run_part(estimator: Any, rows: Rows, stream: Stream | None) -> None:
    """Train on a part of a stream as the estimator's parameters say, and keep its state."""
    network, solver = estimator.network_, solver_of(estimator)
    assert not isinstance(solver, str)  # 'lbfgs' has no partial_fit
    if stream is None:
        stream, estimator.history_ = begin(network, solver, generator_of(estimator)), History()
    rate = estimator.learning_rate
    estimator._stream = take_part(
        network,
        rows,
        stream,
        estimator.history_,
        solver=solver,
        batch_size=_batch_size(estimator, rows),
        learning_rate="constant" if rate == "cosine" else rate,
        power_t=estimator.power_t,
        shuffle=estimator.shuffle,
        tol=tolerance_of(estimator),
        n_iter_no_change=estimator.n_iter_no_change,
        kl_warm_up=estimator._training_options().get("kl_warm_up", 0),
    )
