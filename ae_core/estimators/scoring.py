"""How well a fitted autoencoder reconstructs rows: `score_samples`, `score`, `feature_errors`."""

from typing import Any

import numpy as np

from .._typing import Array
from ..basics.memory import FEWER_ROWS, says_what_it_lacks
from ..data.blocks import blocks_of
from ..data.frames import framed
from ..data.rows import Rows
from ..data.scaling import saturated
from ..formulas.losses import LOSSES
from ..serving.ranges import average, errors_in_range, within_range
from .beside import NOT_FOR_BLOCKS, refuse_beside
from .block_results import by_blocks, mean_score
from .fitting import weights_of
from .reconstructing import ReconstructingAutoencoder


class ScoringAutoencoder(ReconstructingAutoencoder):
    """What estimators share that score rows and entries by the error of their reconstruction."""

    @by_blocks
    def score_samples(
        self, X: Any, *, covariates: Any = None, size_factors: Any = None, to: Any = None
    ) -> Array:
        """Minus the reconstruction error of each row, (m,) float64: the lower, the less usual.

        The error is the model's loss, of scaled columns, summed over columns. Where entries are
        unseen, it is the mean over the others times the number of columns; 0 for a row of which
        nothing is seen. One beyond the range of the network's type is the largest that there is.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        to : path, optional
            Where to write the result, of X in blocks, too: as of `transform`.
        """
        rows = self._rows(X, covariates, size_factors)
        return -self._of_counts(self.network_.reconstruction_errors(rows), rows)

    @says_what_it_lacks(FEWER_ROWS)
    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        covariates: Any = None,
        size_factors: Any = None,
    ) -> float:
        """Minus the mean reconstruction error of the rows of X: higher is better.

        A row of which half is seen counts half.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
            Rows with the columns of the fit.
        y : ignored
            Is there for scikit-learn's sake.
        sample_weight : array of shape (m,), optional
            A row of weight 2 counts as that row twice.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        """
        given = {"covariates": covariates, "size_factors": size_factors}
        return self._mean_score(X, sample_weight, given, by_seen=self.missing_values is not None)

    def _mean_score(
        self, X: Any, sample_weight: Any, given: dict[str, Any], *, by_seen: bool
    ) -> float:
        """The weighted mean of `score_samples`; `by_seen` rows count by the share that is seen."""
        blocks = blocks_of(X)
        if blocks is not None:
            refuse_beside(given, NOT_FOR_BLOCKS)
            return mean_score(self, blocks, sample_weight, by_seen=by_seen)
        scores = self.score_samples(X, **given)
        weights = weights_of(sample_weight, scores)
        if by_seen:
            weights = self._rows(X, **given).reweighted(weights).counts(slice(None))
        return average(scores, weights)

    @by_blocks
    def feature_errors(
        self, X: Any, *, covariates: Any = None, size_factors: Any = None, to: Any = None
    ) -> Any:
        """The reconstruction error of each entry of X (m, n_features), of scaled columns.

        A frame where X is one, with its names and index. Each row's sum is minus its
        `score_samples`; where entries are unseen, they have 0, and the sum is of what is seen. With
        ``columns='mixed'``, an entry's error is that of all columns that it became.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        to : path, optional
            Where to write the result, of X in blocks, too: as of `transform`.
        """
        rows = self._rows(X, covariates, size_factors)
        try:
            errors = self._of_counts(self.network_.feature_errors(rows), rows)
        except ValueError:  # it names an entry of the code; name the row of X instead
            within_range(self.network_.encode(rows), rows, "the code")
            raise
        if self.encoding_ is not None:
            errors = self.encoding_.summed(errors)
        return framed(errors, X)

    def _of_counts(self, errors: Array, rows: Rows) -> Array:
        """Losses (m, …) of the counts, from losses of rows divided by their sizes.

        One that is beyond the network's type is the largest there is: the other rows are scored.
        """
        errors = errors_in_range(errors)
        if rows.row_factor is None or not LOSSES[self.loss].is_scaled_by_size:
            return errors
        with np.errstate(over="ignore"):
            return saturated(errors * rows.row_factor.reshape(-1, *[1] * (errors.ndim - 1)))
