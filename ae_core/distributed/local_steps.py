"""Many steps on each partition by itself, then one together: where the network is slow.

Douillard, Feng, Rusu, Chhaparia, Donchev, Kuncoro, Ranzato, Szlam & Shen 2023, "DiLoCo: Distributed
low-communication training of language models", algorithm 1. Each partition (not each worker: so
nothing depends on how many there are) starts from the same parameters and takes `sync_every` steps
of the inner solver on rows of its own. What they changed, averaged by rows, is the gradient of an
outer step with Nesterov's momentum. The states of the inner solvers stay with the partitions, and
are fetched after an epoch: then nothing is lost for good with a worker.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from ..formulas.noise import noise_key
from ..formulas.solvers import SGD, SolverState
from ..training.progress import solver_copy
from .epochs import DistributedEpochs
from .machines import Graph
from .pieces import Moment, Piece
from .steps import At, Job, stepped, view
from .sums import Nodes, Partial, put, total

OUTER_RATE, OUTER_MOMENTUM = 0.7, 0.9
"""Of the outer step: the paper's section 3.1."""


class Local(NamedTuple):
    """The result of the steps on a partition."""

    params: Array
    solver: SolverState
    loss: float
    n_counted: float
    """How many whole rows they took."""


def local_steps(
    job: Job,
    start: tuple[Array, bool],
    solver: SolverState | None,
    piece: Piece,
    batch_size: int,
    moment: Any,
    rates: Array,
    annealing: Array | None,
) -> Local:
    """Some steps on the rows of a piece, from the common parameters on."""
    (params, has_failed), moment = start, Moment(*moment)
    assert job.solver is not None
    n_rows = len(piece.visited)
    batch_size = min(batch_size, max(1, n_rows))
    which = piece.order(moment)[moment.step * batch_size :][: len(rates) * batch_size]
    params = np.array(params)
    state = job.solver.start(params) if solver is None else solver_copy(solver)
    if has_failed or not len(which):
        return Local(params, state, 0.0, 0.0)
    n_steps = -(-len(which) // batch_size)
    network = job.network(params)
    rows = piece.limited(job.limits)
    key = np.uint64(noise_key(moment.noise_key, 1 + piece.number))
    keys = np.full(n_steps, key) if job.architecture.is_noisy else None
    if annealing is not None:
        annealing = np.array(annealing[:n_steps])
    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite says so
        losses = network.train_steps(
            rows, which, batch_size, job.solver, state, np.array(rates[:n_steps]), keys, annealing
        )
    counts = rows.batch_counts(which, batch_size)
    return Local(network.params, state, float(losses @ counts / counts.sum()), float(counts.sum()))


def partial_changes(
    job: Job, start: tuple[Array, bool], numbers: list[int], results: list[Local]
) -> Nodes:
    """What some pieces add to the outer gradient: old minus new parameters, times rows."""
    nodes: Nodes = {}
    for number, local in zip(numbers, results, strict=True):
        partial = Partial()
        if local.n_counted:
            change = (start[0].astype(np.float64) - local.params) * local.n_counted
            partial = Partial(local.n_counted, local.loss * local.n_counted, change)
        put(nodes, 0, number, partial, job.n_pieces)
    return nodes


def outer_update(job: Job, outer: SGD, at: At, parts: list[Nodes], n_steps: int) -> At:
    """The outer step, from what all pieces changed in so many steps."""
    if at.has_failed:
        return at
    whole = total(parts, job.n_pieces)
    assert whole.gradient is not None
    loss = whole.loss / whole.n_counted
    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite says so
        gradient = (whole.gradient / whole.n_counted).astype(job.dtype)
    losses = ((loss, whole.n_counted / n_steps),) * n_steps
    return stepped(at, outer, losses, gradient, OUTER_RATE)


def memory(local: Local) -> SolverState:
    """The state of the inner solver of a piece."""
    return local.solver


@dataclass
class LocalStepsEpochs(DistributedEpochs):
    """Epochs in which every piece takes steps of its own, and all meet every `sync_every` steps.

    An epoch has as many steps as the largest piece; all meet at its end, too.
    """

    sync_every: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self.steps_per_graph = self.n_steps
        self.outer = SGD(OUTER_RATE, OUTER_MOMENTUM, True, averaging=self.solver.averaging)
        self.job.solver = replace(self.solver, averaging=None)
        self.memories: list[SolverState | None] = [None] * len(self.pieces.tasks)
        """The state of each piece's inner solver after an epoch."""

    def _cut(self) -> int:
        return max(math.ceil(n / min(self.batch_size, max(1, n))) for n in self.pieces.n_visited)

    def _steps(self, start: At, some: range, rates: Array, n_done: int, noise_seed: int) -> At:
        """Take the steps of one epoch. Between two meetings each gets the mean of their losses."""
        graph = Graph()
        at, job = graph.given(start), graph.given(self.job)
        outer, memories = graph.given(self.outer), [graph.given(m) for m in self.memories]
        annealing = self._annealing(n_done * self.n_steps, self.n_steps)
        groups = self.pieces.groups()
        numbers = {task.key: i for i, task in enumerate(self.pieces.tasks)}
        for first in some[:: self.sync_every]:
            now = slice(first, min(first + self.sync_every, self.n_steps))
            moment = (self.seed, n_done, first, self.n_steps, noise_key(noise_seed, n_done))
            their_annealing = None if annealing is None else annealing[now]
            common, parts = graph.add(view, at), []
            for group in groups:
                ours = [numbers[task.key] for task in group]
                rest = (self.batch_size, moment, rates[now], their_annealing)
                ends = [
                    graph.add(local_steps, job, common, memories[i], self.pieces.tasks[i], *rest)
                    for i in ours
                ]
                for i, end_of_piece in zip(ours, ends, strict=True):
                    memories[i] = graph.add(memory, end_of_piece)
                parts.append(graph.add(partial_changes, job, common, ours, ends))
            at = graph.add(outer_update, job, outer, at, parts, now.stop - now.start)
        tasks = [graph.task(key) for key in (at, *memories)]
        end: At
        end, *self.memories = self.pieces.machines.results(tasks)
        return end
