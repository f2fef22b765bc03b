"""How rare a detector's scores are among usual rows: p-values, and PyOD's probabilities."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..basics.arguments import OneOf
from ..detection.thresholds import Calibration, TrainingRange, automatic_threshold, threshold_for
from .block_results import by_blocks

Scores = tuple[Array, Array]
"""Of rows, and their weights: (m,) each."""


class CalibratedDetector:
    """The part of a detector that compares scores with those of the rows of its fit."""

    @by_blocks
    def p_values(self: Any, X: Any, *, to: Any = None) -> Array:
        """How probable a score as unusual as each row's is among usual rows: (m,).

        The share of the rows in `calibration_` that score at least as high, the row itself counted
        as one of them, so that it is never 0. Where rows are like those, p-values below 0.01 are
        those of one in a hundred; outliers among the training rows make them larger (Bates, Candès,
        Lei, Romano & Sesia 2023, "Testing for outliers with conformal p-values").

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        to : path, optional
            Where to write the result, of X in blocks, too: as of `explain`.
        """
        return self._calibrated("calibration_").p_values(-self.score_samples(X))

    def predict_proba(self: Any, X: Any, method: str = "linear") -> Array:
        """How sure it is that rows are usual, and that they are outliers: (m, 2), sums of 1.

        As PyOD has it; no probability in the sense of a frequency, for which see `p_values`.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
            Rows with the columns of the fit.
        method : {'linear', 'unify'}
            'linear': the second is 0 up to the smallest score of a training row, 1 from the largest
            on, and between them in proportion. 'unify': 0 up to their mean, then the error function
            of deviations above it (Kriegel, Kröger, Schubert & Zimek 2011, "Interpreting and
            unifying outlier scores").
        """
        OneOf(("linear", "unify"))("method", method)
        scores = -self.score_samples(X)
        of_training = self._calibrated("training_range_")
        odd = of_training.linear(scores) if method == "linear" else of_training.unified(scores)
        return np.stack([1 - odd, odd], axis=1)

    def _note_scores(self: Any, training: Scores, drawn_by: Scores, held_out: Scores) -> None:
        """Learn from scores what is usual, and where outliers begin.

        Parameters
        ----------
        training : (scores, weights)
            Of all rows of the fit.
        drawn_by : (scores, weights)
            Of the rows of which `contamination` is a share.
        held_out : (scores, weights)
            Of rows that no network was trained on.
        """
        self.training_scores_, self.training_range_ = training[0], TrainingRange.of(*training)
        self.calibration_ = Calibration.of(*held_out)
        if isinstance(self.contamination, str):
            self.threshold_ = automatic_threshold(*held_out)
        else:
            self.threshold_ = threshold_for(*drawn_by, self.contamination)
        self.offset_ = -self.threshold_

    def _calibrated(self, name: str) -> Any:
        check_is_fitted(self)
        if not hasattr(self, name):
            raise ValueError(
                "this detector is from a file of version 0.1.0, which kept no scores: fit it again"
            )
        return getattr(self, name)
