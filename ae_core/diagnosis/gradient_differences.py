"""Derivatives from differences of a cost, and how far each can be trusted.

A difference quotient has two errors: truncation, which falls with the step, and the rounding of the
cost, which grows as the step falls. Both are measured here rather than assumed, so that the same
code checks functions that compute in float64, in float32 and in float16.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._typing import Array
from .gradient_calls import Misreturned, Sample, Subject
from .gradient_rounding import EPS, LARGEST_STEP, STEP, NotDeterministic, Rounding

SMALL = 1e-3  # a doubt below this share of the largest element of an array does not matter
ROUNDING = 20 * EPS  # how far a cost of size 1 may be off after a network's worth of operations
KEPT = 10  # how many standard deviations of measured rounding are allowed for
ENOUGH = 1e-8  # relative doubt of a derivative below which no other step is tried
LIKELY = 0.4  # share of the largest possible rounding that is to be expected


class Slopes(NamedTuple):
    """Difference quotients of the cost along one parameter."""

    central: float
    left: float
    right: float
    noise: float
    """By how much rounding may have changed `central`."""


UNSEEN = Slopes(math.nan, math.nan, math.nan, math.inf)
"""Of a step that cannot be taken."""


class Derivative(NamedTuple):
    """The numeric derivative of one element, beside the one under test."""

    numeric: float
    doubt: float
    """How far off it may be."""
    error: float
    """Relative, of the gradient under test; 0 where a kink allows it."""
    is_judged: bool
    """Whether a gradient of the wrong sign would have been seen."""

    def is_enough(self, analytic: float, scale: float) -> bool:
        """Whether it is exact enough for an array whose largest element is `scale`."""
        is_nothing = analytic == 0 and (self.numeric == 0 or scale == 0)
        return self.is_judged or is_nothing or self.doubt <= SMALL * scale


@dataclass
class Cost:
    """The cost of one sample around one point, along single parameters."""

    subject: Subject
    sample: Sample
    vector: Array
    """(n_params,): the point."""
    here: float
    """The cost there."""
    rounding: Rounding
    is_measured: bool = True
    """Whether that rounding is this function's, or a guess."""
    has_moved: bool = False
    """Whether any cost so far differed from the one here."""
    beyond: Misreturned | None = None
    """The error of the last step to where the cost is not finite."""

    def at(self, i: int, value: float) -> float:
        """The cost with parameter i at another value."""
        vector = self.vector.copy()
        vector[i] = value
        cost = self.subject.cost(vector, self.sample)
        self.has_moved = self.has_moved or cost != self.here
        return cost

    def slopes(self, i: int, relative_step: float) -> Slopes:
        """Quotients with a step of that size, relative to max(1, |p|)."""
        p = float(self.vector[i])
        h = relative_step * max(1.0, abs(p))
        above, below = self.rounding.on_grid(p + h), self.rounding.on_grid(p - h)
        if not below < p < above:  # the step is lost in the precision of the function
            return UNSEEN
        try:
            cost_above, cost_below = self.at(i, above), self.at(i, below)
        except Misreturned as error:  # not finite: beyond the end of what a parameter can be
            self.beyond = error
            return UNSEEN
        # Divide by the true distance of the parameters as they are stored.
        left, right = (self.here - cost_below) / (p - below), (cost_above - self.here) / (above - p)
        # Rounding of the cost, and of the parameters: the latter moves the slope by as much as it
        # is curved, and is what remains at a minimum, where cost and slope are almost nothing.
        least = 4 * EPS if self.is_measured else ROUNDING
        size = max(least * max(abs(cost_above), abs(cost_below)), KEPT * self.rounding.cost)
        noise = size / h + ROUNDING * abs(right - left) / relative_step
        return Slopes((cost_above - cost_below) / (above - below), left, right, noise)

    def _halved(self, i: int, steps: list[float]) -> Iterator[tuple[Slopes, ...]]:
        """Quotients at each step, its half and its quarter, where these can be taken."""
        for step in steps:
            slopes = tuple(self.slopes(i, step / k) for k in (1, 2, 4))
            if all(math.isfinite(s.noise) for s in slopes):
                yield slopes

    def derivative(self, i: int) -> tuple[float, float]:
        """The derivative along parameter i and its doubt, without a gradient to compare with.

        From quotients at a step, its half and its quarter, extrapolated twice: what the cost loses
        in rounding is made up for by larger steps, where it is smooth enough.
        """
        best = (0.0, math.inf)
        steps = (16, 4, 1, 1 / 8) if self.rounding.is_coarse else (4, 1, 1 / 8)
        for a, b, c in self._halved(i, [step * self.rounding.step for step in steps]):
            coarse, fine = (4 * b.central - a.central) / 3, (4 * c.central - b.central) / 3
            value = (16 * fine - coarse) / 15
            # A kink between two steps shows in the slopes on both sides, too.
            bend = abs(c.right - c.left) - abs(a.right - a.left) / 4
            doubt = abs(fine - coarse) / 4 + LIKELY * c.noise + max(0.0, bend - 4 * c.noise)
            best = min(best, (value, doubt), key=lambda pair: pair[1])
            if doubt <= ENOUGH * abs(value) or not (a.left or a.right):
                break
        return best

    def compare(self, i: int, analytic: float, tolerance: float, scale: float) -> Derivative:
        """The derivative along parameter i beside the gradient's.

        A second look is taken when they differ, or when so much is uncertain that they could not,
        if it is known how the cost is rounded. Where the cost has a kink, any slope between the
        one-sided ones is right. Those are taken as limits, which have to be found on both sides; so
        a cost that merely jitters has none.

        Parameters
        ----------
        i : int
        analytic : float
            Of the gradient under test.
        tolerance : float
        scale : float
            The largest element of its array: what is small beside it need not be exact.

        Raises
        ------
        NotDeterministic
            When differences are others the second time.
        """
        own = KEPT * float(np.broadcast_to(self.rounding.gradient, self.vector.shape)[i])
        first = self.slopes(i, self.rounding.step)
        if not math.isfinite(analytic):
            return Derivative(first.central, first.noise, math.inf, True)
        if math.isfinite(first.noise):
            found = _judge(analytic, first.central, first.noise + own, tolerance)
            if found.error <= tolerance and found.is_enough(analytic, scale):
                return found
        # An error must show a second time, or the function is noisy.
        again = self.slopes(i, self.rounding.step)
        if abs(again.central - first.central) > first.noise:
            raise NotDeterministic
        if not self.is_measured:
            return Derivative(first.central, first.noise, math.inf, True)
        return self._second_look(i, analytic, tolerance, own, scale)

    def _second_look(
        self, i: int, analytic: float, tolerance: float, own: float, scale: float
    ) -> Derivative:
        numeric, doubt = 0.0, math.inf
        low, high, vagueness = 0.0, 0.0, math.inf
        found = None
        for a, b, c in self._halved(i, self._ladder(i)):
            value = (4 * c.central - b.central) / 3
            # Truncation falls fourfold with half the step: what is left of it shows in how far the
            # quotients are apart.
            off = abs(b.central - c.central) / 3 + 2 * c.noise
            if off < doubt:
                numeric, doubt = value, off
            # The limits on both sides, twice: from a and b, and from b and c.
            left, right = 2 * c.left - b.left, 2 * c.right - b.right
            vague = max(
                abs(left - 2 * b.left + a.left), abs(right - 2 * b.right + a.right), 6 * c.noise
            )
            if vague < vagueness:
                low, high, vagueness = min(left, right), max(left, right), vague
            found = _judge(analytic, numeric, doubt + own, tolerance)
            if found.error > tolerance:
                found = _between(analytic, low, high, vagueness + own, tolerance) or found
            if found.error <= tolerance and found.is_enough(analytic, scale):
                return found
            # Smooth here, and clearly another slope.
            if abs(analytic - numeric) > 1e3 * (doubt + own) and high - low < 10 * vagueness:
                break
        if found is None and self.beyond is not None:
            raise self.beyond
        return found or Derivative(math.nan, math.inf, 0.0, False)

    def _ladder(self, i: int) -> list[float]:
        """Steps to try: the usual one first, then smaller ones, then larger ones."""
        base, p = self.rounding.step, abs(float(self.vector[i]))
        steps = [base, base / 8, base / 64]
        if 0 < p < 1e-2 and not self.rounding.is_coarse:
            steps += [p * STEP, p * STEP / 8]  # the cost may vary on the scale of a tiny parameter
        return steps + [s for s in (base * 8**k for k in range(1, 5)) if s <= LARGEST_STEP]


def _judge(analytic: float, numeric: float, doubt: float, tolerance: float) -> Derivative:
    difference, size = abs(analytic - numeric), max(abs(analytic), abs(numeric))
    allowed = tolerance * size + doubt
    if difference > allowed:
        return Derivative(numeric, doubt, difference / size, True)
    # Right: what rounding can have done must not push the error above the tolerance.
    error = difference / (size + doubt / tolerance) if difference > 0 else 0.0
    return Derivative(numeric, doubt, error, allowed < size / 2)


def _between(
    analytic: float, low: float, high: float, vague: float, tolerance: float
) -> Derivative | None:
    """Accept what lies between the slopes on both sides, as far as they are known; else None."""
    size = max(abs(low), abs(high))
    slack = vague + tolerance * size
    if not low - slack <= analytic <= high + slack:
        return None
    is_kink = high - low > 2 * slack  # else they are simply equal
    return Derivative(analytic, vague, 0.0, not is_kink and slack < size / 2)
