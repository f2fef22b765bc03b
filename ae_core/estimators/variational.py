"""`VariationalAutoencoder`: codes that are distributions, new rows, and likelihoods."""

import math
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._typing import Array, RandomState
from ..basics.arguments import check_name
from ..data.rows import Rows
from ..data.scaling import undo_scaling
from ..diagnosis.baselines import discarded_variance
from ..diagnosis.measures import evenly
from ..files.model_file import ModelFile
from ..formulas.latent import LOG_2_PI, sample
from ..formulas.losses import LOSSES
from .autoencoder import Autoencoder
from .parameters import is_number, positive_integer

ROWS_FOR_NOISE, ENTRIES_FOR_NOISE = 10_000, 20_000_000
"""How many rows, and entries, at most tell how much noise there is."""


class VariationalAutoencoder(Autoencoder):
    """Learn what rows are likely, with a code that is drawn from a normal distribution.

    A row x is thought to come from a code z, which is normal with mean 0 and variance 1, through
    the decoder and some noise. The encoder gives, for each row, the mean and the variance of the
    codes that it may have come from. Both learn by making the evidence lower bound large: what the
    likelihood of a row is at least.

    Parameters
    ----------
    n_components, hidden_layer_sizes, decoder_layer_sizes, activation, output_activation
        As in `Autoencoder`.
    loss : {'squared_error', 'binary_cross_entropy'}, default='squared_error'
        What the noise is: of a normal distribution, or, for data in 0 … 1, of a coin.
    beta : float, default=1
        Weight of the divergence of codes from their distribution. More than 1 makes a simpler code
        (Higgins et al. 2017), and less a sharper one; only for 1 a bound is made large.
    kl_warm_up : int, default=0
        Epochs over which that weight grows from 0 (Bowman et al. 2016), against units that give up
        before they have learned anything.
    noise_variance : 'auto' or float, default='auto'
        Variance of the normal noise, of scaled columns. 'auto': the most likely one of
        probabilistic PCA with as many components (Tipping & Bishop 1999, eq. 8), but at least a
        thousandth of the columns' variance.
    solver : {'adam', 'adamw', 'sgd', 'rmsprop'}, default='adam'
    alpha, batch_size, learning_rate, learning_rate_init, power_t, momentum, nesterovs_momentum, \
max_iter, shuffle, random_state, tol, n_iter_no_change, early_stopping, validation_fraction, \
beta_1, beta_2, epsilon, warm_start, verbose, scale, corruption, corruption_level, dropout, \
alpha_l1, clip_norm, averaging, missing_values, dtype, n_threads
        As in `Autoencoder`. `random_state` is also for the codes that training draws, a warm start
        keeps the noise, too, and what `early_stopping` watches is the bound (of that `beta`).

    Attributes
    ----------
    noise_variance_ : float or None
        The variance of the noise, of scaled columns; None with 'binary_cross_entropy'.
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

    # What a code that is a distribution cannot have: see `ae_core.network.rules`.
    code_activation = "identity"
    tied = False
    k_sparse = None
    sparsity, sparsity_target = 0.0, 0.05
    # What its distribution asks of it already, and what would make its loss no likelihood.
    code_l1 = contraction = 0.0
    feature_weights = None
    columns = "numeric"
    max_fun = 15_000  # of 'lbfgs', which can't draw

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden_layer_sizes: Any = "auto",
        decoder_layer_sizes: Any = None,
        activation: str = "elu",
        output_activation: str | None = None,
        loss: str = "squared_error",
        beta: float = 1.0,
        kl_warm_up: int = 0,
        noise_variance: float | str = "auto",
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 3e-3,
        power_t: float = 0.5,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float | None = None,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warm_start: bool = False,
        verbose: bool = False,
        scale: str | None = "standard",
        corruption: str | None = None,
        corruption_level: float = 0.3,
        dropout: float = 0.0,
        alpha_l1: float = 0.0,
        clip_norm: float | None = None,
        averaging: float | None = None,
        missing_values: str | None = None,
        dtype: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.decoder_layer_sizes = decoder_layer_sizes
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.beta = beta
        self.kl_warm_up = kl_warm_up
        self.noise_variance = noise_variance
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warm_start = warm_start
        self.verbose = verbose
        self.scale = scale
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.dropout = dropout
        self.alpha_l1 = alpha_l1
        self.clip_norm = clip_norm
        self.averaging = averaging
        self.missing_values = missing_values
        self.dtype = dtype
        self.n_threads = n_threads

    # --- likelihoods ---------------------------------------------------------------------------

    def score_samples(self, X: Any, n_draws: int = 1) -> Array:
        """A lower bound on the log-likelihood of each row, (m,) float64.

        The likelihood is the density of the **scaled** rows, constants included (that of the
        unscaled ones is larger by ``log(abs(factor_)).sum()``); with 'binary_cross_entropy', a
        probability. The same rows have the same bounds each time, in any order.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_features)
        n_draws : int, default=1
            1: the evidence lower bound (Kingma & Welling 2014, eq. 3), from one drawn code. More:
            the importance-weighted bound (Burda, Grosse & Salakhutdinov 2016, eq. 8), which is
            nearer to the likelihood the more codes are drawn.

        Raises
        ------
        ValueError
            When X is no table of that width, or n_draws below 1.
        """
        rows = self._rows(X)
        bound = self.network_.bound(rows, n_draws=n_draws)
        if self.noise_variance_ is None:
            return bound
        n_seen = self.n_features_in_ * (1.0 if rows.seen is None else rows.seen)
        return np.asarray(bound - n_seen / 2 * (LOG_2_PI + math.log(self.noise_variance_)))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The mean evidence lower bound of the rows of X, as of `score_samples`."""
        return float(np.average(self.score_samples(X), weights=sample_weight))

    def feature_errors(self, X: Any) -> Array:
        """What each entry of X (m, n_features) adds to minus the log-likelihood, constants aside.

        Beside what the mean of its row's code stands for; of scaled columns.
        """
        return super().feature_errors(X)

    # --- draws ---------------------------------------------------------------------------------

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> Array:
        """New rows (n_samples, n_features), in the data's units, from codes that are drawn.

        They are the means of what a code stands for: without the noise, and with
        'binary_cross_entropy' probabilities.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState or None, default=None

        Raises
        ------
        ValueError
            When n_samples is no integer of at least 1.
        """
        check_is_fitted(self)
        n_samples = positive_integer("n_samples", n_samples)
        network = self.network_
        Z = self._normals(n_samples, random_state)
        return undo_scaling(network.decode(Z), self.shift_, self.factor_)

    def sample_posterior(self, X: Any, random_state: RandomState = None) -> Array:
        """A code (m, n_components) for each row of X (m, n_features), of those it may come from.

        Drawn from the normal distribution whose mean `transform` gives.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_features)
        random_state : int, RandomState or None, default=None
        """
        rows = self._rows(X)
        mean, log_variance = self.network_.posterior(rows)
        return sample(mean, log_variance, self._normals(len(mean), random_state))

    def _normals(self, n_rows: int, random_state: RandomState) -> Array:
        network = self.network_
        shape = (n_rows, network.architecture.n_components)
        return check_random_state(random_state).standard_normal(shape).astype(network.dtype)

    # --- learning and saving -------------------------------------------------------------------

    def _learn_from(self, rows: Rows) -> None:
        if not LOSSES[check_name("loss", self.loss, LOSSES)].is_likelihood:
            likelihoods = [name for name, loss in LOSSES.items() if loss.is_likelihood]
            raise ValueError(
                f"loss={self.loss!r}: a variational autoencoder needs a likelihood: "
                f"one of {', '.join(likelihoods)}"
            )
        if self.solver == "lbfgs":
            raise ValueError(
                "solver='lbfgs' needs a loss that stays the same, and each epoch draws other "
                "codes: use 'adam'"
            )
        has_variance = LOSSES[self.loss].has_variance
        self.noise_variance_ = self._noise_variance(rows) if has_variance else None

    def _noise_variance(self, rows: Rows) -> float:
        variance = self.noise_variance
        if not isinstance(variance, str):
            if not is_number(variance) or not 0 < variance < math.inf:
                raise ValueError(f"noise_variance={variance!r}: must be 'auto' or a number above 0")
            return float(variance)
        if variance != "auto":
            raise ValueError(f"noise_variance={variance!r}: must be 'auto' or a number above 0")
        n_components = positive_integer("n_components", self.n_components)
        which = np.flatnonzero(rows.weights(slice(None)))
        n_rows = min(ROWS_FOR_NOISE, 1 + ENTRIES_FOR_NOISE // rows.n_features)
        which = which[evenly(len(which), n_rows)]
        X = rows.take(which, np.float64)
        return discarded_variance(X, rows.weights(which), n_components)

    def _network_options(self, n_features: int) -> dict[str, Any]:
        # Half the squared error over the variance is minus the logarithm of the noise's density.
        # A checkpoint is opened before the fit that learns the variance: it asks for sizes only.
        variance = getattr(self, "noise_variance_", None)
        return {
            "variational": True,
            "beta": self.beta,
            "feature_weights": None if variance is None else (1 / variance,) * n_features,
        }

    def _training_options(self) -> dict[str, Any]:
        return {"kl_warm_up": self.kl_warm_up}

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        description, arrays = super()._describe()
        return {**description, "noise_variance": self.noise_variance_}, arrays

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        model = super()._restored(file)
        architecture = model.network_.architecture
        if not architecture.variational:
            raise file.error("its network is not variational")
        variance = file.value(
            "noise_variance",
            lambda v: v is None or (is_number(v) and 0 < v < math.inf),
            "null or a number above 0",
        )
        weights = None if variance is None else (1 / variance,) * architecture.n_features
        if weights != architecture.feature_weights:
            raise file.error("its noise_variance is not that of its architecture")
        model.noise_variance_ = variance
        return model
