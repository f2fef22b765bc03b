"""What a model must beat to have learned something: the column mean, and PCA."""

import numpy as np
import scipy.linalg

from .._typing import Array

NO_VARIANCE = 1e-12
"""Of the largest: an eigenvalue below it is rounding's, and its direction is nobody's."""

LEAST_NOISE = 1e-3
"""Of the columns' mean variance. A model without noise would be infinitely sure of its rows."""


def column_mean(X_train: Array, X: Array) -> Array:
    """Every row of X (m, n) reconstructed as the mean of X_train's columns: (m, n).

    The mean of what is seen, where entries are NaN; 0 where nothing is.
    """
    return np.broadcast_to(seen_mean(X_train), X.shape)


def seen_mean(X: Array) -> Array:
    """The mean of each column of X (m, n), of what is not NaN; 0 where nothing is: (n,)."""
    unseen = np.isnan(X)
    if not unseen.any():
        return np.asarray(X.mean(axis=0, dtype=np.float64))
    sums = np.where(unseen, 0.0, X).sum(axis=0)
    return np.asarray(sums / np.maximum(len(X) - unseen.sum(axis=0), 1))


def filled(X: Array, mean: Array) -> Array:
    """X (m, n) with the mean (n,) of its column where an entry is NaN."""
    return np.where(np.isnan(X), mean, X)


def principal_components(X_train: Array, X: Array, n_components: int) -> Array:
    """X (m, n) reconstructed from its projection on X_train's first principal components: (m, n).

    The best that a linear autoencoder with a code of that size can do on X_train
    (Baldi & Hornik 1989). Never takes more than the smaller side of X_train cubed, so neither many
    rows nor many columns are slow. The arithmetic is float64's. What is NaN counts as its column's
    mean.
    """
    mean = seen_mean(X_train)
    components = principal_directions(filled(X_train, mean) - mean, n_components)  # (k, n)
    return np.asarray(mean + ((filled(X, mean) - mean) @ components.T) @ components)


def discarded_variance(
    X: Array, weights: Array, n_components: int, columns: Array | None = None
) -> float:
    """The variance of X (m, n) in the mean direction that is none of its principal components.

    The most likely noise of probabilistic PCA (Tipping & Bishop 1999, "Probabilistic principal
    component analysis", eq. 8). NaN is unseen: columns keep the variance of what is seen,
    and share less of it with others, so that there is rather too much noise than too little.

    Never less than `LEAST_NOISE` of the columns' mean variance; 1 where nothing varies.

    Parameters
    ----------
    X : array of shape (m, n)
    weights : array of shape (m,)
    n_components : int
    columns : array of bool, shape (n,), optional
        Of which columns the variance is wanted; the components are still those of all.
    """
    n = X.shape[1]
    seen_weights = np.where(np.isnan(X), 0.0, weights[:, None])  # (m, n)
    totals = np.where(seen_weights.any(axis=0), seen_weights.sum(axis=0), 1.0)
    share = seen_weights / totals  # of each column, adding up to 1
    X = np.nan_to_num(X)
    centred = (X - (share * X).sum(axis=0)) * np.sqrt(share)  # its square is the covariance
    if columns is not None:
        return _discarded_of(centred, n_components, columns)
    square = centred.T @ centred if n <= len(X) else centred @ centred.T
    total, size = float(np.trace(square)), len(square)
    if total == 0:
        return 1.0
    kept, k = total, min(n_components, size)
    if k < size:
        values = scipy.linalg.eigh(square, eigvals_only=True, subset_by_index=(size - k, size - 1))
        kept = float(values.sum())
    return max((total - kept) / max(1, n - n_components), LEAST_NOISE * total / n)


def _discarded_of(centred: Array, n_components: int, columns: Array) -> float:
    """The same of some columns, of which components that lie in others, too, leave more."""
    own = centred[:, columns]  # (m, n_own)
    total, n_own = float(np.square(own).sum()), own.shape[1]
    if total == 0:
        return 1.0
    directions = principal_directions(centred, n_components)  # (k, n)
    left = own - (centred @ directions.T) @ directions[:, columns]
    n_kept = float(np.square(directions[:, columns]).sum())
    discarded = float(np.square(left).sum()) / max(1.0, n_own - n_kept)
    return max(discarded, LEAST_NOISE * total / n_own)


def principal_directions(centred: Array, n_components: int) -> Array:
    """The first right singular vectors of centred data (m, n), as rows: (k, n), k at most rank.

    From the eigenvectors of the smaller of XᵀX and XXᵀ: u of XXᵀ gives Xᵀu / σ.
    """
    m, n = centred.shape
    k = min(n_components, m, n)
    if k == 0:
        return np.empty((0, n))
    scale = float(np.abs(centred).max())
    if scale == 0:
        return np.empty((0, n))
    centred = centred / scale  # squares of what is very large or small would not fit a float
    square = centred.T @ centred if n <= m else centred @ centred.T
    size = len(square)
    values, vectors = scipy.linalg.eigh(square, subset_by_index=(size - k, size - 1))
    kept = values > NO_VARIANCE * values[-1]
    values, vectors = values[kept][::-1], vectors[:, kept][:, ::-1]  # (k,), (size, k)
    if n <= m:
        return np.asarray(vectors.T)
    return np.asarray((centred.T @ vectors / np.sqrt(values)).T)
