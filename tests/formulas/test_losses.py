"""Losses beside what others know of them: SciPy's distributions, scikit-learn's deviance, best constants."""

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.metrics import mean_poisson_deviance

from ae_core import Architecture, Network, reference
from ae_core.formulas.losses import LINKS, LOSSES

COUNTS = np.random.default_rng(0).poisson(3.0, (50, 4)).astype(float)
Z = np.random.default_rng(1).normal(1.0, 1.0, (50, 4))
LOG_THETA = np.array([-3.0, 0.0, 2.0, 12.0])


def test_poisson_is_half_the_deviance():
    expected = mean_poisson_deviance(COUNTS.ravel(), np.exp(Z).ravel()) / 2
    assert LOSSES["poisson"].function(COUNTS, Z).mean() == pytest.approx(expected, rel=1e-12)


def test_poisson_does_not_cancel_where_it_is_almost_right():
    loss = LOSSES["poisson"].function(np.array([[1e6]]), np.log([[1e6]]) + 1e-7)
    assert loss == pytest.approx(1e6 * 1e-14 / 2, rel=1e-5)


def test_negative_binomial_is_scipys_likelihood():
    theta = np.exp(LOG_THETA)
    expected = -stats.nbinom.logpmf(COUNTS, theta, theta / (theta + np.exp(Z)))
    np.testing.assert_allclose(
        LOSSES["negative_binomial"].function(COUNTS, Z, LOG_THETA), expected, rtol=1e-8, atol=1e-10
    )


@pytest.mark.parametrize(
    ("x", "z"), [(5e-324, 0.0), (1e-300, 2.0), (1e-40, 1.0), (1e-13, 3.0), (2.0, 80.0)]
)
def test_poisson_of_next_to_nothing_is_its_mean(x, z):
    """Minus the little that x takes; the quotient of the two alone would overflow."""
    loss = LOSSES["poisson"].function(np.array([[x]]), np.array([[z]]))
    assert loss == pytest.approx(np.exp(z) - x - x * (z - np.log(x)), rel=1e-12)


def test_a_large_theta_is_poissons():
    own = np.full(4, 30.0)
    by_z = LOSSES["negative_binomial"].gradient(COUNTS, Z, own)
    np.testing.assert_allclose(by_z, LOSSES["poisson"].gradient(COUNTS, Z), rtol=1e-9, atol=1e-9)


def test_the_derivative_by_theta():
    loss, step, own = LOSSES["negative_binomial"], 1e-5, np.array([-3.0, 0.0, 2.0, 5.0])
    numeric = loss.function(COUNTS, Z, own + step) - loss.function(COUNTS, Z, own - step)
    np.testing.assert_allclose(
        loss.own_gradient(COUNTS, Z, own), numeric / (2 * step), rtol=1e-6, atol=1e-6
    )


def test_multinomial_is_scipys_likelihood_but_for_a_constant():
    P = LINKS["softmax"].output(Z)
    expected = [-stats.multinomial.logpmf(x, x.sum(), p) for x, p in zip(COUNTS, P, strict=True)]
    constant = [-stats.multinomial.logpmf(x, x.sum(), x / x.sum()) for x in COUNTS]
    own = LOSSES["multinomial"].function(COUNTS, Z).sum(axis=1)
    best = -np.where(COUNTS > 0, COUNTS * np.log(COUNTS.clip(1) / COUNTS.sum(1)[:, None]), 0).sum(1)
    np.testing.assert_allclose(own - best, np.subtract(expected, constant), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("has_missing", [False, True])
def test_no_other_constant_is_better(name, has_missing):
    loss = LOSSES[name]
    random = np.random.default_rng(2)
    X = random.lognormal(0, 1.0, (40, 3))
    if loss.domain.high == 1:
        X = X / X.sum(axis=1, keepdims=True)
    weights = random.uniform(0.1, 2.0, 40)
    if has_missing and loss.is_elementwise:
        X[random.random(X.shape) < 0.3] = np.nan
    own = () if loss.own_gradient is None else (np.zeros(3),)
    to_logits = LINKS[loss.from_logits].logits if loss.from_logits else lambda c: c

    def total(output):
        each = loss.function(np.nan_to_num(X), np.tile(output, (40, 1)), *own)
        return (weights[:, None] * np.where(np.isnan(X), 0, each)).sum()

    best = to_logits(loss.constant(X, weights))
    found = optimize.minimize(total, best + 0.1, method="Nelder-Mead", options={"maxiter": 2000})
    assert total(best) <= found.fun * (1 + 1e-6)


def test_what_a_loss_cannot_be_taken_of_is_refused_in_its_own_words():
    for name, words in (
        ("poisson", "to be 0 or more"),
        ("binary_cross_entropy", "between 0 and 1"),
    ):
        for network_class in (Network, reference.Network):
            network = network_class(Architecture((4, 2, 4), loss=name), random_state=0)
            with pytest.raises(ValueError, match=f"loss='{name}' needs them {words}"):
                network.loss(-COUNTS - 1)


def test_negative_binomial_learns_its_theta():
    """Of counts with a known dispersion, through a network that can only learn their means."""
    random = np.random.default_rng(3)
    theta, mean = np.array([0.5, 4.0]), np.array([5.0, 20.0])
    X = random.negative_binomial(theta, theta / (theta + mean), (4000, 2)).astype(float)
    architecture = Architecture((2, 1, 2), "identity", loss="negative_binomial")
    for network_class in (Network, reference.Network):
        network = network_class(architecture, np.zeros(architecture.n_params))

        def objective(params, network=network):
            loss, gradient = network.loss_and_gradient(X, params=params)
            gradient[architecture.blocks[0].start : architecture.blocks[2].stop] = 0  # W1, b1, W2
            return loss, gradient

        start = np.zeros(architecture.n_params)
        found = optimize.minimize(objective, start, jac=True, method="L-BFGS-B").x
        own = found[architecture.n_params - 2 :]
        np.testing.assert_allclose(np.exp(own), theta, rtol=0.1)
        np.testing.assert_allclose(np.exp(architecture.views(found)["b2"]), mean, rtol=0.1)
