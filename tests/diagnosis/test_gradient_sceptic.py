"""Functions as strangers write them: each is passed or failed rightly, in words that are so."""

import itertools

import numpy as np
import pytest
from scipy.special import erf

from ae_core import check_gradient

R = np.random.default_rng(12)
X4 = R.normal(size=(6, 4))
Y3 = R.normal(size=(6, 3))
LABELS = np.array([0, 2, 1, 1, 0, 2])
PASSED = "passed"


def logistic(z):
    return 1 / (1 + np.exp(-z))


ACT = {
    "logistic": (logistic, lambda z: logistic(z) * (1 - logistic(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(z)), lambda z: np.where(z > 0, 1.0, np.exp(z))),
    "softplus": (lambda z: np.log1p(np.exp(z)), logistic),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "leaky": (lambda z: np.maximum(z, 0.1 * z), lambda z: np.where(z > 0, 1, 0.1)),
    "gelu": (
        lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
        lambda z: (1 + erf(z / np.sqrt(2))) / 2 + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    ),
}
SHAPES = {"W1": (4, 5), "b1": 5, "W2": (5, 5), "b2": 5, "W3": (5, 3), "b3": 3}
P = {name: R.normal(0, 0.6, shape) for name, shape in SHAPES.items()}


def net(fault="", f="tanh", l2=0.0, mean=True, weights=None):
    """Two hidden layers and targets y."""
    act, slope = ACT[f]

    def function(p, A, y):
        m = len(A)
        z1 = A @ p["W1"] + p["b1"]
        h1 = act(z1)
        z2 = h1 @ p["W2"] + p["b2"]
        h2 = act(z2)
        out = h2 @ p["W3"] + p["b3"]
        share = 1 / m if mean else 1.0
        d3 = (out - y) * share
        cost = 0.5 * share * ((out - y) ** 2).sum()
        if weights is not None:
            cost = 0.5 * share * (weights * (out - y) ** 2).sum()
            d3 = d3 * (weights if fault != "no weights" else 1.0)
        d3 = d3 * {"n": m, "1/n": 1 / m, "2": 2, "-1": -1, "3": 3}.get(fault, 1)
        W3 = p["W3"]
        back2 = d3 @ W3.T
        d2 = back2 * (1 if fault in ("no slope 2", "no slopes") else slope(z2))
        if fault == "slope of h":
            d2 = back2 * slope(h2)
        if fault == "last row's slope":
            d2 = back2 * slope(z2)[-1]
        W2 = p["W2"] if fault == "W2 not transposed" else p["W2"].T
        d1 = (d2 @ W2) * (1 if fault in ("no slope 1", "no slopes") else slope(z1))
        g = {
            "W1": A.T @ d1, "b1": d1.sum(axis=0), "W2": h1.T @ d2, "b2": d2.sum(axis=0),
            "W3": h2.T @ d3, "b3": d3.sum(axis=0),
        }  # fmt: skip
        if fault == "shuffled":
            g["W2"] = h1[np.random.default_rng(0).permutation(m)].T @ d2
        if fault == "shifted y":
            d3 = (out - np.roll(y, 1, axis=0)) * share
            g["W3"], g["b3"] = h2.T @ d3, d3.sum(axis=0)
        if fault == "transposed W2":
            g["W2"] = g["W2"].T
        if fault == "b1 mean":
            g["b1"] = d1.mean(axis=0)
        if fault == "b3 zero":
            g["b3"] = np.zeros(3)
        if fault == "b2 negative":
            g["b2"] = -g["b2"]
        if fault == "W1 twice":
            g["W1"] = 2 * g["W1"]
        if fault == "swapped":
            g["b1"], g["b2"] = g["b2"], g["b1"]
        for name in p:
            if l2 and (name[0] == "W" or fault.startswith("all")):
                strength = {"penalty/m in g": 1 / m}.get(fault, 1.0)
                if fault not in ("all in g", "penalty in g"):
                    cost = cost + 0.5 * l2 * (p[name] ** 2).sum()
                if fault not in ("all in cost", "penalty in cost"):
                    g[name] = g[name] + l2 * strength * p[name]
                if fault == "2 in penalty":
                    g[name] = g[name] + l2 * p[name]
        return cost, g

    return function


def run(function, params, *data, **options):
    """Verdict and words: what passed, was said, or was raised."""
    try:
        check = check_gradient(function, params, *data, **options)
    except ValueError as error:
        return ("error" if len(str(error)) <= 300 else "too long"), str(error)
    text = " ".join(check.findings)
    assert all(len(f) <= 600 for f in check.findings)
    return (PASSED if check.passed else "failed"), text


def expect(verdict, words, function, params, *data, absent=(), **options):
    got, text = run(function, params, *data, **options)
    assert got == verdict, (got, text)
    for word in [words] if isinstance(words, str) else words:
        assert word in text, text
    for word in absent:
        assert word not in text, text


# --- right ones, of every kind --------------------------------------------------------------------


@pytest.mark.parametrize("f", ACT)
def test_right_networks_pass(f):
    right = net(f=f, l2=0.3, mean=False, weights=np.array([1.0, 0.0, 5.0]))
    expect(PASSED, "", right, P, X4, Y3)
    expect(PASSED, "", net(f=f), P, X4[:1], Y3[:1])


@pytest.mark.parametrize("scale", [1e-300, 1e-8, 1e6])
def test_costs_of_any_size(scale):
    def sized(fault=""):
        def function(p, A, y):
            cost, g = net(fault)(p, A, y)
            return scale * cost, {n: scale * a for n, a in g.items()}

        return function

    expect(PASSED, "", sized(), P, X4, Y3)
    expect("failed", "The sign is wrong everywhere", sized("-1"), P, X4, Y3)


@pytest.mark.parametrize("scale", [1e-8, 1e-5, 1e3, 1e6])
def test_parameters_of_any_size(scale):
    target = np.array([1.0, -2.0, 0.5])

    def function(sign):
        return lambda w: (
            ((w / scale - target) ** 2).sum() / 2,
            sign * (w / scale - target) / scale,
        )

    w = scale * np.array([0.3, 0.7, -1.1])
    expect(PASSED, "", function(1), w)
    expect("failed", "The sign is wrong everywhere", function(-1), w)
    expect("failed", "2 times the right one", function(2), w)


def test_parameters_of_very_different_sizes():
    sizes = np.array([1e6, 1.0, 1e-6])

    def function(p, wrong=1.0):
        u = p / sizes
        return np.log(np.cosh(u)).sum(), wrong * np.tanh(u) / sizes

    w = sizes * np.array([0.4, -0.9, 0.6])
    expect(PASSED, "", function, w)
    expect("failed", "2 times", lambda p: function(p, 2.0), w)
    expect("failed", "", lambda p: function(p, np.array([1, 1, -1])), w)
    expect("failed", "", lambda p: function(p, np.array([-1, 1, 1])), w)


# --- faults, each with several structures -----------------------------------------------------------


@pytest.mark.parametrize("f", ["logistic", "elu", "softplus", "relu", "leaky", "gelu"])
@pytest.mark.parametrize(("fault", "through"), [("no slope 1", "W2"), ("no slopes", "W2, W3")])
def test_a_derivative_that_is_missing(f, fault, through):
    words = f"back through {through}: there it is not multiplied by the derivative"
    expect("failed", words, net(fault, f), P, X4, Y3)


@pytest.mark.parametrize("f", ["tanh"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("n", "6 times too large, and there are 6 rows"),
        ("1/n", "1/6 of what it should be, and there are 6 rows"),
        ("2", "a constant factor of 2"),
        ("-1", "The sign is wrong everywhere"),
        ("3", "3 times the right one in every array"),
        ("W2 not transposed", "is W2 used transposed there"),
        ("last row's slope", "A derivative of one row is used for all rows"),
        ("shuffled", "what belongs to one row meets what belongs to another"),
        ("transposed W2", "Only W2 is wrong, all other arrays are right. It is the transpose"),
        ("b1 mean", "Only b1 is wrong, all other arrays are right. On 6 rows b1 is 1/6"),
        ("b3 zero", "Only b3 is wrong, all other arrays are right. It is zero everywhere"),
        ("b2 negative", "Only b2 is wrong, all other arrays are right. Its sign is wrong"),
        ("W1 twice", "Only W1 is wrong, all other arrays are right. It is 2 times"),
        ("swapped", "The gradients of b1 and b2 are exchanged"),
        ("shifted y", "what belongs to one row meets what belongs to another"),
    ],
)  # fmt: skip
def test_faults_are_named_whatever_the_activation(f, fault, words):
    expect("failed", words, net(fault, f), P, X4, Y3)


@pytest.mark.parametrize("f", ["tanh"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("penalty in cost", "In W1, W2, W3 what is missing is 0.3 times the parameter itself"),
        ("penalty in g", "In W1, W2, W3 what is too much is 0.3 times the parameter itself"),
        ("all in cost", "In W1, b1, W2, b2, W3, b3 what is missing is 0.3 times"),
        ("all in g", "In W1, b1, W2, b2, W3, b3 what is too much is 0.3 times"),
        ("2 in penalty", "In W1, W2, W3 what is too much is 0.3 times"),
        ("penalty/m in g", "divided by the number of rows in the gradient alone"),
    ],
)
def test_penalties_are_named_by_what_they_are(f, fault, words):
    expect("failed", words, net(fault, f, l2=0.3), P, X4, Y3, absent=("mixed up", "transposed"))


def test_a_weighted_loss_whose_weights_the_gradient_forgets():
    function = net("no weights", weights=np.array([1.0, 2.0, 4.0]))
    expect("failed", "start at the output", function, P, X4, Y3, absent=("softmax", "mixed"))


def test_weights_of_rows_that_the_gradient_forgets():
    w = np.array([1.0, 3.0, 0.5, 2.0, 1.0, 4.0])

    def function(p, A, y, right=False):
        d = A @ p - y[:, 0]
        weights = y[:, 1]
        return 0.5 * (weights * d * d).sum(), A.T @ (weights * d if right else d)

    y = np.c_[Y3[:, 0], w]
    expect(PASSED, "", lambda p, A, y: function(p, A, y, True), R.normal(size=4), X4, y)
    expect(
        "failed", "", function, R.normal(size=4), X4, y,
        absent=("number of rows", "constant factor", "penalty", "transpose", "mixed up"),
    )  # fmt: skip


class Momentum:
    """Hands back a running mean of gradients, the cost being a function."""

    def __init__(self):
        self.v = 0.0

    def __call__(self, p, A):
        d = A @ p
        self.v = 0.9 * self.v + 0.1 * (A.T @ d)
        return 0.5 * d @ d, self.v


class Stale:
    """Hands back the gradient of the call before."""

    last = None

    def __call__(self, p, A):
        d = A @ p
        g, self.last = self.last, A.T @ d
        return 0.5 * d @ d, self.last if g is None else g


@pytest.mark.parametrize("function", [Momentum(), Stale()], ids=["momentum", "stale"])
def test_gradients_with_a_memory_fail(function):
    expect(
        "failed", "the gradient depends on the calls before", function, R.normal(size=4), X4,
        absent=("noise", "dropout"),
    )  # fmt: skip


def test_what_is_right_only_where_params_are_zero_fails():
    def function(p, A, right=False):
        d = A @ p["w"] + p["b"] - 1
        cost = 0.5 * d @ d + 0.05 * p["w"] @ p["w"]
        return cost, {"w": A.T @ d + (0.1 * p["w"] if right else 0.0), "b": d.sum()}

    start = {"w": np.zeros(4), "b": 0.0}
    expect(PASSED, "", lambda p, A: function(p, A, True), start, X4)
    words = ("all of w, b is 0", "In w what is missing is 0.1 times the parameter itself")
    expect("failed", words, function, start, X4)


def test_of_one_row_it_is_said_that_a_copy_was_put_beside_it():
    words = "there are 2 rows (X beside a changed copy of its row)"
    expect("failed", words, net("n"), P, X4[:1], Y3[:1])


@pytest.mark.parametrize("kind", ["hinge", "maximum", "absolute", "median"])
def test_kinks_of_losses(kind):
    y = np.array([1.0, -1, 1, 1, -1, 1])

    def function(w, A, y, sign=1):
        out = A @ w
        if kind == "hinge":
            return np.maximum(0, 1 - y * out).sum(), -sign * A.T @ (y * (y * out < 1))
        if kind == "maximum":
            return out.max(), sign * A[out.argmax()]
        slope = np.where(out < y, -0.3, 0.7) if kind == "median" else np.sign(out - y)
        return (slope * (out - y)).sum(), sign * A.T @ slope

    at = [np.zeros(4), np.linalg.solve(X4[:4], y[:4])]
    for w in at:
        expect(PASSED, "", function, w, X4, y)
        expect("failed", "", lambda w, A, y: function(w, A, y, -1), w, X4, y)


# --- noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [1e-1, 1e-4, 1e-7, 1e-10])
@pytest.mark.parametrize("fault", ["", "-1", "2", "b3 zero"])
def test_noise_is_all_that_is_said(level, fault):
    random = np.random.default_rng(3)

    def function(p, A, y):
        cost, g = net(fault)(p, A, y)
        return cost * (1 + level * random.normal()), g

    expect("failed", "Not deterministic", function, P, X4, Y3, absent=("wrong", "sign", "times"))


@pytest.mark.parametrize("fault", ["", "-1"])
def test_dropout_is_named_before_anything_else(fault):
    random = np.random.default_rng(4)

    def function(p, A, y):
        return net(fault)(p, A * (random.random(A.shape) < 0.8) / 0.8, y)

    expect("failed", ("Not deterministic", "dropout"), function, P, X4, Y3, absent=("sign",))


def test_dropout_of_a_fixed_seed_is_a_function():
    def function(p, A, y, fault=""):
        mask = np.random.default_rng(0).random((1, 4)) < 0.8
        return net(fault)(p, A * mask, y)

    expect(PASSED, "", function, P, X4, Y3)
    expect("failed", "sign is wrong", lambda p, A, y: function(p, A, y, "-1"), P, X4, Y3)


# --- types ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.float16, np.float32])
def test_parameters_of_other_types_pass(kind):
    w = np.array([1, -2, 3, 2]).astype(kind)

    def function(p, A):
        d = A @ p - 1
        return 0.5 * d @ d, A.T @ d

    expect(PASSED, "", function, w, X4)
    expect("failed", "sign is wrong", lambda p, A: (function(p, A)[0], -function(p, A)[1]), w, X4)


@pytest.mark.parametrize("fault", ["", "transposed W2"])
def test_single_precision_hides_no_fault(fault):
    def single(fault):
        def function(p, A, y):
            p = {n: a.astype("f4") for n, a in p.items()}
            cost, g = net(fault)(p, A.astype("f4"), y.astype("f4"))
            return cost, {n: np.asarray(a, dtype="f4") for n, a in g.items()}

        return function

    absent = ("kink", "rounding hides")
    expect("failed" if fault else PASSED, "", single(fault), P, X4[:4], Y3[:4], absent=absent)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_cost_that_is_not_finite(value):
    expect("error", ("the cost is", "finite number"), lambda p, A: (value, p), np.ones(4), X4)


# --- what came back -------------------------------------------------------------------------------

w4 = np.array([0.5, -1.0, 2.0, 1.5])


def line(p, A):
    d = A @ p - 1
    return 0.5 * d @ d, A.T @ d


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda p, A: (line(p, A)[1], line(p, A)[0]), "the other way round"),
        (lambda p, A: line(p, A)[1], "returned only a gradient"),
        (lambda p, A: line(p, A)[0], "returned only a cost"),
        (lambda p, A: ((A @ p - 1) ** 2 / 2, line(p, A)[1]), "sum or average it over the rows"),
        (lambda p, A: (((A @ p - 1) ** 2 / 2)[:, None], line(p, A)[1]), "sum or average it over"),
        (lambda p, A: (line(p, A)[0] + 0j, line(p, A)[1]), "the cost is complex"),
        (lambda p, A: (str(line(p, A)[0]), line(p, A)[1]), "the cost is a string"),
        (lambda p, A: (line(p, A)[0], (g for g in line(p, A)[1])), "the gradient of params is a generator: an array is needed"),
        (lambda p, A: (c for c in line(p, A)), "returned a generator"),
        (lambda p, A: {"cost": line(p, A)[0], "grad": line(p, A)[1]}, "returned a dict of 2"),
        (lambda p, A: (line(p, A)[0], lambda: p), "the gradient of params is a function: an array"),
        (lambda p, A: (line(p, A)[0], line(p, A)[1][:, None]), "reshape it"),
        (lambda p, A: (line(p, A)[0], line(p, A)[1][:3]), "has shape (3,): params has (4,)"),
        (lambda p, A: (None, line(p, A)[1]), "the cost is None"),
        (lambda p, A: (line(p, A)[0], {"w": line(p, A)[1]}), "the gradient of params is a dict: an array"),
        (lambda p, A: (line(p, A)[0], [line(p, A)[1]]), "reshape it"),
        (lambda p, A: (line(p, A)[0], "none"), "the gradient of params is a str: an array"),
        (lambda p, A: line, "returned a function"),
        (lambda p, A: True, "returned only a cost"),
        (lambda p, A: (), "returned a tuple of 0"),
        (lambda p, A: print, "returned a"),
    ],
)  # fmt: skip
def test_what_came_back_is_told(function, words):
    expect("error", words, function, w4, X4)


@pytest.mark.parametrize(
    "cost",
    [lambda c: np.array([c]), np.array, lambda c: np.array([[c]]), np.float32, np.longdouble],
)
def test_costs_of_one_number_are_costs(cost):
    expect(PASSED, "", lambda p, A: (cost(line(p, A)[0]), line(p, A)[1]), w4, X4)


PAIR = [R.normal(size=(4, 3)), R.normal(size=3)]


def affine(p, A):
    d = A @ p[0] + p[1] - 1
    return 0.5 * (d**2).sum(), [A.T @ d, d.sum(axis=0)]


@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        (lambda g: g[:1], "the gradient must be a list of 2 arrays, it has 1"),
        (lambda g: [*g, g[0]], "the gradient must be a list of 2 arrays, it has 3"),
        (lambda g: g[::-1], "in another order than those of params"),
        (lambda g: {"W": g[0], "b": g[1]}, "the gradient must be a list of 2 arrays, it is a dict"),
        (lambda g: iter(g), "the gradient must be a list of 2 arrays, it is"),
        (lambda g: np.concatenate([a.ravel() for a in g]), "one flat array"),
        (lambda g: [g[0].T, g[1]], "(transposed?)"),
        (lambda g: [g[0], None], "is None"),
    ],
)
def test_lists_that_do_not_fit(gradient, words):
    def function(p, A):
        cost, g = affine(p, A)
        return cost, gradient(g)

    expect("error", words, function, PAIR, X4)


def test_the_wrong_order_of_arrays_of_one_shape():
    params = [R.normal(size=(4, 4)), R.normal(size=(4, 4))]

    def function(p, A):
        h = np.tanh(A @ p[0])
        d = h @ p[1] - A
        e = (d @ p[1].T) * (1 - h * h)
        return 0.5 * (d**2).sum(), [h.T @ d, A.T @ e]

    expect("failed", "exchanged", function, params, X4)


# --- how it is called -----------------------------------------------------------------------------


class Module:
    """Like a torch module: callable, with parameters of its own."""

    def parameters(self):
        return iter([np.ones(2)])

    def __call__(self, x):
        return x.sum()


class Model:
    def __init__(self, units=3):
        self.units = units


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((Module(), w4, X4), "function is a Module that holds parameters of its own"),
        ((Model, w4, X4), "function is a class"),
        ((Model(), w4, X4), "function is a Model"),
        ((w4, line, X4), "the function comes first, check_gradient(function, params, X)"),
        ((X4, w4, line), "the function comes first"),
        ((None, w4, X4), "function is None"),
        ((line, None, X4), "params is missing"),
        ((line, np.zeros(0), X4), "params is empty"),
        ((line, np.array([1.0, np.nan, 0, 0]), X4), "params has NaN"),
        ((line, w4, np.array([["a", "b"], ["c", "d"]])), "X has dtype"),
        ((line, "w", X4), "params"),
        ((line, X4, w4), "write check_gradient(function, params, X)"),
        ((lambda A, p: line(p, A), w4, X4), "function takes"),
        ((line, w4, X4, Y3[:4]), "y has shape (4, 3), and X has 6 samples"),
        ((lambda p, A, y: line(p, A), w4, X4), "hand in y"),
    ],
)
def test_calls_that_cannot_be(arguments, words):
    expect("error", words, *arguments)


def test_arrays_of_size_zero_beside_others():
    params = {"W": w4, "none": np.zeros((0, 3))}

    def function(p, A):
        cost, g = line(p["W"], A)
        return cost, {"W": g, "none": np.zeros((0, 3))}

    expect(PASSED, "", function, params, X4)
    expect("failed", "The sign is wrong everywhere", lambda p, A: (function(p, A)[0], {"W": -line(p["W"], A)[1], "none": p["none"]}), params, X4)  # fmt: skip


def test_arrays_that_nothing_depends_on_are_right_at_zero():
    def function(p, A, unused=0.0):
        cost, g = line(p["W"], A)
        return cost, {"W": g, "unused": np.full(2, unused)}

    params = {"W": w4, "unused": np.ones(2)}
    expect(PASSED, "", function, params, X4)
    expect("failed", "The cost does not depend on unused", lambda p, A: function(p, A, 0.1), params, X4)  # fmt: skip


# --- kinks ----------------------------------------------------------------------------------------


def deep_relu(at_zero, wrong=1.0, f="relu"):
    """Two layers of relu without a way to avoid 0."""
    low = {"relu": 0.0, "leaky": 0.1}[f]

    def act(z):
        return np.maximum(z, low * z)

    def slope(z):
        return np.where(z == 0, at_zero, np.where(z > 0, 1.0, low))

    def function(p, A):
        s1 = A @ p["W1"] + p["b1"]
        h1 = act(s1)
        s2 = h1 @ p["W2"] + p["b2"]
        h2 = act(s2)
        d = h2 @ p["W3"] - A[:, :2] - 0.3
        d2 = (d @ p["W3"].T) * slope(s2)
        d1 = (d2 @ p["W2"].T) * slope(s1)
        return 0.5 * (d**2).sum(), {
            "W1": A.T @ d1, "b1": d1.sum(axis=0), "W2": h1.T @ d2, "b2": wrong * d2.sum(axis=0),
            "W3": h2.T @ d,
        }  # fmt: skip

    return function


def at_zero(seed, start):
    random = np.random.default_rng(seed)
    A = random.normal(size=(5, 3))
    p = {
        "W1": random.normal(size=(3, 4)), "b1": np.zeros(4), "W2": random.normal(size=(4, 4)),
        "b2": np.zeros(4), "W3": random.normal(size=(4, 2)),
    }  # fmt: skip
    if start == "rows":
        A[:2] = 0
    elif start == "all rows":
        A[:] = 0
        A[0, 0] = 1
    elif start == "first":
        p["W1"][:] = 0
    elif start == "second":
        p["W2"][:] = 0
    elif start == "both":
        p["W1"][:] = 0
        p["W2"][:] = 0
    return p, A


STARTS = ["rows", "all rows", "first", "second", "both"]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(("slope", "f"), [(1.0, "relu"), (0.5, "relu"), (1.0, "leaky")])  # fmt: skip
def test_units_at_their_kink_at_once_pass(start, slope, f):
    expect(PASSED, "", deep_relu(slope, f=f), *at_zero(1, start))


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("wrong", [-1.0, 2.0])
def test_a_fault_beside_kinks_fails(start, wrong):
    expect("failed", "Only b2 is wrong", deep_relu(1.0, wrong), *at_zero(0, start))


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("slope", [2.0])
def test_a_slope_that_is_none_at_a_kink_fails(start, slope):
    got, _ = run(deep_relu(slope), *at_zero(0, start))
    assert got == "failed"


# --- size -----------------------------------------------------------------------------------------


def test_a_large_network_takes_few_calls():
    calls = [0]
    sizes = [300, 64, 16, 64, 300]
    random = np.random.default_rng(0)
    params = [
        (random.normal(0, a**-0.5, (a, b)), np.zeros(b)) for a, b in itertools.pairwise(sizes)
    ]
    A = random.random((4, 300))

    def function(p, A, wrong=False):
        calls[0] += 1
        hs, zs = [A], []
        for k, (W, b) in enumerate(p):
            zs.append(hs[-1] @ W + b)
            hs.append(np.maximum(zs[-1], 0) if k < 3 else zs[-1])
        d = (hs[-1] - A) / len(A)
        cost, g = 0.5 * len(A) * (d**2).sum(), []
        for k in reversed(range(4)):
            g.insert(0, (hs[k].T @ d, d.sum(axis=0)))
            d = d @ p[k][0].T
            d = d * (zs[k - 1] > 0) if k and not (wrong and k == 2) else d
        return cost, g

    expect(PASSED, "", function, params, A)
    assert calls[0] < 1500
    calls[0] = 0
    got, _ = run(lambda p, A: function(p, A, True), params, A)
    assert got == "failed"
    assert calls[0] < 6000
