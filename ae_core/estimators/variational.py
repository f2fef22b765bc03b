"""`VariationalAutoencoder`: codes that are distributions, new rows, and likelihoods."""

import math
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._typing import Array, RandomState
from ..basics.arguments import COUNT, is_number
from ..basics.memory import SMALLER, says_what_it_lacks
from ..data.rows import Rows
from ..data.running_scaling import ENOUGH
from ..data.scaling import saturated
from ..diagnosis.baselines import discarded_variance
from ..diagnosis.reconstruction import evenly
from ..files.model_file import ModelFile
from ..formulas.latent import divergence, sample
from ..formulas.losses import LOSSES
from ..network.rules import checked_weights
from ..serving.likelihood import noise_constants
from ..serving.ranges import bounds, scored, within_range
from .autoencoder import TrainableAutoencoder
from .beside import covariates_of, sizes_of
from .block_results import by_blocks
from .checkpoints import count_in
from .constructors import VariationalParameters
from .fitting import drawing_from
from .records import with_parameters

ROWS_FOR_NOISE, ENTRIES_FOR_NOISE = 10_000, 20_000_000
"""Rows, and entries, that the variance of the noise is learned from, at most."""


@with_parameters
class VariationalAutoencoder(VariationalParameters, TrainableAutoencoder):
    """Learn what rows are likely, with a code that is drawn from a normal distribution.

    A row x is thought to come from a code z, which is normal with mean 0 and variance 1, through
    the decoder and some noise. The encoder gives, for each row, the mean and the variance of the
    codes that it may have come from. Both learn by making the evidence lower bound large: what the
    likelihood of a row is at least. Flags and categories (``columns='mixed'``) have probabilities
    of their own.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    noise_variance_ : float or None
        The variance of the noise, of scaled columns; None where no column has normal noise. Of a
        column with a feature weight w it is this over w.
    network_, coefs_, intercepts_, shift_, factor_, history_, loss_curve_, \
validation_loss_curve_, best_loss_, n_iter_, n_features_in_, feature_names_in_
        As of `Autoencoder`. The losses are minus the bound, without the constant
        ``n_features_in_ / 2 * log(2 * pi * noise_variance_)`` of normal noise.

    See Also
    --------
    Autoencoder : Without distributions.

    References
    ----------
    Kingma & Welling 2014, "Auto-encoding variational Bayes".

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from ae_core import VariationalAutoencoder
    >>> X = load_wine().data
    >>> model = VariationalAutoencoder(n_components=3, max_iter=50, random_state=0).fit(X)
    >>> model.transform(X).shape
    (178, 3)
    >>> model.sample(5, random_state=0).shape
    (5, 13)
    """

    _draws_codes = True
    _noise_rows = ENOUGH
    """Rows that the noise was learned from; older files do not say it."""

    # --- likelihoods ---------------------------------------------------------------------------

    @by_blocks
    def score_samples(
        self,
        X: Any,
        n_draws: int = 1,
        *,
        covariates: Any = None,
        size_factors: Any = None,
        to: Any = None,
    ) -> Array:
        """A lower bound on the log-likelihood of each row, (m,) float64.

        The likelihood is the density of the **scaled** rows, constants included (that of the
        unscaled ones is larger by ``log(abs(factor_)).sum()``); with 'binary_cross_entropy', a
        probability. The same rows have the same bounds each time, in any order.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_features)
            Rows with the columns of the fit.
        n_draws : int, default=1
            1: the evidence lower bound (Kingma & Welling 2014, eq. 3), from one drawn code. More:
            the importance-weighted bound (Burda, Grosse & Salakhutdinov 2016, eq. 8), which is
            nearer to the likelihood the more codes are drawn.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        to : path, optional
            As of `transform`, for X in `Blocks`, too.

        Raises
        ------
        ValueError
            When X is no table of that width, or n_draws below 1.
        """
        rows = self._rows(X, covariates, size_factors)
        if rows.row_factor is not None:  # of a multinomial's rows, which are divided
            if COUNT("n_draws", n_draws) > 1:
                raise ValueError(
                    f"n_draws={n_draws}: with size_factors the bound is of one draw; use "
                    "n_draws=1, or fit with size_factors=None"
                )
            divergences = divergence(*self.network_.posterior(rows))
            # Of the two terms of the bound, only the likelihood is of counts divided by sizes.
            likelihoods = self.network_.bound(rows) + divergences
            return scored(rows.row_factor * likelihoods - divergences)
        return scored(bounds(self.network_, rows, n_draws) - self._constants(rows))

    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        covariates: Any = None,
        size_factors: Any = None,
    ) -> float:
        """The mean evidence lower bound of the rows of X, as of `score_samples`.

        Where entries are missing, a row's bound is that of what is seen of it, and each row counts
        as one, as in any mean log-likelihood: also a row of which little is seen, and in `Blocks`.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
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
        return self._mean_score(X, sample_weight, given, by_seen=False)

    def feature_errors(
        self, X: Any, *, covariates: Any = None, size_factors: Any = None, to: Any = None
    ) -> Any:
        """What each entry of X (m, n_features) adds to minus the log-likelihood, constants aside.

        Beside what the mean of its row's code stands for; of scaled columns.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
            Rows with the columns of the fit.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        to : path, optional
            Where to write the result, of X in blocks, too: as of `transform`.
        """
        return super().feature_errors(X, covariates=covariates, size_factors=size_factors, to=to)

    def _constants(self, rows: Rows) -> Array | float:
        """The constants of minus the log-likelihood of each row, which the loss leaves out."""
        n = rows.n_features
        return noise_constants(
            rows, self.noise_variance_, self._column_weights(n), self._has_normal_noise(n)
        )

    # --- draws ---------------------------------------------------------------------------------

    @says_what_it_lacks(SMALLER)
    def sample(
        self,
        n_samples: int = 1,
        random_state: RandomState = None,
        *,
        covariates: Any = None,
        size_factors: Any = None,
    ) -> Any:
        """New rows (n_samples, n_features), in the data's units, from codes that are drawn.

        They are the means of what a code stands for: without the noise, and with
        'binary_cross_entropy' probabilities. In a frame where the model was fitted to one, with its
        names; with ``columns='mixed'``, flags and categories are drawn by their probabilities.

        Parameters
        ----------
        n_samples : int, default=1
            How many rows.
        random_state : int, RandomState, Generator or None, default=None
            Seed; with an integer, the same rows every time.
        covariates : array, DataFrame or Series of shape (n_samples, n_covariates), optional
            Those of the new rows, where the fit had some.
        size_factors : array of shape (n_samples,), optional
            With ``size_factors='given'``: how much is counted of each; of a usual row by default.

        Raises
        ------
        ValueError
            When n_samples is no integer of at least 1.
        """
        check_is_fitted(self)
        n_samples, random = COUNT("n_samples", n_samples), drawing_from(random_state)
        given = covariates_of(self, covariates, n_samples)
        sizes = sizes_of(self, size_factors, n_samples, is_needed=False)
        X = self._sized(self._decoded(self._normals(n_samples, random), given), sizes)
        if self.encoding_ is not None:
            X = self.encoding_.drawn(X, random.uniform)
        return self._as_fitted(X)

    @says_what_it_lacks(SMALLER)
    def sample_posterior(
        self,
        X: Any,
        random_state: RandomState = None,
        *,
        covariates: Any = None,
        size_factors: Any = None,
    ) -> Array:
        """A code (m, n_components) for each row of X (m, n_features), of those it may come from.

        Drawn from the normal distribution whose mean `transform` gives.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_features)
            Rows with the columns of the fit.
        random_state : int, RandomState, Generator or None, default=None
            Seed; with an integer, the same codes every time.
        covariates : array, DataFrame or Series of shape (m, n_covariates), optional
            Those of these rows, where the fit had some.
        size_factors : array of shape (m,), optional
            How much was counted of each, where the fit was told (``size_factors='given'``).
        """
        rows = self._rows(X, covariates, size_factors)
        mean, log_variance = self.network_.posterior(rows)
        within_range(mean, rows, "the code")
        normals = self._normals(len(mean), drawing_from(random_state))
        with np.errstate(over="ignore", invalid="ignore"):
            drawn = saturated(sample(mean, log_variance, normals))
        return within_range(drawn, rows, "the code")

    def _normals(self, n_rows: int, random: Any) -> Array:
        network = self.network_
        shape = (n_rows, network.architecture.n_components)
        return random.standard_normal(shape).astype(network.dtype)

    # --- learning and saving -------------------------------------------------------------------

    def _learn_from(self, rows: Rows) -> None:
        self.noise_variance_ = None
        weights = self._column_weights(rows.n_features)
        is_judged = self._has_normal_noise(rows.n_features) & (weights > 0)
        if is_judged.any():
            self.noise_variance_ = self._noise_variance(rows, weights, is_judged)
        self._noise_rows = int(np.count_nonzero(rows.weights(slice(None))))

    def _learn_on(self, rows: Rows) -> None:
        n_rows = int(np.count_nonzero(rows.weights(slice(None))))
        if self._noise_rows < min(ENOUGH, n_rows):
            self._learn_from(rows)

    def _noise_variance(self, rows: Rows, weights: Array, is_judged: Array) -> float:
        if not isinstance(self.noise_variance, str):
            return float(self.noise_variance)
        which = np.flatnonzero(rows.weights(slice(None)))
        n_rows = min(ROWS_FOR_NOISE, 1 + ENTRIES_FOR_NOISE // rows.n_features)
        which = which[evenly(len(which), n_rows)]
        # A column of weight w has noise of variance s² / w: times √w, all have the same.
        X = rows.take(which, np.float64)[:, : rows.n_features] * np.sqrt(weights)
        columns = None if is_judged.all() else is_judged
        with np.errstate(over="ignore", invalid="ignore"):
            variance = discarded_variance(X, rows.weights(which), self.n_components, columns)
        if not np.isfinite(variance):
            row, column = np.unravel_index(np.nan_to_num(np.abs(X), nan=-1.0).argmax(), X.shape)
            raise ValueError(
                f"{rows.name}[{which[row]}, {column}] is {rows.X[which[row], column]:g}: its "
                "square is beyond float64, so that the noise's variance can't be learned; use "
                "scale='standard', take logarithms, or clip it"
            )
        return variance

    def _has_normal_noise(self, n_encoded: int) -> Array:
        """Which encoded columns have normal noise: (n_encoded,) bool."""
        if not LOSSES[self.loss].has_variance:
            return np.zeros(n_encoded, dtype=bool)
        return np.ones(n_encoded, bool) if self.encoding_ is None else self.encoding_.is_number

    def _column_weights(self, n_encoded: int) -> Array:
        """The feature weights of columns as they are encoded; 1 where there are none."""
        weights = super()._network_options(n_encoded)["feature_weights"]
        weights = checked_weights(weights, n_encoded)
        return np.ones(n_encoded) if weights is None else np.array(weights)

    def _network_options(self, n_features: int) -> dict[str, Any]:
        options = {
            **super()._network_options(n_features),
            "code_activation": "identity",
            "variational": True,
            "beta": self.beta,
        }
        # No variance yet where a checkpoint is opened, which asks for sizes only.
        variance = getattr(self, "noise_variance_", None)
        if variance is not None:
            # Half the squared error over the variance is minus the log density of the noise.
            scale = np.where(self._has_normal_noise(n_features), variance, 1.0)
            options["feature_weights"] = tuple(self._column_weights(n_features) / scale)
        return options

    def _training_options(self) -> dict[str, Any]:
        return {**super()._training_options(), "kl_warm_up": self.kl_warm_up}

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        description, arrays = super()._describe()
        if self._noise_rows < ENOUGH:
            description["noise_rows"] = self._noise_rows
        return {**description, "noise_variance": self.noise_variance_}, arrays

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        model = super()._restored(file)
        architecture = model.network_.architecture
        if not architecture.variational:
            raise file.error("its network is not variational")
        model.noise_variance_ = file.value(
            "noise_variance",
            lambda v: v is None or (is_number(v) and 0 < v < math.inf),
            "null or a number above 0",
        )
        try:
            weights = model._network_options(architecture.n_features)["feature_weights"]
        except ValueError as error:
            raise file.error(str(error)) from error
        if weights != architecture.feature_weights:
            raise file.error("its noise_variance is not that of its architecture")
        if "noise_rows" in file.description:
            model._noise_rows = count_in(file, "noise_rows")
        return model
