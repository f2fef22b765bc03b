"""Epochs over pieces that lie on workers: what `ae_core.training.loop.learn` runs.

Parameters and the state of the solver are fetched every `STEPS_PER_GRAPH` steps, so that a worker
that dies costs no more than the steps since then; in between they stay on the workers.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from dask.delayed import Delayed

from .._typing import Array
from ..formulas.noise import noise_key
from ..formulas.solvers import Solver, SolverState
from ..network.compiled import Network
from ..training.epochs import Epochs
from ..training.progress import restore_solver
from ..training.watch import Watch
from .machines import Graph, Machines
from .pieces import Moment, bounds
from .steps import At, Job, mean_error, objective, partial_errors, partial_gradients, update, view

STEPS_PER_GRAPH = 64
"""Steps that are sent as one graph, after which the parameters are fetched."""


@dataclass
class Pieces:
    """The pieces of a table on their workers, and what is known of them here."""

    machines: Machines
    tasks: list[Delayed]
    """Each gives a `Piece`; in order, and kept on the workers."""
    n_visited: list[int]
    """Rows of each that are visited."""
    n_counted: float
    """How many whole rows they count as, together."""
    limits: tuple[Array, Array]
    """The smallest and largest number of each column, scaled; NaN for none."""

    def groups(self) -> list[list[Delayed]]:
        """The tasks, in groups that are on one worker each."""
        return self.machines.groups(self.tasks)


@dataclass
class DistributedEpochs(Epochs):
    """Passes over the rows of all pieces: each step takes its share of each of them."""

    network: Network
    """Changed by `run`."""
    pieces: Pieces
    job: Job
    batch_size: int
    """Rows per step, of all pieces together."""
    seed: int | None
    """Of the order in which rows are visited; None for that of the table."""
    kl_warm_up: int

    def __post_init__(self) -> None:
        assert self.job.solver is not None
        self.solver: Solver = self.job.solver
        self.outer = self.solver
        """The solver whose state `learn` keeps."""
        self.n_rows, self.n_counted = sum(self.pieces.n_visited), self.pieces.n_counted
        self.steps_per_graph = STEPS_PER_GRAPH
        self.n_steps = self._cut()
        self.counts: Array
        """How many whole rows the steps that were run last took."""

    def _cut(self) -> int:
        """Cut an epoch into steps; returns how many."""
        self.n_parts = math.ceil(self.n_rows / self.batch_size)
        """Parts that the rows of each piece are cut into; some may be empty in all pieces."""
        steps = range(self.n_parts + 1)
        ends = [
            [bounds(n, number, self.n_parts, step) for step in steps]
            for number, n in enumerate(self.pieces.n_visited)
        ]
        self.parts = np.flatnonzero(np.diff(ends).sum(axis=0))
        return len(self.parts)

    def run(self, state: SolverState, rates: Array, n_done: int, noise_seed: int) -> Array:
        """The losses of the steps of some epochs, which change the network and the state."""
        losses, self.counts = np.full(len(rates), np.nan), np.ones(len(rates))
        for start in range(0, len(rates), self.steps_per_graph):
            some = range(start, min(start + self.steps_per_graph, len(rates)))
            end = self._steps(At(self.network.params, state), some, rates, n_done, noise_seed)
            taken = slice(start, start + len(end.losses))
            losses[taken], self.counts[taken] = np.array(end.losses).T
            self.network.params[...] = end.params
            restore_solver(state, end.solver)
            if end.has_failed:
                break
        return losses

    def means(self, losses: Array) -> Array:
        """The mean losses (n_epochs,) of epochs, from those of their steps."""
        if self.n_steps == 1:
            return losses
        losses, counts = (a.reshape(-1, self.n_steps) for a in (losses, self.counts))
        return np.asarray(np.average(losses, axis=1, weights=counts))

    def _moment(self, n_done: int, i: int, noise_seed: int) -> Moment:
        """The place in the fit of step i after n_done epochs."""
        epoch, step = n_done + i // self.n_steps, int(self.parts[i % self.n_steps])
        key, annealing = noise_key(noise_seed, epoch), self._annealing(n_done * self.n_steps + i, 1)
        weight = 1.0 if annealing is None else float(annealing[0])
        return Moment(self.seed, epoch, step, self.n_parts, key, weight)

    def _steps(self, start: At, some: range, rates: Array, n_done: int, noise_seed: int) -> At:
        """Take some of the steps of `run`, numbered from its first, on the workers."""
        graph = Graph()
        at, job = graph.given(start), graph.given(self.job)
        groups = self.pieces.groups()
        for i in some:
            moment = tuple(self._moment(n_done, i, noise_seed))
            params = graph.add(view, at)
            parts = [graph.add(partial_gradients, job, params, group, moment) for group in groups]
            at = graph.add(update, job, at, parts, float(rates[i]))
        end: At = self.pieces.machines.result(graph.task(at))
        return end


class DistributedNetwork(Network):
    """A network whose loss and gradient are those of pieces on workers: for L-BFGS.

    It shares its parameters with the network that it is made of.
    """

    def __init__(self, network: Network, pieces: Pieces, job: Job) -> None:
        super().__init__(network.architecture, network.params, dtype=network.dtype)
        self.params = network.params
        self.pieces, self.job = pieces, job

    def loss_and_gradient(
        self, X: Any, *, params: Any = None, noise_key: int = 0
    ) -> tuple[float, Array]:
        """Of all rows of the pieces; X is ignored."""
        params = np.asarray(self.params if params is None else params, dtype=self.dtype)
        graph = Graph()
        job, seen = graph.given(self.job), graph.given((params, False))
        moment = tuple(Moment(noise_key=noise_key))
        parts = [
            graph.add(partial_gradients, job, seen, group, moment) for group in self.pieces.groups()
        ]
        found = graph.task(graph.add(objective, job, params, parts))
        loss, gradient, _ = self.pieces.machines.result(found)
        return float(loss), gradient


class DistributedWatch(Watch):
    """A watch whose held-out rows lie on workers."""

    def validation_loss(self) -> float:
        """The mean loss of the rows held out, without penalty."""
        pieces: Pieces = self.X_val  # type: ignore[assignment]
        graph, n_pieces = Graph(), len(pieces.tasks)
        params, job = graph.given(self.judged.params), graph.given(self.job)
        parts = [
            graph.add(partial_errors, job, params, group, n_pieces) for group in pieces.groups()
        ]
        found: float = pieces.machines.result(graph.task(graph.add(mean_error, parts, n_pieces)))
        return found

    job: Job
