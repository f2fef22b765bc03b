"""The fit of a distributed estimator: `ae_core.estimators.fitting`, but from partitions."""

from contextlib import ExitStack
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import is_number
from ..data.merged_scaling import merged, merged_scaling
from ..data.running_scaling import RunningScaling
from ..estimators.checkpoints import Checkpoint
from ..estimators.fit_warnings import warn_if_not_converged, warn_if_not_learning
from ..estimators.fitting import (
    all_or_nothing,
    generator_of,
    held_out_rows,
    noting_why,
    seen,
    weights_of,
    without,
)
from ..estimators.parameters import batch_size_of, dtype_of, solver_of, tolerance_of
from ..estimators.records import check_parameters
from ..estimators.starting import draw_network, go_on, is_scaled, note_scale
from ..formulas.schedules import Schedule
from ..training.callbacks import check_callbacks, joined, with_progress_bar
from ..training.epochs import drawn_seed
from ..training.lbfgs import train_lbfgs
from ..training.loop import learn
from ..training.progress import History
from .epochs import STEPS_PER_GRAPH, DistributedEpochs, DistributedNetwork, DistributedWatch, Pieces
from .local_steps import LocalStepsEpochs
from .machines import Machines
from .steps import Job
from .tables import DistributedTable, gathered

ROWS_JUDGED = 1000
"""Rows by which a fit is compared with the best constant."""

ROWS_FOR_THE_REST = 10_000
"""Rows from which the rest is learned that is needed before the network is made."""


def fit(
    estimator: Any, X: Any, sample_weight: Any, X_val: Any, callbacks: Any, client: Any
) -> None:
    """Fit a distributed autoencoder to a collection."""
    check_parameters(estimator)
    check_supported(estimator)
    callbacks = check_callbacks(callbacks)
    if any(isinstance(callback, Checkpoint) for callback in callbacks):
        raise ValueError(
            "callbacks has a Checkpoint, which looks at all rows: after the fit use save, and a "
            "callback of your own for what is to be kept meanwhile"
        )
    machines = Machines(client)
    with all_or_nothing(estimator, keeps_epochs=True):
        is_fitted = estimator.warm_start and hasattr(estimator, "network_")
        table = DistributedTable(machines, X, estimator, reset=not is_fitted)
        random = generator_of(estimator)
        weights = given_weights(machines, sample_weight, table)
        held_out = np.empty(0, dtype=np.int64)
        if estimator.early_stopping and X_val is None:
            held_out = held_out_rows(table.n_rows, estimator.validation_fraction, random)
        weights, their_weights = without(weights, held_out, table.n_rows)
        if is_fitted:
            go_on(estimator)
        else:
            _start(estimator, table, weights, random)
        local = estimator.to_local()
        pieces, validation = table.pieces(local, weights), None
        if X_val is not None:
            validation = DistributedTable(machines, X_val, estimator, "X_val").pieces(local, None)
        elif len(held_out):
            alone = np.zeros(table.n_rows)
            alone[held_out] = 1.0 if their_weights is None else their_weights
            validation = table.pieces(local, alone)
        estimator._stream = None
        _run(estimator, pieces, random, callbacks, validation)
        some, some_weights = table.spread(weights, ROWS_JUDGED)
    warn_if_not_converged(estimator)
    warn_if_not_learning(estimator.network_, seen(estimator, some, some_weights))


def check_supported(estimator: Any) -> None:
    """Refuse parameters that need all rows at once, or are not supported over partitions.

    Raises
    ------
    ValueError
        Naming the parameter, and what to do.
    """
    if getattr(estimator, "sparsity", 0):
        raise ValueError(
            f"sparsity={estimator.sparsity!r}: that penalty is of the mean over a whole batch, "
            "which no machine sees; use code_l1 or k_sparse"
        )
    if estimator.columns == "mixed":
        raise ValueError(
            "columns='mixed': categories are not learned from partitions yet; encode them first, "
            "as with dask_ml's OrdinalEncoder or X.categorize() and dask.dataframe.get_dummies"
        )
    if estimator.missing_values == "implicit":
        raise ValueError(
            "missing_values='implicit': partitions must be dense; use 'mask', with NaN for what is "
            "missing"
        )
    sync_every = getattr(estimator, "sync_every", None)
    if sync_every is not None and estimator.solver == "lbfgs":
        raise ValueError(
            f"sync_every={sync_every!r}: solver='lbfgs' takes all rows at once; use 'adamw', or "
            "sync_every=None"
        )


def given_weights(machines: Machines, sample_weight: Any, table: DistributedTable) -> Array | None:
    if sample_weight is not None and not is_number(sample_weight):
        sample_weight = gathered(machines, sample_weight)
    return weights_of(sample_weight, table)


def _start(
    estimator: Any, table: DistributedTable, weights: Array | None, random: np.random.Generator
) -> None:
    """Learn the scaling, and draw the first weights."""
    total = merged(table.measured(weights, estimator.missing_values))
    note_scale(estimator)
    shift, factor = merged_scaling(total, estimator._scale)
    estimator.shift_, estimator.factor_ = shift, factor
    estimator._running = RunningScaling.of_columns(
        total, factor, is_scaled(estimator, table.n_columns)
    )
    some, some_weights = table.spread(weights, ROWS_FOR_THE_REST)
    dtype = dtype_of(estimator.dtype, table)
    draw_network(estimator, seen(estimator, some, some_weights), dtype, random)


def _run(
    estimator: Any,
    pieces: Pieces,
    random: np.random.Generator,
    callbacks: Any,
    validation: Pieces | None,
) -> None:
    """Train the estimator's network as its parameters say, and keep the history."""
    network, solver = estimator.network_, solver_of(estimator)
    options = estimator._training_options()
    kl_warm_up, sync_every = options.get("kl_warm_up", 0), getattr(estimator, "sync_every", None)
    history = estimator.history_ = History()
    job = Job(
        network.architecture,
        network.dtype,
        None if isinstance(solver, str) else solver,
        len(pieces.tasks),
        pieces.limits,
        estimator.n_threads,
    )
    with ExitStack() as stack:
        callbacks = with_progress_bar(stack, callbacks, estimator.verbose, estimator.max_iter, 0)
        watch = DistributedWatch(
            network,
            validation,  # type: ignore[arg-type]
            tolerance_of(estimator),
            estimator.n_iter_no_change,
            joined(callbacks),
            estimator.early_stopping,
        )
        watch.history, watch.job = history, job
        seed = drawn_seed(random)
        stack.enter_context(noting_why(history))
        if isinstance(solver, str):
            facade = DistributedNetwork(network, pieces, job)
            nothing: Any = None
            train_lbfgs(facade, nothing, estimator.max_iter, options.get("max_fun"), watch)
            return
        batch_size = batch_size_of(estimator.batch_size, sum(pieces.n_visited))
        of_order = seed if estimator.shuffle else None
        common = (network, pieces, job, batch_size, of_order, kl_warm_up)
        epochs = LocalStepsEpochs(*common, sync_every) if sync_every else DistributedEpochs(*common)
        schedule = Schedule(
            estimator.learning_rate,
            solver.learning_rate_init,
            epochs.n_steps,
            n_epochs=estimator.max_iter,
            rows_per_epoch=epochs.n_counted,
            power_t=estimator.power_t,
        )
        at_once = max(1, STEPS_PER_GRAPH // epochs.n_steps)
        if watch.looks or sync_every is not None:
            at_once = 1
        learn(network, epochs, epochs.outer, schedule, watch, random, at_once, history=history)
