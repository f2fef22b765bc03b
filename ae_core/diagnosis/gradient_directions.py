"""Whole arrays along their own direction, where each single slope drowns in the cost's rounding.

A step along the gradient of an array gathers the slopes of all its elements: the cost must rise by
the length of that gradient, in units of the step. What rounding adds is averaged out over many
steps of about the same size.
"""

from typing import NamedTuple

import numpy as np

from .._typing import Array
from .gradient_calls import Misreturned, Sample, Subject
from .gradient_rounding import EPS, LARGEST_STEP, Rounding

N_STEPS, SPREAD = 16, 1.25
"""Number of steps that are averaged over, and the ratio of the largest to the smallest."""
CERTAIN = 4
"""Standard errors of a mean that are allowed for."""


class Slope(NamedTuple):
    """Of the cost along the gradient of an array."""

    expected: float
    """The length of that gradient."""
    found: float
    doubt: float

    @property
    def is_right(self) -> bool:
        """Whether it is known well enough, and agrees with what is expected."""
        return self.doubt < self.expected / 2 and not self.is_wrong

    @property
    def is_wrong(self) -> bool:
        """Whether it clearly differs."""
        is_told = self.doubt < max(abs(self.found), self.expected) / 4
        return is_told and abs(self.found - self.expected) > 2 * self.doubt + 0.05 * self.expected


def along_gradient(
    subject: Subject, sample: Sample, vector: Array, rounding: Rounding, gradient: Array
) -> Slope:
    """The slope of a cost along a gradient (n_params,) that is zero except in one array."""
    length = float(np.linalg.norm(gradient))
    unit = gradient / length
    largest = LARGEST_STEP * float(
        np.min(np.maximum(1, np.abs(vector))[unit != 0] / np.abs(unit[unit != 0]))
    )
    least = max(rounding.cost, EPS * abs(subject.cost(vector, sample)))
    best = Slope(length, 0.0, np.inf)
    t = 4 * largest
    while (t := t / 4) > rounding.step:
        try:
            (a, noise_a), (b, noise_b) = (
                _quotient(subject, sample, vector, unit, t / k) for k in (1, 2)
            )
        except Misreturned:  # not finite so far away
            continue
        # Truncation falls fourfold with half the step.
        noise = (4 * noise_b + noise_a) / 3 + least / t
        slope = Slope(length, (4 * b - a) / 3, abs(b - a) / 3 + noise)
        best = min(best, slope, key=lambda s: s.doubt)
        if best.doubt < 0.02 * length:
            break
    return best


def _quotient(
    subject: Subject, sample: Sample, vector: Array, unit: Array, t: float
) -> tuple[float, float]:
    """Mean central difference quotient of steps near t, and how far off rounding may put it."""
    steps = t * np.linspace(1, SPREAD, N_STEPS)
    with np.errstate(all="ignore"):
        above = np.array([subject.cost(vector + s * unit, sample) for s in steps])
        below = np.array([subject.cost(vector - s * unit, sample) for s in steps])
    quotients = (above - below) / (2 * steps)
    # Remove what depends smoothly on the step; the rest is rounding.
    rest = quotients - np.polyval(np.polyfit(steps / t, quotients, 2), steps / t)
    return float(quotients.mean()), CERTAIN * float(rest.std()) / np.sqrt(N_STEPS - 3)
