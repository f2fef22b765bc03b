"""`AutoencoderOutlierDetector`: unusual rows, and what is unusual about them."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._typing import Array, RandomState
from ..data.rows import Rows
from ..data.scaling import learn_scaling
from ..files.model_file import ModelFile
from .ensemble import automatic_threshold, code_sizes, threshold_for, train_ensemble
from .fitting import generator_of, weights_of
from .parameters import is_number, layer_sizes, positive_integer
from .saved import SavedEstimator, describe_detector, restore_detector


class AutoencoderOutlierDetector(SavedEstimator, OutlierMixin, BaseEstimator):
    """Find unusual rows of a table, and say which entries make them so.

    A few small autoencoders, with codes of different sizes, learn what rows look like. What they
    reconstruct badly, beside what they usually achieve in that column, is unusual. The defaults
    want no tuning: they were chosen on 21 public sets with outliers in the training rows, too.

    Parameters
    ----------
    contamination : 'auto' or float, default='auto'
        Share of outliers among the training rows, above 0 and up to 0.5: it decides where
        `predict` draws the line. 'auto' draws it where scores stand out from the others.
    n_components : 'auto', int or sequence of int, default='auto'
        Sizes of the codes, one network for each. 'auto': 1, and an eighth, a quarter and a half of
        the number of columns, but at most 16.
    activation : str, default='tanh'
        Of the codes. Bounded ones (tanh, logistic, softsign) can't follow a row that is far away.
    n_steps : int, default=60
        Steps of Adam per training, of which each network has two.
    batch_size : int, default=32
        Rows per step. Up to a total weight of 64, a step takes all rows.
    learning_rate_init : float, default=0.01
    trim : float, default=0.2
        Share of the rows, those that look oddest after the first training, to leave out of the
        second.
    random_state : int, RandomState or None, default=None
    n_threads : int, optional
        By default all cores that this process may use.

    Attributes
    ----------
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    threshold_ : float
        ``-offset_``: above this sum of `explain` a row is an outlier.
    ensemble_ : Ensemble
        The trained networks, and the usual size of their residuals.
    shift_, factor_ : array of shape (n_features,)
        The networks see ``(X - shift_) * factor_``.
    n_features_in_ : int
    feature_names_in_ : array of str
        When X had column names.

    See Also
    --------
    Autoencoder : Learn a compressed representation.

    References
    ----------
    Hawkins, He, Williams & Baxter 2002, "Outlier detection using replicator neural networks";
    Chen, Sathe, Aggarwal & Turaga 2017, "Outlier detection with autoencoder ensembles".

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from ae_core import AutoencoderOutlierDetector
    >>> X = load_breast_cancer().data
    >>> detector = AutoencoderOutlierDetector(random_state=0).fit(X)
    >>> detector.predict(X).shape
    (569,)
    >>> detector.explain(X).shape
    (569, 30)
    """

    def __init__(
        self,
        contamination: float | str = "auto",
        *,
        n_components: Any = "auto",
        activation: str = "tanh",
        n_steps: int = 60,
        batch_size: int = 32,
        learning_rate_init: float = 0.01,
        trim: float = 0.2,
        random_state: RandomState = None,
        n_threads: int | None = None,
    ) -> None:
        self.contamination = contamination
        self.n_components = n_components
        self.activation = activation
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.trim = trim
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Learn what rows of X usually look like.

        Parameters
        ----------
        X : array or DataFrame of shape (n_samples, n_features)
            Outliers may be among them.
        y : ignored
        sample_weight : array of shape (n_samples,), optional
            A row of weight 2 counts as that row twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When a parameter or the data is not what it should be.
        """
        self._check_parameters()
        X = validate_data(self, X, dtype="numeric")
        weights = weights_of(sample_weight, X)
        if weights is not None and (weights == 0).any():
            X, weights = X[weights > 0], weights[weights > 0]
        self.shift_, self.factor_ = learn_scaling(X, "standard", weights)
        rows = Rows(X, self.shift_, self.factor_, weights)
        codes = self.n_components
        self.ensemble_ = train_ensemble(
            rows,
            codes=code_sizes(rows.n_features)
            if isinstance(codes, str)
            else layer_sizes("n_components", codes),
            activation=self.activation,
            n_steps=self.n_steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate_init,
            trim=self.trim,
            random=generator_of(self),
            n_threads=self.n_threads,
        )
        scores, weights = self.ensemble_.scores(rows), rows.weights(slice(None))
        if isinstance(self.contamination, str):
            self.threshold_ = automatic_threshold(scores, weights)
        else:
            self.threshold_ = threshold_for(scores, weights, self.contamination)
        self.offset_ = -self.threshold_
        return self

    def explain(self, X: Any) -> Array:
        """How unusual each entry is, beside what is usual in its column: (m, n_features) float64.

        Never negative; each row's sum is minus its `score_samples`. An entry whose residual is the
        column's usual one (its root mean square) counts 0.5; ten times as large a one, 9.5.
        """
        rows = self._rows(X)
        return self.ensemble_.contributions(rows)

    def score_samples(self, X: Any) -> Array:
        """Minus the sum of `explain` over each row, (m,): the lower, the more abnormal."""
        rows = self._rows(X)
        return -self.ensemble_.scores(rows)

    def decision_function(self, X: Any) -> Array:
        """``score_samples - offset_``, (m,): negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Array:
        """1 for usual rows, -1 for outliers: (m,) int."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _rows(self, X: Any) -> Rows:
        check_is_fitted(self)
        X = validate_data(self, X, dtype="numeric", reset=False)
        return Rows(X, self.shift_, self.factor_)

    def _check_parameters(self) -> None:
        share: Any = self.contamination
        is_auto = isinstance(share, str) and share == "auto"
        if not is_auto and not (is_number(share) and 0 < share <= 0.5):
            raise ValueError(
                f"contamination={share!r}: must be 'auto' or a number above 0 and up to 0.5"
            )
        if isinstance(self.n_components, str) and self.n_components != "auto":
            raise ValueError(f"n_components={self.n_components!r}: must be 'auto' or integers")
        if not isinstance(self.n_components, str) and not layer_sizes(
            "n_components", self.n_components
        ):
            raise ValueError("n_components=(): at least one code size is needed")
        positive_integer("n_steps", self.n_steps)
        positive_integer("batch_size", self.batch_size)
        if not is_number(self.trim) or not 0 <= self.trim < 1:
            raise ValueError(f"trim={self.trim!r}: must be at least 0 and below 1")
        rate = self.learning_rate_init
        if not is_number(rate) or not 0 < rate < np.inf:
            raise ValueError(f"learning_rate_init={rate!r}: must be a number above 0")

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        return describe_detector(self)

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        return restore_detector(cls, file)
