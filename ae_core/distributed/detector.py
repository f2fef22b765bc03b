"""`DaskAutoencoderOutlierDetector`: unusual rows of a Dask collection."""

from typing import Any, Self

import numpy as np

from ..data.rows import Rows
from ..estimators.ensemble_training import ratios, step_between, train_ensemble
from ..estimators.fitting import all_or_nothing, generator_of
from ..estimators.outliers import AutoencoderOutlierDetector
from ..estimators.records import check_parameters, with_parameters
from .estimators import OverPartitions
from .fitting import check_supported, given_weights
from .machines import Machines
from .tables import DistributedTable


@with_parameters
class DaskAutoencoderOutlierDetector(OverPartitions, AutoencoderOutlierDetector):
    """An `AutoencoderOutlierDetector` over Dask collections.

    A detector learns from at most 20 000 evenly spaced rows, however many there are. These come to
    where `fit` is called, and its small networks are trained there; limits of columns before, and
    the scores of all rows after, are computed where the partitions are. So it is the detector that
    the single-machine class makes of the same rows (bit for bit, unless they are more than 20 000
    with at most 64 different ones).

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    offset_, threshold_, training_scores_, calibration_, ensemble_, shift_, factor_, \
n_features_in_, feature_names_in_
        As of `ae_core.AutoencoderOutlierDetector`. ``training_scores_`` are in memory: 8 bytes a
        row.

    See Also
    --------
    ae_core.AutoencoderOutlierDetector : What `to_local` gives.
    """

    _local = AutoencoderOutlierDetector

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        X_val: Any = None,
        client: Any = None,
    ) -> Self:
        """Learn what rows of X usually look like.

        Parameters
        ----------
        X : dask array, dask DataFrame or list of Delayed (n_samples, n_features)
        y : ignored
        sample_weight : array, dask array or dask Series of shape (n_samples,), optional
        X_val : dask array, dask DataFrame or list of Delayed (n_validation, n_features), optional
            As of the single-machine class.
        client : distributed.Client, optional
            By default the one that is open; where there is none, everything is computed here.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            When X does not lie in partitions.
        ValueError
            When a parameter or the data is not what it should be; names the partition.
        ClusterError
            When the cluster fails.
        """
        check_parameters(self)
        check_supported(self)
        machines = Machines(client)
        with all_or_nothing(self):
            table = DistributedTable(machines, X, self, reset=True)
            weights = given_weights(machines, sample_weight, table)
            weights = np.ones(table.n_rows) if weights is None else ratios(weights)
            counted = np.flatnonzero(weights > 0)
            step = step_between(len(counted), table.n_columns)
            which = counted[::step]
            learned = Rows(
                table.rows(which), sample_weight=weights[which], missing=self.missing_values
            )
            learned.limits = table.limits(weights, self.missing_values)
            if np.isnan(learned.limits[0]).all():
                raise ValueError("X has no entry that is seen: there is nothing to learn")
            trained = train_ensemble(learned, self, generator_of(self))
            self._keep(trained)
            local = self.to_local()
            if step == 1 and len(counted) == table.n_rows:
                scores = of_all = trained.scores(learned)
            else:
                of_all = table.scores(local)
                scores = of_all[counted] if step > 1 else trained.scores(learned)
            of_validation = None
            if X_val is not None:
                of_validation = DistributedTable(machines, X_val, self, "X_val").scores(local)
            self._draw_line(trained, scores, of_all, weights, of_validation)
        return self

    def explain(self, X: Any) -> Any:  # type: ignore[override]  # no `to`: it is lazy
        """How unusual each entry of X (m, n_features) is, lazily."""
        return self._on("explain", X, "n_features_in_", gives_frames=True)

    def score_samples(self, X: Any) -> Any:  # type: ignore[override]  # no `to`: it is lazy
        """Minus the sum of `explain` over each row, (m,), lazily."""
        return self._on("score_samples", X)

    def decision_function(self, X: Any) -> Any:  # type: ignore[override]  # no `to`: it is lazy
        """``score_samples - offset_``, (m,), lazily: negative for outliers."""
        return self._on("decision_function", X)

    def predict(self, X: Any) -> Any:  # type: ignore[override]  # no `to`: it is lazy
        """1 for usual rows, -1 for outliers: (m,) int, lazily."""
        return self._on("predict", X, dtype=np.int64)

    def p_values(self, X: Any) -> Any:  # type: ignore[override]  # no `to`: it is lazy
        """How probable a score as unusual as each row's is among usual rows: (m,), lazily."""
        return self._on("p_values", X)

    def predict_proba(self, X: Any, method: str = "linear") -> Any:
        """How sure it is that rows are usual, and that they are outliers: (m, 2), lazily."""
        return self._on("predict_proba", X, 2, np.float64, method)
