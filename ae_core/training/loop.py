"""The training loop: epochs, shuffling, learning rates, validation, and when to stop.

Works with either twin: it only asks for `params`, `train_steps`, `validation_errors` and
`loss_and_gradient`.
"""

import copy
from typing import Any

from .._typing import RandomState
from ..basics.arguments import COUNT, INDEX, Either, Integer, Number, checked_bool, shown
from ..data.block_rows import BlockRows
from ..data.held_out import HeldOutEntries
from ..data.rows import as_rows
from ..formulas.schedules import Schedule, check_schedule
from ..formulas.solvers import Solver, SolverState, as_solver
from ..network.checks import check_squares, check_targets
from ..network.initialization import as_generator
from ..network.reference import Network
from .block_epochs import BlockEpochs
from .epochs import Epochs, drawn_seed, is_finite
from .lbfgs import train_lbfgs
from .progress import (
    Callback,
    History,
    NonFiniteLossError,
    TrainingState,
    generator_state,
    restore_generator,
    restore_solver,
    solver_copy,
)
from .watch import Watch

STEPS_PER_CALL = 5_000
"""Steps that full-batch training of tiny networks takes between two looks at Python."""

WORK_PER_CALL = 1e9
"""And multiplications: some tenths of a second, so that Ctrl-C loses little of the history."""


def train(
    network: Network,
    X: Any,
    *,
    solver: str | Solver = "adam",
    batch_size: int | None = None,
    max_iter: int = 200,
    learning_rate: str = "constant",
    power_t: float = 0.5,
    shuffle: bool = True,
    tol: float | None = None,
    n_iter_no_change: int = 10,
    random_state: RandomState = None,
    X_val: Any = None,
    keep_best: bool = False,
    max_fun: int | None = None,
    kl_warm_up: int = 0,
    callback: Callback | None = None,
    resume: TrainingState | None = None,
    history: History | None = None,
) -> History:
    """Fit the network's parameters to X, in place.

    Parameters
    ----------
    network : Network
        The reference or its compiled twin.
    X : array of shape (n_samples, n_features), Rows or BlockRows
        Not copied when it is float32, float64 or uint8. Rows of weight zero are never visited.
    solver : str or Solver
        'sgd', 'adam', 'adamw', 'rmsprop', an object such as ``Adam(1e-2)``, or 'lbfgs': SciPy's
        L-BFGS-B, on all rows at once; it needs no learning rate.
    batch_size : int, optional
        Rows per step; all of them when absent.
    max_iter : int
        Epochs: passes over the data. For 'lbfgs', iterations.
    learning_rate : {'constant', 'cosine', 'invscaling', 'adaptive'}
        See `ae_core.formulas.schedules.Schedule`; each starts from ``learning_rate_init``.
    power_t : float
        For 'invscaling'.
    shuffle : bool
        Whether each epoch visits the rows in a new order.
    tol : float, optional
        Stop when the loss (on ``X_val`` if given) has not improved by more than this in
        ``n_iter_no_change`` epochs. None: go on to ``max_iter``.
    n_iter_no_change : int
        Epochs without such an improvement that end training.
    random_state : None, int, Generator or RandomState
        For shuffling, and for the noise of networks that train with any.
    X_val : array of shape (n_validation, n_features), Rows or HeldOutEntries, optional
        Data to compute the loss of after each epoch, without penalty; of held-out entries, that of
        their prediction from the others.
    keep_best : bool
        Whether to end with the parameters of the epoch whose loss (on ``X_val`` if given) was
        smallest, instead of the last one's.
    max_fun : int, optional
        For 'lbfgs': at most so many evaluations of the loss; by default 20 an iteration.
    kl_warm_up : int
        Epochs over which the weight of a variational code's divergence grows to its full size
        (Bowman et al. 2016).
    callback : callable, optional
        Called with a `Progress` after each epoch; training stops when it returns True.
    resume : TrainingState, optional
        Go on from there, given the same data and arguments, to the same bits as one long training;
        from `Progress.state`.
    history : History, optional
        Filled in as training goes, so that it is there after Ctrl-C; by default a new one.

    Returns
    -------
    History
        How training went: losses, steps, and why it ended.

    Raises
    ------
    ValueError
        When an argument is not what it should be; nothing is changed then.
    NonFiniteLossError
        When the loss becomes NaN or infinite. Says at which step, and what to try.
    """
    if not isinstance(network, Network):
        raise ValueError(f"network={shown(network)}: must be an ae_core.Network")
    solver = solver if isinstance(solver, str) and solver == "lbfgs" else as_solver(solver)
    COUNT("max_iter", max_iter)
    Integer(or_infinite=True)("n_iter_no_change", n_iter_no_change)
    Either((None,), Number(or_infinite=True))("tol", tol)
    Either((None,), COUNT)("batch_size", batch_size)
    Either((None,), COUNT)("max_fun", max_fun)
    INDEX("kl_warm_up", kl_warm_up)
    checked_bool("shuffle", shuffle)
    checked_bool("keep_best", keep_best)
    check_schedule(learning_rate, power_t)
    random = as_generator(random_state)
    if callback is not None and not callable(callback):
        raise ValueError(f"callback={shown(callback)}: must be None or a function of a Progress")
    if not isinstance(resume, TrainingState | None):
        raise ValueError(f"resume={shown(resume)}: must be None or what Progress.state() gave")
    if not isinstance(history, History | None):
        raise ValueError(f"history={shown(history)}: must be None or a History")
    n_features, n_covariates = network.architecture.n_features, network.architecture.n_covariates
    if not isinstance(X, BlockRows):
        X = as_rows(X, n_features, network.dtype, n_covariates=n_covariates)
    check_targets(X, network.architecture)
    if X_val is not None:
        is_entries = isinstance(X_val, HeldOutEntries)
        tables = [
            as_rows(rows, n_features, network.dtype, n_covariates=n_covariates, name="X_val")
            for rows in (X_val if is_entries else (X_val,))
        ]
        for rows in tables:
            check_targets(rows, network.architecture)
            check_squares(rows)
        X_val = HeldOutEntries(*tables) if is_entries else tables[0]
    watch = Watch(network, X_val, tol, n_iter_no_change, callback, keep_best)
    if history is not None:
        watch.history = history
    if isinstance(solver, str):
        if isinstance(X, BlockRows):
            raise ValueError(
                "solver='lbfgs' takes all rows at once, and X comes in blocks: use 'adam'"
            )
        if batch_size not in (None, len(X)):
            raise ValueError(f"batch_size={batch_size!r}: solver='lbfgs' takes all rows at once")
        if resume is not None:
            raise ValueError("solver='lbfgs' can't be resumed: its memory is SciPy's own")
        if kl_warm_up:
            raise ValueError(f"kl_warm_up={kl_warm_up!r}: solver='lbfgs' has no epochs to do it in")
        return train_lbfgs(network, X, max_iter, max_fun, watch)

    epochs = (BlockEpochs if isinstance(X, BlockRows) else Epochs)(
        network, X, solver, batch_size, shuffle, random, kl_warm_up
    )
    n_rows, steps_per_epoch = epochs.n_rows, epochs.n_steps
    schedule = Schedule(
        learning_rate,
        solver.learning_rate_init,
        steps_per_epoch,
        n_epochs=max_iter,
        rows_per_epoch=epochs.n_counted,
        power_t=power_t,
    )
    if schedule.name == "adaptive" and tol is None:
        raise ValueError("learning_rate='adaptive' needs a tol: it cuts the rate where 'tol' stops")

    # Nobody looks in between and every step sees all rows: many epochs fit in one call.
    work = 3.0 * n_rows * network.params.size
    epochs_per_call = min(STEPS_PER_CALL, 1_000_000 // n_rows, int(WORK_PER_CALL / work))
    if steps_per_epoch > 1 or watch.looks or isinstance(X, BlockRows):
        epochs_per_call = 1
    return learn(network, epochs, solver, schedule, watch, random, epochs_per_call, resume, history)


def learn(
    network: Network,
    epochs: Any,
    solver: Solver,
    schedule: Schedule,
    watch: Watch,
    random: Any,
    epochs_per_call: int,
    resume: TrainingState | None = None,
    history: History | None = None,
) -> History:
    """Run epochs until the schedule ends or the watch says so; `train` after its checks.

    Parameters
    ----------
    network : Network
    epochs : Epochs
        Or what does the same elsewhere: its ``n_steps``, ``run``, ``check`` and ``means``.
    solver : Solver
    schedule : Schedule
        Of which ``n_epochs`` is the last.
    watch : Watch
    random : Generator or RandomState
        That of the epochs: the seed of the noise is drawn from it.
    epochs_per_call : int
        How many to run at once; above 1 only where nobody looks in between.
    resume, history
        As in `train`.
    """
    max_iter, steps_per_epoch = schedule.n_epochs, epochs.n_steps
    n_alone = 0  # epochs that are taken one by one, because training ends, or changes, among them

    state = solver.start(network.params)
    if resume is not None:
        state = _restore(resume, network, solver, random, watch)
        noise_seed = resume.noise_seed
    else:
        noise_seed = drawn_seed(random) if network.architecture.is_noisy else 0
    if history is not None:  # a resumed one is another
        vars(history).update(vars(watch.history))
        watch.history = history
    history = watch.history
    watch.average = state.average
    watch.snapshot = lambda: _snapshot(network, state, random, watch, noise_seed)
    while history.n_iter < max_iter and not watch.should_stop(schedule):
        n_epochs = min(1 if n_alone else max(1, epochs_per_call), max_iter - history.n_iter)
        n_alone = max(0, n_alone - 1)
        start = solver_copy(state) if n_epochs > 1 else None
        before, done = network.params.copy(), (history.n_iter, history.n_steps)
        rates = schedule.rates(history.n_steps, n_epochs * steps_per_epoch, watch.n_cuts)
        losses = epochs.run(state, rates, history.n_iter, noise_seed)
        if start is not None and (watch.changes_within(losses) or not is_finite(network, state)):
            network.params[...] = before
            restore_solver(state, start)
            n_alone = n_epochs
            continue
        try:
            epochs.check(losses, state, rates, *done)
        except NonFiniteLossError:
            network.params[...] = before
            raise
        history.n_steps += len(losses)
        watch.record(epochs.means(losses))
    if not history.stopped_because:
        history.stopped_because = f"reached max_iter={max_iter}"
    watch.finish()
    return history


def _snapshot(
    network: Network, state: SolverState, random: Any, watch: Watch, noise_seed: int
) -> TrainingState:
    return TrainingState(
        params=network.params.copy(),
        solver=solver_copy(state),
        random=generator_state(random),
        history=copy.deepcopy(watch.history),
        best=watch.best,
        best_params=None if watch.best_params is None else watch.best_params.copy(),
        n_stale=watch.n_stale,
        n_cuts=watch.n_cuts,
        noise_seed=noise_seed,
    )


def _restore(
    saved: TrainingState, network: Network, solver: Solver, random: Any, watch: Watch
) -> SolverState:
    n_params = network.architecture.n_params
    vectors = (saved.params, *saved.solver.memory)
    if any(vector.shape != (n_params,) for vector in vectors) or len(vectors) != 1 + len(
        solver.remembers
    ):
        raise ValueError("resume is a state of another network or another solver")
    if (saved.solver.average is None) != (solver.averaging is None):
        raise ValueError(f"resume is a state of a solver without averaging={solver.averaging!r}")
    restore_generator(random, saved.random)
    network.params[...] = saved.params
    watch.history = copy.deepcopy(saved.history)
    watch.history.stopped_because = ""
    watch.best, watch.n_stale, watch.n_cuts = saved.best, saved.n_stale, saved.n_cuts
    watch.best_params = None if saved.best_params is None else saved.best_params.copy()
    return solver_copy(saved.solver)
