"""The gradient check: right gradients pass, planted faults are named for what they are."""

import numpy as np
import pytest
from conftest import random_data
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ae_core import Architecture, check_gradient
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LOSSES
from ae_core.reference import Network

X = np.random.default_rng(0).normal(size=(5, 3))
WEIGHTS = {
    name: np.random.default_rng(1).normal(0, 0.7, size)
    for name, size in {"W1": (3, 4), "b1": 4, "W2": (4, 4), "b2": 4, "W3": (4, 3)}.items()
}


def autoencoder(fault=None):
    """A three-layer network's cost and gradient, with a fault planted."""

    def function(p, x):
        m = len(x)
        h1 = np.tanh(x @ p["W1"] + p["b1"])
        h2 = np.tanh(h1 @ p["W2"] + p["b2"])
        x_hat = h2 @ p["W3"]
        slope1, slope2 = 1 - h1**2, 1 - h2**2
        if fault == "first row":
            slope1, slope2 = slope1[:1], slope2[:1]
        delta3 = (x_hat - x) / m
        if fault == "no 1/m":
            delta3 = delta3 * m
        if fault == "1/m twice":
            delta3 = delta3 / m
        if fault == "factor 2":
            delta3 = delta3 * 2
        if fault == "sign everywhere":
            delta3 = -delta3
        if fault == "output":
            delta3 = delta3 * (1 - x_hat**2)
        delta2 = (delta3 @ p["W3"].T) * slope2
        W2_back = p["W2"] if fault == "transposed weight" else p["W2"].T
        if fault == "sign on the way back":
            W2_back = -W2_back
        delta1 = delta2 @ W2_back
        if fault != "derivative forgotten":
            delta1 = delta1 * slope1
        gradient = {
            "W1": x.T @ delta1,
            "b1": delta1.sum(axis=0),
            "W2": h1.T @ delta2,
            "b2": delta2.sum(axis=0),
            "W3": h2.T @ delta3,
        }
        if fault == "sign of W2":
            gradient["W2"] = -gradient["W2"]
        if fault == "transposed gradient":
            gradient["W2"] = gradient["W2"].T
        if fault == "bias forgotten":
            gradient["b2"] = np.zeros(4)
        if fault == "bias of one row":
            gradient["b2"] = delta2[0]
        if fault == "nan":
            gradient["b2"] = np.full(4, np.nan)
        return 0.5 * np.sum((x_hat - x) ** 2) / m, gradient

    return function


def test_right_gradient_passes():
    check = check_gradient(autoencoder(), WEIGHTS, X)
    assert check.passed
    assert bool(check)
    assert check.findings == []
    assert all(a.relative_error < 1e-7 for a in check.arrays.values())
    assert "passed" in str(check)


@pytest.mark.parametrize(
    ("fault", "words", "wrong"),
    [
        ("first row", "A derivative of one row is used for all rows", "W1 b1 W2 b2"),
        ("no 1/m", "5 times too large, and there are 5 rows: it was not divided", "W1 b1 W2 b2 W3"),
        ("1/m twice", "1/5 of what it should be, and there are 5 rows", "W1 b1 W2 b2 W3"),
        ("factor 2", "2 times the right one in every array: a constant factor of 2", None),
        ("sign everywhere", "The sign is wrong everywhere", None),
        ("sign of W2", "Only W2 is wrong, all other arrays are right. Its sign is wrong.", "W2"),
        (
            "sign on the way back",
            "the delta goes wrong on its way back through W2: is W2 used transposed there",
            "W1 b1",
        ),
        (
            "transposed weight",
            "the delta goes wrong on its way back through W2: is W2 used transposed there",
            "W1 b1",
        ),
        ("derivative forgotten", "multiplied by the derivative of the activation", "W1 b1"),
        ("transposed gradient", "Only W2 is wrong, all other arrays are right. It is the transpose", "W2"),
        ("bias forgotten", "Only b2 is wrong, all other arrays are right. It is zero", "b2"),
        ("bias of one row", "Rows are mixed up (in b2)", "b2"),
        ("output", "start at the output", "W1 b1 W2 b2 W3"),
        ("nan", "Only b2 is wrong", "b2"),
    ],
)  # fmt: skip
def test_sabotage_is_named(fault, words, wrong):
    check = check_gradient(autoencoder(fault), WEIGHTS, X)
    assert not check.passed
    assert words in " ".join(check.findings)
    assert words.split()[0] in str(check)
    if wrong is not None:
        assert [n for n, a in check.arrays.items() if not a.passed] == wrong.split()


def test_sign_on_the_way_back_is_recognised():
    assert (
        "Its sign is wrong there"
        in check_gradient(autoencoder("sign on the way back"), WEIGHTS, X).findings[0]
    )


def test_one_row_is_enough_to_find_a_derivative_of_one_row():
    check = check_gradient(autoencoder("first row"), WEIGHTS, X[:1])
    assert "A derivative of one row" in check.findings[0]
    assert "changed copy" in str(check)
    assert check_gradient(autoencoder(), WEIGHTS, X[:1]).passed


def test_two_rows_and_a_factor_of_two_are_not_confused():
    assert (
        "divided by the number of rows"
        in check_gradient(autoencoder("no 1/m"), WEIGHTS, X[:2]).findings[0]
    )
    assert "factor of 2" in check_gradient(autoencoder("factor 2"), WEIGHTS, X[:2]).findings[0]


def test_worst_element_is_located():
    def function(w, x):
        gradient = w.copy()
        gradient[2, 1] += 0.5
        return 0.5 * np.sum(w**2), gradient

    w = np.arange(1.0, 13.0).reshape(4, 3)
    array = check_gradient(function, w, X).arrays["params"]
    index, analytic, numeric = array.worst
    assert index == (2, 1)
    assert analytic == 8.5
    assert numeric == pytest.approx(8.0)
    assert array.relative_error == pytest.approx(0.5 / 8.5)


def test_large_arrays_are_sampled():
    n_calls = 0

    def function(w, x):
        nonlocal n_calls
        n_calls += 1
        return 0.5 * np.sum(w**2), w

    check = check_gradient(function, np.ones((300, 200)), X, max_elements=20, max_rows=2)
    assert check.passed
    assert n_calls == (1 + 2 * 20) * 4
    assert "(20 of 60000)" in str(check)


@given(
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.sampled_from(sorted(LOSSES)),
    hidden=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    tied=st.booleans(),
    biases=st.booleans(),
    seed=st.integers(0, 10**6),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=20, deadline=None)
def test_own_networks_pass(activation, loss, hidden, tied, biases, seed, dtype):
    architecture = Architecture.symmetrical(
        (4, *hidden), activation=activation, loss=loss, biases=biases, tied=tied
    )
    network = Network(architecture, random_state=seed, dtype=dtype)
    X = random_data(architecture, 4, seed)
    assume(network.loss_and_gradient(X)[1].any())  # where all units are dead, the check says so
    check = check_gradient(network, X=X, max_elements=5, max_rows=2)
    assert check.passed, str(check)


@pytest.mark.filterwarnings("ignore")
def test_a_network_of_the_package_that_is_broken_is_found(monkeypatch):
    broken = ACTIVATIONS["tanh"]._replace(derivative=lambda a: (1 - a**2)[:1])
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken)
    architecture = Architecture((3, 2, 2, 3), "tanh")
    check = check_gradient(Network(architecture, random_state=0), X=X)
    assert "A derivative of one row is used for all rows (in W1, b1, W2, b2)" in check.findings[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["leaky_relu", "relu", "elu"])
def test_kinks_nearer_than_any_step(activation, dtype):
    # Two layers of units all but at 0: both sides have another slope than what lies between.
    architecture = Architecture.symmetrical(
        (4, 1, 4, 1), activation=activation, loss="absolute_error"
    )
    network = Network(architecture, random_state=0, dtype=dtype)
    X = random_data(architecture, 4, 0)
    assert check_gradient(network, X=X, max_elements=4, max_rows=1).passed


def test_passes_at_a_kink_and_at_a_minimum():
    def absolute(w, x):
        return np.abs(w).sum(), np.sign(w)

    assert check_gradient(absolute, np.array([0.0, 1.0, -2.0, 1e-6]), X).passed

    def wrong(w, x):
        return np.abs(w).sum(), np.where(w == 0, 3.0, np.sign(w))

    assert not check_gradient(wrong, np.array([0.0, 1.0]), X).passed

    def quadratic(w, x):
        return 0.5 * np.sum((w - 1) ** 2), w - 1

    assert check_gradient(quadratic, np.array([1.0, 1.0 + 1e-9]), X).passed


@pytest.mark.parametrize("kind", [list, tuple])
def test_parameters_may_be_a_list_or_tuple_and_are_not_changed(kind):
    def function(p, x):
        cost = p[0].sum() ** 2 + p[1] @ p[1]
        gradient = kind([np.full(2, 2 * p[0].sum()), 2 * p[1]])
        p[0][...] = 99.0  # a careless function may use its arguments up
        return cost, gradient

    params = kind([np.ones(2), np.arange(3)])
    assert check_gradient(function, params, X).passed
    np.testing.assert_array_equal(params[0], np.ones(2))


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (lambda p, x: (np.nan, p), {}, "the cost is nan: a finite number"),
        (lambda p, x: (p, p), {}, "a finite number is needed"),
        (lambda p, x: (1.0, p.T), {}, r"shape \(3, 2\) \(transposed\?\): params has \(2, 3\)"),
        (lambda p, x: (1.0, p), {"tolerance": 0}, "tolerance=0"),
        (lambda p, x: (1.0, p), {"max_elements": 0}, "max_elements=0"),
        (lambda p, x: (1.0, p), {"params": None}, "params is missing"),
        (lambda p, x: (1.0, p), {"params": []}, "params is empty"),
        (lambda p, x: (1.0, p), {"params": np.array("a")}, "params has dtype"),
        (lambda p, x: (1.0, p["a"]), {"params": {"a": np.ones(2)}}, r"dict with the keys \['a'\]"),
        (lambda p, x: (1.0, p[0]), {"params": [np.ones(2)] * 3}, "list of 3 arrays"),
        (lambda p, x: (1.0, p), {"X": np.ones((0, 2))}, r"shape \(0, 2\): at least one row"),
    ],
)
def test_wrong_use_is_named(function, arguments, words):
    given_arguments = {"X": X, "params": np.ones((2, 3)), **arguments}
    with pytest.raises(ValueError, match=words):
        check_gradient(function, **given_arguments)
