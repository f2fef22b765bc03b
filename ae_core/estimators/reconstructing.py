"""Codes and reconstructions of a fitted autoencoder."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..basics.arguments import checked_bool
from ..basics.memory import SMALLER, says_what_it_lacks
from ..data.covariates import Covariates
from ..data.frames import framed
from ..data.rows import Rows
from ..data.running_scaling import RunningScaling
from ..data.scaling import undo_scaling
from ..formulas.losses import LOSSES
from ..serving.ranges import reconstructed, within_range
from ..training.stream import Stream
from .beside import covariates_of, given_beside, sizes_of
from .block_results import by_blocks
from .fitting import clips, seeing_of, seen
from .saved import SavedEstimator
from .tables import FramesOut, checked, code_of, plain_rows


class ReconstructingAutoencoder(
    FramesOut, SavedEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """What estimators share that hold a `network_` and the scaling of its columns."""

    _stream: Stream | None = None
    """The state of `partial_fit`; None after `fit`."""
    _running: RunningScaling | None = None
    """What is known of columns that are not scaled for good; None in older files."""
    _scale: str | None = None
    """How the columns are scaled: what `scale` came to."""
    _usual_sum: float | None = None
    """The sum, or size factor, of a row of size 1; None where rows have no sizes."""
    _covariates: Covariates | None = None
    """How covariates become numbers; None where the fit had none."""
    _draws_codes = False
    """Whether codes are drawn, whose divergence must not be multiplied by the sizes of rows."""

    @by_blocks
    def transform(
        self, X: Any, *, covariates: Any = None, size_factors: Any = None, to: Any = None
    ) -> Array:
        """The code (m, n_components) of the rows of X (m, n_features).

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        to : path, optional
            Of X in `Blocks` (a path is that of a Parquet file, folder or pattern) the result is an
            iterator over blocks; with this it is written there, .parquet, .csv or .npy, whole or
            not at all, and None is returned.
        """
        rows = self._rows(X, covariates, size_factors)
        return within_range(self.network_.encode(rows), rows, "the code")

    @says_what_it_lacks(SMALLER)
    def inverse_transform(self, X: Any, *, covariates: Any = None, size_factors: Any = None) -> Any:
        """The rows (m, n_features) that codes X (m, n_components) stand for, in the data's units.

        A frame where X is one, with its index and the names of the fit. With ``columns='mixed'``
        always: of categories the most probable one.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_components)
            Codes, as `transform` gives them.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            What the decoder is given beside them, where the fit had some.
        size_factors : array of shape (m,), optional
            With ``size_factors='given'``: how much is counted of each row; of a usual one by
            default.

        Raises
        ------
        ValueError
            When X is no finite array of that width.
        """
        check_is_fitted(self)
        code = code_of(X)
        X_hat = self._decoded(code, covariates_of(self, covariates, len(code)))
        within_range(X_hat, Rows(code, name="code"), "the reconstruction")
        sizes = sizes_of(self, size_factors, len(code), is_needed=False)
        return self._as_fitted(self._sized(X_hat, sizes), beside=X)

    def _sized(self, rates: Array, sizes: Array | None) -> Array:
        """Rates (m, n_features) of rows of usual size, multiplied by the sizes (m,) of theirs."""
        if sizes is None or not LOSSES[self.loss].has_size:
            return rates
        return rates * (sizes / self._usual_sum)[:, None].astype(rates.dtype)

    def _decoded(self, code: Array, covariates: Array | None) -> Array:
        """The rows (m, n_features) that codes stand for, of usual size, in the data's units."""
        if covariates is not None and clips(self):
            covariates = covariates.clip(0, 1)  # as `Rows` does
        return undo_scaling(self.network_.decode(code, covariates), self.shift_, self.factor_)

    @by_blocks
    def reconstruct(
        self,
        X: Any,
        *,
        covariates: Any = None,
        size_factors: Any = None,
        normalized: bool = False,
        to: Any = None,
    ) -> Any:
        """X (m, n_features) through the code and back, in the data's units: (m, n_features).

        A frame where X is one, with its names and index. With ``columns='mixed'``, of categories
        the most probable one.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        normalized : bool, default=False
            Whether rates of counts are those of a row of usual size, and not of as large a row.
        to : path, optional
            Where to write the result, of X in blocks, too: as of `transform`.
        """
        checked_bool("normalized", normalized)
        rows = self._rows(X, covariates, size_factors)
        X_hat = self._reconstructed(rows)
        if normalized and LOSSES[self.loss].has_size:
            size = rows.row_factor if rows.row_size is None else rows.row_size
            if size is not None:
                X_hat /= size[:, None].astype(X_hat.dtype)
        return framed(X_hat, X) if self.encoding_ is None else self._as_fitted(X_hat, beside=X)

    def _reconstructed(self, rows: Rows) -> Array:
        """The reconstruction (m, n_features) of rows, in the data's units."""
        return reconstructed(self.network_, rows, seeing_of(self))

    def _rows(self, X: Any, covariates: Any = None, size_factors: Any = None) -> Rows:
        fitted = vars(self)
        is_alone = covariates is None and size_factors is None and self._covariates is None
        is_plain = is_alone and self._scale != "biases" and self._usual_sum is None
        if "network_" in fitted and is_plain:
            scaling = fitted["shift_"], fitted["factor_"]
            rows = plain_rows(self, X, *scaling, clip=clips(self))
            if rows is not None:
                return rows
        return self._table_and_rows(X, covariates, size_factors)[1]

    def _table_and_rows(self, X: Any, covariates: Any, size_factors: Any) -> tuple[Any, Rows]:
        """X as numbers, and as the network sees it with what is given beside it."""
        check_is_fitted(self)
        table = checked(self, X, reset=False)
        beside = given_beside(self, table.shape[0], covariates, size_factors)
        return table, seen(self, table, beside=beside)

    @property
    def _never_seen(self) -> Array:
        """Encoded columns that had no entry in the fit: (n_encoded,) bool."""
        if self._running is None:
            return np.zeros(self.network_.architecture.n_features, dtype=bool)
        return ~self._running.was_seen
