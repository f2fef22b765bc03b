"""Activation functions: each formula beside its derivative.

A derivative is written in terms of the *output* ``a = f(z)``, not of ``z``: the forward pass then
has to keep one array per layer instead of two, and the logistic function's derivative becomes the
textbook's ``a (1 - a)``. Every activation here is increasing, which makes that possible.

To add one: a function, its two derivatives, a line in `ACTIVATIONS`. The tests enumerate the
registry and compare with finite differences; the compiled twin must know the same name.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._typing import Array

LEAKY_RELU_SLOPE = 0.01
# Klambauer et al. 2017, "Self-normalizing neural networks", eq. 14: the fixed point (0, 1).
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def identity(z: Array) -> Array:
    """f(z) = z."""
    return z


def identity_derivative(a: Array) -> Array:
    """f′ = 1."""
    return np.ones_like(a)


def identity_curvature(a: Array) -> Array:
    """f″ = 0."""
    return np.zeros_like(a)


def logistic(z: Array) -> Array:
    """f(z) = 1 / (1 + exp(-z)), without overflow for any z."""
    e = np.exp(-np.abs(z))  # in (0, 1]
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def logistic_derivative(a: Array) -> Array:
    """f′ = a (1 - a)."""
    return a * (1 - a)


def logistic_curvature(a: Array) -> Array:
    """f″ = a (1 - a) (1 - 2a)."""
    return a * (1 - a) * (1 - 2 * a)


def tanh(z: Array) -> Array:
    """f(z) = tanh(z)."""
    return np.tanh(z)


def tanh_derivative(a: Array) -> Array:
    """f′ = 1 - a², as (1 - a)(1 + a), which keeps its digits where a is close to ±1."""
    return (1 - a) * (1 + a)


def tanh_curvature(a: Array) -> Array:
    """f″ = -2 a (1 - a²)."""
    return -2 * a * ((1 - a) * (1 + a))


def relu(z: Array) -> Array:
    """f(z) = max(z, 0)."""
    return np.maximum(z, 0)


def relu_derivative(a: Array) -> Array:
    """f′ = 1 where a > 0, else 0 (the left derivative is taken at 0)."""
    return (a > 0).astype(a.dtype)


def leaky_relu(z: Array) -> Array:
    """f(z) = z for z > 0, else 0.01 z (Maas et al. 2013)."""
    return np.where(z > 0, z, LEAKY_RELU_SLOPE * z)


def leaky_relu_derivative(a: Array) -> Array:
    """f′ = 1 where a > 0, else 0.01."""
    return np.where(a > 0, 1, LEAKY_RELU_SLOPE).astype(a.dtype)


def elu(z: Array) -> Array:
    """f(z) = z for z > 0, else exp(z) - 1 (Clevert et al. 2016, with alpha = 1)."""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def elu_derivative(a: Array) -> Array:
    """f′ = 1 where a > 0, else exp(z) = a + 1."""
    return np.where(a > 0, 1, a + 1)


def elu_curvature(a: Array) -> Array:
    """f″ = 0 where a > 0, else exp(z) = a + 1."""
    return np.where(a > 0, 0, a + 1)


def selu(z: Array) -> Array:
    """f(z) = λ z for z > 0, else λ α (exp(z) - 1) (Klambauer et al. 2017)."""
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


def selu_derivative(a: Array) -> Array:
    """f′ = λ where a > 0, else λ α exp(z) = a + λ α."""
    return np.where(a > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA).astype(a.dtype)


def selu_curvature(a: Array) -> Array:
    """f″ = 0 where a > 0, else a + λ α."""
    return np.where(a > 0, 0, a + SELU_SCALE * SELU_ALPHA).astype(a.dtype)


def softplus(z: Array) -> Array:
    """f(z) = log(1 + exp(z)), without overflow for any z."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softplus_derivative(a: Array) -> Array:
    """f′ = logistic(z) = 1 - exp(-a)."""
    return -np.expm1(-a)


def softplus_curvature(a: Array) -> Array:
    """f″ = f′ (1 - f′), with 1 - f′ = exp(-a)."""
    return -np.expm1(-a) * np.exp(-a)


def softsign(z: Array) -> Array:
    """f(z) = z / (1 + |z|)."""
    return z / (1 + np.abs(z))


def softsign_derivative(a: Array) -> Array:
    """f′ = 1 / (1 + |z|)² = (1 - |a|)²."""
    return (1 - np.abs(a)) ** 2


def softsign_curvature(a: Array) -> Array:
    """f″ = -2 sign(a) (1 - |a|)³."""
    return -2 * np.sign(a) * (1 - np.abs(a)) ** 3


class Activation(NamedTuple):
    """An activation: ``function(z)``, and its derivatives at ``a = function(z)``."""

    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    curvature: Callable[[Array], Array]
    """The second derivative, which the contractive penalty needs."""


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(identity, identity_derivative, identity_curvature),
    "logistic": Activation(logistic, logistic_derivative, logistic_curvature),
    "tanh": Activation(tanh, tanh_derivative, tanh_curvature),
    "relu": Activation(relu, relu_derivative, identity_curvature),
    "leaky_relu": Activation(leaky_relu, leaky_relu_derivative, identity_curvature),
    "elu": Activation(elu, elu_derivative, elu_curvature),
    "selu": Activation(selu, selu_derivative, selu_curvature),
    "softplus": Activation(softplus, softplus_derivative, softplus_curvature),
    "softsign": Activation(softsign, softsign_derivative, softsign_curvature),
}
