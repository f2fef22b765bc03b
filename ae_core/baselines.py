"""What a model must beat to have learned something: the column mean, and PCA."""

import numpy as np

from ._typing import Array


def column_mean(X_train: Array, X: Array) -> Array:
    """Every row of X (m, n) reconstructed as the mean of X_train's columns: (m, n)."""
    return np.broadcast_to(X_train.mean(axis=0), X.shape)


def principal_components(X_train: Array, X: Array, n_components: int) -> Array:
    """X (m, n) reconstructed from its projection on X_train's first principal components: (m, n).

    The best that a linear autoencoder with a code of that size can do on X_train
    (Baldi & Hornik 1989).
    """
    mean = X_train.mean(axis=0)
    _, _, components = np.linalg.svd(X_train - mean, full_matrices=False)
    components = components[:n_components]  # (n_components, n)
    return np.asarray(mean + (X - mean) @ components.T @ components)
