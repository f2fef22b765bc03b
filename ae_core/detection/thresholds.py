"""Where a detector draws the line, and how its scores become probabilities.

Everything here is from scores alone: the higher, the less usual.
"""

from typing import NamedTuple

import numpy as np

from .._typing import Array

CUTOFF = 2.8
"""Scores so many deviations above the median are outliers'."""
LARGEST_SHARE_KEPT = 0.995
"""The line lies at this quantile at most, so that half a percent of the rows lies above it."""
THREE_QUARTERS = 0.6745
"""Where three quarters of a normal distribution end, in deviations."""
MOST_SCORES_KEPT = 10_000
"""Held-out scores that a model keeps; of more, so many quantiles."""


class Calibration(NamedTuple):
    """Scores of rows that no network was fitted to, in ascending order, and where they lie."""

    scores: Array
    """(n,)."""
    shares: Array
    """(n,): share of the weight that has this score or more."""
    n_rows: int
    """How many rows these are."""

    @classmethod
    def of(cls, scores: Array, weights: Array) -> "Calibration":
        """From scores and weights (n,), of which some are above 0."""
        counted = weights > 0
        scores, weights = scores[counted], weights[counted]
        order = np.argsort(scores, kind="stable")
        scores, weights = scores[order], weights[order]
        shares = np.cumsum(weights[::-1])[::-1] / weights.sum()
        n_rows = len(scores)
        if n_rows > MOST_SCORES_KEPT:
            kept = np.linspace(0, n_rows - 1, MOST_SCORES_KEPT).round().astype(np.intp)
            scores, shares = scores[kept], shares[kept]
        return cls(scores, shares, n_rows)

    def p_values(self, scores: Array) -> Array:
        """How probable a score as high as each is among such rows: (m,), above 0, at most 1.

        As in conformal prediction the row itself counts as one of them.
        """
        places = np.searchsorted(self.scores, scores, side="left")
        above = np.append(self.shares, 0.0)[places]
        return np.asarray(np.minimum((1 + self.n_rows * above) / (self.n_rows + 1), 1.0))


class TrainingRange(NamedTuple):
    """What the scores of the training rows are like."""

    low: float
    high: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, scores: Array, weights: Array) -> "TrainingRange":
        """From scores and weights (n,), of which some are above 0."""
        counted = scores[weights > 0]
        mean = np.average(scores, weights=weights)
        deviation = np.sqrt(np.average((scores - mean) ** 2, weights=weights))
        return cls(float(counted.min()), float(counted.max()), float(mean), float(deviation))

    def linear(self, scores: Array) -> Array:
        """0 for the most usual training row, 1 for the least; within that, in proportion: (m,)."""
        width = self.high - self.low
        return np.clip((scores - self.low) / (width if width > 0 else 1.0), 0, 1)

    def unified(self, scores: Array) -> Array:
        """The error function of deviations above the mean, (m,): Kriegel et al. 2011."""
        from scipy.special import erf  # takes a while to import, and few ask for it

        deviation = self.deviation if self.deviation > 0 else 1.0
        return np.asarray(np.clip(erf((scores - self.mean) / (deviation * np.sqrt(2))), 0, 1))


def automatic_threshold(scores: Array, weights: Array) -> float:
    """Above which score a row is an outlier, from scores (n,) alone.

    What lies far above their median, as deviations of logarithms on its upper side go, is taken for
    an outlier: distances are skewed, and their logarithms hardly.
    """
    line = weighted_quantile(scores, weights, LARGEST_SHARE_KEPT)
    middle, upper = (weighted_quantile(scores, weights, share) for share in (0.5, 0.75))
    if middle <= 0 or upper <= middle:  # most rows are equal to others
        return line
    deviation = np.log(upper / middle) / THREE_QUARTERS
    return float(min(middle * np.exp(CUTOFF * deviation), line))


def threshold_for(scores: Array, weights: Array, contamination: float) -> float:
    """Above which score lies that share of the weight of the rows."""
    inside = weighted_quantile(scores, weights, 1 - contamination)
    outside = scores[scores > inside]
    # Half way to the next, so that rounding does not decide.
    return float((inside + outside.min()) / 2 if len(outside) else inside)


def weighted_quantile(values: Array, weights: Array, share: float) -> float:
    """The smallest of the values (n,) that has this share of the weight at or below it."""
    if (weights == weights[0]).all():
        place = max(0, int(np.ceil(share * len(values) * (1 - 1e-9))) - 1)
        return float(np.partition(values, place)[place])
    order = np.argsort(values)
    cumulated = np.cumsum(weights[order])
    # An error in the last digit of a sum must not choose another row.
    index = np.searchsorted(cumulated, share * cumulated[-1] * (1 - 1e-9))
    return float(values[order][min(int(index), len(values) - 1)])
