"""`AutoencoderOutlierDetector`: unusual rows, and what is unusual about them."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import ClassifierTags, Tags
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..data.rows import Rows
from ..diagnosis.diagnose import Diagnosis
from ..files.model_file import ModelFile
from .detector_parameters import CODES, DetectorParameters
from .ensemble_training import Options, ratios, train_ensemble
from .fitting import all_or_nothing, generator_of, weights_of
from .outlier_diagnosis import diagnose_detector
from .records import check_parameters, with_parameters
from .saved import SavedEstimator
from .saved_detector import describe_detector, restore_detector
from .tables import FramesOut, checked
from .thresholds import Calibration, TrainingRange, automatic_threshold, threshold_for
from .trying import check_budget

TIMES_THE_LARGEST = 2.0
"""The score of a row in which a constant has changed is so many times any training row's."""


@with_parameters
class AutoencoderOutlierDetector(
    FramesOut, SavedEstimator, DetectorParameters, OutlierMixin, BaseEstimator
):
    """Find unusual rows of a table, and say which entries make them so.

    Eight small autoencoders, with codes of different sizes, learn what rows look like. A row is
    unusual as far as its code, and what is left of it when it is reconstructed from that, are from
    those of usual rows. The defaults want no tuning: they were chosen on public sets with outliers
    in the training rows, too.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    offset_ : float
        ``decision_function`` is ``score_samples - offset_``.
    threshold_ : float
        ``-offset_``: above this sum of `explain` a row is an outlier.
    training_scores_ : array of shape (n_samples,)
        Minus the ``score_samples`` of the training rows: the higher, the less usual.
    calibration_ : Calibration
        Scores of rows by networks that were not trained on them, or of those of ``X_val``.
    ensemble_ : Ensemble
        The trained networks, and what is usual for them.
    shift_, factor_ : array of shape (n_features,)
        Medians of the columns, and one over their spread: networks see ``(X - shift_) * factor_``,
        with the logarithm of what is more than three spreads away. With ``columns='mixed'`` those
        of the columns as they are encoded.
    n_features_in_ : int
    feature_names_in_ : array of str
        When X had column names.

    See Also
    --------
    Autoencoder : Learn a compressed representation.

    Notes
    -----
    The fitted model, and its file, hold the scaled codes and residuals of up to 256 training rows
    per network.

    References
    ----------
    Hawkins, He, Williams & Baxter 2002, "Outlier detection using replicator neural networks";
    Chen, Sathe, Aggarwal & Turaga 2017, "Outlier detection with autoencoder ensembles";
    Ramaswamy, Rastogi & Shim 2000, "Efficient algorithms for mining outliers from large data sets".

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

    _takes_other_categories = True

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, X_val: Any = None) -> Self:
        """Learn what rows of X usually look like.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features)
            Outliers may be among them.
        y : ignored
        sample_weight : array of shape (n_samples,), optional
            A row of weight 2 counts as that row twice; only ratios of weights matter.
        X_val : array, DataFrame or scipy.sparse matrix (n_validation, n_features), optional
            Rows to draw the line by, and to take p-values from, in place of training rows that were
            held out at random. Give later ones where rows follow each other in time: to those
            between training rows they are too alike.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When a parameter or the data is not what it should be.
        """
        check_parameters(self)
        with all_or_nothing(self):
            self._fit(X, sample_weight, X_val)
        return self

    def _fit(self, X: Any, sample_weight: Any, X_val: Any) -> None:
        X = checked(self, X, reset=True)
        weights = weights_of(sample_weight, X)
        weights = np.ones(X.shape[0]) if weights is None else ratios(weights)
        rows = Rows(X, missing=self.missing_values)
        if self.missing_values is not None and rows.seen is not None and not rows.seen.any():
            raise ValueError("X has no entry that is seen: there is nothing to learn")
        counted = weights > 0
        learned = rows.reweighted(weights) if counted.all() else _some(rows, counted, weights)
        trained = train_ensemble(learned, self._options(), generator_of(self))
        self.ensemble_ = trained.ensemble
        self.shift_, self.factor_ = trained.ensemble.scaling.shift, trained.ensemble.scaling.factor
        scores = trained.scores(learned)
        self.training_scores_ = scores if counted.all() else self.ensemble_.scores(rows)
        self.training_range_ = TrainingRange.of(self.training_scores_, weights)
        their_weights = weights[counted]
        held_out_scores, held_out_weights = trained.held_out_scores(), trained.held_out_weights()
        if X_val is not None:
            validation = checked(self, X_val, reset=False, name="X_val")
            validation = Rows(validation, missing=self.missing_values, name="X_val")
            scores = held_out_scores = self.ensemble_.scores(validation)
            their_weights = held_out_weights = np.ones(len(scores))
        self.calibration_ = Calibration.of(held_out_scores, held_out_weights)
        if isinstance(self.contamination, str):
            self.threshold_ = automatic_threshold(held_out_scores, held_out_weights)
        else:
            self.threshold_ = threshold_for(scores, their_weights, self.contamination)
        self.offset_ = -self.threshold_
        largest = max(self.training_range_.high, self.threshold_)
        changed = TIMES_THE_LARGEST * (largest if largest > 0 else 1.0)
        self.ensemble_ = replace(self.ensemble_, changed=changed)

    def explain(self, X: Any) -> Any:
        """How unusual each entry is, beside what is usual: (m, n_features) float64.

        A frame where X is one, with its names and index.
        Never negative; each row's sum is minus its `score_samples`, of which 1 is a usual row's. An
        entry counts as its residual differs from those of the usual rows that are nearest, and for
        its part in how the row's code differs from theirs. One that is unseen counts 0; one that
        was the same in all training rows and is another now counts more than any of these rows.
        """
        rows = self._rows(X)
        contributions: Array = self.ensemble_.contributions(rows)
        if self.encoding_ is not None:
            contributions = self.encoding_.summed(contributions)
        return self._as_given(contributions, X)

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
        """X as the networks of the ensemble see it, but for entries far beyond the usual."""
        table = checked(self, X, reset=False)
        return Rows(table, self.shift_, self.factor_, missing=self.missing_values)

    def p_values(self, X: Any) -> Array:
        """How probable a score as unusual as each row's is among usual rows: (m,).

        The share of the rows in `calibration_` that score at least as high, the row itself counted
        as one of them, so that it is never 0. Where rows are like those, p-values below 0.01 are
        those of one in a hundred; outliers among the training rows make them larger (Bates, Candès,
        Lei, Romano & Sesia 2023, "Testing for outliers with conformal p-values").
        """
        return self._calibrated("calibration_").p_values(-self.score_samples(X))

    def predict_proba(self, X: Any, method: str = "linear") -> Array:
        """How sure it is that rows are usual, and that they are outliers: (m, 2), sums of 1.

        As PyOD has it; no probability in the sense of a frequency, for which see `p_values`.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
        method : {'linear', 'unify'}
            'linear': the second is 0 up to the smallest score of a training row, 1 from the largest
            on, and between them in proportion. 'unify': 0 up to their mean, then the error function
            of deviations above it (Kriegel, Kröger, Schubert & Zimek 2011, "Interpreting and
            unifying outlier scores").
        """
        if not (isinstance(method, str) and method in ("linear", "unify")):
            raise ValueError(f"method={method!r}: must be 'linear' or 'unify'")
        scores = -self.score_samples(X)
        of_training = self._calibrated("training_range_")
        odd = of_training.linear(scores) if method == "linear" else of_training.unified(scores)
        return np.stack([1 - odd, odd], axis=1)

    def _rows(self, X: Any) -> Rows:
        check_is_fitted(self)
        return Rows(checked(self, X, reset=False), missing=self.missing_values)

    def _calibrated(self, name: str) -> Any:
        check_is_fitted(self)
        if not hasattr(self, name):
            raise ValueError(
                "this detector is from a file of version 0.1.0, which kept no scores: fit it again"
            )
        return getattr(self, name)

    def _options(self) -> Options:
        codes = self.n_components
        return Options(
            None if isinstance(codes, str) else CODES("n_components", codes),
            self.activation,
            self.n_steps,
            self.batch_size,
            self.learning_rate_init,
            self.trim,
            self.n_threads,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing_values == "mask"
        tags.input_tags.sparse = self.columns == "numeric"
        # scikit-learn's checks ask everything that has predict_proba about classes.
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.input_tags.categorical = tags.input_tags.string = self.columns == "mixed"
        return tags

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        return describe_detector(self)

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        return restore_detector(cls, file)


def _some(rows: Rows, which: Array, weights: Array) -> Rows:
    """The rows where `which` (m,) is True, with their weights."""
    return Rows(rows.X[which], sample_weight=weights[which], missing=rows.missing)
