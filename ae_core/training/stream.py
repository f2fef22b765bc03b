"""Training on parts of data that come one after another, for as long as they come.

Every part is gone through once, whatever its loss: nothing ends a stream but its user. A part costs
what it has rows; nothing grows with the number of parts before it.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..formulas.schedules import Schedule
from ..formulas.solvers import Solver, SolverState
from ..network.checks import check_targets
from ..network.reference import Network
from .epochs import Epochs, drawn_seed
from .progress import History, generator_state, restore_generator, solver_copy

LONGEST_CURVE = 10_000
"""Losses that the history of a stream has at most; then the older half is dropped."""


@dataclass(frozen=True)
class Stream:
    """Where training on parts has got to: all that the next one needs, to the same bits."""

    solver: SolverState
    remembers: tuple[str, ...]
    """What the solver's vectors are."""
    random: dict[str, Any]
    """The state of the generator that shuffles."""
    noise_seed: int
    """Of the noise of networks that train with any."""
    params: Array | None = None
    """The parameters (n_params,) that steps start from, where the network has their average."""
    n_counted: float = 0.0
    """How many whole rows there were, for 'invscaling'."""
    best: float = math.inf
    """Smallest loss of a part so far."""
    n_stale: int = 0
    """Parts since the loss last improved by more than the tolerance; for 'adaptive'."""
    n_cuts: int = 0
    """How often 'adaptive' has cut the rate."""


def begin(network: Network, solver: Solver, random: Any) -> Stream:
    """A stream before its first part."""
    noise_seed = drawn_seed(random) if network.architecture.is_noisy else 0
    return Stream(
        solver.start(network.params), solver.remembers, generator_state(random), noise_seed
    )


def take_part(
    network: Network,
    X: Rows,
    stream: Stream,
    history: History,
    *,
    solver: Solver,
    batch_size: int,
    learning_rate: str,
    power_t: float,
    shuffle: bool,
    tol: float | None,
    n_iter_no_change: int,
    kl_warm_up: int = 0,
) -> Stream:
    """Go through X once, changing the network's parameters and lengthening the history.

    Parameters
    ----------
    network : Network
    X : Rows
    stream : Stream
        Stays as it is.
    history : History
        Of the parts before.
    solver, batch_size, power_t, shuffle, kl_warm_up
        As of `ae_core.train`; a part is an epoch.
    learning_rate : {'constant', 'invscaling', 'adaptive'}
    tol, n_iter_no_change
        For 'adaptive', which cuts the rate when the loss has not improved by more than `tol` in so
        many parts.

    Returns
    -------
    Stream
        To go on from.

    Raises
    ------
    ValueError
        When the stream is another solver's or another network's, or X does not suit the loss.
    NonFiniteLossError
        When the loss or a parameter becomes NaN or infinite; nothing is changed then.
    """
    check_targets(X, network.architecture)
    state = solver_copy(stream.solver)
    if not _fits(stream, network, solver):
        raise ValueError(
            f"solver={solver.name!r} with averaging={solver.averaging!r} can't go on with what "
            "partial_fit has begun with another solver or averaging: set them as they were, or "
            "begin anew with fit"
        )
    random = np.random.default_rng(0)
    restore_generator(random, stream.random)
    epochs = Epochs(network, X, solver, batch_size, shuffle, random, kl_warm_up)
    schedule = Schedule(
        learning_rate,
        solver.learning_rate_init,
        epochs.n_steps,
        n_epochs=1,
        rows_per_epoch=epochs.n_counted,
        power_t=power_t,
    )
    rates = schedule.rates(0, epochs.n_steps, stream.n_cuts, stream.n_counted)
    averaged = network.params.copy()
    if stream.params is not None:
        network.params[...] = stream.params
    try:
        losses = epochs.run(state, rates, history.n_iter, stream.noise_seed)
        epochs.check(losses, state, rates, history.n_iter, history.n_steps)
    except BaseException:
        network.params[...] = averaged
        raise
    loss, params = float(epochs.means(losses)[0]), None
    if state.average is not None:
        params = network.params.copy()
        network.params[...] = state.average
    n_stale = 0 if loss < stream.best - (tol or 0) else stream.n_stale + 1
    n_cuts = stream.n_cuts
    if n_stale >= n_iter_no_change and schedule.can_cut(n_cuts):
        n_stale, n_cuts = 0, n_cuts + 1
    history.n_steps += epochs.n_steps
    history.lengthen(loss, LONGEST_CURVE)
    return replace(
        stream,
        solver=state,
        random=generator_state(random),
        params=params,
        n_counted=stream.n_counted + epochs.n_counted,
        best=min(stream.best, loss),
        n_stale=n_stale,
        n_cuts=n_cuts,
    )


def _fits(stream: Stream, network: Network, solver: Solver) -> bool:
    """Whether a stream is one of that solver on that network."""
    average = stream.solver.average
    vectors = stream.solver.memory if average is None else (*stream.solver.memory, average)
    return (
        stream.remembers == solver.remembers
        and len(stream.solver.memory) == len(solver.remembers)
        and (average is None) == (solver.averaging is None)
        and all(vector.shape == network.params.shape for vector in vectors)
    )
