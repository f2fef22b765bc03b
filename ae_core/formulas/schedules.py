"""Learning rates: how large each step is."""

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from ..basics.arguments import OneOf, checked_strength

SCHEDULES = ("constant", "cosine", "invscaling", "adaptive")

WARM_UP = 20
"""One step in so many, from the first on, is on the way up to the cosine's top."""

SMALLEST_RATE = 1e-6
"""Where 'adaptive' has cut enough, and training stops instead."""


def check_schedule(learning_rate: object, power_t: object) -> None:
    """Refuse an unknown schedule, and an exponent that makes no rates.

    Raises
    ------
    ValueError
        Naming the argument, its value and what is allowed.
    """
    OneOf(SCHEDULES)("learning_rate", learning_rate)
    checked_strength("power_t", power_t)


@dataclass(frozen=True)
class Schedule:
    """The learning rate of every step of a training.

    Parameters
    ----------
    name : {'constant', 'cosine', 'invscaling', 'adaptive'}
        'cosine' rises over the first 5 % of all steps, then falls to zero along half a cosine
        (Loshchilov & Hutter 2017). The others mean what they mean in scikit-learn's
        `MLPRegressor`: 'invscaling' divides the rate by (rows seen + 1)^power_t after each epoch;
        'adaptive' divides it by 5 each time the loss has stopped improving, and stops at 1e-6.
    learning_rate_init : float
    steps_per_epoch, n_epochs : int
    rows_per_epoch : float
    power_t : float

    Raises
    ------
    ValueError
        For an unknown name, or a power_t that is no number of at least 0.
    """

    name: str
    learning_rate_init: float
    steps_per_epoch: int
    n_epochs: int
    rows_per_epoch: float = 0
    power_t: float = 0.5

    def __post_init__(self) -> None:
        check_schedule(self.name, self.power_t)

    def can_cut(self, n_cuts: int) -> bool:
        """Whether the rate is to be cut, once more than n_cuts times, before training ends."""
        return self.name == "adaptive" and self.rates(0, 1, n_cuts)[0] > SMALLEST_RATE

    def rates(self, first: int, n_steps: int, n_cuts: int = 0, n_before: float = 0) -> Array:
        """The rates of n_steps steps from step number first = 0, 1, … on: (n_steps,) float64.

        ``n_cuts`` is how often 'adaptive' has divided the rate so far, and ``n_before`` how many
        rows 'invscaling' has seen before step 0.
        """
        step = np.arange(first, first + n_steps)
        if self.name == "cosine":
            total = self.steps_per_epoch * self.n_epochs
            n_warm = max(1, total // WARM_UP)
            progress = np.maximum(step - n_warm, 0) / max(1, total - n_warm)  # 0 … 1
            down = 0.5 * (1 + np.cos(np.pi * progress))
            scale = np.where(step < n_warm, (step + 1) / n_warm, down)
        elif self.name == "invscaling":
            n_seen = n_before + step // self.steps_per_epoch * self.rows_per_epoch
            scale = (n_seen + 1.0) ** -self.power_t
        else:
            scale = np.full(n_steps, 0.2**n_cuts)
        return self.learning_rate_init * scale
