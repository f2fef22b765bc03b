"""What an outlier detector does with rows that keep coming: `partial_fit` and `drift`."""

from typing import Any, Self

import numpy as np

from ..basics.memory import TO_FIT, says_what_it_lacks
from .detector_stream import DetectorStream, Drift, begin, drift, take_part
from .fitting import generator_of
from .records import check_parameters


class FollowingDetector:
    """A detector whose notion of what is usual follows a stream."""

    _stream: DetectorStream | None = None
    """Where `partial_fit` has got to; None after `fit`."""

    @says_what_it_lacks(TO_FIT)
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is usual from more rows, without those before; the line follows.

        The first call is `fit`. Later ones leave the networks, and the scaling, as they are, and
        renew what rows are compared with: 2 000 rows drawn from all that came, of which a part has
        the more the longer it is. The line, `calibration_`, `training_range_` and
        `training_scores_` are from the last 10 000 rows' scores, each taken before its row was
        learned from. A call costs what X has rows; what `save` writes goes on to the same bits.
        Where `drift` says that rows are others than in the fit, `fit` anew is better.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features)
            Outliers may be among them: a share of `trim`, the oddest, is not learned from.
        y : ignored
            Is there for scikit-learn's sake.

        Returns
        -------
        self
            Having learned from these rows, too.

        Raises
        ------
        ValueError
            When a parameter or the data is not what it should be; nothing is changed then.
        """
        model: Any = self  # the estimator that this is a part of
        check_parameters(model)
        if not hasattr(self, "ensemble_"):
            return model.fit(X)
        rows, calibration = model._rows(X), model._calibrated("calibration_")
        stream = self._stream or begin(model.ensemble_, calibration, generator_of(model))
        model.ensemble_, self._stream = take_part(model.ensemble_, stream, rows, model.trim)
        scores, ones = self._stream.scores, np.ones(len(self._stream.scores))
        model._note_scores((scores, ones), (scores, ones), (scores, ones))
        return self

    def drift(self: Any, X: Any) -> Drift:
        """How far the scores of X have moved from those that the detector is used to.

        These are of rows that no network was fitted to (`calibration_`), as X is not: the scores of
        training rows are lower. After `partial_fit` they are the last rows'.

        Parameters
        ----------
        X : array, DataFrame or scipy.sparse matrix of shape (m, n_features), or Blocks
            The more rows, the smaller a change that shows. Rows must be independent of each other
            for the p-value to be one.

        Returns
        -------
        Drift
            With `statistic`, 0 … 1, `p_value`, and the shares of `outliers` and `usual_outliers`.

        Examples
        --------
        >>> import numpy as np
        >>> from ae_core import AutoencoderOutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(900, 4))
        >>> detector = AutoencoderOutlierDetector(random_state=0).fit(X[:600])
        >>> detector.drift(X[600:]).p_value > 0.01
        True
        >>> detector.drift(X[600:] * 1.5).p_value < 0.01
        True
        """
        scores = self.score_samples(X)
        if not isinstance(scores, np.ndarray):  # but of one block after another
            scores = np.concatenate(list(scores))
        return drift(self._calibrated("calibration_"), self.threshold_, -scores)
