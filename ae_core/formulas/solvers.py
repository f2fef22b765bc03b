"""Solvers: small update rules on the flat parameter vector.

Each is a frozen set of hyperparameters with one pure formula, `update`; what it remembers between
steps (velocities, moments) stands in a `SolverState` of flat vectors beside the parameters. They
know nothing of networks: they see a vector, its gradient and a learning rate.
"""

import math
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np

from .._typing import Array
from ..basics.arguments import as_float, checked_bool, is_number, shown

Arrays = tuple[Array, ...]


@dataclass
class SolverState:
    """What a solver remembers: how many steps it took, and its flat vectors."""

    n_steps: int = 0
    memory: Arrays = field(default=())
    """Vectors of shape (n_params,), named by the solver's `remembers`."""
    average: Array | None = None
    """The averaged parameters (n_params,), where the solver has an `averaging`."""


@dataclass(frozen=True)
class Solver:
    """What all solvers share: a starting learning rate, a start, a step.

    Parameters
    ----------
    learning_rate_init : float
        Size of a step; schedules start from it.
    clip_norm : float, optional
        A gradient longer than this is shortened to it, all of it by the same factor (Pascanu,
        Mikolov & Bengio 2013, algorithm 1).
    averaging : float, optional
        Decay of a running mean of the parameters over steps, which trained networks end with
        (Polyak & Juditsky 1992; exponential, and unbiased as in Adam).
    """

    learning_rate_init: float = 1e-3
    clip_norm: float | None = field(default=None, kw_only=True)
    averaging: float | None = field(default=None, kw_only=True)

    name: ClassVar[str]
    remembers: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if value is None and f.default is None:
                continue
            if f.type in ("bool", bool):
                checked_bool(f.name, value)
            elif not is_number(value):
                raise ValueError(f"{f.name}={shown(value)}: must be a number")
            elif not 0 <= as_float(value) < math.inf:
                raise ValueError(f"{f.name}={shown(value)}: must be finite and not negative")
            elif f.name in _BELOW_ONE and value >= 1:
                raise ValueError(f"{f.name}={value!r}: must be at least 0 and below 1")

    def start(self, params: Array) -> SolverState:
        """The state before the first step, for parameters (n_params,)."""
        average = None if self.averaging is None else params.copy()
        return SolverState(0, tuple(np.zeros_like(params) for _ in self.remembers), average)

    def step(self, params: Array, gradient: Array, state: SolverState, rate: float) -> Array:
        """One step: the new parameters (n_params,); the state is brought up to date in place."""
        state.n_steps += 1
        factor = self.clipping(gradient)
        if factor != 1:
            gradient = gradient * gradient.dtype.type(factor)
        params, *memory = self.update(params, gradient, state.n_steps, rate, *state.memory)
        for old, new in zip(state.memory, memory, strict=True):
            old[...] = new
        if state.average is not None:
            share = params.dtype.type(self.share_of_newest(state.n_steps))
            state.average += share * (params - state.average)
        return params

    def clipping(self, gradient: Array) -> float:
        """What a gradient (n_params,) is multiplied with, so that it is not too long."""
        if self.clip_norm is None:
            return 1.0
        norm = math.sqrt(float(np.square(gradient, dtype=np.float64).sum()))
        return self.clip_norm / norm if norm > self.clip_norm else 1.0

    def share_of_newest(self, n: Array | int) -> Array | float:
        """Weight of the parameters after step n in the running average: (1 - d) / (1 - dⁿ).

        The mean of n vectors with weights d^(n-i), written as a step from the mean before.
        """
        decay = self.averaging
        assert decay is not None
        return (1 - decay) / one_less_power(decay, n)

    def update(self, params: Array, gradient: Array, n: int, rate: float, *memory: Array) -> Arrays:
        """The formula: ``(new params, *new memory)`` of step n = 1, 2, …; changes nothing."""
        raise NotImplementedError


def one_less_power(decay: float, n: Array | int) -> Array | float:
    """1 - decayⁿ of steps n = 1, 2, …, for a decay from 0 to below 1.

    Not by a power: it loses digits where the decay is close to 1, and where it underflows, after
    some thousand steps, it is as slow as a whole step of a small network.
    """
    return -np.expm1(n * math.log(decay)) if decay > 0 else 1.0


_BELOW_ONE = {"momentum", "beta_1", "beta_2", "rho", "averaging"}


@dataclass(frozen=True)
class SGD(Solver):
    """Gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013).

    On the full batch or on batches, as training chooses. ``momentum=0`` is the plain rule.

    Parameters
    ----------
    learning_rate_init : float, default=0.01
        Size of a step; schedules start from it.
    momentum : float, default=0
        What part of the last step is taken once more.
    nesterovs_momentum : bool, default=False
        Whether the gradient is taken where momentum leads.
    clip_norm : float, optional
        Longest gradient: longer ones are cut to this length (Pascanu, Mikolov & Bengio 2013).
    averaging : float, optional
        Decay of a running mean of the parameters, which training ends with.
    """

    learning_rate_init: float = 1e-2
    momentum: float = 0.0
    nesterovs_momentum: bool = False

    name = "sgd"
    remembers = ("velocity",)

    def update(self, params: Array, gradient: Array, n: int, rate: float, *memory: Array) -> Arrays:
        """V ← μ v - η g;  p ← p + v, or with Nesterov p ← p + μ v - η g."""
        velocity = self.momentum * memory[0] - rate * gradient
        if self.nesterovs_momentum:
            return params + (self.momentum * velocity - rate * gradient), velocity
        return params + velocity, velocity


@dataclass(frozen=True)
class Adam(Solver):
    """Adam (Kingma & Ba 2015, algorithm 1).

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        Size of a step; schedules start from it.
    beta_1 : float, default=0.9
        Decay of the running mean of gradients.
    beta_2 : float, default=0.999
        Decay of the running mean of their squares.
    epsilon : float, default=1e-8
        What is added to the root of that mean, so that nothing is divided by 0.
    clip_norm : float, optional
        Longest gradient: longer ones are cut to this length (Pascanu, Mikolov & Bengio 2013).
    averaging : float, optional
        Decay of a running mean of the parameters, which training ends with.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    name = "adam"
    remembers = ("mean", "variance")

    def update(self, params: Array, gradient: Array, n: int, rate: float, *memory: Array) -> Arrays:
        """m, v: running means of g and g²;  p ← p - η m̂ / (sqrt(v̂) + ε), hats: unbiased."""
        mean = self.beta_1 * memory[0] + (1 - self.beta_1) * gradient
        variance = self.beta_2 * memory[1] + (1 - self.beta_2) * gradient**2
        unbiased_rate = rate / one_less_power(self.beta_1, n)
        unbiased_root = np.sqrt(variance) / math.sqrt(one_less_power(self.beta_2, n))
        return params - unbiased_rate * mean / (unbiased_root + self.epsilon), mean, variance


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay, of every parameter (Loshchilov & Hutter 2019).

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        Size of a step; schedules start from it.
    beta_1 : float, default=0.9
        Decay of the running mean of gradients.
    beta_2 : float, default=0.999
        Decay of the running mean of their squares.
    epsilon : float, default=1e-8
        What is added to the root of that mean, so that nothing is divided by 0.
    weight_decay : float, default=0.01
        What part of each parameter, times the rate, a step takes away.
    clip_norm : float, optional
        Longest gradient: longer ones are cut to this length (Pascanu, Mikolov & Bengio 2013).
    averaging : float, optional
        Decay of a running mean of the parameters, which training ends with.
    """

    weight_decay: float = 1e-2

    name = "adamw"

    def update(self, params: Array, gradient: Array, n: int, rate: float, *memory: Array) -> Arrays:
        """P ← (1 - η λ) p, then as Adam."""
        return super().update((1 - rate * self.weight_decay) * params, gradient, n, rate, *memory)


@dataclass(frozen=True)
class RMSprop(Solver):
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5).

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        Size of a step; schedules start from it.
    rho : float, default=0.9
        Decay of the running mean of squared gradients.
    epsilon : float, default=1e-8
        What is added to the root of that mean, so that nothing is divided by 0.
    clip_norm : float, optional
        Longest gradient: longer ones are cut to this length (Pascanu, Mikolov & Bengio 2013).
    averaging : float, optional
        Decay of a running mean of the parameters, which training ends with.
    """

    rho: float = 0.9
    epsilon: float = 1e-8

    name = "rmsprop"
    remembers = ("variance",)

    def update(self, params: Array, gradient: Array, n: int, rate: float, *memory: Array) -> Arrays:
        """V ← ρ v + (1 - ρ) g²;  p ← p - η g / (sqrt(v) + ε)."""
        variance = self.rho * memory[0] + (1 - self.rho) * gradient**2
        return params - rate * gradient / (np.sqrt(variance) + self.epsilon), variance


SOLVERS: dict[str, type[Solver]] = {s.name: s for s in (SGD, Adam, AdamW, RMSprop)}


def as_solver(solver: str | Solver) -> Solver:
    """The solver meant: itself, or the one of that name with its defaults.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if isinstance(solver, Solver):
        return solver
    if not isinstance(solver, str) or solver not in SOLVERS:
        raise ValueError(
            f"solver={shown(solver)}: must be one of {', '.join(SOLVERS)}, 'lbfgs' or a Solver "
            "object"
        )
    return SOLVERS[solver]()
