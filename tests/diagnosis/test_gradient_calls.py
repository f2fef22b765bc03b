"""Functions, parameters and data as people hand them in: taken, or told what to hand in instead."""

from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest

from ae_core import check_gradient

R = np.random.default_rng(3)
X, y, w0 = R.normal(size=(7, 3)), R.normal(size=7), R.normal(size=3)
W0 = R.normal(size=(3, 2))


def line(w, A, t):
    r = A @ w - t
    return r @ r / 2 / len(A), A.T @ r / len(A)


def affine(W, b, A, factor=1.0):
    r = A @ W + b
    return (r**2).sum() / 2, (factor * A.T @ r, r.sum(axis=0))


def said(function, *arguments, **options):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        check_gradient(function, *arguments, **options)
    assert len(str(error.value)) <= 300
    return str(error.value)


# --- parameters in any form -----------------------------------------------------------------------

Pair = namedtuple("Pair", "W b")


@dataclass
class Weights:
    W: np.ndarray
    b: np.ndarray
    activation: str = "identity"


@dataclass(frozen=True)
class Net:
    first: Weights
    scale: float


def of_net(p, A):
    r = A @ p.first.W + p.first.b
    cost = p.scale * (r**2).sum() / 2
    inner = Weights(p.scale * A.T @ r, p.scale * r.sum(axis=0))
    return cost, Net(inner, cost / p.scale)


@pytest.mark.parametrize("kind", [Pair, Weights])
@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_what_has_named_fields_is_taken_and_built_again(kind, as_dict, factor):
    def function(p, A):
        assert isinstance(p, kind)
        cost, (gW, gb) = affine(p.W, p.b, A, factor)
        return cost, {"W": gW, "b": gb} if as_dict else kind(gW, gb)

    check = check_gradient(function, kind(W0, np.zeros(2)), X)
    assert check.passed is (factor == 1)
    assert list(check.arrays) == ["W", "b"]


def test_dataclasses_in_each_other_and_what_else_they_hold():
    check = check_gradient(of_net, Net(Weights(W0, np.ones(2), "tanh"), 1.5), X)
    assert check.passed
    assert list(check.arrays) == ["first.W", "first.b", "scale"]


@pytest.mark.parametrize(
    ("params", "function"),
    [
        (w0.tolist(), line),
        (tuple(w0.tolist()), line),
        ([1, 2, 3], line),
        ([np.float32(0.5), 1.0, -2], line),
    ],
)
def test_a_list_of_numbers_may_have_one_array_for_its_gradient(params, function):
    assert check_gradient(function, params, X.tolist(), y.tolist()).passed
    wrong = check_gradient(lambda p, A, t: (line(p, A, t)[0], 2 * line(p, A, t)[1]), params, X, y)
    assert "a constant factor of 2" in wrong.findings[0]


def test_a_list_of_arrays_of_one_shape_may_have_one_array_for_its_gradient():
    def function(p, A):
        r = A @ (p[0] + p[1])
        return r @ r / 2, np.stack([A.T @ r, A.T @ r])

    assert check_gradient(function, [w0, w0 / 2], X).passed


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize("came", [(), (1,), (1, 1)])
def test_one_number_is_one_number(shape, came):
    params = np.full(shape, 3.0)
    right = check_gradient(lambda p: (float(np.sum(p**2)), 2 * np.reshape(p, came)), params)
    wrong = check_gradient(lambda p: (float(np.sum(p**2)), 3 * np.reshape(p, came)), params)
    assert right.passed
    assert not wrong.passed


# --- results --------------------------------------------------------------------------------------


def in_dict(build):
    return lambda p, A: build(*affine(p["W"], p["b"], A))


async def waits(p, A):
    return affine(p["W"], p["b"], A)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (in_dict(lambda c, g: (c, *g)), "into one dict, (cost, {'W': g0, 'b': g1})"),
        (in_dict(lambda c, g: (c, g)), "keys ['W', 'b']; it is a tuple of 2"),
        (in_dict(lambda c, g: (c, list(g))), "keys ['W', 'b']; it is a list of 2"),
        (in_dict(lambda c, g: (c, {"dW": g[0], "db": g[1]})), "it has ['dW', 'db']"),
        (in_dict(lambda c, g: (c, {"W": g[0]})), "it has ['W']"),
        (in_dict(lambda c, g: (c, np.concatenate([v.ravel() for v in g]))), "one flat array: split"),
        (in_dict(lambda c, g: (c, {"W": g[0], "b": None})), "Give zeros where nothing depends on it"),
        (in_dict(lambda c, g: (c, {"W": g[0], "b": g[1].sum()})), "summed over all axes"),
        (in_dict(lambda c, g: (c, {"W": g[0], "b": g[1]}, "aux")), "and no more, function(…)[:2]"),
        (waits, "a coroutine: it must return (cost, gradient) (with return, not yield or async)"),
    ],
)  # fmt: skip
def test_what_came_back_for_a_dict_is_told(function, words):
    assert words in said(function, {"W": W0, "b": np.zeros(2)}, X)


def test_what_came_back_for_a_flat_array_is_told():
    def function(p, A):
        return affine(p[:6].reshape(3, 2), p[6:], A)

    message = said(function, R.normal(size=8), X)
    assert "a list of arrays of shapes (3, 2), (2,): one array is needed, as params is" in message


def test_the_derivative_with_respect_to_the_data_is_recognised():
    def function(W, A):
        return ((A @ W) ** 2).sum() / 2, (A @ W) @ W.T

    for params, data in ((R.normal(size=(4, 4)), R.normal(size=(4, 4))), (W0, X)):
        assert "is it the derivative with respect to X?" in said(function, params, data)


def test_costs_that_are_decimals():
    assert check_gradient(
        lambda w, A, t: (Decimal(float(line(w, A, t)[0])), line(w, A, t)[1]), w0, X, y
    ).passed


def test_missing_values_are_named_where_the_cost_is_not_finite():
    A = X.copy()
    A[2, 1] = np.nan
    assert "X itself has 1 that is NaN or infinite" in said(line, w0, A, y)
    assert "y itself has 2 that are NaN" in said(line, w0, X, np.where(np.arange(7) < 2, np.nan, y))
    # The function deals with them: nothing to say.
    assert check_gradient(lambda w, B, t: line(w, np.nan_to_num(B), t), w0, A, y).passed


# --- how a function is called ---------------------------------------------------------------------


class Model:
    w = w0

    def __call__(self, A, t):
        return line(self.w, A, t)

    def cost(self, w, A, t):
        return line(w, A, t)


def by_name(w, *, X, y):
    return line(w, X, y)


def one_by_one(W, b, A):
    return affine(W, b, A)


@pytest.mark.parametrize(
    ("function", "given", "words"),
    [
        (Model(), (w0, X, y), "it takes no params, and so uses some of its own"),
        (Model.cost, (w0, X, y), "it is a method of a class, hand in that of an instance"),
        (by_name, (w0, X, y), "lambda params, X, y: function(params, X=X, y=y), …)"),
        (one_by_one, ([W0, np.zeros(2)], X), "lambda params, X: function(*params, X), …)"),
        (one_by_one, ((W0, np.ones(2)), X), "lambda params, X: function(*params, X), …)"),
        (line, (w0, X), "hand in y=… as well"),
        (line, ([0.1, 0.2], X), "hand in y=… as well"),
        (lambda w, A: line(w, A, 1.0), (w0, X, y), "lambda params, X, y: function(params, X), …)"),
        (lambda w: (w @ w, 2 * w), (w0, X, y), "lambda params, X, y: function(params), …)"),
    ],
)
def test_another_number_of_arguments(function, given, words):
    assert words in said(function, *given)


def test_a_method_and_arguments_with_defaults_work():
    def function(w, A, t, scale=2.0):
        return line(w, A, t)

    assert check_gradient(Model().cost, w0, X, y)
    assert check_gradient(function, w0, X, y)


def test_several_arrays_in_one_are_not_called_the_old_order():
    for data in ((X, y), [X, y], {"a": X, "b": y}):
        message = said(lambda w, d: line(w, *(d.values() if isinstance(d, dict) else d)), w0, data)
        assert "old order" not in message
        assert "check_gradient(lambda p: function(p, X), params)" in message
    # Where it is, it is said.
    assert "old order" in said(lambda p, A: affine(*p, A), X, [W0, np.zeros(2)])
    assert "old order" in said(
        lambda p, A: (affine(p["W"], 0, A)[0], {"W": affine(p["W"], 0, A)[1][0]}), X, {"W": W0}
    )


def test_samples_that_are_columns_are_guessed():
    def function(p, A):
        r = p["W"] @ A + p["b"]
        n = A.shape[1]
        return (r**2).sum() / 2 / n, {"W": r @ A.T / n, "b": r.sum(axis=1, keepdims=True) / n}

    params = {"W": W0.T, "b": np.zeros((2, 1))}
    assert "If the samples are the columns, say so" in said(function, params, X.T)
    assert check_gradient(function, params, X.T, samples_axis=1).passed
    # Labels that the function holds are another thing.
    message = said(lambda w, A: line(w, A, y), w0, X)
    assert "labels or targets belong in y" in message


def test_a_cost_that_needs_several_rows():
    def variance_explained(w, A, t):
        spread = ((t - t.mean()) ** 2).sum()
        return ((A @ w - t) ** 2).sum() / spread, 2 * A.T @ (A @ w - t) / spread

    with np.errstate(all="ignore"):
        message = said(variance_explained, w0, X, y)
    assert "though not on all 7 rows" in message
    assert "check_gradient(lambda p: function(p, X), params)" in message
    assert "wrong axis" not in message
    assert check_gradient(lambda p: variance_explained(p, X, y), w0).passed


# --- data -----------------------------------------------------------------------------------------


def test_frames_are_taken_as_arrays_and_what_wants_frames_is_told():
    pandas = pytest.importorskip("pandas")
    frame, series = pandas.DataFrame(X, columns=list("abc")), pandas.Series(y)
    assert check_gradient(line, w0, frame, series).passed

    def of_columns(w, A):
        return float(((A["a"] * w[0]) ** 2).sum()), np.r_[2 * w[0] * (A["a"] ** 2).sum(), 0, 0]

    message = said(of_columns, w0, frame)
    assert "wants X as a DataFrame" in message
    assert "function(params, DataFrame(X, columns=…))" in message
    columns = list(frame.columns)
    assert check_gradient(
        lambda p, A: of_columns(p, pandas.DataFrame(A, columns=columns)), w0, frame
    ).passed


def test_masked_arrays_are_refused_where_something_is_masked():
    assert "X is a masked array" in said(line, w0, np.ma.array(X, mask=X > 1), y)
    assert check_gradient(line, w0, np.ma.array(X), y).passed


def test_objects():
    assert check_gradient(line, w0, X.astype(object), y).passed
    assert "X has dtype object" in said(line, w0, np.array([[None, "a", 1.0]]), y[:1])
    assert "an array with a sample per row is needed" in said(line, w0, iter(X), y)
    namespace = SimpleNamespace(W=W0)
    assert "params is a SimpleNamespace: arrays are needed" in said(lambda p: (1.0, p), namespace)
    assert "leave out what has no gradient" in said(lambda p: (1.0, p), {"W": W0, "f": "relu"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tolerance": "1e-6"}, "tolerance='1e-6': must be a number above 0"),
        ({"tolerance": True}, "tolerance=True: must be a number above 0"),
        ({"max_elements": 2.5}, "max_elements=2.5: must be an integer of at least 1"),
        ({"max_rows": "all"}, "max_rows='all': must be an integer of at least 1"),
    ],
)
def test_options_of_other_types(options, words):
    assert words in said(line, w0, X, y, **options)
