"""What training reports and remembers: the history, a report per epoch, a state to go on from."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .._typing import Array
from ..formulas.solvers import SolverState
from ..network.reference import Network


class NonFiniteLossError(FloatingPointError):
    """The loss became NaN or infinite; the network got back its last good parameters."""


@dataclass
class History:
    """How training went."""

    loss_curve: list[float] = field(default_factory=list)
    """Mean loss of each epoch, each batch taken before its step."""
    validation_loss_curve: list[float] = field(default_factory=list)
    """Loss on ``X_val`` after each epoch, without penalty; empty without one."""
    n_steps: int = 0
    stopped_because: str = ""
    n_dropped: int = 0
    """Epochs whose losses are no longer in the curve, because a stream (`partial_fit`) is long."""

    @property
    def n_iter(self) -> int:
        """Epochs (for L-BFGS: iterations) finished."""
        return self.n_dropped + len(self.loss_curve)

    def lengthen(self, loss: float, at_most: int) -> None:
        """Add an epoch's loss; where the curve gets longer than that, its older half is dropped."""
        self.loss_curve.append(loss)
        if len(self.loss_curve) > at_most:
            n_dropped = len(self.loss_curve) // 2
            del self.loss_curve[:n_dropped]
            self.n_dropped += n_dropped

    @property
    def watched(self) -> list[float]:
        """The curve that decides when to stop: the validation loss where there is one."""
        return self.validation_loss_curve or self.loss_curve


@dataclass(frozen=True)
class TrainingState:
    """All that training needs to go on after an epoch, to the same bits as if it never stopped."""

    params: Array  # (n_params,)
    solver: SolverState
    random: dict[str, Any]
    """The state of the random generator that shuffles."""
    history: History
    best: float
    """Smallest watched loss so far."""
    best_params: Array | None
    """The parameters of that epoch, where they are kept."""
    n_stale: int
    """Epochs since the loss last improved by more than the tolerance."""
    n_cuts: int
    """How often 'adaptive' has cut the learning rate."""
    noise_seed: int = 0
    """Of the noise of networks that train with any."""


@dataclass(frozen=True)
class Progress:
    """What a callback is told after each epoch."""

    n_iter: int
    """Epochs finished: 1, 2, …"""
    loss: float
    validation_loss: float | None
    """Loss on ``X_val`` after this epoch; None without one."""
    network: Network
    history: History
    """The record so far; it grows as training goes on."""
    state: Callable[[], TrainingState]
    """Call this for a copy of all that training needs to go on from here.

    Raises ValueError under 'lbfgs', whose memory is SciPy's.
    """


Callback = Callable[[Progress], bool | None]


def solver_copy(state: SolverState) -> SolverState:
    """A state that later steps do not change."""
    average = None if state.average is None else state.average.copy()
    return SolverState(state.n_steps, tuple(memory.copy() for memory in state.memory), average)


def restore_solver(state: SolverState, saved: SolverState) -> None:
    """Set a solver's state, in place, to what `solver_copy` kept."""
    for vector, kept in zip(state.memory, saved.memory, strict=True):
        vector[...] = kept
    if state.average is not None and saved.average is not None:
        state.average[...] = saved.average
    state.n_steps = saved.n_steps


def generator_state(random: Any) -> dict[str, Any]:
    """What a generator of either kind will draw next."""
    if hasattr(random, "bit_generator"):
        return copy.deepcopy(random.bit_generator.state)
    return dict(random.get_state(legacy=False))


def restore_generator(random: Any, state: dict[str, Any]) -> None:
    """Make a generator go on from a state of `generator_state`.

    Raises
    ------
    ValueError
        When the state is another kind's.
    """
    if hasattr(random, "bit_generator"):
        random.bit_generator.state = state
    else:
        random.set_state(state)
