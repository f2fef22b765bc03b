"""The question that started it: an autoencoder that returns the column mean."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ae_core import SGD, Architecture, check_gradient, train

EXAMPLE = Path(__file__).parent.parent / "examples" / "column_mean.py"
spec = importlib.util.spec_from_file_location("column_mean", EXAMPLE)
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)


def questions_network(network_class, X):
    architecture = Architecture((X.shape[1], 1, X.shape[1], X.shape[1]), "logistic", biases=False)
    random = np.random.RandomState(0)
    return network_class(architecture, initialization="uniform", random_state=random)


@pytest.mark.parametrize("X", [example.ONE_ROW, example.TWO_ROWS], ids=["one row", "two rows"])
@pytest.mark.parametrize("rate", [0.001, 1.0])
def test_follows_the_corrected_script(network_class, X, rate):
    network = questions_network(network_class, X)
    history = train(network, X, solver=SGD(learning_rate_init=rate), max_iter=10_000)
    weights, costs = example.gradient_descent(X, rate, 10_000)
    np.testing.assert_allclose(history.loss_curve, costs, rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(network.weights.values(), weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_one_row_is_learned(network_class):
    network = questions_network(network_class, example.ONE_ROW)
    train(network, example.ONE_ROW, solver=SGD(learning_rate_init=0.001), max_iter=10_000)
    assert network.loss(example.ONE_ROW) < 1e-7


def test_two_rows_at_the_small_rate_give_the_column_mean(network_class):
    X = example.TWO_ROWS
    network = questions_network(network_class, X)
    train(network, X, solver=SGD(learning_rate_init=0.001), max_iter=10_000)
    assert network.loss(X) == pytest.approx(0.005849, abs=1e-6)
    np.testing.assert_allclose(network.forward(X), [X.mean(axis=0)] * 2, atol=0.005)


def test_two_rows_at_the_right_rate_are_learned(network_class):
    X = example.TWO_ROWS
    network = questions_network(network_class, X)
    train(network, X, solver=SGD(learning_rate_init=1.0), max_iter=20_000)
    assert network.loss(X) < 1e-15
    np.testing.assert_allclose(network.forward(X), X, atol=1e-8)


def test_the_wrong_derivative_stalls_at_any_rate():
    for rate, steps in ((0.001, 10_000), (1.0, 20_000)):
        _, costs = example.gradient_descent(example.TWO_ROWS, rate, steps, first_row_only=True)
        assert costs[-1] > 0.005


def test_the_check_finds_the_bug():
    weights = example.initial_weights(example.TWO_ROWS)
    check = check_gradient(example.questions_code, weights, example.TWO_ROWS)
    assert not check.passed
    assert "A derivative of one row is used for all rows" in str(check).replace("\n    ", " ")
    errors = [a.relative_error for a in check.arrays.values()]
    assert errors[0] == pytest.approx(6e-2, rel=0.1)
    assert 1e-3 < errors[1] < 1e-2
    assert errors[2] < 1e-9
    assert check_gradient(example.cost_and_gradient, weights, example.TWO_ROWS).passed


def test_the_check_finds_the_bug_even_from_the_one_row_that_hid_it():
    weights = example.initial_weights(example.ONE_ROW)
    check = check_gradient(example.questions_code, weights, example.ONE_ROW)
    assert [case.passed for case in check.cases] == [False, True, True]
    assert check.findings[0].startswith("A derivative of one row is used for all rows")


def test_the_example_runs_and_draws(tmp_path):
    pytest.importorskip("matplotlib")
    run = subprocess.run(
        [sys.executable, EXAMPLE, "--picture", tmp_path / "curves.png"],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert "A derivative of one row is used for all rows" in run.stdout
    assert "Solved.\n  cost 1.8" in run.stdout
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
