"""What a model must beat to have learned something: the best constant, and PCA.

Also what no model can beat: the entropy of the data, where the loss is a cross-entropy.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg
from scipy.special import entr

from .._typing import Array
from ..formulas import losses
from ..formulas.losses import LOSSES
from ..network.architecture import Architecture

NO_VARIANCE = 1e-12
"""Of the largest: smaller eigenvalues are rounding; their directions are dropped."""

LEAST_NOISE = 1e-3
"""Of the columns' mean variance. A model without noise would be infinitely sure of its rows."""


# --- constants ----------------------------------------------------------------------------------


def column_mean(X_train: Array, X: Array, weights: Array | None = None) -> Array:
    """Every row of X (m, n) reconstructed as the mean of X_train's columns: (m, n).

    The mean of what is seen, where entries are NaN; 0 where nothing is.
    """
    return np.broadcast_to(seen_mean(X_train, weights), X.shape)


def seen_mean(X: Array, weights: Array | None = None) -> Array:
    """The mean of each column of X (m, n), of what is not NaN; 0 where nothing is: (n,).

    With weights (m,), a row of weight 2 counts as that row twice.
    """
    unseen = np.isnan(X)
    if weights is None:
        if not unseen.any():
            return np.asarray(X.mean(axis=0, dtype=np.float64))
        sums = np.where(unseen, 0.0, X).sum(axis=0)
        return np.asarray(sums / np.maximum(len(X) - unseen.sum(axis=0), 1))
    W = np.where(unseen, 0.0, weights[:, None])  # (m, n)
    total = W.sum(axis=0)
    return np.asarray((W * np.nan_to_num(X)).sum(axis=0) / np.where(total > 0, total, 1.0))


NAMES: dict[Callable[..., Array], str] = {
    losses.column_mean: "column mean",
    losses.column_shares: "column mean",
    losses.column_median: "column median",
}
"""What messages call the constant that is best under a loss; any other: 'best constant'."""


def best_constant(
    architecture: Architecture, X: Array, weights: Array | None = None
) -> tuple[str, Array]:
    """What a network that has learned nothing should return for every row: its name, and (n,).

    Of each column what is best under its loss, with weights (m,) of rows: the mean under squared
    error and cross-entropy, the median under absolute error.
    """
    names, parts = [], []
    weights = np.ones(len(X)) if weights is None else weights
    for group in architecture.output_groups:
        constant = LOSSES[group.loss].constant
        names.append(NAMES.get(constant, "best constant"))
        parts.append(constant(X[:, group.columns], weights))
    return (names[0] if len(set(names)) == 1 else "best constant"), np.concatenate(parts)


def entropy(architecture: Architecture, X: Array, weights: Array | None = None) -> float:
    """The least loss that there can be for rows X (m, n): 0, or the data's own entropy.

    A cross-entropy is least where the output is the data; of values between 0 and 1 it is then
    still their entropy (Cover & Thomas 2006, "Elements of information theory", section 2.3).
    """
    total = np.zeros(len(X))
    column_weights = architecture.feature_weights
    for group in architecture.output_groups:
        which = group.columns
        link = LOSSES[group.loss].from_logits
        if link not in ("logistic", "softmax"):
            continue
        part = np.nan_to_num(X[:, which])
        weight = 1.0 if column_weights is None else np.asarray(column_weights[which])
        if link == "logistic":
            part = np.clip(part, 0, 1)
            of_entries = (entr(part) + entr(1 - part)) * weight
        else:  # of shares x / Σx, times Σx: where rows add up to 1, the entropy
            part = part * weight
            sums = part.sum(axis=1, keepdims=True)
            of_entries = entr(part / np.where(sums > 0, sums, 1)) * sums
        total += of_entries.sum(axis=1)
    return weighted_mean(total, X, weights)


def whole_rows(X: Array, weights: Array | None = None) -> float:
    """How many whole rows the seen entries of X (m, n) make."""
    unseen = np.isnan(X)
    if weights is None:
        return max(1, X.size - int(unseen.sum())) / X.shape[1]
    return float((weights * (1 - unseen.mean(axis=1))).sum()) or 1.0


def weighted_mean(row_losses: Array, X: Array, weights: Array | None) -> float:
    """The mean of the losses (m,) of rows X (m, n), of which a half-seen one counts half."""
    total = row_losses.sum() if weights is None else weights @ row_losses
    return float(total / whole_rows(X, weights))


# --- PCA ----------------------------------------------------------------------------------------


def filled(X: Array, mean: Array) -> Array:
    """X (m, n) with the mean (n,) of its column where an entry is NaN."""
    return np.where(np.isnan(X), mean, X)


def principal_components(
    X_train: Array,
    X: Array,
    n_components: int,
    weights: Array | None = None,
    column_weights: Array | None = None,
) -> Array:
    """X (m, n) reconstructed from its projection on X_train's first principal components: (m, n).

    The best that a linear autoencoder with a code of that size can do on X_train
    (Baldi & Hornik 1989). Never takes more than the smaller side of X_train cubed, so neither many
    rows nor many columns are slow. The arithmetic is float64's. What is NaN counts as its column's
    mean.

    Parameters
    ----------
    X_train : array of shape (m_train, n)
    X : array of shape (m, n)
    n_components : int
    weights : array of shape (m_train,), optional
        A row of weight 2 counts as that row twice.
    column_weights : array of shape (n,), optional
        What the squared error of each column is multiplied with. A column of weight 0 is given its
        mean.
    """
    mean = seen_mean(X_train, weights)
    centred, new = filled(X_train, mean) - mean, filled(X, mean) - mean
    if weights is not None:
        centred = centred * np.sqrt(weights / weights.mean())[:, None]
    of_columns = np.ones(X.shape[1]) if column_weights is None else column_weights
    roots = np.sqrt(of_columns / of_columns.max())  # (n,)
    components = principal_directions(centred * roots, n_components)  # (k, n)
    return np.asarray(mean + (new * roots @ components.T) @ components * _inverse(roots))


def likely_components(
    X: Array, n_components: int, weights: Array | None, column_weights: Array
) -> Array:
    """X (m, n) from the codes that probabilistic PCA gives its rows: (m, n).

    Columns of weight w have noise of variance 1 / w, as those of a drawn code have; of a direction
    of variance λ, in units of the noise, 1 - 1 / λ is left (Tipping & Bishop 1999, "Probabilistic
    principal component analysis", section 3.3).
    """
    mean = seen_mean(X, weights)
    roots = np.sqrt(column_weights)  # (n,)
    centred = (filled(X, mean) - mean) * roots
    shares = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
    V = principal_directions(centred * np.sqrt(shares)[:, None], n_components)  # (k, n)
    scores = centred @ V.T  # (m, k)
    variances = shares @ scores**2  # (k,)
    left = 1 - 1 / np.maximum(variances, 1)
    return np.asarray(mean + (scores * left) @ V * _inverse(roots))


def _inverse(roots: Array) -> Array:
    """What undoes the scaling of columns by these factors (n,); columns of factor 0 stay 0."""
    return np.divide(1.0, roots, out=np.zeros_like(roots), where=roots > 0)


def linear_in(given: Array, X: Array, weights: Array | None = None) -> Array:
    """X (m, n) as a linear function of what is given beside its rows (m, n_given): (m, n).

    By least squares, with weights (m,) of rows; what is NaN counts as its column's mean.
    """
    root = np.ones(len(X)) if weights is None else np.sqrt(weights / weights.mean())
    design = np.column_stack([np.ones(len(X)), np.nan_to_num(given)])  # (m, 1 + n_given)
    target = filled(X, seen_mean(X, weights))
    solution = scipy.linalg.lstsq(design * root[:, None], target * root[:, None])[0]
    return np.asarray(design @ solution)


def held_out_components(
    X: Array,
    n_components: int,
    weights: Array | None = None,
    column_weights: Array | None = None,
) -> Array:
    """X (m, n) through PCA, each half of the rows by the components of the other half: (m, n).

    Of rows that are only a sample, PCA of the sample itself would look better than any model that
    has learned from all rows.
    """
    X_hat = np.empty_like(X)
    for half in (0, 1):
        train, test = np.arange(half, len(X), 2), np.arange(1 - half, len(X), 2)
        of_train = None if weights is None else weights[train]
        X_hat[test] = principal_components(
            X[train], X[test], n_components, of_train, column_weights
        )
    return X_hat


def discarded_variance(
    X: Array, weights: Array, n_components: int, columns: Array | None = None
) -> float:
    """The variance of X (m, n) in the mean direction that is none of its principal components.

    The most likely noise of probabilistic PCA (Tipping & Bishop 1999, "Probabilistic principal
    component analysis", eq. 8). NaN is unseen: columns keep the variance of what is seen,
    and share less of it with others, so that there is rather too much noise than too little.

    Never less than `LEAST_NOISE` of the columns' mean variance; 1 where nothing varies; infinite
    where the squares of X are beyond float64.

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
    if not np.isfinite(np.square(centred).sum()):
        return np.inf
    if columns is not None:
        return _discarded_of(centred, n_components, columns)
    square = smaller_product(centred)
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


def smaller_product(X: Array) -> Array:
    """The smaller of XᵀX and XXᵀ, which have the same eigenvalues but for zeros; X is (m, n)."""
    m, n = X.shape
    return np.asarray(X.T @ X if n <= m else X @ X.T)


def principal_directions(centred: Array, n_components: int) -> Array:
    """The first right singular vectors of centred data (m, n), as rows: (k, n), k at most rank.

    From the eigenvectors of the smaller of XᵀX and XXᵀ: u of XXᵀ gives Xᵀu / σ.
    """
    m, n = centred.shape
    k = min(n_components, m, n)
    if k == 0:
        return np.empty((0, n))
    scale = float(np.abs(centred).max())
    if scale == 0 or not np.isfinite(scale):
        return np.empty((0, n))
    centred = centred / scale  # squares of what is very large or small would not fit a float
    square = smaller_product(centred)
    size = len(square)
    values, vectors = scipy.linalg.eigh(square, subset_by_index=(size - k, size - 1))
    kept = values > NO_VARIANCE * values[-1]
    values, vectors = values[kept][::-1], vectors[:, kept][:, ::-1]  # (k,), (size, k)
    if n <= m:
        return np.asarray(vectors.T)
    return np.asarray((centred.T @ vectors / np.sqrt(values)).T)
