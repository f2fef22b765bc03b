"""Networks and losses of many kinds: the right gradient passes, and of a wrong one what is so is said.

A gradient is computed by a complex step, from `claimed`, a cost that may differ from the true one:
in it, `q` are the same parameters as `p`, but held constant.
"""

import numpy as np
import pytest

from ae_core import check_gradient

R = np.random.default_rng(11)
X, Y, y = R.normal(size=(5, 3)), R.normal(size=(5, 2)), R.normal(size=5)
ONE_HOT = np.eye(3)[[0, 2, 1, 1, 0]]


def normal(*shape):
    return R.normal(0, 0.8, shape)


def made(cost, claimed=None, change=None):
    """A cost and, as a function of its own, the gradient of another one, which may be changed."""
    claimed = claimed or cost

    def gradient(p, *data):
        g = {name: np.zeros(np.shape(a)) for name, a in p.items()}
        for name, a in p.items():
            for i in range(a.size):
                z = {n: v.astype(complex) for n, v in p.items()}
                z[name].flat[i] += 1e-30j
                g[name].flat[i] = np.imag(claimed(z, p, *data)) / 1e-30
        return g if change is None else change(g)

    return lambda p, *data: float(np.real(cost(p, p, *data))), gradient


def softmax(z):
    e = np.exp(z - np.real(z).max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def logistic(z):
    return 1 / (1 + np.exp(-z))


def half_square(r):
    return (r * r).sum() / 2


def perceptron(p, q, A, t):
    return half_square(np.tanh(A @ p["W"] + p["b"]) @ p["V"] + p["c"] - t) / len(A)


P = {"W": normal(3, 2), "b": normal(2), "V": normal(2, 2), "c": normal(2)}


# --- kinds of networks: each with a fault that backpropagation by hand has ------------------------


def batch_norm(p, q, A, t, fault=""):
    z, constant = A @ p["W"], A @ q["W"]
    mean = (constant if "mean" in fault else z).mean(axis=0)
    v = constant if "variance" in fault else z
    h = p["g"] * (z - mean) / np.sqrt(((v - v.mean(axis=0)) ** 2).mean(axis=0) + 0.1)
    return half_square(np.tanh(h) @ p["V"] - t) / len(A)


def layer_norm(p, q, A, t, fault=""):
    z, constant = A @ p["W"] + p["b"], A @ q["W"] + q["b"]
    mean = (constant if "mean" in fault else z).mean(axis=1, keepdims=True)
    v = constant if "variance" in fault else z
    h = (z - mean) / np.sqrt(
        ((v - v.mean(axis=1, keepdims=True)) ** 2).mean(1, keepdims=True) + 0.1
    )
    return half_square(np.tanh(h) @ p["V"] - t)


def variational(p, q, A, fault=""):
    h = np.tanh(A @ p["W"])
    mean, log_variance = h @ p["M"], h @ p["L"]
    deviation = np.exp((np.tanh(A @ q["W"]) @ q["L"] if "deviation" in fault else log_variance) / 2)
    residual = (mean + deviation * np.array([0.3, -1.1])) @ p["D"] - A
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum()
    weight = {"no divergence": 0, "its sign": -1}.get(fault, 1)
    return (half_square(residual) + weight * kl) / len(A)


def contractive(p, q, A, fault=""):
    h = logistic(A @ p["W"] + p["b"])
    k = logistic(A @ q["W"] + q["b"]) if "activation" in fault else h
    squares = (p["W"] ** 2).sum(axis=0)
    penalty = 0 if "no penalty" in fault else 0.3 * ((k * (1 - k)) ** 2 @ squares).sum()
    return (half_square(h @ p["W"].T - A) + penalty) / len(A)


def sparse(p, q, A, fault=""):
    h = logistic(A @ p["W"] + p["b"])
    rho = h.mean(axis=0)
    divergence = (0.1 * np.log(0.1 / rho) + 0.9 * np.log(0.9 / (1 - rho))).sum()
    weight = {"no divergence": 0, "divided": 1 / len(A)}.get(fault, 1)
    return half_square(h @ p["V"] - A) / len(A) + weight * divergence


def attention(p, q, A, t, fault=""):
    A = A.reshape(len(A), -1, 2)  # two tokens of each row
    s = A @ p["Q"] @ (A @ p["K"]).transpose(0, 2, 1)
    if "scores" in fault:
        s = A @ q["Q"] @ (A @ q["K"]).transpose(0, 2, 1)
    return half_square((softmax(s) @ A @ p["V"]).mean(axis=1) - t)


def recurrent(p, q, A, t, fault=""):
    h = np.zeros((len(A), 2))
    for k in range(A.shape[1]):
        before = np.real(h) if "steps" in fault else h
        h = np.tanh(A[:, k : k + 1] @ p["U"] + before @ p["H"])
    return half_square(h @ p["V"] - t) / len(A)


def convolution(p, q, A, t, fault=""):
    last = A.shape[1] - 2
    z = np.stack(
        [A[:, i : i + 2] @ (p if not fault or i == last else q)["k"] for i in range(last + 1)], 1
    )
    return half_square(np.tanh(z) @ p["V"] - t)


X4 = R.normal(size=(5, 4))
KINDS = {
    "batch_norm": (batch_norm, {"W": normal(3, 2), "g": normal(2), "V": normal(2, 2)}, (X, Y)),
    "layer_norm": (layer_norm, {"W": normal(3, 3), "b": normal(3), "V": normal(3, 2)}, (X, Y)),
    "variational": (
        variational,
        {"W": normal(3, 2), "M": normal(2, 2), "L": normal(2, 2), "D": normal(2, 3)},
        (X,),
    ),
    "contractive": (contractive, {"W": normal(3, 2), "b": normal(2)}, (X,)),
    "sparse": (sparse, {"W": normal(3, 2), "b": normal(2), "V": normal(2, 3)}, (X,)),
    "attention": (
        attention, {"Q": normal(2, 2), "K": normal(2, 2), "V": normal(2, 2)}, (X4, Y)
    ),
    "recurrent": (recurrent, {"U": normal(1, 2), "H": normal(2, 2), "V": normal(2, 2)}, (X, Y)),
    "convolution": (convolution, {"k": normal(2), "V": normal(3, 2)}, (X4, Y)),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_networks_of_many_kinds_pass(kind):
    cost, params, data = KINDS[kind]
    check = check_gradient(made(cost), params, *data, max_rows=2)
    assert check.passed, check
    assert check.findings == []


INTERACTION = "In this cost rows act on each other"
ZERO = "It is zero everywhere"


@pytest.mark.parametrize(
    ("kind", "fault", "wrong", "words"),
    [
        ("batch_norm", "mean", "Only W is wrong", "Worst: W"),
        ("batch_norm", "mean and variance", "Only W is wrong", "Worst: W"),
        ("batch_norm", "variance", "Wrong with several rows, in W", INTERACTION),
        ("layer_norm", "mean", "Wrong: W, b;", "Worst: W"),
        ("layer_norm", "variance", "Wrong: W, b;", "Worst: W"),
        ("layer_norm", "mean and variance", "Wrong: W, b;", "Worst: W"),
        ("variational", "no divergence", "Wrong: W, M, L;", "Worst: W"),
        ("variational", "its sign", "Wrong: W, M, L;", "Worst: W"),
        ("variational", "deviation", "Wrong: W, L;", "Worst: W"),
        ("contractive", "no penalty", "Every array is wrong", "such as W"),
        ("contractive", "activation", "Every array is wrong", "such as W"),
        ("sparse", "no divergence", "Wrong: W, b.", "the gradient is the mean of the rows' own"),
        ("sparse", "divided", "Wrong with several rows, in W, b", INTERACTION),
        ("attention", "scores", "Wrong: Q, K;", f"Q, K, each: {ZERO}"),
        ("recurrent", "steps", "Wrong: U, H;", "Worst: U"),
        ("convolution", "one place", "Only k is wrong", "Worst: k"),
    ],
)
def test_what_is_not_known_is_not_explained(kind, fault, wrong, words):
    cost, params, data = KINDS[kind]

    def claimed(p, q, *rest):
        return cost(p, q, *rest, fault=fault)

    check = check_gradient(made(cost, claimed), params, *data, max_rows=2, max_elements=6)
    assert not check.passed
    said = " ".join(check.findings)
    assert wrong in said
    assert words in said
    # Nothing of this is at the output, in a tied weight or a penalty of parameters.
    for trail in ("start at the output", "tied", "times the parameter", "transposed", "factor"):
        assert trail not in said


# --- gradients of the right direction and another size --------------------------------------------


def norm(g):
    return np.sqrt(sum((v**2).sum() for v in g.values()))


def changed(g, change):
    return {name: change(v) for name, v in g.items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: changed(g, lambda v: v / norm(g)), "its length is 1: it is normalised"),
        (lambda g: changed(g, lambda v: v * min(1, 0.2 / norm(g))), "its length is 0.2: it is clipped"),
        (lambda g: changed(g, lambda v: np.clip(v, -0.1, 0.1)), "is clipped, element by element"),
        (lambda g: changed(g, np.sign), "Every element of the gradient is 1 or -1, with the right"),
        (lambda g: changed(g, lambda v: 0.01 * np.sign(v)), "is 0.01 or -0.01, with the right sign"),
        (lambda g: changed(g, lambda v: -0.01 * v), "a constant factor, with the wrong sign"),
        (lambda g: changed(g, lambda v: v / np.log(2)), "1 / ln 2: one of cost and gradient has log"),
        (lambda g: changed(g, lambda v: v * np.log(10)), "ln 10: one of cost and gradient has log"),
    ],
)  # fmt: skip
def test_sizes_that_were_changed(change, words):
    check = check_gradient(made(perceptron, change=change), P, X, Y, max_rows=3)
    assert not check.passed
    assert words in check.findings[0]
    assert len(check.findings) == 1


def test_what_is_clipped_nowhere_passes():
    assert check_gradient(
        made(perceptron, change=lambda g: changed(g, lambda v: np.clip(v, -99, 99))), P, X, Y
    ).passed


@pytest.mark.parametrize(
    ("outer", "words"),
    [
        (np.sqrt, "that of the square of the cost: a root is not differentiated"),
        (lambda c: 3 * np.sqrt(c), "that of the square of the cost: a root is not differentiated"),
        (lambda c: c**2, "that of the root of the cost: a square is not differentiated"),
        (np.log, "exp(cost) times the right one: the cost is a logarithm"),
        (lambda c: np.exp(c / 4), "that of the logarithm of the cost"),
    ],
)
def test_a_function_of_the_cost_that_is_not_differentiated(outer, words):
    def cost(*arguments):
        return outer(perceptron(*arguments))

    assert check_gradient(made(cost), P, X, Y, max_rows=3).passed
    said = check_gradient(made(cost, perceptron), P, X, Y, max_rows=3).findings
    assert len(said) == 1
    assert words in said[0]


def weighted(weights_of):
    def cost(p, q, A, t):
        z = softmax(A @ p["W"] + p["b"])
        return -(np.log(z) * t[:, :3] * weights_of(t)).sum() / len(A)

    return cost


def counted(p, q, A, t, share=True):
    return half_square(t * (np.tanh(A @ p["W"]) @ p["V"] - A)) / (t.sum() if share else t.size)


SEEN = np.array([[1.0, 1, 1], [0, 0, 1], [1, 0, 1], [0, 1, 0], [1, 1, 0]])


def test_weights_of_rows_and_classes_and_counts_in_one_of_the_two():
    params = {"W": normal(3, 3), "b": normal(3)}
    of_classes = np.array([1.0, 5.0, 0.3])
    of_rows = np.c_[ONE_HOT, R.uniform(0.2, 3, 5)]
    for target, weights in ((ONE_HOT, lambda t: of_classes), (of_rows, lambda t: t[:, 3:])):
        right = weighted(weights)
        assert check_gradient(made(right), params, X, target, max_rows=3).passed
        check = check_gradient(made(right, weighted(lambda t: 1.0)), params, X, target)
        assert "a weight of each row or class" in check.findings[0]
    params = {"W": normal(3, 2), "V": normal(2, 3)}
    check = check_gradient(made(counted, lambda *d: counted(*d, share=False)), params, X, SEEN)
    assert "or a number to divide by" in check.findings[0]


def test_one_unit_of_which_anything_is_a_factor_is_not_called_weighted():
    def poisson(p, q, A, t):
        z = A @ p["w"] + p["b"]
        return (np.exp(z) - np.abs(t) * z).sum()

    def squares(p, q, A, t):
        return half_square(np.exp(A @ p["w"] + p["b"]) - np.abs(t))

    check = check_gradient(made(squares, poisson), {"w": normal(3), "b": normal(1)}, X, y)
    assert not check.passed
    assert "weight" not in " ".join(check.findings)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (lambda m: m / 32, "0.03125 · m times the right one: it is divided by a fixed number, such as 32"),
        (lambda m: 7 / m, "7 / m times the right one: it is divided by the number of rows, and the cost by a fixed"),
        (lambda m: m / (m + 1), "hangs on the number of rows alone (0.5 on 1, 0.75 on 3, 0.8333 on 5)"),
    ],
)  # fmt: skip
def test_a_factor_that_hangs_on_the_number_of_rows(share, words):
    cost, gradient = made(perceptron)

    def scaled(p, A, t):
        return changed(gradient(p, A, t), lambda v: share(len(A)) * v)

    check = check_gradient((cost, scaled), P, X, Y)
    assert len(check.findings) == 1
    assert words in check.findings[0]


@pytest.mark.parametrize(("left_out", "name"), [(-1, "the last"), (0, "the first")])
@pytest.mark.parametrize("mean", ["of all", "of those", "none"])
def test_a_row_that_is_left_out(left_out, name, mean):
    def cost(p, q, A, t):
        return perceptron(p, q, A, t) * (len(A) if mean == "none" else 1)

    value, gradient = made(cost)

    def short(p, A, t):
        if len(A) == 1:
            return gradient(p, A, t)
        B, s = (np.delete(a, left_out, axis=0) for a in (A, t))
        share = len(B) / len(A) if mean == "of all" else 1
        return changed(gradient(p, B, s), lambda v: share * v)

    check = check_gradient((value, short), P, X, Y)
    assert len(check.findings) == 1
    assert f"There it is that of all rows but {name}: is that one left out?" in check.findings[0]


def test_a_slope_that_differs_with_the_sign_is_no_factor():
    A = (R.random((6, 3)) < 0.5) * 1.0
    A[0] = 1

    def function(p, A, t):
        r = A @ p["W"] - t
        return np.abs(r).sum(), {"W": A.T @ np.where(r > 0, 0.5, -1)}

    check = check_gradient(function, {"W": normal(3, 2)}, A, R.normal(size=(6, 2)))
    assert not check.passed
    assert "times the right one" not in " ".join(check.findings)


def tied_twice(missing, penalty):
    def function(p, A):
        h1 = np.tanh(A @ p["W"] + p["b"])
        h2 = np.tanh(h1 @ p["U"] + p["d"])
        h3 = np.tanh(h2 @ p["U"].T + p["e"])
        d4 = h3 @ p["W"].T + p["c"] - A
        d3 = (d4 @ p["W"]) * (1 - h3 * h3)
        d2 = (d3 @ p["U"]) * (1 - h2 * h2)
        d1 = (d2 @ p["U"].T) * (1 - h1 * h1)
        halves = {
            "W": {"encoder": A.T @ d1, "decoder": d4.T @ h3},
            "U": {"encoder": h1.T @ d2, "decoder": d3.T @ h2},
        }
        g = {
            k: sum(half for name, half in parts.items() if missing.get(k) != name) + penalty * p[k]
            for k, parts in halves.items()
        }
        cost = half_square(d4) + penalty * (half_square(p["W"]) + half_square(p["U"]))
        return cost, {**g, "b": d1.sum(0), "d": d2.sum(0), "e": d3.sum(0), "c": d4.sum(0)}

    return function


@pytest.mark.parametrize("penalty", [0, 0.2])
@pytest.mark.parametrize("of_W", [None, "encoder", "decoder"])
@pytest.mark.parametrize("of_U", [None, "encoder", "decoder"])
def test_halves_of_two_tied_weights(of_W, of_U, penalty):
    params = {"W": normal(5, 4), "U": normal(4, 3)} | {
        name: normal(n) for name, n in (("b", 4), ("d", 3), ("e", 4), ("c", 5))
    }
    function = tied_twice({"W": of_W, "U": of_U}, penalty)
    check = check_gradient(function, params, R.normal(size=(7, 5)))
    assert check.passed is (of_W is None and of_U is None)
    said = " ".join(check.findings)
    for name, half in (("W", of_W), ("U", of_U)):
        assert (f"{name} is used twice" in said) is (half is not None)
        other = "decoder" if half == "encoder" else "encoder"
        part = f"its gradient is that of the {other} alone: the {half}'s part is missing"
        assert half is None or f"{name} is used twice, as tied weights are, and {part}" in said


# --- penalties ------------------------------------------------------------------------------------


def elastic(l2, l1):
    def cost(p, q, A, t):
        penalty = sum(
            l2 / 2 * (p[k] ** 2).sum() + l1 * (p[k] * np.sign(np.real(p[k]))).sum() for k in "WV"
        )
        return perceptron(p, q, A, t) + penalty

    return cost


@pytest.mark.parametrize(
    ("cost", "claimed", "words"),
    [
        ((0.1, 0.2), (0, 0), "missing is 0.1 times the parameter itself plus 0.2 times its sign"),
        ((0, 0), (0.3, 0.05), "too much is 0.3 times the parameter itself plus 0.05 times its sign"),
        ((0.1, 0.2), (0.2, 0.4), "too much is 0.1 times the parameter itself plus 0.2 times its sign"),
        ((0.1, 0.2), (0.1, 0), "missing is 0.2 times the sign of the parameter"),
        ((0.1, 0.2), (0, 0.2), "missing is 0.1 times the parameter itself: a penalty (L2)"),
    ],
)  # fmt: skip
def test_elastic_penalties_in_one_of_the_two(cost, claimed, words):
    params = {"W": normal(3, 3), "b": normal(3), "V": normal(3, 2), "c": normal(2)}
    check = check_gradient(made(elastic(*cost), elastic(*claimed)), params, X, Y, max_rows=3)
    assert len(check.findings) == 1
    assert f"In W, V what is {words}" in check.findings[0]


# --- numbers in other places ----------------------------------------------------------------------


def flat(order, parts=(0, 1, 2)):
    def function(w, A, t):
        W, b, V = w[:12].reshape(3, 4), w[12:16], w[16:].reshape(4, 2)
        h = np.tanh(A @ W + b)
        r = h @ V - t
        d = (r @ V.T) * (1 - h * h)
        found = [(A.T @ d).ravel(order), d.sum(axis=0), (h.T @ r).ravel(order)]
        return half_square(r), np.concatenate([found[i] for i in parts])

    return function


def test_a_flat_gradient_in_another_order():
    w = normal(24)
    assert check_gradient(flat("C"), w, X, Y).passed
    for function in (flat("F"), flat("C", (1, 0, 2)), flat("C", (2, 1, 0))):
        said = check_gradient(function, w, X, Y).findings
        assert len(said) == 1
        assert "It has the right numbers in another order: what belongs to [" in said[0]
        assert "flattened as in params (by rows, order 'C')" in said[0]


def deep(change):
    def function(p, A):
        h1 = np.tanh(A @ p["W1"] + p["b1"])
        h2 = np.tanh(h1 @ p["W2"] + p["b2"])
        r = h2 @ p["W3"] + p["b3"] - A
        d2 = (r @ p["W3"].T) * (1 - h2 * h2)
        d1 = (d2 @ p["W2"].T) * (1 - h1 * h1)
        z1 = A @ p["W1"] + p["b1"]
        g = {
            "W1": A.T @ d1, "b1": d1.sum(axis=0), "W2": h1.T @ d2, "b2": d2.sum(axis=0),
            "W3": h2.T @ r, "b3": r.sum(axis=0),
        }  # fmt: skip
        return half_square(r), {**g, **change(g, A=A, z1=z1, h1=h1, d1=d1, d2=d2, r=r, p=p)}

    return function


DEEP = {f"W{k}": normal(3, 3) for k in (1, 2, 3)} | {f"b{k}": normal(3) for k in (1, 2, 3)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g, **_: {}, None),
        (lambda g, **_: {"W1": g["W2"], "W2": g["W1"]}, "The gradients of W1 and W2 are exchanged."),
        (
            lambda g, **_: {"W1": g["W3"], "W2": g["W1"], "W3": g["W2"]},
            "in another order than the arrays: W1 has that of W3, W2 has that of W1, W3 has that of W2",
        ),
        (lambda g, **_: {"b1": g["b2"]}, "Only b1 is wrong, all other arrays are right. It is the gradient of b2."),
        (lambda g, **_: {"b2": g["b2"][::-1]}, "in another order: it is reversed."),
        (lambda g, **_: {"W2": g["W2"][:, ::-1]}, "in another order: it is reversed along axis 1."),
        (lambda g, **_: {"W2": g["W2"].T}, "It is the transpose of the right one."),
        (lambda g, z1, d2, **_: {"W2": z1.T @ d2}, "made from what goes into the activation before it, z"),
        (lambda g, A, d2, **_: {"W2": A.T @ d2}, "It is made from the input of W1, not from its own."),
        (lambda g, A, d2, **_: {"W1": A.T @ d2}, "It is made from the delta of W2, not from its own."),
        (lambda g, h1, r, **_: {"W2": h1.T @ r}, "It is made from the delta of W3, not from its own."),
        (
            lambda g, A, d2, p, **_: {"W1": A.T @ (d2 @ p["W2"].T)},
            "Its delta is not multiplied by the derivative of the activation after it (of tanh).",
        ),
        (
            lambda g, A, d2, **_: {"W1": A.T @ d2, "b1": d2.sum(axis=0)},
            "through W2: the delta of what comes after is taken as it is, not carried back at all",
        ),
        (
            lambda g, A, d2, h1, **_: {"W1": A.T @ (d2 * (1 - h1**2)), "b1": (d2 * (1 - h1**2)).sum(0)},
            "the delta after it is only multiplied by the derivative of the activation before it (of tanh), not by W2",
        ),
        (lambda g, **_: {"W1": 2 * g["W1"], "b1": 2 * g["b1"]}, "through W2: there it becomes 2 times what it should be."),
        (lambda g, **_: {"b1": 0 * g["b1"], "b2": 0 * g["b2"]}, "b1, b2, each: It is zero everywhere"),
    ],
)  # fmt: skip
def test_numbers_that_belong_elsewhere(change, words):
    check = check_gradient(deep(change), DEEP, X)
    assert check.passed is (words is None)
    if words is not None:
        assert len(check.findings) == 1
        assert words in check.findings[0]


def test_a_matrix_that_is_reshaped_where_it_should_be_transposed():
    def columns(reshaped):
        def function(W, A, t):
            r = A @ W.T - t
            g = A.T @ r  # (3, 2), of W.T
            return half_square(r), g.reshape(2, 3) if reshaped else g.T

        return function

    assert check_gradient(columns(False), normal(2, 3), X, Y).passed
    said = check_gradient(columns(True), normal(2, 3), X, Y).findings
    assert said == [
        "The gradient is wrong. It has the right numbers in another order: it is reshaped where it "
        "should be transposed."
    ]


# --- where slopes are none ------------------------------------------------------------------------


def test_a_symmetric_kink_is_nothing_that_is_counted():
    def length(p):
        with np.errstate(invalid="ignore"):
            return float(np.sqrt((p * p).sum())), p / np.sqrt((p * p).sum())

    assert check_gradient(length, np.zeros(3)).findings == [
        "The gradient is NaN in params (all elements, first at [0])."
    ]
    assert check_gradient(lambda p: (float(np.abs(p).sum()), np.sign(p)), np.zeros(3)).passed
    wrong = check_gradient(lambda p: (float(np.abs(p).sum()), np.sign(p) + 5.0), np.zeros(3))
    assert not wrong.passed
    assert "counted" not in " ".join(wrong.findings)
    # What is counted is still called so.
    counted = check_gradient(lambda p: (float(np.round(p).sum()), np.ones(3)), np.full(3, 0.2))
    assert "something is counted, ranked or rounded" in counted.findings[0]
