"""A step of training as tasks: partial gradients where the rows are, then one update.

A state never changes: each update makes a new one from the one before. So Dask can compute any of
them again, to the same bits, when the worker that held it is gone.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from ..formulas.noise import noise_key
from ..formulas.solvers import Solver, SolverState
from ..network.architecture import Architecture
from ..network.compiled import Network
from ..network.passes import penalty
from ..training.progress import solver_copy
from .pieces import InOneString, Moment, Piece, aligned
from .sums import Nodes, Partial, put, total


@dataclass
class Job(InOneString):
    """What all steps of a fit have in common; made once on each worker."""

    architecture: Architecture
    dtype: np.dtype[Any]
    solver: Solver | None
    n_pieces: int
    limits: tuple[Array, Array]
    """The smallest and largest number of each column of the whole table, scaled."""
    n_threads: int | None
    """Of each worker; None for as many as it has."""

    def network(self, params: Array, **changes: Any) -> Network:
        """The network at some parameters, with changes of its architecture."""
        return Network(
            replace(self.architecture, **changes),
            params,
            dtype=self.dtype,
            n_threads=self.n_threads or own_threads(),
        )

    @cached_property
    def bare(self) -> Network:
        """One without penalties on weights, which are no sum over rows; its own parameters are 0.

        Gradients are taken at others.
        """
        return self.annealed(1.0)

    def annealed(self, annealing: float) -> Network:
        """One like `bare` with a smaller weight of a variational code's divergence."""
        beta = self.architecture.beta * annealing
        params = np.zeros(self.architecture.n_params, self.dtype)
        return self.network(params, alpha=0.0, alpha_l1=0.0, beta=beta)


def own_threads() -> int:
    """The threads of the worker that this runs on; 1 elsewhere."""
    from distributed import get_worker

    try:
        return int(get_worker().state.nthreads)
    except ValueError:
        return 1


Losses = tuple[tuple[float, float], ...]
"""The loss before each step, and how many rows the step took."""


class At(NamedTuple):
    """The state of training after some steps."""

    params: Array
    solver: SolverState
    losses: Losses = ()
    """Of the steps since the state was fetched."""
    has_failed: bool = False
    """The last loss was not finite; no step changes anything any more."""


def view(at: At) -> tuple[Array, bool]:
    """What workers need to compute gradients: less than the solver remembers."""
    return at.params, at.has_failed


def partial_gradients(
    job: Job, view: tuple[Array, bool], pieces: list[Piece], moment: Any
) -> Nodes:
    """What the rows of some pieces add to a step's loss and gradient."""
    (params, has_failed), moment = view, Moment(*moment)
    nodes: Nodes = {}
    if has_failed:
        return nodes
    params = aligned(params)
    network = job.bare if moment.annealing == 1 else job.annealed(moment.annealing)
    for piece in pieces:
        rows = piece.batch(job.limits, moment)
        partial = Partial()
        if rows is not None:
            key = noise_key(moment.noise_key, 1 + moment.step * job.n_pieces + piece.number)
            with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite says so
                loss, gradient = network.loss_and_gradient(rows, params=params, noise_key=key)
                count = rows.total_count()
                partial = Partial(count, loss * count, gradient.astype(np.float64) * count)
        put(nodes, 0, piece.number, partial, job.n_pieces)
    return nodes


def objective(job: Job, params: Array, parts: list[Nodes]) -> tuple[float, Array, float]:
    """The loss of a step's rows with all penalties, its gradient (n_params,), and their count."""
    whole = total(parts, job.n_pieces)
    assert whole.gradient is not None
    loss, gradient = whole.loss / whole.n_counted, whole.gradient / whole.n_counted
    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite says so
        if job.architecture.has_penalty:
            extra, extra_gradient = penalty(job.architecture, params, whole.n_counted)
            loss, gradient = loss + extra, gradient + extra_gradient
        return loss, gradient.astype(job.dtype), whole.n_counted


def update(job: Job, at: At, parts: list[Nodes], rate: float) -> At:
    """One step of the solver, from what all pieces gave."""
    if at.has_failed:
        return at
    loss, gradient, count = objective(job, at.params, parts)
    assert job.solver is not None
    return stepped(at, job.solver, ((loss, count),), gradient, rate)


def stepped(at: At, solver: Solver, losses: Losses, gradient: Array, rate: float) -> At:
    """The step of a solver from a gradient, if the last of the losses is finite."""
    all_losses = at.losses + losses
    if not np.isfinite(losses[-1][0]):
        return at._replace(losses=all_losses, has_failed=True)
    state = solver_copy(at.solver)
    with np.errstate(over="ignore", invalid="ignore"):
        params = solver.step(at.params, gradient, state, gradient.dtype.type(rate))
    return At(np.asarray(params, dtype=gradient.dtype), state, all_losses)


def partial_errors(job: Job, params: Array, pieces: list[Piece], n_pieces: int) -> Nodes:
    """What the rows of some of so many pieces add to a validation loss."""
    network = job.network(aligned(params))
    nodes: Nodes = {}
    for piece in pieces:
        partial = Partial()
        if len(piece.visited):
            counts = piece.rows.counts(slice(None))
            errors = network.validation_errors(piece.rows).astype(np.float64)
            partial = Partial(float(counts.sum()), float(errors @ counts))
        put(nodes, 0, piece.number, partial, n_pieces)
    return nodes


def mean_error(parts: list[Nodes], n_pieces: int) -> float:
    """The mean loss of all rows of a validation table."""
    whole = total(parts, n_pieces)
    return whole.loss / whole.n_counted
