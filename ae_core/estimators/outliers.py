"""`AutoencoderOutlierDetector`: unusual rows, and what is unusual about them."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..data.rows import Rows
from ..data.scaling import learn_scaling
from ..diagnosis.diagnose import Diagnosis
from ..files.model_file import ModelFile
from .detector_parameters import CODES, DetectorParameters
from .ensemble import automatic_threshold, code_sizes, threshold_for, train_ensemble
from .fitting import generator_of, weights_of
from .outlier_diagnosis import diagnose_detector
from .records import check_parameters, with_parameters
from .saved import SavedEstimator, describe_detector, restore_detector
from .tables import FramesOut, checked_table
from .trying import check_budget


@with_parameters
class AutoencoderOutlierDetector(
    FramesOut, SavedEstimator, DetectorParameters, OutlierMixin, BaseEstimator
):
    """Find unusual rows of a table, and say which entries make them so.

    A few small autoencoders, with codes of different sizes, learn what rows look like. What they
    reconstruct badly, beside what they usually achieve in that column, is unusual. The defaults
    want no tuning: they were chosen on 21 public sets with outliers in the training rows, too.

    Parameters
    ----------
    {parameters}

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
        check_parameters(self)
        X = checked_table(self, X, reset=True, takes_sparse=False)
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
            else CODES("n_components", codes),
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

    def explain(self, X: Any) -> Any:
        """How unusual each entry is, beside what is usual in its column: (m, n_features) float64.

        A frame where X is one, with its names and index.
        Never negative; each row's sum is minus its `score_samples`. An entry whose residual is the
        column's usual one (its root mean square) counts 0.5; ten times as large a one, 9.5.
        """
        rows = self._rows(X)
        return self._as_given(self.ensemble_.contributions(rows), X)

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

    def diagnose(
        self, X: Any, *, sample_weight: Any = None, trials: bool = True, budget: float = 5.0
    ) -> Diagnosis:
        """Say whether the networks have learned what rows look like, and what is odd in the table.

        As `Autoencoder.diagnose`, of the networks together: losses are their means.

        Parameters
        ----------
        X : array or DataFrame of shape (m, n_features)
            The data that it was fitted to.
        sample_weight : array of shape (m,), optional
            That of the fit.
        trials : bool, default=True
            Whether to try settings where the networks have not learned.
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
        weights = weights_of(sample_weight, self._rows(X).X)
        return diagnose_detector(self, X, trials=trials, budget=budget, sample_weight=weights)

    def _seen_by_networks(self, X: Any) -> Rows:
        """X as the networks of the ensemble see it."""
        return self._rows(X)

    def _rows(self, X: Any) -> Rows:
        check_is_fitted(self)
        X = checked_table(self, X, reset=False, takes_sparse=False)
        return Rows(X, self.shift_, self.factor_)

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        return describe_detector(self)

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        return restore_detector(cls, file)
