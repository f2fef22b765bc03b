"""Losses: each formula beside its gradient, and the record that says everything else of it.

A loss compares the data ``X`` with the network's output for it; the network sums over features and
averages over samples. Some losses are functions of the reconstruction ``X_hat``. Others are
functions of the *logits* ``Z``, the output layer's sums before its activation: going through the
activation would take ``log(0)`` where a unit saturates. The softmax's are not element by element:
they couple the columns of a row. The negative binomial has a parameter of its own for each column,
which is learned with the weights.

To add one: a function, its gradient, a record in `LOSSES`; nobody else asks for a loss by its name.
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


def _beside_the_largest(Z: Array) -> tuple[Array, Array, Array, Array]:
    """Where the largest logit of each row (m, n) is, itself, exp(z - it) and its sum over others.

    The sum leaves out the largest's own 1, so that it keeps its digits where all else is small:
    Σ exp(z - largest) = 1 + others. Shapes (m, 1), (m, 1), (m, n) and (m, 1).
    """
    at = Z.argmax(axis=1)[:, None]
    largest = np.take_along_axis(Z, at, axis=1)
    e = np.exp(Z - largest)
    np.put_along_axis(e, at, 0, axis=1)
    others = e.sum(axis=1, keepdims=True)
    np.put_along_axis(e, at, 1, axis=1)
    return at, largest, e, others


def softmax(Z: Array) -> Array:
    """exp(z_j) / Σ exp(z), of each row (m, n), without overflow."""
    _, _, e, others = _beside_the_largest(Z)
    return np.asarray(e / (1 + others))


def softmax_cross_entropy(X: Array, Z: Array) -> Array:
    """-x_j log softmax(z)_j = x_j (log Σ exp(z) - z_j), for one-hot rows x, or counts.

    Of counts it is minus the log-likelihood of the multinomial, but for a constant of the row.
    """
    _, largest, _, others = _beside_the_largest(Z)
    return np.asarray(X * ((largest - Z) + np.log1p(others)))


def softmax_cross_entropy_gradient(X: Array, Z: Array) -> Array:
    """∂/∂z_j = softmax(z)_j Σ x - x_j; of the largest by the others'."""
    at, _, e, others = _beside_the_largest(Z)
    total = X.sum(axis=1, keepdims=True)  # (m, 1)
    gradient = e / (1 + others) * total - X  # (m, n)
    of_largest = (total - np.take_along_axis(X, at, axis=1)) - total * (others / (1 + others))
    np.put_along_axis(gradient, at, of_largest, axis=1)
    return np.asarray(gradient)


FAR = 30.0
"""Of log(μ / x): from here on no digit of μ is lost by taking x from it."""


@np.errstate(over="ignore")
def exp(Z: Array) -> Array:
    """exp(z). It may be infinite: then the loss is, too, and training stops there."""
    return np.exp(Z)


@np.errstate(over="ignore", invalid="ignore")
def poisson(X: Array, Z: Array) -> Array:
    """Half the deviance of a Poisson distribution: μ - x - x log(μ / x), for μ = exp(z), x ≥ 0.

    Minus its log-likelihood, but for a constant that makes it 0 where μ = x (McCullagh & Nelder
    1989, section 2.3). With r = log(μ / x) it is x (exp(r) - 1 - r), which does not cancel; where r
    is large nothing does, and exp(r) alone might overflow though μ is small.
    """
    positive = np.asarray(X > 0)
    r = Z - np.log(np.where(positive, X, 1))
    near = X * (np.expm1(r) - r)
    return np.where(positive & (r < FAR), near, exp(Z) - np.where(positive, X + X * r, 0))


def poisson_gradient(X: Array, Z: Array) -> Array:
    """∂/∂z = exp(z) - x."""
    return exp(Z) - X


def negative_binomial(X: Array, Z: Array, own: Array) -> Array:
    """Minus the log-likelihood of counts x with mean μ = exp(z) and variance μ + μ² / θ.

    log Γ(θ) + log Γ(x + 1) - log Γ(x + θ) + θ log(1 + μ / θ) + x log(1 + θ / μ), with log θ (n,) of
    each column in ``own`` (Hilbe 2011, "Negative binomial regression", section 8.2).
    """
    from scipy.special import gammaln  # few networks need it

    x, u, theta = _of_negative_binomial(X, Z, own)
    constant = gammaln(theta) + gammaln(x + 1) - gammaln(x + theta)
    loss = constant + theta * np.logaddexp(0, u) + x * np.logaddexp(0, -u)
    return np.asarray(loss.astype(Z.dtype))


def negative_binomial_gradient(X: Array, Z: Array, own: Array) -> Array:
    """∂/∂z = (θ μ - θ x) / (θ + μ)."""
    x, u, theta = _of_negative_binomial(X, Z, own)
    return np.asarray((theta * logistic(u) - x * logistic(-u)).astype(Z.dtype))


def negative_binomial_own_gradient(X: Array, Z: Array, own: Array) -> Array:
    """∂/∂log θ = θ (ψ(θ) - ψ(x + θ) + log(1 + μ / θ) - μ / (θ + μ)) + x θ / (θ + μ)."""
    from scipy.special import digamma

    x, u, theta = _of_negative_binomial(X, Z, own)
    by_theta = digamma(theta) - digamma(x + theta) + np.logaddexp(0, u) - logistic(u)
    return np.asarray((theta * by_theta + x * logistic(-u)).astype(Z.dtype))


@np.errstate(over="ignore")
def _of_negative_binomial(X: Array, Z: Array, own: Array) -> tuple[Array, Array, Array]:
    """x, log(μ / θ) and θ in float64: differences of gamma functions cancel."""
    own = own.astype(np.float64)
    return X.astype(np.float64), Z.astype(np.float64) - own, np.exp(own)


# --- the constant that is best: what a network that has learned nothing should give -------------


def column_mean(X: Array, weights: Array) -> Array:
    """The weighted mean (n,) of what is seen of X (m, n); 0 where nothing is."""
    return _mean(X, weights[:, None])


def _mean(X: Array, weights: Array) -> Array:
    """The same with weights of rows (m, 1), or of entries (m, n)."""
    W = np.where(np.isnan(X), 0.0, weights)
    total = W.sum(axis=0)
    sums = (W * np.nan_to_num(X)).sum(axis=0)
    return np.asarray(np.divide(sums, total, out=np.zeros_like(sums), where=total > 0))


def column_median(X: Array, weights: Array) -> Array:
    """The weighted median (n,) of what is seen of X (m, n); 0 where nothing is.

    Half of the weight lies on either side; between two numbers, their mean.
    """
    medians = np.zeros(X.shape[1])
    for j, column in enumerate(X.T):
        counts = ~np.isnan(column) & (weights > 0)
        order = np.argsort(column[counts], kind="stable")
        x, reached = column[counts][order], np.cumsum(weights[counts][order])
        if len(x):
            half = reached[-1] / 2
            low, high = np.searchsorted(reached, half), np.searchsorted(reached, half, "right")
            medians[j] = (x[low] + x[min(high, len(x) - 1)]) / 2
    return medians


def huber_center(X: Array, weights: Array) -> Array:
    """The constant (n,) of least Huber loss, by iterated reweighting from the median."""
    center = column_median(X, weights)
    for _ in range(50):
        size = np.maximum(np.abs(np.nan_to_num(X - center)), HUBER_DELTA)
        center = _mean(X, weights[:, None] * HUBER_DELTA / size)
    return center


def column_shares(X: Array, weights: Array) -> Array:
    """Each column's share (n,) of the weighted sum of X (m, n)."""
    sums = (weights[:, None] * np.nan_to_num(X)).sum(axis=0)
    total = sums.sum()
    return np.asarray(sums / total if total > 0 else np.full(len(sums), 1 / len(sums)))


# --- what a loss is -------------------------------------------------------------------------------


class Domain(NamedTuple):
    """The numbers that a loss can be taken of."""

    low: float
    high: float
    words: str
    """What they have to be, after "needs them"."""
    hint: str


ANYTHING = Domain(-np.inf, np.inf, "", "")
SHARES = Domain(0, 1, "between 0 and 1", "scale the data, or use loss='squared_error'")
COUNTS = Domain(
    0, np.inf, "to be 0 or more", "counts are not scaled: scale=None; or use loss='squared_error'"
)


class Loss(NamedTuple):
    """Everything that anybody asks of a loss."""

    function: Callable[..., Array]
    """``(X, output) -> array`` of X's shape; with ``own`` (n,) where it has parameters."""
    gradient: Callable[..., Array]
    """Its derivative by the output, of X's shape."""
    constant: Callable[[Array, Array], Array]
    """The output (n,) that is best for all rows: ``(X with NaN for missing, weights (m,))``."""
    domain: Domain = ANYTHING
    from_logits: str | None = None
    """The one output activation whose logits the loss takes; None: it takes the output itself."""
    is_elementwise: bool = True
    """Whether each entry's loss has to do with that entry alone."""
    is_likelihood: bool = False
    """Whether it is minus the logarithm of a probability (density), but for a constant."""
    has_variance: bool = False
    """Whether, as a likelihood, it has a variance that the loss leaves out."""
    is_scaled_by_size: bool = False
    """Whether s times the loss of x / s is the loss of x, beside an output s times as large."""
    has_size: bool = False
    """Whether the output is as large as the counts; else it is shares of a row."""
    own_gradient: Callable[..., Array] | None = None
    """The derivative by the parameter of the column, of X's shape, if it has one."""


LOSSES: dict[str, Loss] = {
    "squared_error": Loss(
        squared_error, squared_error_gradient, column_mean, is_likelihood=True, has_variance=True
    ),
    "binary_cross_entropy": Loss(
        binary_cross_entropy,
        binary_cross_entropy_gradient,
        column_mean,
        SHARES,
        from_logits="logistic",
        is_likelihood=True,
    ),
    "softmax_cross_entropy": Loss(
        softmax_cross_entropy,
        softmax_cross_entropy_gradient,
        column_shares,
        SHARES,
        from_logits="softmax",
        is_elementwise=False,
        is_likelihood=True,
    ),
    "absolute_error": Loss(absolute_error, absolute_error_gradient, column_median),
    "huber": Loss(huber, huber_gradient, huber_center),
    "multinomial": Loss(
        softmax_cross_entropy,
        softmax_cross_entropy_gradient,
        column_shares,
        COUNTS,
        from_logits="softmax",
        is_elementwise=False,
        is_likelihood=True,
        is_scaled_by_size=True,
    ),
    "poisson": Loss(
        poisson,
        poisson_gradient,
        column_mean,
        COUNTS,
        from_logits="exp",
        is_likelihood=True,
        is_scaled_by_size=True,
        has_size=True,
    ),
    "negative_binomial": Loss(
        negative_binomial,
        negative_binomial_gradient,
        column_mean,
        COUNTS,
        from_logits="exp",
        is_likelihood=True,
        has_size=True,
        own_gradient=negative_binomial_own_gradient,
    ),
}


class Link(NamedTuple):
    """An output activation that belongs to losses: from logits to outputs, and back."""

    output: Callable[[Array], Array]
    logits: Callable[[Array], Array]
    reach: tuple[float, float]
    """The smallest and the largest output."""


LINKS: dict[str, Link] = {
    "logistic": Link(logistic, lambda p: np.asarray(np.log(p) - np.log1p(-p)), (0.0, 1.0)),
    "softmax": Link(softmax, np.log, (0.0, 1.0)),
    "exp": Link(exp, np.log, (0.0, np.inf)),
}
"""By name. Of the output layer alone, unless `ACTIVATIONS` has the name, too."""
