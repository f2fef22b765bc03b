"""`AutoencoderOutlierDetector`: unusual rows, and what is unusual about them."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import ClassifierTags, Tags
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..basics.memory import SMALLER, TO_FIT, says_what_it_lacks
from ..data.blocks import blocks_of
from ..data.encoded_blocks import EncodedBlocks
from ..data.frames import framed
from ..data.rows import Rows
from ..diagnosis.result import Diagnosis
from ..files.model_file import ModelFile
from .block_fitting import checked_blocks, checked_validation, sampled
from .block_results import by_blocks
from .calibrated_detector import CalibratedDetector
from .detector_parameters import DetectorParameters
from .detector_stream import FollowingDetector
from .ensemble_training import Trained, ratios, step_between, train_ensemble
from .fitting import all_or_nothing, generator_of, weights_of
from .outlier_diagnosis import diagnose_detector
from .records import check_parameters, with_parameters
from .saved import SavedEstimator
from .saved_detector import describe_detector, restore_detector
from .tables import FramesOut, checked, indexable, plain_rows
from .trying import check_budget

TIMES_THE_LARGEST = 2.0
"""What a changed constant adds to a row's score, in units of the largest training score."""


@with_parameters
class AutoencoderOutlierDetector(
    CalibratedDetector,
    FollowingDetector,
    FramesOut,
    SavedEstimator,
    DetectorParameters,
    OutlierMixin,
    BaseEstimator,
):
    """Find unusual rows of a table, and say which entries make them so.

    Some small autoencoders, with codes of different sizes, learn what rows look like. A row is
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

    @says_what_it_lacks(TO_FIT)
    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, X_val: Any = None) -> Self:
        """Learn what rows of X usually look like.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features), or Blocks
            Outliers may be among them. A path is that of a Parquet file, a folder or a pattern; see
            `ae_core.Blocks`. Blocks are read a few times, and what is learned is the same as from
            the same rows in memory: at most 20 000 rows, evenly spaced; `training_scores_` are of
            all.
        y : ignored
            Is there for scikit-learn's sake.
        sample_weight : array of shape (n_samples,), optional
            A row of weight 2 counts as that row twice; only ratios of weights matter.
        X_val : array, DataFrame or scipy.sparse matrix (n_validation, n_features), optional
            Rows to draw the line by, and to take p-values from, in place of training rows that were
            held out at random. Give later ones where rows follow each other in time: to those
            between training rows they are too alike.

        Returns
        -------
        self
            The detector itself, fitted.

        Raises
        ------
        ValueError
            When a parameter or the data is not what it should be.
        """
        check_parameters(self)
        blocks = blocks_of(X)
        if blocks is not None and sample_weight is not None:
            raise ValueError("sample_weight is not for X in blocks: give a table in memory")
        with all_or_nothing(self):
            if blocks is not None:
                self._fit_blocks(checked_blocks(self, blocks, reset=True), X_val)
            else:
                self._fit(X, sample_weight, X_val)
        return self

    def _fit(self, X: Any, sample_weight: Any, X_val: Any) -> None:
        X = checked(self, X, reset=True)
        weights = weights_of(sample_weight, X)
        weights = np.ones(X.shape[0]) if weights is None else ratios(weights)
        rows = Rows(X, missing=self.missing_values)
        counted = weights > 0
        learned = rows.reweighted(weights)
        if not counted.all():
            learned = Rows(X[counted], sample_weight=weights[counted], missing=rows.missing)
        trained = train_ensemble(learned, self, generator_of(self))
        self._keep(trained)
        scores = trained.scores(learned)
        of_all = scores if counted.all() else self.ensemble_.scores(rows)
        self._draw_line(trained, scores, of_all, weights, self._scores_of(X_val))

    def _fit_blocks(self, X: EncodedBlocks, X_val: Any) -> None:
        """Learn from the same evenly spaced rows as `fit` does; then score all of them."""
        step = step_between(X.n_rows, X.n_columns)
        rows = Rows(X.every(step), missing=self.missing_values)
        vars(rows)["limits"] = X.low, X.high
        trained = train_ensemble(rows, self, generator_of(self), is_spread=step > 1)
        self._keep(trained)
        if step == 1:
            scores = trained.scores(rows)
        else:
            tables = (table for _, table in X.tables(say="scoring"))
            parts = [self.ensemble_.scores(Rows(t, missing=self.missing_values)) for t in tables]
            scores = np.concatenate(parts)
        self._draw_line(trained, scores, scores, np.ones(len(scores)), self._scores_of(X_val))

    def _scores_of(self, X_val: Any) -> Array | None:
        """Scores of `X_val`, if it is given."""
        if X_val is None:
            return None
        validation = checked_validation(self, X_val)
        return self.ensemble_.scores(Rows(validation, missing=self.missing_values, name="X_val"))

    def _keep(self, trained: Trained) -> None:
        """Set the attributes that scoring needs."""
        self._stream = None
        self.ensemble_ = trained.ensemble
        self.shift_, self.factor_ = trained.ensemble.scaling.shift, trained.ensemble.scaling.factor

    def _draw_line(
        self,
        trained: Trained,
        scores: Array,
        of_all: Array,
        weights: Array,
        of_validation: Array | None,
    ) -> None:
        """Learn from scores where outliers begin.

        Parameters
        ----------
        trained : Trained
        scores : array of shape (n_counted,)
            Of the rows of positive weight.
        of_all : array of shape (n_samples,)
        weights : array of shape (n_samples,)
        of_validation : array of shape (n_validation,), optional
        """
        drawn_by, held_out = (scores, weights[weights > 0]), trained.held_out_scores()
        if of_validation is not None:
            drawn_by = held_out = (of_validation, np.ones(len(of_validation)))
        self._note_scores((of_all, weights), drawn_by, held_out)
        largest = max(self.training_range_.high, self.threshold_)
        changed = TIMES_THE_LARGEST * (largest if largest > 0 else 1.0)
        self.ensemble_ = replace(self.ensemble_, changed=changed)

    @by_blocks
    def explain(self, X: Any, *, to: Any = None) -> Any:
        """How unusual each entry is, beside what is usual: (m, n_features) float64.

        A frame where X is one, with its names and index.
        Never negative; each row's sum is minus its `score_samples`, of which 1 is a usual row's. An
        entry counts as its residual differs from those of the usual rows that are nearest, and for
        its part in how the row's code differs from theirs. One that is unseen counts 0; one that
        was the same in all training rows and is another now counts more than any of these rows.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        to : path, optional
            Of X in `Blocks` (a path is that of a Parquet file, folder or pattern) the result is an
            iterator over blocks; with this it is written there, .parquet, .csv or .npy, whole or
            not at all, and None is returned.
        """
        rows = self._rows(X)
        contributions: Array = self.ensemble_.contributions(rows)
        if self.encoding_ is not None:
            contributions = self.encoding_.summed(contributions)
        return framed(contributions, X)

    @by_blocks
    def score_samples(self, X: Any, *, to: Any = None) -> Array:
        """Minus the sum of `explain` over each row, (m,): the lower, the more abnormal.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        to : path, optional
            Where to write the result, of X in blocks, too: as of `explain`.
        """
        rows = self._rows(X)
        return -self.ensemble_.scores(rows)

    @by_blocks
    def decision_function(self, X: Any, *, to: Any = None) -> Array:
        """``score_samples - offset_``, (m,): negative for outliers.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        to : path, optional
            Where to write the result, of X in blocks, too: as of `explain`.
        """
        return self.score_samples(X) - self.offset_

    @by_blocks
    def predict(self, X: Any, *, to: Any = None) -> Array:
        """1 for usual rows, -1 for outliers: (m,) int.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            Rows with the columns of the fit.
        to : path, optional
            Where to write the result, of X in blocks, too: as of `explain`.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    @says_what_it_lacks(SMALLER)
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
            What was found; prints as a report.

        Raises
        ------
        ValueError
            When X is not as in the fit, or budget no number above 0.
        """
        check_budget(budget)
        blocks = blocks_of(X)
        X = indexable(X) if blocks is None else sampled(blocks)
        weights = weights_of(sample_weight, self._rows(X).X)
        return diagnose_detector(self, X, trials=trials, budget=budget, sample_weight=weights)

    def _rows(self, X: Any) -> Rows:
        rows = plain_rows(self, X)
        if rows is not None:
            return rows
        check_is_fitted(self)
        return Rows(checked(self, X, reset=False), missing=self.missing_values)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing_values == "mask"
        tags.input_tags.sparse = self.columns == "numeric"
        # scikit-learn's checks take everything with predict_proba for a classifier.
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.input_tags.categorical = tags.input_tags.string = self.columns == "mixed"
        return tags

    def _describe(self) -> tuple[dict[str, Any], dict[str, Array]]:
        return describe_detector(self)

    @classmethod
    def _restored(cls, file: ModelFile) -> Self:
        return restore_detector(cls, file)
