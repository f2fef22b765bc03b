"""What an autoencoder does once it is fitted: encode, reconstruct, fill in, score, explain."""

from importlib import import_module
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..basics.arguments import COUNT, checked_bool
from ..basics.extras import optional
from ..basics.shown import shown
from ..data.blocks import blocks_of
from ..data.covariates import Covariates
from ..data.encoding import Encoding
from ..data.frames import as_pandas, filled_frame, from_pandas, is_frame, library_of, sparse_frame
from ..data.imputation import filled_in, parts_of
from ..data.rows import Rows
from ..data.running_scaling import RunningScaling
from ..data.scaling import saturated, undo_scaling
from ..diagnosis.diagnose import examine
from ..diagnosis.result import Diagnosis
from ..files.model_description import from_json, to_json
from ..files.model_file import ModelFile
from ..formulas.losses import LOSSES
from ..serving.ranges import average, errors_in_range, within_range
from ..training.stream import Stream
from .beside import (
    NOT_FOR_BLOCKS,
    covariates_of,
    given_beside,
    refuse_beside,
    refuse_covariates,
    sizes_of,
)
from .block_fitting import sampled
from .block_results import by_blocks, mean_score
from .fit_warnings import warn_of_never_seen
from .fitting import clips, in_rates, seen, weights_of
from .parameters import has_holes
from .recommending import Recommendations, best_columns, seen_entries
from .saved import SavedEstimator, describe_autoencoder, restore_autoencoder
from .saved_stream import describe_stream, restore_stream
from .tables import FramesOut, checked, code_of, indexable, plain_rows
from .trying import check_budget, try_filling, try_settings

TORCH = "ae_core.export.torch_module"
"""Imported on first use, as it needs PyTorch."""


class FittedAutoencoder(
    FramesOut, SavedEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """What estimators share that hold a `network_`, the scaling of its columns and a history."""

    _stream: Stream | None = None
    """Where `partial_fit` has got to; None after `fit`."""
    _running: RunningScaling | None = None
    """What is known of columns that are not scaled for good; None in older files."""
    _scale: str | None = None
    """How the columns are scaled, where `scale` leaves it open."""
    _usual_sum: float | None = None
    """The sum, or size factor, of a row of size 1; None where rows have no sizes."""
    _covariates: Covariates | None = None
    """How covariates become numbers; None where the fit had none."""
    _draws_codes = False
    """Whether training draws codes, whose divergence is not to be multiplied with sizes."""

    # --- using what was learned ----------------------------------------------------------------

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
        within_range(X_hat, Rows(code), "the reconstruction")
        sizes = sizes_of(self, size_factors, len(code), is_needed=False)
        return self._as_fitted(self._sized(X_hat, sizes), self.encoding_, beside=X)

    def _sized(self, rates: Array, sizes: Array | None) -> Array:
        """Rates (m, n_features) of rows of usual size as those of rows of these sizes (m,)."""
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
        if self.encoding_ is None:
            return self._as_given(X_hat, X)
        return self._as_fitted(X_hat, self.encoding_, beside=X)

    @available_if(has_holes)
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
        check_is_fitted(self)
        table = checked(self, X, reset=False)
        given = given_beside(self, table.shape[0], covariates, size_factors)
        rows = seen(self, table, beside=given)
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
        table = checked(self, X, reset=False)
        given = given_beside(self, table.shape[0], covariates, size_factors)
        rows = seen(self, table, beside=given)
        never = np.zeros(rows.n_features, dtype=bool)
        if self.missing_values is not None and self._running is not None:
            never = ~self._running.was_seen
        found = Recommendations(
            np.empty((len(rows), n), np.int64), np.empty((len(rows), n), self.network_.dtype)
        )
        for part in parts_of(rows):
            scores = self._reconstructed(rows.part(part))
            left_out = np.broadcast_to(never, scores.shape)
            if exclude_seen:
                left_out = left_out | seen_entries(table[part], self.missing_values)
            best = best_columns(scores, left_out, n)
            found.columns[part], found.scores[part] = best
        return found

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
        blocks, given = blocks_of(X), {"covariates": covariates, "size_factors": size_factors}
        if blocks is not None:
            refuse_beside(given, NOT_FOR_BLOCKS)
            return mean_score(self, blocks, sample_weight)
        scores = self.score_samples(X, **given)
        weights = weights_of(sample_weight, scores)
        if self.missing_values is not None:
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
        except ValueError:  # about a code, which nobody has given: of which row is it?
            within_range(self.network_.encode(rows), rows, "the code")
            raise
        if self.encoding_ is not None:
            errors = self.encoding_.summed(errors)
        return self._as_given(errors, X)

    def diagnose(
        self,
        X: Any,
        *,
        sample_weight: Any = None,
        covariates: Any = None,
        size_factors: Any = None,
        trials: bool = True,
        budget: float = 5.0,
    ) -> Diagnosis:
        """Say whether the model has learned something, and if not, why and what to try.

        Of a model with covariates there is no report yet.

        Puts its loss beside the best constant's and that of PCA with the same code size, looks at
        the layers, the code, the loss curve and the columns, and says what it found in words.
        Prints as a report.

        Where the fit is poor, advice is tried before it is given: the same settings are fitted anew
        to some of the rows, from the same seed, with one of them changed at a time. The report says
        which changes helped, best first, and by how much; what did not help is not said.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
            The data that it was fitted to, or `Blocks`; of more than 10 000 rows, so many are
            looked at, and fewer of wide sparse ones.
        sample_weight : array of shape (m,), optional
            That of the fit.
        covariates, size_factors
            As of `reconstruct`.
        trials : bool, default=True
            Whether to try settings. A line on standard error says so while it lasts.
        budget : float, default=5
            Seconds that trials may take.

        Returns
        -------
        ae_core.diagnosis.diagnose.Diagnosis
            What was found; prints as a report.

        Raises
        ------
        ValueError
            When X is not as in the fit, or budget no number above 0.
        """
        check_budget(budget)
        blocks, given = blocks_of(X), {"covariates": covariates, "size_factors": size_factors}
        check_is_fitted(self)
        if self._covariates is not None:
            raise ValueError(
                "a model with covariates can't be diagnosed: PCA and column means have none to "
                "compare it with; look at loss_curve_, or diagnose a fit without covariates"
            )
        if blocks is not None:
            refuse_beside(given, NOT_FOR_BLOCKS)
            X = sampled(blocks)
        rows = in_rates(self._rows(X, **given))
        X = indexable(X)
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
            sources=(
                None
                if self.encoding_ is None
                else self.encoding_.sources[: self.encoding_.n_encoded]
            ),
            settings=self.get_params(deep=False),
        )
        tried = filling = None
        # Of ratings a trial would be judged by what it was given: copying would always win.
        # Nor are there size factors of the rows that a trial would be of.
        if trials and examined.wants_trials and self._scale != "biases" and size_factors is None:
            is_poor = examined.measures.is_poor
            tried = try_settings(self, X, is_poor=is_poor, budget=budget, sample_weight=weights)
        if trials and examined.wants_filling and size_factors is None:
            filling = try_filling(self, X, budget=budget)
        return examined.report(tried, filling)

    def _reconstructed(self, rows: Rows) -> Array:
        """The reconstruction (m, n_features) of rows, in the data's units."""
        X_hat = undo_scaling(self.network_.forward(rows), self.shift_, self.factor_)
        within_range(X_hat, rows, "the reconstruction")
        if rows.row_factor is not None and LOSSES[self.loss].has_size:
            with np.errstate(over="ignore"):
                X_hat *= rows.row_factor[:, None].astype(X_hat.dtype)
            saturated(X_hat)
        if rows.row_shift is not None:
            X_hat += rows.row_shift[:, None].astype(X_hat.dtype)
        return X_hat

    def _of_counts(self, errors: Array, rows: Rows) -> Array:
        """Losses of rows (m, …) that were divided by their sizes as those of the counts.

        One that is beyond the network's type is the largest there is: the other rows are scored.
        """
        errors = errors_in_range(errors)
        if rows.row_factor is None or not LOSSES[self.loss].is_scaled_by_size:
            return errors
        with np.errstate(over="ignore"):
            return saturated(errors * rows.row_factor.reshape(-1, *[1] * (errors.ndim - 1)))

    def _rows(self, X: Any, covariates: Any = None, size_factors: Any = None) -> Rows:
        fitted = vars(self)
        is_alone = covariates is None and size_factors is None and self._covariates is None
        is_plain = is_alone and self._scale != "biases" and self._usual_sum is None
        if "network_" in fitted and is_plain:
            scaling = fitted["shift_"], fitted["factor_"]
            rows = plain_rows(self, X, *scaling, clip=clips(self))
            if rows is not None:
                return rows
        check_is_fitted(self)
        table = checked(self, X, reset=False)
        return seen(
            self, table, beside=given_beside(self, table.shape[0], covariates, size_factors)
        )

    # --- what a subclass has more of -----------------------------------------------------------

    def _learn_from(self, rows: Rows) -> None:
        """Hook: estimate what the architecture needs (of a VAE the noise variance)."""

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

    # --- PyTorch ---------------------------------------------------------------------------------

    def to_torch(self) -> Any:
        """The fitted model as a ``torch.nn.Module``, to be trained on, combined or compiled.

        Its `transform`, `reconstruct` (and `forward`), `inverse_transform` and, of an
        `Autoencoder`, `score_samples` take and give tensors as the methods here do arrays; with
        ``columns='mixed'`` those of encoded columns, ``encoding_.encode(X)``. Parameters have the
        names of ``network_.weights`` and are copies: `from_torch` brings them back.

        Returns
        -------
        ae_core.export.torch_module.AutoencoderModule
            A module with parameters of its own.

        Raises
        ------
        NotFittedError
            Before `fit`.
        MissingExtraError
            Without PyTorch: ``pip install 'ae_core[torch]'``.
        """
        check_is_fitted(self)
        refuse_covariates(self, "can't be exported")
        module = optional("torch", "exports to PyTorch", "torch") and import_module(TORCH)
        return module.AutoencoderModule(*self._describe(), clip=clips(self))

    @classmethod
    def from_torch(cls, module: Any) -> Self:
        """The fitted model that `to_torch` gave, with the parameters that the module has now.

        Everything else is as it was, but where a stream had got to.

        Parameters
        ----------
        module : torch.nn.Module
            That of `to_torch`, trained on or not.

        Returns
        -------
        self
            A new estimator, fitted.

        Raises
        ------
        ValueError
            When it is no such module, or its parameters are not finite.
        """
        arrays = getattr(module, "arrays", None)
        if not callable(arrays) or not isinstance(getattr(module, "description", None), dict):
            raise ValueError(
                f"module={shown(module)}: must be what to_torch of a fitted model gave"
            )
        described = {k: v for k, v in module.description.items() if k != "stream"}
        file = ModelFile(cls.__name__, from_json(to_json(described)), arrays(), "module")
        return cls._restored(file)

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
