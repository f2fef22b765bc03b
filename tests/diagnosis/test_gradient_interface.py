"""How `check_gradient` may be called, and what it says when it is called otherwise."""

from collections import namedtuple

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor

from ae_core import (
    Architecture,
    Autoencoder,
    AutoencoderOutlierDetector,
    Network,
    VariationalAutoencoder,
    check_gradient,
)

RANDOM = np.random.default_rng(0)
X = RANDOM.random((5, 2))
IRIS = load_iris().data[::10]


def linear(w, A):
    residual = A @ w - 1
    return (residual**2).sum() / 2, A.T @ residual


def affine(W, b, A):
    d = A @ W + b - 1
    return 0.5 * (d**2).sum(), A.T @ d, d.sum(axis=0)


# --- what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "params", "words"),
    [
        (lambda w, A: linear(w, A)[0], np.ones(2), "returned only a cost, 0.883125: it must return (cost, gradient)"),
        (lambda w, A: np.float32(linear(w, A)[0]), np.ones(2), "returned only a cost"),
        (lambda w, A: np.array([linear(w, A)[0]]), np.ones(2), "returned only a cost"),
        (lambda w, A: linear(w, A)[1], np.ones(2), "returned only a gradient: it must return (cost, gradient)"),
        (lambda p, A: {"w": p["w"]}, {"w": np.ones(2)}, "returned only a gradient"),
        (lambda p, A: [p[0], p[1]], [np.ones(2), np.ones(3)], "returned only a gradient"),
        (lambda p, A: (p[0], p[1]), (np.ones(2), np.ones(3)), "returned only a gradient"),
        (lambda w, A: None, np.ones(2), "returned None: it must return (cost, gradient)"),
        (lambda w, A: linear(w, A)[::-1], np.ones(2), "(gradient, cost): it must be the other way round"),
        (lambda p, A: affine(*p, A), [np.ones((2, 3)), np.ones(3)], "returned 3 values: put the gradient's arrays into one, (cost, [g0, g1])"),
        (lambda w, A: (*linear(w, A), {}), np.ones(2), "returned 3 values: it must return (cost, gradient) and no more"),
        (lambda w, A: "0.5", np.ones(2), "returned a str"),
        (lambda w, A: ((A @ w - 1) ** 2, A.T @ (A @ w - 1)), np.ones(2), "the cost is an array of shape (5,): a finite number is needed; sum or average it over the rows"),
        (lambda w, A: (linear(w, A)[0], None), np.ones(2), "the gradient of params is None"),
        (lambda w, A: (linear(w, A)[0], 1j * w), np.ones(2), "the gradient of params has dtype complex128"),
        (lambda p, A: (1.0, {"enc": [p["enc"][0]]}), {"enc": [np.ones(2), np.ones(3)]}, "the gradient of enc must be a list of 2 arrays"),
        (lambda p, A: (1.0, {"enc": {"W": 1}}), {"enc": {"W": 1.0, "b": 2.0}}, "the gradient of enc must be a dict with the keys ['W', 'b']; it has ['W']"),
    ],
)  # fmt: skip
def test_what_came_back_is_said(function, params, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        check_gradient(function, params, X)
    assert words in str(error.value)
    assert len(str(error.value)) <= 300
    assert type(error.value) is ValueError


def per_row(p, A):
    return 0.5 * ((p["b"] - A) ** 2).sum(), {"b": p["b"] - A}


@pytest.mark.parametrize(
    ("function", "params", "words"),
    [
        (per_row, {"b": np.ones(4)}, "the gradient of b has shape (6, 4): b has (4,); sum over the rows"),
        (lambda p, A: (1.0, [p[0][0] - A]), [(np.ones(4),)], "the gradient of params[0] must be a list of 1 arrays"),
        (lambda p, A: (1.0, {"enc": [(p["enc"][0] - A)]}), {"enc": [np.ones(4)]}, "the gradient of enc[0] has shape (6, 4): enc[0] has (4,); sum over the rows"),
        (lambda p, A: (1.0, {"b": (p["b"] - A).sum(axis=0, keepdims=True)}), {"b": np.ones(4)}, "has shape (1, 4): b has (4,); reshape it"),
        (lambda p, A: (1.0, {"b": (p["b"] - A).sum()}), {"b": np.ones(4)}, "the gradient of b has shape (): b has (4,)"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(function, params, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        check_gradient(function, params, RANDOM.random((6, 4)))
    assert words in str(error.value)


def test_columns_that_were_not_summed():
    def function(p, A):
        return 0.5 * ((p["b"] - A) ** 2).sum(), {"b": p["b"] - A}

    with pytest.raises(
        ValueError, match=r"has shape \(4, 6\): b has \(4, 1\); sum over the samples"
    ):
        check_gradient(function, {"b": np.ones((4, 1))}, RANDOM.random((4, 6)), samples_axis=1)


def test_a_sum_over_the_wrong_axis_shows_on_one_row():
    def function(p, A):
        d = A @ p["W"] + p["b"]
        return 0.5 * (d**2).sum(), {"W": A.T @ d, "b": d.sum(axis=1)}

    params = {"W": RANDOM.random((3, 5)), "b": np.ones(5)}
    with pytest.raises(ValueError, match=r"on row 0 alone.*sum over the wrong axis"):
        check_gradient(function, params, RANDOM.random((5, 3)))


# --- nesting --------------------------------------------------------------------------------------

Layer = namedtuple("Layer", "W b")


@pytest.mark.parametrize(
    ("params", "take", "build", "names"),
    [
        ([(np.ones((2, 3)), np.ones(3))], lambda p: p[0], lambda *g: [g], ["params[0][0]", "params[0][1]"]),
        ({"enc": [np.ones((2, 3)), np.ones(3)]}, lambda p: p["enc"], lambda *g: {"enc": list(g)}, ["enc[0]", "enc[1]"]),
        (
            {"enc": [{"W": np.ones((2, 3)), "b": np.ones(3)}]},
            lambda p: (p["enc"][0]["W"], p["enc"][0]["b"]),
            lambda W, b: {"enc": ({"b": b, "W": W},)},
            ["enc[0].W", "enc[0].b"],
        ),
        (Layer(np.ones((2, 3)), np.ones(3)), lambda p: (p.W, p.b), Layer, ["W", "b"]),
        ([Layer(np.ones((2, 3)), np.ones(3))], lambda p: (p[0].W, p[0].b), lambda W, b: [Layer(W, b)], ["params[0].W", "params[0].b"]),
        (
            {"layers": {1: (np.ones((2, 3)), np.ones(3))}, "nothing": None},
            lambda p: p["layers"][1],
            lambda *g: {"layers": {1: g}, "nothing": None},
            ["layers[1][0]", "layers[1][1]"],
        ),
        (np.array([np.ones((2, 3)), np.ones(3)], dtype=object), lambda p: p, lambda *g: list(g), ["params[0]", "params[1]"]),
    ],
)  # fmt: skip
def test_any_nesting(params, take, build, names):
    def function(p, A, wrong=1.0):
        cost, gW, gb = affine(*take(p), A)
        return cost, build(gW, wrong * gb)

    check = check_gradient(function, params, X)
    assert check.passed
    assert list(check.arrays) == names
    check = check_gradient(lambda p, A: function(p, A, -1.0), params, X)
    assert (
        f"Only {names[1]} is wrong, all other arrays are right. Its sign is wrong."
        in check.findings
    )


def test_numbers_as_parameters():
    def function(p):
        return p["a"] ** 2 + 3 * p["b"], {"a": 2 * p["a"], "b": 3}

    assert check_gradient(function, {"a": 2.0, "b": 1}).passed
    assert check_gradient(lambda p: (p**2, 2 * p), 3).passed
    check = check_gradient(lambda p: (p**2, -2 * p), 3)
    assert "The sign is wrong everywhere" in check.findings[0]


# --- functions of params alone, pairs, labels, columns ---------------------------------------------


def test_functions_of_params_alone():
    A, B = RANDOM.random((4, 2)), RANDOM.random((2, 5))
    table = RANDOM.random((4, 5))

    def factors(p):
        residual = p["A"] @ p["B"] - table
        return 0.5 * (residual**2).sum(), {"A": residual @ p["B"].T, "B": p["A"].T @ residual}

    check = check_gradient(factors, {"A": A, "B": B})
    assert check.passed
    assert len(check.cases) == 1
    assert "alone" in str(check)
    check = check_gradient(lambda p: (factors(p)[0], {**factors(p)[1], "A": -A}), {"A": A, "B": B})
    assert not check.passed
    assert "Only A is wrong" in str(check)


def test_a_cost_and_a_gradient_as_two_functions():
    x0 = np.array([1.3, 0.7, 0.8])
    assert check_gradient((rosen, rosen_der), x0).passed
    check = check_gradient((rosen, lambda x: 2 * rosen_der(x)), x0)
    assert "a constant factor of 2" in check.findings[0]
    pair = (lambda w, A: linear(w, A)[0], lambda w, A: linear(w, A)[1])
    assert check_gradient(pair, np.ones(2), X).passed
    assert check_gradient(list(pair), np.ones(2), X).passed
    with pytest.raises(ValueError, match=r"check_gradient\(\(cost, gradient\), params, X\)"):
        check_gradient(rosen, rosen_der, x0)
    with pytest.raises(ValueError, match="two functions"):
        check_gradient((rosen, rosen_der, rosen), x0)


def classifier(W, A, y):
    z = A @ W
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    onehot = np.eye(W.shape[1])[y] if y.ndim == 1 else y
    return -(onehot * np.log(p)).sum() / len(A), A.T @ (p - onehot) / len(A)


def test_labels_go_with_their_rows():
    W, labels = RANDOM.normal(size=(2, 3)), np.array([0, 2, 1, 1, 0])
    seen = []

    def function(W, A, y):
        seen.append((len(A), len(y), y.dtype.kind))
        return classifier(W, A, y)

    assert check_gradient(function, W, X, labels).passed
    assert {(m, k) for m, k, _ in seen} == {(5, 5), (1, 1), (3, 3)}
    assert {kind for *_, kind in seen} == {"i"}
    assert check_gradient(classifier, W, X, np.eye(3)[labels]).passed
    assert check_gradient(classifier, W, X, y=labels.tolist()).passed
    check = check_gradient(lambda W, A, y: classifier(W, A, y[::-1]), W, X, labels)
    assert check.passed  # the labels of other rows, but the gradient of that cost


def test_targets_with_samples_as_columns():
    W, b = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(3, 1))

    def function(p, A, Y):  # (n, m)
        d = (p["W"] @ A + p["b"] - Y) / A.shape[1]
        cost = 0.5 * ((p["W"] @ A + p["b"] - Y) ** 2).sum() / A.shape[1]
        return cost, {"W": d @ A.T, "b": d.sum(axis=1, keepdims=True)}

    params, A = {"W": W, "b": b}, X.T
    assert check_gradient(function, params, A, RANDOM.random((3, 5)), samples_axis=1).passed
    assert check_gradient(function, params, A, RANDOM.random(5), samples_axis=1).passed

    def wrong(p, A, Y):
        cost, g = function(p, A, Y)
        return cost, {n: a * A.shape[1] for n, a in g.items()}

    check = check_gradient(wrong, params, A, RANDOM.random((3, 5)), samples_axis=1)
    assert "5 times too large, and there are 5 rows" in check.findings[0]


def test_labels_that_the_function_holds_itself():
    y = np.ones(5)

    def held(w, A):
        return ((A @ w - y) ** 2).mean() / 2, A.T @ (A @ w - y) / len(A)

    with pytest.raises(ValueError, match=r"check_gradient\(function, params, X, y\)") as error:
        check_gradient(held, np.ones(2), X)
    assert "not row 0 alone" in str(error.value)
    assert len(str(error.value)) <= 300
    assert check_gradient(lambda w: held(w, X), np.ones(2)).passed


def test_integers_stay_integers_where_they_have_to():
    table = np.array([0.3, 0.5, 0.9])

    def embedding(E, A):  # words are looked up
        e = E[A]
        g = np.zeros_like(E)
        np.add.at(g, A, e - table[:2])
        return 0.5 * ((e - table[:2]) ** 2).sum(), g

    words = np.array([[0, 1, 1], [2, 3, 0]])
    assert check_gradient(embedding, RANDOM.normal(size=(4, 2)), words).passed
    assert check_gradient(embedding, RANDOM.normal(size=(4, 2)), words[:1]).passed


# --- wrong orders and wrong arguments --------------------------------------------------------------


def test_the_old_order_shows_the_new_one():
    params = {"w": np.ones(2)}
    layers = [np.ones((2, 3)), np.ones(3)]

    def function(p, A):
        cost, g = linear(p["w"], A)
        return cost, {"w": g}

    def of_layers(p, A):
        cost, *g = affine(*p, A)
        return cost, g

    for f, p in ((function, params), (of_layers, layers), (linear, np.ones(2))):
        with pytest.raises(
            ValueError, match=r"write check_gradient\(function, params, X\)"
        ) as error:
            check_gradient(f, X, p)
        assert len(str(error.value)) <= 300
        assert check_gradient(f, p, X).passed
        assert check_gradient(f, X=X, params=p).passed
    with pytest.raises(ValueError, match="one array with a sample per row"):
        check_gradient(function, params, [np.ones(2), np.ones(3)])


def test_a_function_with_the_data_first():
    with pytest.raises(ValueError, match=r"function takes \(X, params\)") as error:
        check_gradient(lambda A, w: linear(w, A), np.ones(2), X)
    assert "check_gradient(lambda params, X: function(X, params), params, X)" in str(error.value)
    with pytest.raises(ValueError, match=r"function takes \(X, y, params\)"):
        check_gradient(
            lambda A, y, p: (*classifier(p["W"], A, y)[:1], {"W": classifier(p["W"], A, y)[1]}),
            {"W": np.ones((2, 3))},
            X,
            np.array([0, 1, 2, 0, 1]),
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((linear, np.ones(2)), r"function\(params\), it is function\(w, A\): hand in X=… and y=…"),
        ((classifier, np.ones((2, 3)), X), r"it is function\(W, A, y\): hand in y=… as well"),
        (
            (linear, np.ones(2), X, np.ones(5)),
            r"function\(params, X, y\), it is function\(w, A\): wrap",
        ),
        ((linear, np.ones(2), X, np.ones(4)), r"y has shape \(4,\), and X has 5 samples"),
        ((linear, np.ones(2), None, np.ones(4)), "y is given without X"),
        (("linear", np.ones(2), X), "function is a str"),
        ((linear, np.ones(2), [[1, 2], [3]]), "X has rows of different lengths"),
        ((linear, np.ones(2), 3.0), r"X has shape \(\): at least one row"),
        ((linear, np.ones((2, 1)) * 1j, X), "params has dtype complex128"),
    ],
)
def test_arguments_that_do_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        check_gradient(*arguments)
    assert len(str(error.value)) <= 300


def test_samples_axis_is_checked():
    with pytest.raises(ValueError, match="samples_axis=2: must be 0 or 1"):
        check_gradient(linear, np.ones(2), X, samples_axis=2)
    with pytest.raises(ValueError, match="samples_axis=1: X has shape"):
        check_gradient(linear, np.ones(2), np.ones(5), samples_axis=1)


def test_an_error_of_the_functions_own_is_left_as_it_is():
    def function(w, A):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        check_gradient(function, np.ones(2), X)


# --- estimators -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The network learned next to nothing")
@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (Autoencoder(2, max_iter=1, random_state=0), X),
        (Autoencoder(2, max_iter=2, hidden_layer_sizes=(5,), dtype="float32", random_state=0), IRIS),
        (Autoencoder(2, max_iter=2, hidden_layer_sizes=(5,), tied=True, corruption="gaussian", random_state=0), IRIS),
        (Autoencoder(2, max_iter=2, hidden_layer_sizes=(4,), missing_values="mask", random_state=0), np.where(IRIS > 6, np.nan, IRIS)),
        (VariationalAutoencoder(2, max_iter=2, hidden_layer_sizes=(5,), random_state=0), IRIS),
        (AutoencoderOutlierDetector(n_steps=2, random_state=0), IRIS),
    ],
)  # fmt: skip
def test_an_estimator_is_checked_as_the_network_that_it_holds(estimator, data):
    check = check_gradient(estimator.fit(data), X=data, max_elements=10, max_rows=2)
    assert check.passed, str(check)
    assert "W1" in check.arrays


@pytest.mark.filterwarnings("ignore:The network learned next to nothing")
def test_estimators_that_hold_none():
    with pytest.raises(ValueError, match="Autoencoder that is not fitted: call fit first"):
        check_gradient(Autoencoder(2), X=X)
    for other in (MLPRegressor(), LinearRegression()):
        with pytest.raises(ValueError, match="shows no gradient"):
            check_gradient(other, X=X)
    fitted = Autoencoder(2, max_iter=1).fit(X)
    with pytest.raises(ValueError, match=r"write check_gradient\(estimator, X=X\)"):
        check_gradient(fitted, X)
    network = Network(Architecture((2, 1, 2)), random_state=0)
    with pytest.raises(
        ValueError, match=r"params come before X now\): write check_gradient\(network, X=X\)"
    ):
        check_gradient(network, X)
    with pytest.raises(ValueError, match="params has shape"):
        check_gradient(network, np.ones(3), X)
    assert check_gradient(network, np.full(network.params.size, 0.2), X).passed
