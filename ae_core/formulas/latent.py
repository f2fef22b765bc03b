"""What can be asked of the code: few active units, small ones, or a distribution.

Each formula beside its gradient. H is the code (m, k) of a batch.
"""

import math

import numpy as np

from .._typing import Array


def k_largest(A: Array, k: int) -> Array:
    """1 for the k largest units of each row, 0 for the others; of equal ones, the first: (m, n).

    Makhzani & Frey 2013, "k-sparse autoencoders".
    """
    order = np.argsort(-A, axis=1, kind="stable")
    mask = np.zeros_like(A)
    np.put_along_axis(mask, order[:, :k], 1, axis=1)
    return mask


def sparsity(mean: Array, target: float) -> float:
    """Σ KL(ρ ‖ ρ̂), from the units' mean activations ρ̂ (k,) in float64.

    Of two coins: ρ log(ρ / ρ̂) + (1 - ρ) log((1 - ρ) / (1 - ρ̂)) (Ng 2011, "Sparse autoencoder",
    CS294A notes).
    """
    with np.errstate(divide="ignore"):  # a unit that never is active is infinitely far from a ρ
        return float(
            (
                target * np.log(target / mean) + (1 - target) * np.log((1 - target) / (1 - mean))
            ).sum()
        )


def sparsity_gradient(mean: Array, target: float) -> Array:
    """∂/∂ρ̂ = -ρ / ρ̂ + (1 - ρ) / (1 - ρ̂): (k,)."""
    with np.errstate(divide="ignore"):
        return np.asarray(-target / mean + (1 - target) / (1 - mean))


def absolute(H: Array) -> Array:
    """Σ |h| of each row: (m,)."""
    return np.asarray(np.abs(H).sum(axis=1))


def absolute_gradient(H: Array) -> Array:
    """∂/∂h = sign(h), 0 at 0."""
    return np.sign(H)


def sample(mean: Array, log_variance: Array, epsilon: Array) -> Array:
    """H = μ + exp(½ log σ²) ε: the reparameterised draw (Kingma & Welling 2014, eq. 10)."""
    return np.asarray(mean + np.exp(log_variance / 2) * epsilon)


def sample_gradient(gradient: Array, log_variance: Array, epsilon: Array) -> tuple[Array, Array]:
    """∂/∂μ and ∂/∂(log σ²), from the gradient (m, k) with respect to h."""
    return gradient, gradient * epsilon * np.exp(log_variance / 2) / 2


def divergence(mean: Array, log_variance: Array) -> Array:
    """KL(N(μ, σ²) ‖ N(0, 1)) of each row: ½ Σ (σ² + μ² - 1 - log σ²), (m,) (ibid., appendix B)."""
    return np.asarray(0.5 * (np.expm1(log_variance) - log_variance + mean**2).sum(axis=1))


def divergence_gradient(mean: Array, log_variance: Array) -> tuple[Array, Array]:
    """∂/∂μ = μ and ∂/∂(log σ²) = ½ (σ² - 1)."""
    return mean, 0.5 * np.expm1(log_variance)


LOG_2_PI = math.log(2 * math.pi)


def log_normal(Z: Array, mean: Array, log_variance: Array) -> Array:
    """Log density of N(μ, σ²) at Z (m, k), each row's sum: (m,)."""
    squares = (Z - mean) ** 2 * np.exp(-log_variance)
    return np.asarray(-0.5 * (squares + log_variance + LOG_2_PI).sum(axis=1))
