"""The training loop: epochs, shuffling, learning rates, validation, and when to stop.

Works with either twin: it only asks for `params`, `train_steps`, `loss` and `loss_and_gradient`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._typing import Array, RandomState
from .initialization import as_generator
from .reference import Network
from .rows import as_rows, check_targets
from .solvers import Solver, as_solver

STEPS_PER_CALL = 5_000
"""Steps that full-batch training of tiny networks takes between two looks at Python."""


class NonFiniteLossError(FloatingPointError):
    """The loss became NaN or infinite; the network got back its last good parameters."""


@dataclass(frozen=True)
class Progress:
    """What a callback is told after each epoch."""

    n_iter: int
    """Epochs finished: 1, 2, …"""
    loss: float
    validation_loss: float | None
    network: Network


Callback = Callable[[Progress], bool | None]


@dataclass
class History:
    """How training went."""

    loss_curve: list[float] = field(default_factory=list)
    """Mean loss of each epoch, each batch taken before its step."""
    validation_loss_curve: list[float] = field(default_factory=list)
    """Loss on ``X_val`` after each epoch; empty without one."""
    n_steps: int = 0
    stopped_because: str = ""

    @property
    def n_iter(self) -> int:
        """Epochs (for L-BFGS: iterations) finished."""
        return len(self.loss_curve)


def train(
    network: Network,
    X: Any,
    *,
    solver: str | Solver = "adam",
    batch_size: int | None = None,
    max_iter: int = 200,
    learning_rate: str = "constant",
    shuffle: bool = True,
    tol: float | None = None,
    n_iter_no_change: int = 10,
    random_state: RandomState = None,
    X_val: Any = None,
    callback: Callback | None = None,
) -> History:
    """Fit the network's parameters to X, in place.

    Parameters
    ----------
    network : Network
        The reference or its compiled twin.
    X : array of shape (n_samples, n_features)
        Not copied when it already has the network's dtype.
    solver : {'adam', 'adamw', 'sgd', 'rmsprop', 'lbfgs'} or Solver
        A name for the defaults; a `Solver` such as ``SGD(learning_rate_init=1.0)`` to set them.
        'lbfgs' is SciPy's L-BFGS-B, on all rows at once; it needs no learning rate.
    batch_size : int, optional
        Rows per step; all of them when absent.
    max_iter : int
        Epochs: passes over the data. For 'lbfgs', iterations.
    learning_rate : {'constant', 'cosine'}
        'cosine' rises over the first 5 % of all steps, then falls to zero along half a cosine
        (Loshchilov & Hutter 2017), starting from the solver's ``learning_rate_init``.
    shuffle : bool
        Whether each epoch visits the rows in a new order.
    tol : float, optional
        Stop when the loss (on ``X_val`` if given) has not improved by more than this in
        ``n_iter_no_change`` epochs. None: go on to ``max_iter``.
    n_iter_no_change : int
    random_state : None, int, Generator or RandomState
        For shuffling.
    X_val : array of shape (n_validation, n_features), optional
        Data to compute the loss of after each epoch.
    callback : callable, optional
        Called with a `Progress` after each epoch; training stops when it returns True.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        When an argument is not what it should be; nothing is changed then.
    NonFiniteLossError
        When the loss becomes NaN or infinite. Says at which step, and what to try.
    """
    n_features = network.architecture.n_features
    X = as_rows(X, n_features, network.dtype)
    check_targets(X, network.architecture)
    if X_val is not None:
        X_val = as_rows(X_val, n_features, network.dtype, name="X_val")
        check_targets(X_val, network.architecture)
    _check_count("max_iter", max_iter)
    _check_count("n_iter_no_change", n_iter_no_change)
    if tol is not None and not tol >= 0:
        raise ValueError(f"tol={tol!r}: must be None or a number of at least 0")
    watch = _Watch(network, X_val, tol, n_iter_no_change, callback)
    if isinstance(solver, str) and solver == "lbfgs":
        if batch_size not in (None, len(X)):
            raise ValueError(f"batch_size={batch_size!r}: solver='lbfgs' takes all rows at once")
        return _train_lbfgs(network, X, max_iter, watch)
    solver = as_solver(solver)
    if batch_size is None:
        batch_size = len(X)
    _check_count("batch_size", batch_size)
    if batch_size > len(X):
        raise ValueError(f"batch_size={batch_size}: X has only {len(X)} rows (None takes them all)")
    steps_per_epoch = math.ceil(len(X) / batch_size)
    rates = learning_rates(learning_rate, solver.learning_rate_init, max_iter * steps_per_epoch)
    random = as_generator(random_state)

    def order_of_epoch() -> Array:
        # All rows at once make the same step in any order, so full batches are not shuffled.
        mixed = shuffle and steps_per_epoch > 1
        return random.permutation(len(X)) if mixed else np.arange(len(X))

    # Nobody looks in between and every step sees all rows: many epochs fit in one call.
    unwatched = steps_per_epoch == 1 and tol is None and X_val is None and callback is None
    epochs_per_call = STEPS_PER_CALL if unwatched and len(X) <= STEPS_PER_CALL else 1
    epochs_per_call = max(1, min(epochs_per_call, 1_000_000 // len(X)))

    history, state = watch.history, solver.start(network.params)
    while history.n_iter < max_iter:
        n_epochs = min(epochs_per_call, max_iter - history.n_iter)
        order = np.concatenate([order_of_epoch() for _ in range(n_epochs)])
        first = history.n_steps
        call_rates = rates[first : first + n_epochs * steps_per_epoch]
        before = network.params.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # a loss that overflows is named below
            losses = network.train_steps(X, order, batch_size, solver, state, call_rates)
        _check_losses(network, losses, before, first, steps_per_epoch, call_rates)
        history.n_steps += len(losses)
        weights = np.minimum(batch_size, len(X) - batch_size * np.arange(steps_per_epoch))
        epoch_losses = losses.reshape(n_epochs, steps_per_epoch) @ weights / len(X)
        if watch.should_stop(epoch_losses):
            return history
    history.stopped_because = f"reached max_iter={max_iter}"
    return history


def learning_rates(schedule: str, learning_rate_init: float, n_steps: int) -> Array:
    """The learning rate of each step, (n_steps,) float64.

    Raises
    ------
    ValueError
        For an unknown schedule.
    """
    if schedule == "constant":
        return np.full(n_steps, float(learning_rate_init))
    if schedule == "cosine":
        n_warm = max(1, n_steps // 20)
        warm = np.arange(1, n_warm + 1) / n_warm
        cold = 0.5 * (1 + np.cos(np.pi * np.arange(n_steps - n_warm) / max(1, n_steps - n_warm)))
        return learning_rate_init * np.concatenate([warm, cold])
    raise ValueError(f"learning_rate={schedule!r}: must be 'constant' or 'cosine'")


class _Watch:
    """What happens between epochs: the record, validation, the callback, the stopping rule."""

    def __init__(
        self,
        network: Network,
        X_val: Array | None,
        tol: float | None,
        n_iter_no_change: int,
        callback: Callback | None,
    ) -> None:
        self.history = History()
        self.network, self.X_val, self.callback = network, X_val, callback
        self.tol, self.patience = tol, n_iter_no_change
        self.best, self.n_stale = math.inf, 0

    def should_stop(self, losses: Array) -> bool:
        """Record the losses of the epochs just finished; say whether training should end."""
        history = self.history
        history.loss_curve.extend(losses.tolist())
        watched, validation = history.loss_curve[-1], None
        if self.X_val is not None:
            watched = validation = self.network.loss(self.X_val)
            history.validation_loss_curve.append(validation)
        if self.callback is not None:
            report = Progress(history.n_iter, history.loss_curve[-1], validation, self.network)
            if self.callback(report):
                history.stopped_because = "the callback asked for it"
                return True
        if self.tol is None:
            return False
        self.n_stale = 0 if watched < self.best - self.tol else self.n_stale + 1
        self.best = min(self.best, watched)
        if self.n_stale < self.patience:
            return False
        history.stopped_because = (
            f"the loss did not improve by more than tol={self.tol:g} in {self.patience} epochs"
        )
        return True


def _train_lbfgs(network: Network, X: Array, max_iter: int, watch: _Watch) -> History:
    # scipy.optimize takes a fifth of a second to import, which only this solver should cost.
    from scipy.optimize import minimize

    before = network.params.copy()

    def objective(params: Array) -> tuple[float, Array]:
        loss, gradient = network.loss_and_gradient(X, params=params)
        watch.history.n_steps += 1
        if not math.isfinite(loss):
            network.params[...] = before
            raise NonFiniteLossError(_advice(loss, watch.history.n_steps, watch.history.n_iter + 1))
        return loss, gradient.astype(np.float64)

    def after_iteration(intermediate_result: Any) -> None:
        network.params[...] = intermediate_result.x
        if watch.should_stop(np.array([intermediate_result.fun])):
            raise StopIteration

    result = minimize(
        objective,
        network.params.astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        callback=after_iteration,
        # ftol and gtol at the edge of rounding: stopping early is the business of `tol`.
        options={"maxiter": max_iter, "maxfun": 20 * max_iter, "ftol": 1e-15, "gtol": 1e-10},
    )
    network.params[...] = result.x
    if not watch.history.stopped_because:
        at_limit = watch.history.n_iter >= max_iter
        watch.history.stopped_because = (
            f"reached max_iter={max_iter}" if at_limit else f"L-BFGS: {result.message}"
        )
    return watch.history


def _check_losses(
    network: Network,
    losses: Array,
    before: Array,
    first: int,
    steps_per_epoch: int,
    rates: Array,
) -> None:
    bad = np.flatnonzero(~np.isfinite(losses))
    if bad.size == 0:
        return
    network.params[...] = before
    index = int(bad[0])
    step = first + index + 1
    epoch = (step - 1) // steps_per_epoch + 1
    raise NonFiniteLossError(_advice(losses[index], step, epoch, float(rates[index])))


def _advice(loss: float, step: int, epoch: int, rate: float | None = None) -> str:
    what = f"the loss is {loss} at step {step} (epoch {epoch})"
    if rate is None:
        return f"{what}: try scaled data (zero mean, unit variance) or a smaller starting point"
    if step == 1:
        return f"{what}, before anything was learned: scale the data or start from smaller weights"
    return (
        f"{what}: the learning rate {rate:g} is probably too large; try {rate / 10:g}, "
        "and scaled data (zero mean, unit variance) if that does not help"
    )


def _check_count(argument: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{argument}={value!r}: must be an integer of at least 1")
