"""How columns are scaled before the network sees them: learned from the training rows."""

from typing import Any

import numpy as np
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import gen_batches

from ._typing import Array

SCALES = (None, "standard", "minmax")

ENTRIES_AT_ONCE = 500_000
"""So that a scaler's temporary arrays do not grow with the table."""


def learn_scaling(
    X: Array, scale: str | None, sample_weight: Array | None = None
) -> tuple[Array | None, Array | None]:
    """The shift and factor of each column: a network sees ``(X - shift) * factor``.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
    scale : None, 'standard' or 'minmax'
        'standard': zero mean, unit variance; 'minmax': 0 … 1. A column without variance is only
        shifted.
    sample_weight : array of shape (n_samples,), optional
        For 'standard', a row of weight 2 counts as that row twice; a row of weight 0 does not count
        for either.

    Returns
    -------
    shift, factor : arrays of shape (n_features,), float64; or None, None without scaling

    Raises
    ------
    ValueError
        For another scale.
    """
    if scale not in SCALES:
        raise ValueError(f"scale={scale!r}: must be None, 'standard' or 'minmax'")
    if scale is None:
        return None, None
    scaler = StandardScaler() if scale == "standard" else MinMaxScaler()
    for batch in gen_batches(len(X), max(1, ENTRIES_AT_ONCE // X.shape[1])):
        rows, weights = X[batch].astype(np.float64, copy=False), None
        if sample_weight is not None:
            weights = sample_weight[batch]
            rows, weights = rows[weights > 0], weights[weights > 0]
        if len(rows) and scale == "standard":
            scaler.partial_fit(rows, sample_weight=weights)
        elif len(rows):
            scaler.partial_fit(rows)
    if scale == "standard":
        return scaler.mean_, 1 / scaler.scale_
    shift, factor = scaler.data_min_, scaler.scale_
    # Rounding must not lift the largest value above 1, where cross-entropy has no meaning.
    too_large = scaler.data_range_ * factor > 1
    return shift, np.where(too_large, np.nextafter(factor, 0), factor)


def undo_scaling(X_hat: Array, shift: Any, factor: Any) -> Array:
    """Bring scaled rows (m, n_features) back to the units of the data, in place."""
    if factor is not None:
        X_hat /= factor
    if shift is not None:
        X_hat += shift
    return X_hat
