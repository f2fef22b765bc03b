"""Predictions of entries that a table does not have: `impute` and `recommend`."""

from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..basics.arguments import COUNT, checked_bool
from ..data.imputation import parts_of
from ..serving.completing import completed, completed_mixed
from .block_results import by_blocks
from .fit_warnings import warn_of_never_seen
from .fitting import seeing_of
from .parameters import knows_missing
from .recommending import Recommendations, best_columns, seen_entries
from .reconstructing import ReconstructingAutoencoder


class CompletingAutoencoder(ReconstructingAutoencoder):
    """What estimators share that predict what a table does not have."""

    @available_if(knows_missing)
    @by_blocks
    def impute(
        self, X: Any, *, covariates: Any = None, size_factors: Any = None, to: Any = None
    ) -> Any:
        """X with what is unseen of it filled in by the reconstruction, in the data's units.

        What is seen stays exactly as it is. Columns of which nothing was seen in the fit stay
        missing, with a warning that names them.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit, and NaN (or what is not stored) for what is unseen.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        to : path, optional
            Of X in `Blocks` (a path is that of a Parquet file, folder or pattern) the result is an
            iterator over blocks; with this it is written there, .parquet, .csv or .npy, whole or
            not at all, and None is returned.

        Returns
        -------
        array of shape (m, n_features), or a frame
            Where X is a frame, or is sparse with NaN for what is missing, one like it; with
            ``columns='mixed'`` of the dtypes of the fit.

        Raises
        ------
        AttributeError
            For ``missing_values=None``, which sees everything.

        References
        ----------
        Sedhain, Menon, Sanner & Xie 2015, "AutoRec: autoencoders meet collaborative filtering".
        """
        table, rows = self._table_and_rows(X, covariates, size_factors)
        never, encoding = self._never_seen, self.encoding_
        if encoding is None:
            warn_of_never_seen(self, never)
            return completed(X, table, rows, self.network_, seeing_of(self), never)
        never = never[encoding.starts[:-1]]
        warn_of_never_seen(self, never)
        return completed_mixed(X, encoding, self._reconstructed(rows), never)

    def recommend(
        self,
        X: Any,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        covariates: Any = None,
        size_factors: Any = None,
    ) -> Recommendations:
        """The n columns of each row of X that are expected to be largest: top-n recommendation.

        Some rows at a time, so that no array of all rows and columns is made. Columns of which the
        fit has seen nothing are left out.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
            What is known of each row, as in the fit.
        n : int, default=10
            How many columns of each row.
        exclude_seen : bool, default=True
            Whether to leave out what a row has already: what is not missing; where nothing can be
            missing, as with counts of clicks, what is not 0.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).

        Returns
        -------
        columns : array of int, shape (m, n)
            Their numbers, best first; -1 where a row has no more of them. Where the fit knew names,
            they are ``feature_names_in_[columns]``.
        scores : array of shape (m, n)
            Their reconstruction in the data's units; NaN where there is none.

        Raises
        ------
        ValueError
            When X is not as in the fit, n no integer from 1 to the number of columns, or the
            columns are mixed.

        References
        ----------
        Liang, Krishnan, Hoffman & Jebara 2018, "Variational autoencoders for collaborative
        filtering".
        """
        check_is_fitted(self)
        COUNT("n", n)
        checked_bool("exclude_seen", exclude_seen)
        if self.encoding_ is not None:
            raise ValueError(
                "columns='mixed': columns of several kinds can't be compared, so none is best; fit "
                "a table of numbers"
            )
        if n > self.n_features_in_:
            raise ValueError(
                f"n={n}: the fit had {self.n_features_in_} columns, so at most so many can be asked"
            )
        table, rows = self._table_and_rows(X, covariates, size_factors)
        found = Recommendations(
            np.empty((len(rows), n), np.int64), np.empty((len(rows), n), self.network_.dtype)
        )
        for part in parts_of(rows):
            scores = self._reconstructed(rows.part(part))
            left_out = np.broadcast_to(self._never_seen, scores.shape)
            if exclude_seen:
                left_out = left_out | seen_entries(table[part], self.missing_values)
            found.columns[part], found.scores[part] = best_columns(scores, left_out, n)
        return found
