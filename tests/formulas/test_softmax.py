"""Softmax of confident rows: losses and gradients beside mpmath's, in both twins; no mean of nothing."""

import mpmath
import numpy as np
import pytest

from ae_core import Architecture
from ae_core.data.rows import Rows
from ae_core.formulas.losses import softmax_cross_entropy, softmax_cross_entropy_gradient

mpmath.mp.dps = 60

LOGITS = {
    "sure": [82.0, 0.0, -1.0],
    "a little less": [24.0, 0.0, -3.0],
    "shifted": [1024.0, 1000.0, 997.0],
    "far below": [-1000.0, -1024.0, -1027.0],
    "wrong": [0.0, 30.0, 1.0],
    "two alike": [20.0, 20.0, 0.0],
    "all alike": [0.0, 0.0, 0.0],
    "the last": [-5.0, 1.0, 17.5],
    "nearly even": [0.25, 0.0, -0.125],
}
TARGETS = {
    "one-hot": [1.0, 0.0, 0.0],
    "the other": [0.0, 1.0, 0.0],
    "the third": [0.0, 0.0, 1.0],
    "nothing": [0.0, 0.0, 0.0],
    "shares": [0.5, 0.25, 0.25],
    "counts": [3.0, 0.0, 2.0],
}
CASES = [(z, x) for z in LOGITS for x in TARGETS]


def exact(z, x):
    """Losses and their derivatives (3,) each, rounded once."""
    z, x = [mpmath.mpf(each) for each in z], [mpmath.mpf(each) for each in x]
    total = sum(mpmath.exp(each) for each in z)
    losses = [a * (mpmath.log(total) - b) for a, b in zip(x, z, strict=True)]
    slopes = [mpmath.exp(b) / total * sum(x) - a for a, b in zip(x, z, strict=True)]
    return np.array(losses, dtype=float), np.array(slopes, dtype=float)


@pytest.mark.parametrize(("z", "x"), CASES)
def test_no_digit_is_lost(z, x):
    losses, slopes = exact(LOGITS[z], TARGETS[x])
    Z, X = np.array([LOGITS[z]]), np.array([TARGETS[x]])
    np.testing.assert_allclose(softmax_cross_entropy(X, Z)[0], losses, rtol=1e-14)
    if x in ("one-hot", "the other", "the third"):  # of others, what is left is a difference
        np.testing.assert_allclose(softmax_cross_entropy_gradient(X, Z)[0], slopes, rtol=1e-13)
    scale = sum(TARGETS[x]) * np.finfo(float).eps
    np.testing.assert_allclose(
        softmax_cross_entropy_gradient(X, Z)[0], slopes, rtol=1e-13, atol=4 * scale
    )


def network_of(network_class, z, dtype, loss="softmax_cross_entropy"):
    """One whose logits are these, whatever it is given."""
    network = network_class(Architecture((3, 1, 3), loss=loss), dtype=dtype, random_state=0)
    network.weights["W2"][:] = 0
    network.weights["b2"][:] = z
    return network


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "multinomial"])
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-13), ("float32", 1e-5)])
def test_networks_lose_no_digit(network_class, dtype, rtol, loss):
    for z, x in CASES:
        if x == ("counts" if loss == "softmax_cross_entropy" else "shares"):
            continue
        losses, slopes = exact(LOGITS[z], TARGETS[x])
        network = network_of(network_class, LOGITS[z], dtype, loss)
        X = np.array([TARGETS[x]])
        np.testing.assert_allclose(
            network.reconstruction_errors(X)[0], losses.sum(), rtol=rtol, err_msg=f"{z}, {x}"
        )
        gradient = network.loss_and_gradient(X)[1]
        ours = network.architecture.views(gradient)["b2"]
        is_one = x in ("one-hot", "the other", "the third")
        atol = 0 if is_one else sum(TARGETS[x]) * 4 * np.finfo(dtype).eps
        np.testing.assert_allclose(ours, slopes, rtol=rtol, atol=atol, err_msg=f"{z}, {x}")


def test_outputs_add_up_to_one(network_class):
    for z in LOGITS.values():
        output = network_of(network_class, z, "float64").forward(np.eye(3))
        np.testing.assert_allclose(output.sum(axis=1), 1, rtol=1e-15)
        expected = [mpmath.exp(each) / sum(map(mpmath.exp, z)) for each in z]
        np.testing.assert_allclose(output[0], np.array(expected, dtype=float), rtol=1e-13)


def test_a_network_that_is_sure_of_all_goes_on_learning(network_class):
    from ae_core import train
    from ae_core.formulas.solvers import SGD

    network = network_of(network_class, [20.0, 0.0, 0.0], "float32")
    X = np.array([[1.0, 0.0, 0.0]] * 4, np.float32)
    losses = train(network, X, solver=SGD(1e6), max_iter=4).loss_curve
    assert losses == sorted(losses, reverse=True)
    assert 0 < losses[-1] < losses[0] == pytest.approx(2 * np.exp(-20), rel=1e-5)


# --- no mean of nothing ------------------------------------------------------------------------------


def unseen_or_weightless():
    X = np.array([[1.0, np.nan, 0.5], [np.nan, np.nan, np.nan]])
    return Rows(X, sample_weight=[0.0, 2.0], missing="mask")


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_rows_that_count_nothing_have_no_loss(network_class, alpha):
    network = network_class(Architecture((3, 2, 3), alpha=alpha), random_state=0)
    for method in (network.loss, network.loss_and_gradient):
        with pytest.raises(ValueError, match="sample_weight is zero, or nothing is seen"):
            method(unseen_or_weightless())
