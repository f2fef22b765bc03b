"""Losses: each formula beside its gradient, both element by element.

A loss compares the data ``X`` with the network's output for it; the network sums over features and
averages over samples. Most losses are functions of the reconstruction ``X_hat``. Two are functions
of the *logits* ``Z``, the output layer's sums before its activation: going through the activation
would take ``log(0)`` where a unit saturates. One of these is not element by element: the softmax
couples the columns of a one-hot group.

To add one: a function, its gradient, a line in `LOSSES`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._typing import Array
from .activations import logistic

HUBER_DELTA = 1.0

LossGroups = tuple[tuple[str, int], ...]
"""Losses of columns that stand side by side: names, and how many columns each has."""


def squared_error(X: Array, X_hat: Array) -> Array:
    """½ (x̂ - x)²."""
    return 0.5 * (X_hat - X) ** 2


def squared_error_gradient(X: Array, X_hat: Array) -> Array:
    """∂/∂x̂ = x̂ - x."""
    return X_hat - X


def absolute_error(X: Array, X_hat: Array) -> Array:
    """|x̂ - x|."""
    return np.abs(X_hat - X)


def absolute_error_gradient(X: Array, X_hat: Array) -> Array:
    """∂/∂x̂ = sign(x̂ - x), 0 where they are equal."""
    return np.sign(X_hat - X)


def huber(X: Array, X_hat: Array) -> Array:
    """½ d² for |d| ≤ 1, else |d| - ½, with d = x̂ - x (Huber 1964, with δ = 1)."""
    d = np.abs(X_hat - X)
    return np.where(d <= HUBER_DELTA, 0.5 * d**2, HUBER_DELTA * (d - 0.5 * HUBER_DELTA))


def huber_gradient(X: Array, X_hat: Array) -> Array:
    """∂/∂x̂ = d, held within ±1."""
    return np.clip(X_hat - X, -HUBER_DELTA, HUBER_DELTA)


def binary_cross_entropy(X: Array, Z: Array) -> Array:
    """-x log σ(z) - (1 - x) log(1 - σ(z)) = log(1 + exp(z)) - x z, for x in [0, 1]."""
    # The large terms first: they cancel exactly where x is 0 or 1, and leave the small one whole.
    return (np.maximum(Z, 0) - X * Z) + np.log1p(np.exp(-np.abs(Z)))


def binary_cross_entropy_gradient(X: Array, Z: Array) -> Array:
    """∂/∂z = σ(z) - x."""
    return logistic(Z) - X


def softmax(Z: Array) -> Array:
    """exp(z_j) / Σ exp(z), of each row (m, n), without overflow."""
    e = np.exp(Z - Z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def softmax_cross_entropy(X: Array, Z: Array) -> Array:
    """-x_j log softmax(z)_j = x_j (log Σ exp(z) - z_j), for one-hot rows x."""
    largest = Z.max(axis=1, keepdims=True)
    log_sum = largest + np.log(np.exp(Z - largest).sum(axis=1, keepdims=True))  # (m, 1)
    return np.asarray(X * (log_sum - Z))


def softmax_cross_entropy_gradient(X: Array, Z: Array) -> Array:
    """∂/∂z_j = softmax(z)_j Σ x - x_j."""
    return np.asarray(softmax(Z) * X.sum(axis=1, keepdims=True) - X)


class Loss(NamedTuple):
    """A loss and its gradient, both ``(X, output) -> array`` of X's shape."""

    function: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    from_logits: str | None = None
    """The one output activation whose logits the loss takes; None: it takes the output itself."""
    is_elementwise: bool = True
    """Whether each entry's loss has to do with that entry alone."""


LOSSES: dict[str, Loss] = {
    "squared_error": Loss(squared_error, squared_error_gradient),
    "binary_cross_entropy": Loss(
        binary_cross_entropy, binary_cross_entropy_gradient, from_logits="logistic"
    ),
    "softmax_cross_entropy": Loss(
        softmax_cross_entropy,
        softmax_cross_entropy_gradient,
        from_logits="softmax",
        is_elementwise=False,
    ),
    "absolute_error": Loss(absolute_error, absolute_error_gradient),
    "huber": Loss(huber, huber_gradient),
}
