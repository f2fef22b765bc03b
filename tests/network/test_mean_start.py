"""Biases that start at the mean."""

import numpy as np
import pytest

from ae_core import Architecture, Autoencoder, NotLearningWarning
from ae_core.formulas.losses import LOSSES
from ae_core.network.mean_start import start_at_mean
from ae_core.network.reference import Network

OUTPUTS = [
    ("squared_error", "identity"),
    ("squared_error", "logistic"),
    ("squared_error", "tanh"),
    ("squared_error", "softplus"),
    ("absolute_error", "identity"),
    ("huber", "logistic"),
    ("binary_cross_entropy", "logistic"),
    ("softmax_cross_entropy", "softmax"),
    ("multinomial", "softmax"),
    ("poisson", "exp"),
    ("negative_binomial", "exp"),
]


def table(loss, n_samples=200, n_features=6, seed=0):
    """Rows in the loss's domain, far from centered."""
    X = np.random.default_rng(seed).beta(2, np.linspace(1, 6, n_features), (n_samples, n_features))
    if loss == "softmax_cross_entropy":
        return X / X.sum(axis=1, keepdims=True)
    return np.floor(9 * X) if LOSSES[loss].domain.high == np.inf and "p" in loss else X


@pytest.mark.parametrize(("loss", "activation"), OUTPUTS)
@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, 200)], ids=["", "weights"])
def test_a_network_without_code_is_the_best_constant(loss, activation, weights):
    """Where the last weights are 0 the output is what no other constant is better than."""
    X = table(loss)
    architecture = Architecture((6, 4, 6), ("elu", activation), loss, code_layer=1)
    net = Network(architecture, random_state=0)
    start_at_mean(architecture, net.params, X, weights)
    architecture.views(net.params)["W2"][...] = 0
    given = LOSSES[loss].constant(X, np.ones(200) if weights is None else weights)
    np.testing.assert_allclose(net.forward(X[:2]), [given, given], rtol=1e-9)


def test_the_first_sums_are_centered():
    """Of what is given: after the logarithm, and with 0 for what is missing."""
    X = table("poisson")
    X[::3, 2] = np.nan
    architecture = Architecture.symmetrical((6, 4, 2), loss="poisson", input_transform="log1p")
    net = Network(architecture, random_state=0)
    start_at_mean(architecture, net.params, X)
    views = architecture.views(net.params)
    sums = np.log1p(np.nan_to_num(X)) @ views["W1"] + views["b1"]
    np.testing.assert_allclose(sums.mean(axis=0), 0, atol=1e-12)
    assert np.ptp(sums, axis=0).min() > 0


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_column_at_a_bound_starts_near_it(value):
    """A bias of infinity would be no start."""
    X = table("binary_cross_entropy")
    X[:, 1] = value
    architecture = Architecture.symmetrical(
        (6, 2), loss="binary_cross_entropy", output_activation="logistic"
    )
    params = np.zeros(architecture.n_params)
    start_at_mean(architecture, params, X)
    bias = architecture.views(params)["b2"]
    assert np.isfinite(bias).all()
    assert (bias[1] > 5) == (value == 1)


def test_without_biases_nothing_is_set():
    """There is nothing to set."""
    architecture = Architecture.symmetrical((6, 2), biases=False)
    params = np.arange(float(architecture.n_params))
    start_at_mean(architecture, params, table("squared_error"))
    np.testing.assert_array_equal(params, np.arange(float(architecture.n_params)))


def test_an_estimator_begins_there():
    """After a step of no length it returns the column mean of raw rows, nearly."""
    X = table("squared_error")
    model = Autoencoder(
        2,
        scale=None,
        output_activation="logistic",
        learning_rate_init=1e-12,
        max_iter=1,
        random_state=0,
    )
    with pytest.warns(NotLearningWarning):
        model.fit(X)
    errors = np.abs(model.reconstruct(X).mean(axis=0) - X.mean(axis=0))
    assert errors.max() < 0.05
    assert np.abs(X.mean(axis=0) - 0.5).max() > 0.15
