"""Draws of missing entries: predictions plus residuals of entries whose predictions are similar.

Of entries that were seen, but not by the network that predicted them, it is known how far off the
prediction was. To fill in one that is missing, a residual is drawn from among those whose
predictions are nearest (Little 1988, "Missing-data adjustments in large surveys"; Schenker & Taylor
1996, "Partially parametric techniques for multiple imputation"), so that draws spread as widely as
predictions there are off, and as skewed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._typing import Array

NEAREST = 30
"""Donors that a residual is drawn from: those with the nearest predictions."""
MOST_DONORS = 1000
"""Donors of each column, drawn at random from all."""
MOST_VALUES = 30
"""If a column has no more different values than this, draws are rounded to these."""


@dataclass(frozen=True)
class Donors:
    """The donors of each column, sorted by their predictions; in the units of the data."""

    predictions: Sequence[Array]
    """Of each column: (n_donors,)."""
    residuals: Sequence[Array]
    """What was seen less what was predicted: (n_donors,)."""
    values: Sequence[Array]
    """The different values of a column that has few, sorted; else empty."""

    @classmethod
    def of(cls, X: Array, predicted: Array, random: np.random.Generator) -> "Donors":
        """The donors among the entries of X (m, n), NaN where missing, and their predictions."""
        predictions, residuals, values = [], [], []
        for seen, guess in zip(X.T, predicted.T, strict=True):
            which = np.flatnonzero(~np.isnan(seen))
            different = np.unique(seen[which])
            values.append(different if len(different) <= MOST_VALUES else different[:0])
            which = random.permutation(which)[:MOST_DONORS]
            which = which[np.argsort(guess[which], kind="stable")]
            predictions.append(guess[which])
            residuals.append(seen[which] - guess[which])
        return cls(tuple(predictions), tuple(residuals), tuple(values))

    def drawn(self, column: int, predicted: Array, random: np.random.Generator) -> Array:
        """Draws of entries of a column, given their predictions: (k,) each."""
        theirs = self.predictions[column]
        n_donors, values = len(theirs), self.values[column]
        if not n_donors:
            return predicted
        n_nearest = min(NEAREST, n_donors)
        place = np.searchsorted(theirs, predicted)  # (k,)
        first = (place - n_nearest // 2).clip(0, n_donors - n_nearest)
        which = first + random.integers(0, n_nearest, len(predicted))
        drawn = predicted + self.residuals[column][which]
        if not len(values):
            return np.asarray(drawn)
        after = np.searchsorted(values, drawn).clip(1, max(1, len(values) - 1))
        if len(values) == 1:
            return np.full(len(drawn), values[0])
        is_lower = drawn - values[after - 1] < values[after] - drawn
        return np.asarray(values[after - is_lower])
