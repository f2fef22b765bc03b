"""A detector that learns from a stream of rows what is usual, and a test for drift.

The networks stay as `fit` trained them; trained on and on, they would reconstruct odd rows, too.
What is renewed is what rows are compared with: references, usual residuals, the unit of scores, and
the scores of the last rows, each taken before anything is learned from its row.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.special import kolmogorov

from .._typing import Array
from ..basics.memory import TO_FIT, says_what_it_lacks
from ..data.rows import Rows
from ..detection.ensemble import Ensemble, Member
from ..detection.thresholds import Calibration, weighted_quantile
from ..network.compiled import Network
from ..training.progress import generator_state, restore_generator
from .ensemble_sample import Sample, member_among, usual_residuals
from .fitting import generator_of
from .records import check_parameters

ROWS_KEPT = 2_000
"""Rows that are kept of all that came so far, at most."""
ENTRIES_KEPT = 2_000_000
"""Of wide tables fewer rows are kept: so many entries."""
SCORES_KEPT = 10_000
"""Scores of the last rows that are kept, and draw the line."""
FEWEST_ROWS = 32
"""Rows that are needed to learn what is usual."""


class Drift(NamedTuple):
    """How far the scores of rows have moved from those of rows that a detector is used to."""

    statistic: float
    """Of Kolmogorov and Smirnov: the largest distance between the two shares of rows below a score,
    0 … 1."""
    p_value: float
    """How probable one as large is, by chance."""
    outliers: float
    """Share of outliers among these rows."""
    usual_outliers: float
    """Share of outliers among the rows that the detector is used to."""


@dataclass(frozen=True)
class DetectorStream:
    """Where `partial_fit` has got to."""

    recent: Array
    """Rows (m, n_features) of what came so far, scaled, NaN where unseen."""
    scores: Array
    """(k,), of the last rows, in the order in which they came."""
    random: dict[str, Any]
    """The state of a generator."""


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
        if not isinstance(scores, np.ndarray):  # of blocks: one array each
            scores = np.concatenate(list(scores))
        return drift(self._calibrated("calibration_"), self.threshold_, -scores)


def begin(
    ensemble: Ensemble, calibration: Calibration, random: np.random.Generator
) -> DetectorStream:
    """The stream after `fit`: of the references, and the scores of rows that were held out."""
    rows = np.concatenate([_rows_of(member) for member in ensemble.members])
    scores = calibration.scores[random.permutation(len(calibration.scores))]
    return DetectorStream(rows, scores[-SCORES_KEPT:], generator_state(random))


def take_part(
    ensemble: Ensemble, stream: DetectorStream, rows: Rows, trim: float
) -> tuple[Ensemble, DetectorStream]:
    """The ensemble and the stream after more rows; the oddest, a share of `trim`, do not count."""
    random = np.random.default_rng(0)
    restore_generator(random, stream.random)
    new = ensemble.scores(rows)  # before anything is learned from them
    scores = np.concatenate([stream.scores, new])[-SCORES_KEPT:]
    line = weighted_quantile(new, np.ones(len(new)), 1 - trim)
    block = ensemble.scaling.scaled(rows, slice(None), ensemble.members[0].network.dtype)[0]
    is_usual = (new <= line) & (rows.counts(slice(None)) > 0)
    pool = np.concatenate([stream.recent, block[is_usual]])
    at_most = max(FEWEST_ROWS, min(ROWS_KEPT, ENTRIES_KEPT // pool.shape[1]))
    recent = pool[random.permutation(len(pool))[:at_most]]
    if len(recent) >= FEWEST_ROWS:
        n_varying = int(ensemble.scaling.varies.sum())
        members = [
            _renewed(each.network, recent, rows.missing, random, n_varying)
            for each in ensemble.members
        ]
        ensemble = replace(ensemble, members=tuple(members))
    return ensemble, DetectorStream(recent, scores, generator_state(random))


def drift(calibration: Calibration, threshold: float, scores: Array) -> Drift:
    """The two-sample test of Kolmogorov and Smirnov, of scores (m,) and those of the calibration.

    References
    ----------
    Smirnov 1939, "On the estimation of the discrepancy between empirical curves of distribution
    for two independent samples".
    """
    scores = np.sort(scores)
    both = np.concatenate([scores, calibration.scores])
    above = np.append(calibration.shares, 0.0)
    usual = 1 - above[np.searchsorted(calibration.scores, both, side="right")]
    own = np.searchsorted(scores, both, side="right") / len(scores)
    statistic = float(np.abs(own - usual).max())
    n = calibration.n_rows * len(scores) / (calibration.n_rows + len(scores))
    odd = above[np.searchsorted(calibration.scores, threshold, side="right")]
    return Drift(
        statistic,
        float(kolmogorov(np.sqrt(n) * statistic)),
        float((scores > threshold).mean()),
        float(odd),
    )


def _rows_of(member: Member) -> Array:
    """The references as rows (m, n_features): what is reconstructed, less the residuals."""
    n_code, points = len(member.code_spread), member.references.points
    residuals = points[:, n_code:] * member.usual.astype(points.dtype)
    return np.asarray(member._reconstructed_references - residuals)


def _renewed(
    network: Network,
    rows: Array,
    missing: str | None,
    random: np.random.Generator,
    n_varying: int,
) -> Member:
    """The network with what is usual in rows: half are references, the others give the unit."""
    sample = Sample(Rows(rows, missing=missing), np.ones(len(rows)), False)
    usual = usual_residuals(network, sample, np.ones(len(rows), dtype=bool))
    order = random.permutation(len(rows))
    half, others = np.sort(order[: len(rows) // 2]), np.sort(order[len(rows) // 2 :])
    member = member_among(network, usual, sample, rows, half, random, n_varying)
    distances = member.distances(rows[others], missing is not None)
    return replace(member, unit=float(np.median(distances) or distances.mean() or 1.0))
