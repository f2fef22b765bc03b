"""What the C interface holds of a fitted estimator; and what it can't."""

import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..data.encoding import Encoding
from ..data.rows import Rows
from ..detection.ensemble import Ensemble
from ..network.reference import Network
from .fitted import FittedAutoencoder
from .fitting import seen
from .outliers import AutoencoderOutlierDetector


class Held(NamedTuple):
    """A network and how its rows are seen; or the ensemble of a detector."""

    network: Network | None
    rows: Rows | None
    """One row, which shows how the network sees rows."""
    ensemble: Ensemble | None
    threshold: float
    has_missing: bool
    """Whether NaN is missing, and no error."""
    encoding: Encoding | None
    names: tuple[str, ...] | None
    """Of the columns."""


def held(estimator: Any) -> Held:
    """What a handle of the C interface is made of.

    Raises
    ------
    TypeError
        When it is no estimator that has one.
    NotFittedError
        Before its fit.
    ValueError
        When its rows are not dense, or are given more than their columns.
    """
    kind = type(estimator).__name__
    if not isinstance(estimator, FittedAutoencoder | AutoencoderOutlierDetector):
        raise TypeError(
            f"a model of class {kind}: an Autoencoder, a VariationalAutoencoder or an "
            "AutoencoderOutlierDetector is needed"
        )
    check_is_fitted(estimator)
    if estimator.missing_values == "implicit":
        raise ValueError(
            f"this {kind} was fitted with missing_values='implicit': its rows are sparse, and the "
            "C interface has dense ones only. Fit it with missing_values='mask'"
        )
    encoding, n_columns = estimator.encoding_, estimator.n_features_in_
    found = getattr(estimator, "feature_names_in_", None)
    names = None if found is None else tuple(str(name) for name in found)
    if len(names or ()) not in (0, n_columns):
        raise ValueError(f"the estimator has {n_columns} columns, and {len(names or ())} names")
    has_missing = estimator.missing_values == "mask"
    if isinstance(estimator, AutoencoderOutlierDetector):
        if not isinstance(estimator.ensemble_, Ensemble):
            raise ValueError(
                f"this {kind} was saved by ae_core 0.1.0, which judged rows otherwise: fit it again"
            )
        ensemble = copy.deepcopy(estimator.ensemble_)
        width = n_columns if encoding is None else encoding.n_with_others
        if len(ensemble.scaling.shift) != width:  # attributes can be replaced
            raise ValueError(
                f"the estimator's columns are {width}, and its ensemble's "
                f"{len(ensemble.scaling.shift)}: they are not of one fit"
            )
        threshold = float(estimator.threshold_)
        return Held(None, None, ensemble, threshold, has_missing, encoding, names)
    if estimator._usual_sum is not None:
        raise ValueError(
            f"this {kind} was fitted with size_factors={estimator.size_factors!r}: the C interface "
            "gives rows as they are, not divided by their sizes. Fit it with size_factors=None"
        )
    width = n_columns if encoding is None else encoding.n_encoded
    rows = seen(estimator, np.zeros((1, width)))
    return Held(estimator.network_, rows, None, np.nan, has_missing, encoding, names)
