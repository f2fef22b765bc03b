"""What an autoencoder does once it is fitted: encode, reconstruct, fill in, score, explain."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..data.encoding import Encoding
from ..data.frames import as_pandas, filled_frame, from_pandas, is_frame, library_of, sparse_frame
from ..data.imputation import filled_in
from ..data.rows import Rows
from ..data.running_scaling import RunningScaling
from ..data.scaling import undo_scaling
from ..diagnosis.diagnose import Diagnosis, examine
from ..files.model_file import ModelFile
from ..training.stream import Stream
from .fitting import seen, warn_of_never_seen, weights_of
from .parameters import has_holes
from .saved import SavedEstimator, describe_autoencoder, restore_autoencoder
from .saved_stream import describe_stream, restore_stream
from .tables import FramesOut, checked, code_of
from .trying import check_budget, try_filling, try_settings


class FittedAutoencoder(
    FramesOut, SavedEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """What estimators share that hold a `network_`, the scaling of its columns and a history."""

    _stream: Stream | None = None
    """Where `partial_fit` has got to; None after `fit`."""
    _running: RunningScaling | None = None
    """What is known of columns that are not scaled for good; None in older files."""

    # --- using what was learned ----------------------------------------------------------------

    def transform(self, X: Any) -> Array:
        """The code (m, n_components) of the rows of X (m, n_features)."""
        rows = self._rows(X)
        return self.network_.encode(rows)

    def inverse_transform(self, X: Any) -> Any:
        """The rows (m, n_features) that codes X (m, n_components) stand for, in the data's units.

        A frame where X is one, with its index and the names of the fit. With ``columns='mixed'``
        always: of categories the most probable one.

        Raises
        ------
        ValueError
            When X is no finite array of that width.
        """
        check_is_fitted(self)
        X_hat = undo_scaling(self.network_.decode(code_of(X)), self.shift_, self.factor_)
        return self._as_fitted(X_hat, self.encoding_, beside=X)

    def reconstruct(self, X: Any) -> Any:
        """X (m, n_features) through the code and back, in the data's units: (m, n_features).

        A frame where X is one, with its names and index. With ``columns='mixed'``, of categories
        the most probable one.
        """
        X_hat = self._reconstructed(self._rows(X))
        if self.encoding_ is None:
            return self._as_given(X_hat, X)
        return self._as_fitted(X_hat, self.encoding_, beside=X)

    @available_if(has_holes)
    def impute(self, X: Any) -> Any:
        """X with what is unseen of it filled in by the reconstruction, in the data's units.

        What is seen stays exactly as it is. Columns of which nothing was seen in the fit stay
        missing, with a warning that names them.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)

        Returns
        -------
        array of shape (m, n_features); where X is a frame, or is sparse with NaN for what is
        missing, one like it; with ``columns='mixed'`` of the dtypes of the fit

        Raises
        ------
        AttributeError
            For ``missing_values=None``, which sees everything.

        References
        ----------
        Sedhain, Menon, Sanner & Xie 2015, "AutoRec: autoencoders meet collaborative filtering".
        """
        check_is_fitted(self)
        table = checked(self, X, reset=False)
        rows = seen(self, table)
        never = None if self._running is None else ~self._running.was_seen  # (n_features,) bool
        if never is None or not never.any():
            never = np.zeros(rows.n_features, dtype=bool)
        if self.encoding_ is not None:
            X_hat = self.encoding_.decode(self._reconstructed(rows))
            never = never[self.encoding_.starts[:-1]]
            warn_of_never_seen(self, never)
            filled = self.encoding_.filled(as_pandas(X), X_hat, never)
            return from_pandas(filled, library_of(X))

        def known(rows: Rows) -> Array:
            X_hat = self._reconstructed(rows)
            X_hat[:, never] = np.nan
            return X_hat

        warn_of_never_seen(self, never)
        filled = filled_in(table, rows, known)
        if not is_frame(X):
            return filled
        if isinstance(table, np.ndarray):
            return filled_frame(X, table, filled)
        if isinstance(filled, np.ndarray):  # what 'implicit' fills in is no longer sparse
            return self._as_given(filled, X)
        return sparse_frame(X, filled)

    def score_samples(self, X: Any) -> Array:
        """Minus the reconstruction error of each row, (m,) float64: the lower, the less usual.

        The error is the model's loss, of scaled columns, summed over columns. Where entries are
        unseen, it is the mean over the others times the number of columns; 0 for a row of which
        nothing is seen.
        """
        rows = self._rows(X)
        return -self.network_.reconstruction_errors(rows).astype(np.float64)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Minus the mean reconstruction error of the rows of X: higher is better.

        A row of which half is seen counts half.
        """
        scores = self.score_samples(X)
        weights = weights_of(sample_weight, scores)
        if self.missing_values is not None:
            weights = self._rows(X).reweighted(weights).counts(slice(None))
        return float(np.average(scores, weights=weights))

    def feature_errors(self, X: Any) -> Any:
        """The reconstruction error of each entry of X (m, n_features), of scaled columns.

        A frame where X is one, with its names and index. Each row's sum is minus its
        `score_samples`; where entries are unseen, they have 0, and the sum is of what is seen. With
        ``columns='mixed'``, an entry's error is that of all columns that it became.
        """
        rows = self._rows(X)
        errors = self.network_.feature_errors(rows).astype(np.float64)
        if self.encoding_ is not None:
            errors = self.encoding_.summed(errors)
        return self._as_given(errors, X)

    def diagnose(
        self, X: Any, *, sample_weight: Any = None, trials: bool = True, budget: float = 5.0
    ) -> Diagnosis:
        """Say whether the model has learned something, and if not, why and what to try.

        Puts its loss beside the best constant's and that of PCA with the same code size, looks at
        the layers, the code, the loss curve and the columns, and says what it found in words.
        Prints as a report.

        Where the fit is poor, advice is tried before it is given: the same settings are fitted anew
        to some of the rows, from the same seed, with one of them changed at a time. The report says
        which changes helped, best first, and by how much; what did not help is not said.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
            The data that it was fitted to; of more than 10 000 rows, so many are looked at, and
            fewer of wide sparse ones.
        sample_weight : array of shape (m,), optional
            That of the fit.
        trials : bool, default=True
            Whether to try settings. A line on standard error says so while it lasts.
        budget : float, default=5
            Seconds that trials may take.

        Returns
        -------
        ae_core.diagnosis.diagnose.Diagnosis

        Raises
        ------
        ValueError
            When X is not as in the fit, or budget no number above 0.
        """
        check_budget(budget)
        rows = self._rows(X)
        weights = weights_of(sample_weight, rows.X)
        examined = examine(
            self.network_,
            rows if weights is None else rows.reweighted(weights),
            history=self.history_,
            raw=Rows(rows.X, missing=rows.missing),
            feature_names=(
                getattr(self, "feature_names_in_", None)
                if self.encoding_ is None
                else self.encoding_.names
            ),
            settings=self.get_params(deep=False),
        )
        tried = filling = None
        if trials and examined.wants_trials:
            is_poor = examined.measures.is_poor
            tried = try_settings(self, X, is_poor=is_poor, budget=budget, sample_weight=weights)
        if trials and examined.wants_filling:
            filling = try_filling(self, X, budget=budget)
        return examined.report(tried, filling)

    def _reconstructed(self, rows: Rows) -> Array:
        """The reconstruction (m, n_features) of rows, in the data's units."""
        return undo_scaling(self.network_.forward(rows), self.shift_, self.factor_)

    def _rows(self, X: Any) -> Rows:
        check_is_fitted(self)
        return seen(self, checked(self, X, reset=False))

    # --- what a subclass has more of -----------------------------------------------------------

    def _learn_from(self, rows: Rows) -> None:
        """Learn what else the network is made from, from the scaled rows."""

    def _learn_on(self, rows: Rows) -> None:
        """Learn it again from a part of a stream, where that knows better."""

    def _network_options(self, n_features: int) -> dict[str, Any]:
        """More of the arguments of `Architecture`, or others, for columns as they are encoded."""
        encoding: Encoding | None = getattr(self, "encoding_", None)  # none before the first fit
        if encoding is None:
            return {}
        weights = self.feature_weights
        return {
            "loss": encoding.loss(self.loss),
            "feature_weights": None if weights is None else encoding.expanded(weights),
        }

    def _training_options(self) -> dict[str, Any]:
        """More of the arguments of `train`."""
        return {}

    # --- saving --------------------------------------------------------------------------------

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        description, arrays = describe_autoencoder(self)
        streams, their_arrays = describe_stream(self)
        return {**description, **streams}, {**arrays, **their_arrays}

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        model: Self = restore_autoencoder(cls, file)
        restore_stream(model, file)
        return model

    # --- what the fit left -----------------------------------------------------------------------

    @property
    def coefs_(self) -> list[Array]:
        """Weights of each layer, (n_in, n_out), sharing memory with `network_`."""
        network = self.network_
        return [layer.weights for layer in network.architecture.layers(network.params)]

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer, (n_out,), sharing memory with `network_`."""
        network = self.network_
        layers = network.architecture.layers(network.params)
        return [layer.biases for layer in layers if layer.biases is not None]

    @property
    def loss_curve_(self) -> list[float]:
        """Mean loss of each epoch, each batch taken before its step."""
        return self.history_.loss_curve

    @property
    def validation_loss_curve_(self) -> list[float]:
        """Loss on the rows held out, or ``X_val``, after each epoch; empty without."""
        return self.history_.validation_loss_curve

    @property
    def best_loss_(self) -> float:
        """The smallest loss of an epoch: on held-out rows, if there are any."""
        return min(self.history_.watched)

    @property
    def n_iter_(self) -> int:
        """Epochs of the last fit; for 'lbfgs', iterations."""
        return self.history_.n_iter

    @property
    def _n_features_out(self) -> int:
        return self.network_.architecture.n_components
