"""L-BFGS: SciPy's, on the flat parameter vector."""

import math
from typing import Any

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..network.reference import Network
from .epochs import advice, beyond, is_finite
from .progress import History, NonFiniteLossError, TrainingState


def train_lbfgs(
    network: Network, X: Rows, max_iter: int, max_fun: int | None, watch: Any
) -> History:
    """Train the network on all rows at once, in place; `watch` is what sees to stopping.

    Raises
    ------
    NonFiniteLossError
        When the loss or a parameter becomes NaN or infinite.
    """
    # scipy.optimize takes a fifth of a second to import, which only this solver should cost.
    from scipy.optimize import minimize

    before = network.params.copy()
    max_fun = 20 * max_iter if max_fun is None else max_fun

    def no_snapshot() -> TrainingState:
        raise ValueError("solver='lbfgs' can't be resumed: its memory is SciPy's own")

    watch.snapshot = no_snapshot

    def objective(params: Array) -> tuple[float, Array]:
        loss, gradient = network.loss_and_gradient(X, params=params)
        watch.history.n_steps += 1
        if not math.isfinite(loss):
            network.params[...] = before
            raise NonFiniteLossError(advice(loss, watch.history.n_steps, watch.history.n_iter + 1))
        return loss, gradient.astype(np.float64)

    def after_iteration(intermediate_result: Any) -> None:
        network.params[...] = intermediate_result.x
        watch.record(np.array([intermediate_result.fun]))
        if watch.should_stop():
            raise StopIteration

    result = minimize(
        objective,
        network.params.astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        callback=after_iteration,
        # ftol and gtol at the edge of rounding: stopping early is the business of `tol`.
        options={"maxiter": max_iter, "maxfun": max_fun, "ftol": 1e-15, "gtol": 1e-10},
    )
    with np.errstate(over="ignore"):  # float64's own numbers may be none of float32's
        network.params[...] = result.x
    if not is_finite(network):
        network.params[...] = before
        raise NonFiniteLossError(
            f"the parameters are no longer finite after step {watch.history.n_steps}: "
            f"{beyond(network.dtype)}"
        )
    if not watch.history.loss_curve:  # it was at a minimum before the first iteration
        watch.record(np.array([result.fun]))
    if not watch.history.stopped_because:
        reason = "L-BFGS: no step makes the loss any smaller"
        if watch.history.n_iter >= max_iter:
            reason = f"reached max_iter={max_iter}"
        elif result.status == 1:
            reason = f"reached max_fun={max_fun}"
        watch.history.stopped_because = reason
    watch.finish()
    return watch.history
