"""Passes over the rows of a table, in steps of a solver: what `train` and streams share."""

import math
from typing import Any

import numpy as np

from .._typing import Array
from ..data.rows import Rows
from ..formulas.noise import noise_key
from ..formulas.solvers import Solver, SolverState
from ..network.reference import Network
from .progress import NonFiniteLossError


class Epochs:
    """Passes over the rows of X that count, each in an order of its own.

    Parameters
    ----------
    network : Network
    X : Rows
    solver : Solver
    batch_size : int, optional
        Rows per step; all of them when absent.
    shuffle : bool
    random : Generator or RandomState
        For shuffling.
    kl_warm_up : int
        Epochs over which the weight of a variational code's divergence grows to its full size.

    Raises
    ------
    ValueError
        When there are fewer rows than in a batch.
    """

    def __init__(
        self,
        network: Network,
        X: Any,
        solver: Solver,
        batch_size: int | None,
        shuffle: bool,
        random: Any,
        kl_warm_up: int,
    ) -> None:
        self.network, self.solver, self.kl_warm_up = network, solver, kl_warm_up
        self.random = random if shuffle else None
        self._count(X, batch_size)

    def _count(self, X: Any, batch_size: int | None) -> None:
        """Find out which rows count, and how many steps an epoch has."""
        visited = np.arange(len(X))
        if X.sample_weight is not None or X.seen is not None:
            visited = np.flatnonzero(X.counts(slice(None)))
        if X.sample_weight is not None and (X.sample_weight[visited] == 1).all():
            X = X.reweighted(None)  # the others are left out: no need to multiply by one
        self.n_rows = len(visited)
        self.batch_size = self.n_rows if batch_size is None else batch_size
        if self.batch_size > self.n_rows:
            raise ValueError(
                f"batch_size={batch_size}: X has only {self.n_rows} rows (None takes them all)"
            )
        self.n_steps = math.ceil(self.n_rows / self.batch_size)
        """Steps per epoch."""
        if self.n_steps == 1:  # all rows at once make the same step in any order
            self.random = None
        self.n_counted = float(X.batch_counts(visited, self.n_rows)[0])
        """How many whole rows there are: a row of weight 2 is two rows."""
        self.X, self.visited = X, visited
        self.order = visited
        """Rows in the order of the epochs that were run last."""

    def run(self, state: SolverState, rates: Array, n_done: int, noise_seed: int) -> Array:
        """The losses of the steps of some epochs (n_epochs * n_steps,), which change the network.

        Parameters
        ----------
        state : SolverState
            Changed with it.
        rates : array of shape (n_epochs * n_steps,)
        n_done : int
            Epochs before these, for what changes with them: noise and annealing.
        noise_seed : int
        """
        n_epochs = len(rates) // self.n_steps
        self.order = self._orders(n_epochs)
        keys = None
        if self.network.architecture.is_noisy:
            of_epochs = [noise_key(noise_seed, n_done + epoch) for epoch in range(n_epochs)]
            keys = np.repeat(np.array(of_epochs, dtype=np.uint64), self.n_steps)
        annealing = self._annealing(n_done * self.n_steps, len(rates))
        return self._train(self.X, self.order, state, rates, keys, annealing)

    def _train(
        self,
        rows: Rows,
        order: Array,
        state: SolverState,
        rates: Array,
        keys: Array | None,
        annealing: Array | None,
    ) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):  # `check` names a loss that overflows
            return self.network.train_steps(
                rows, order, self.batch_size, self.solver, state, rates, keys, annealing
            )

    def means(self, losses: Array) -> Array:
        """The mean losses (n_epochs,) of the epochs that were run last, from those of their steps.

        By how much the batches count; of a full batch, its loss.
        """
        if self.n_steps == 1:
            return losses
        counts = self.X.batch_counts(self.order, self.batch_size)
        losses, counts = (a.reshape(-1, self.n_steps) for a in (losses, counts))
        return np.asarray(np.average(losses, axis=1, weights=counts))

    def check(
        self, losses: Array, state: SolverState, rates: Array, n_done: int, n_steps_done: int
    ) -> None:
        """Refuse losses of steps, or what the last of them left, that are not finite.

        A loss is taken before its step, so that it says nothing of what the step did.

        Raises
        ------
        NonFiniteLossError
            Saying at which step, and what to try.
        """
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            index = int(bad[0])
            step, epoch = n_steps_done + index + 1, n_done + index // self.n_steps + 1
            rate = self.solver.learning_rate_init  # the one that can be changed
            raise NonFiniteLossError(advice(losses[index], step, epoch, rate))
        if is_finite(self.network, state):
            return
        step = n_steps_done + len(losses)
        if not all_finite(self.network.params):
            why = f"the learning rate {rates[-1]:g} is probably too large; try {rates[-1] / 10:g}"
            if getattr(self.solver, "epsilon", 1) == 0:
                why = "epsilon=0 divides 0 by 0 where a gradient has always been 0; use 1e-8"
            raise NonFiniteLossError(
                f"the parameters are no longer finite after step {step}: {why}"
            )
        raise NonFiniteLossError(
            f"the gradient, or its square, is too large at step {step} or before: "
            f"{beyond(self.network.dtype)}"
        )

    def _orders(self, n_epochs: int) -> Array:
        """The rows in the order of so many epochs, one after the other."""
        if self.random is None:
            return np.tile(self.visited, n_epochs)
        return np.concatenate([self.random.permutation(self.visited) for _ in range(n_epochs)])

    def _annealing(self, first: int, n_steps: int) -> Array | None:
        """What the divergence is multiplied with at each step: up to 1 along a line."""
        n_warm = self.kl_warm_up * self.n_steps
        if n_warm == 0:
            return None
        return np.minimum(1.0, (np.arange(first, first + n_steps) + 1) / n_warm)


def drawn_seed(random: Any) -> int:
    """A seed for the noise of a network, from a generator of either kind."""
    draw = random.integers if hasattr(random, "integers") else random.randint
    return int(draw(2**31))


def is_finite(network: Network, state: SolverState | None = None) -> bool:
    """Whether all parameters are finite, and all that a solver remembers."""
    vectors = [network.params]
    if state is not None:
        vectors += [*state.memory, *([] if state.average is None else [state.average])]
    return all(map(all_finite, vectors))


def beyond(dtype: Any) -> str:
    """What to do about numbers that a dtype can't hold."""
    more = ", or use dtype='float64'" if dtype == np.float32 else ""
    return f"beyond the range of {dtype}; scale the data (zero mean, unit variance){more}"


def all_finite(values: Array) -> bool:
    """Whether all numbers of an array are finite; without a mask of its size, where they are."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())


def advice(loss: float, step: int, epoch: int, rate: float | None = None) -> str:
    """What to say of a loss that is not finite."""
    what = f"the loss is {loss} at step {step} (epoch {epoch})"
    if rate is None:
        return f"{what}: try scaled data (zero mean, unit variance) or a smaller starting point"
    if step == 1:
        return f"{what}, before anything was learned: scale the data or start from smaller weights"
    return (
        f"{what} with learning_rate_init={rate:g}: the learning rate {rate:g} is probably too "
        f"large; try {rate / 10:g}, and scaled data (zero mean, unit variance) if that does not "
        "help"
    )
