"""What kind of wrong a gradient is: each kind in functions of several structures, and no other."""

import itertools

import numpy as np
import pytest

from ae_core import check_gradient

RANDOM = np.random.default_rng(0)
X = RANDOM.random((5, 2))


def linear(w, A):
    return ((A @ w - 1) ** 2).sum() / 2, A.T @ (A @ w - 1)


def logistic(z):
    return 1 / (1 + np.exp(-z))


def said(function, params, *data, **options):
    check = check_gradient(function, params, *data, **options)
    assert not check.passed
    assert all(len(finding) < 600 for finding in check.findings)
    return " ".join(check.findings)


# --- tied weights ---------------------------------------------------------------------------------


def tied(missing, *, f="logistic", biases=True, columns=False):
    """x → f(x W + b) → (f(…) Wᵀ + c), of which a half of W's gradient may be missing."""
    act, slope = {
        "logistic": (logistic, lambda a: a * (1 - a)),
        "tanh": (np.tanh, lambda a: 1 - a * a),
        "identity": (lambda z: z, np.ones_like),
    }[f]

    def function(p, A):
        A = A.T if columns else A
        W, b, c = p["W"], p.get("b", 0), p.get("c", 0)
        W = W.T if columns else W
        a = act(A @ W + b)
        d = (a @ W.T + c - A) / len(A)
        e = (d @ W) * slope(a)
        parts = {"encoder": A.T @ e, "decoder": d.T @ a}
        g = sum(part for name, part in parts.items() if name != missing)
        gradient = {"W": g.T if columns else g}
        if biases:
            gradient |= {"b": e.sum(axis=0), "c": d.sum(axis=0)}
        return 0.5 * len(A) * (d**2).sum(), gradient

    return function


@pytest.mark.parametrize("missing", ["encoder", "decoder"])
@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (4, 3)),
        ({"f": "tanh"}, (5, 2)),
        ({"f": "identity", "biases": False}, (6, 3)),
        ({"f": "tanh", "columns": True}, (4, 6)),
        ({"f": "tanh"}, (3, 3)),
    ],
)
def test_a_forgotten_half_of_a_tied_weight(missing, options, shape):
    random = np.random.default_rng(3)
    n, h = shape
    params = {"W": random.normal(size=shape)}
    if options.get("biases", True):
        params |= {"b": random.normal(size=h), "c": random.normal(size=n)}
    A = random.normal(size=(6, n))
    if options.get("columns"):
        params["W"] = params["W"].T
        A = A.T
    axis = int(bool(options.get("columns")))
    assert check_gradient(tied(None, **options), params, A, samples_axis=axis).passed
    text = said(tied(missing, **options), params, A, samples_axis=axis)
    assert f"the {missing}'s part is missing" in text
    other = "encoder" if missing == "decoder" else "decoder"
    assert f"its gradient is that of the {other} alone" in text


def test_the_tied_case_of_the_issue():
    def function(p, A):
        a = logistic(A @ p["W"] + p["b"])
        z = logistic(a @ p["W"].T + p["c"])
        d = (z - A) * z * (1 - z) / len(A)
        e = (d @ p["W"]) * a * (1 - a)
        return 0.5 * ((z - A) ** 2).sum() / len(A), {"W": A.T @ e, "b": e.sum(0), "c": d.sum(0)}

    random = np.random.default_rng(0)
    params = {"W": random.normal(size=(4, 3)), "b": np.ones(3), "c": np.ones(4)}
    text = said(function, params, random.random((6, 4)))
    assert text.startswith("Only W is wrong, all other arrays are right.")
    assert "the decoder's part is missing" in text


@pytest.mark.parametrize("fault", ["input", "noise in it"])
def test_a_wrong_weight_that_is_used_once_is_not_called_tied(fault):
    def function(p, A):
        h = np.tanh(A @ p["W"])
        d = h @ p["V"] - A
        e = (d @ p["V"].T) * (1 - h * h)
        g = {"W": A.T @ e, "V": h.T @ d}
        if fault == "input":
            g["W"] = (A**2).T @ e
        else:
            g["W"] = g["W"] + np.random.default_rng(0).normal(size=g["W"].shape)
        return 0.5 * (d**2).sum(), g

    random = np.random.default_rng(1)
    params = {"W": random.normal(size=(4, 3)), "V": random.normal(size=(3, 4))}
    text = said(function, params, random.normal(size=(5, 4)))
    assert text.startswith("Only W is wrong, all other arrays are right. Worst: W ([")
    assert "instead of" in text


# --- penalties ------------------------------------------------------------------------------------


def penal(kind, place, *, strength=0.1, mean=False, rows=None):
    """A linear fit with a penalty of W (not of b) in the cost, in the gradient or in both."""

    def function(p, A):
        d = A @ p["W"] + p["b"]
        share = 1 / len(A) if mean else 1.0
        cost = 0.5 * share * (d**2).sum()
        g = {"W": share * A.T @ d, "b": share * d.sum(axis=0)}
        W = p["W"]
        of_cost = {"L2": (W**2).sum() / 2, "L1": np.abs(W).sum()}[kind] * strength
        of_gradient = {"L2": W, "L1": np.sign(W)}[kind] * strength
        if rows == "cost":
            of_cost = of_cost / len(A)
        if rows == "gradient":
            of_gradient = of_gradient / len(A)
        if rows == "times in the cost":
            of_cost = of_cost * len(A)
        if rows == "both":
            of_cost, of_gradient = of_cost / len(A), of_gradient / len(A)
        if place != "gradient":
            cost = cost + of_cost
        if place != "cost":
            g["W"] = g["W"] + of_gradient
        return cost, g

    return function


PARAMS = {"W": RANDOM.normal(size=(2, 3)), "b": RANDOM.normal(size=3)}


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize(
    ("kind", "of"), [("L2", "the parameter itself"), ("L1", "the sign of the")]
)
@pytest.mark.parametrize(("place", "how"), [("cost", "missing"), ("gradient", "too much")])
def test_a_penalty_in_one_of_the_two(kind, of, place, how, mean):
    for strength in (0.1, 0.003, 20):
        text = said(penal(kind, place, strength=strength, mean=mean), PARAMS, X)
        assert text.startswith(f"In W what is {how} is {strength:g} times {of}")
        assert f"a penalty ({kind}) in the {place} alone" in text
    assert check_gradient(penal(kind, "both", mean=mean), PARAMS, X).passed


@pytest.mark.parametrize("kind", ["L2", "L1"])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_penalty_over_the_rows_in_one_of_the_two(kind, n):
    for place in ("cost", "gradient"):
        text = said(penal(kind, "both", mean=True, rows=place), PARAMS, X[:n])
        assert (
            f"a penalty ({kind}) that is divided by the number of rows in the {place} alone" in text
        )
        assert "(1 - 1/m) times 0.1 times" in text
    text = said(penal(kind, "both", rows="times in the cost"), PARAMS, X[:n])
    assert "that is multiplied by the number of rows in the cost alone" in text
    text = said(penal(kind, "cost", mean=True, rows="both"), PARAMS, X[:n])
    assert "divided by the number of rows, in the cost alone" in text
    assert check_gradient(penal(kind, "both", mean=True, rows="both"), PARAMS, X[:n]).passed


def test_the_penalties_of_the_issue():
    def forgotten(w, A):
        cost, gradient = linear(w, A)
        return cost + 0.05 * w @ w, gradient

    def over_rows(w, A):
        cost, gradient = linear(w, A)
        return cost / len(A) + 0.05 * w @ w, gradient / len(A) + 0.1 / len(A) * w

    w = np.array([1.0, -2.0])
    assert "what is missing is 0.1 times the parameter itself" in said(forgotten, w, X)
    assert "a penalty (L2) in the cost alone" in said(forgotten, w, X)
    assert "divided by the number of rows in the gradient alone" in said(over_rows, w, X)


def test_a_penalty_of_a_function_without_data():
    table = RANDOM.random((4, 5))

    def factors(p):
        A, B = p
        residual = A @ B - table
        cost = 0.5 * (residual**2).sum() + 0.2 * (A**2).sum()
        return cost, [residual @ B.T, A.T @ residual]

    text = said(factors, [RANDOM.normal(size=(4, 2)), RANDOM.normal(size=(2, 5))])
    assert text.startswith("In params[0] what is missing is 0.4 times the parameter itself")


def test_penalties_of_two_strengths():
    def function(p, A):
        d = A @ p["W"] + p["b"]
        cost = 0.5 * (d**2).sum() + 0.1 * (p["W"] ** 2).sum() + 0.3 * np.abs(p["b"]).sum()
        return cost, {"W": A.T @ d, "b": d.sum(axis=0)}

    text = said(function, PARAMS, X)
    assert "In W what is missing is 0.2 times the parameter itself" in text
    assert "In b what is missing is 0.3 times the sign of the parameter" in text


def test_what_happens_to_be_proportional_to_the_parameter_is_no_penalty():
    # With one number anything is; elsewhere it is not.
    def cubed(w, A):
        return (A * w**3).sum(), 2 * A.sum(axis=0) * w**2

    text = said(cubed, np.array([0.7]), X[:, :1])
    assert "penalty" not in text
    assert "0.666667 times the right one" in text

    def data(w, A):  # what is missing hangs on the row
        return 0.5 * (w**2 * A**2).sum() + (w * A).sum(), A.sum(axis=0)

    text = said(data, np.array([0.7, 0.4]), X)
    assert "penalty" not in text


# --- factors --------------------------------------------------------------------------------------


def network(p, A, fault="", penalty=0.0):
    m = len(A)
    h = np.tanh(A @ p["W1"] + p["b1"])
    d = (h @ p["W2"] + p["b2"] - A) / m
    cost = 0.5 * m * (d**2).sum()
    d = d * {"m": m, "1/m": 1 / m, "2": 2, "1/2": 0.5, "-1": -1, "7": 7}.get(fault, 1)
    back = d @ p["W2"].T
    e = back * (1 - h**2)
    g = {"W1": A.T @ e, "b1": e.sum(axis=0), "W2": h.T @ d, "b2": d.sum(axis=0)}
    for name in ("W1", "W2"):
        cost = cost + penalty / 2 * (p[name] ** 2).sum()
        g[name] = g[name] + penalty * p[name]
    if fault == "b not divided":
        g["b2"] = g["b2"] * m
    if fault == "mean of b":
        g["b1"] = e.mean(axis=0)
    if fault == "exchanged":
        g["b1"], g["b2"] = g["b2"], g["b1"]
    if fault == "last row of b":
        g["b1"] = e[-1]
    if fault == "rolled":
        g["W1"] = np.roll(A, 1, axis=0).T @ e
    if fault == "means":
        g["W2"] = np.outer(h.mean(axis=0), d.sum(axis=0))
    if fault == "last slope":
        e = back * (1 - h[-1] ** 2)
        g["W1"], g["b1"] = A.T @ e, e.sum(axis=0)
    return cost, g


SQUARE = {
    "W1": RANDOM.normal(size=(3, 3)), "b1": RANDOM.normal(size=3),
    "W2": RANDOM.normal(size=(3, 3)), "b2": RANDOM.normal(size=3),
}  # fmt: skip
A3 = RANDOM.normal(size=(7, 3))


@pytest.mark.parametrize("penalty", [0.0, 0.3])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("m", "7 times too large, and there are 7 rows: it was not divided by the number of rows"),
        ("1/m", "1/7 of what it should be, and there are 7 rows"),
        ("2", "is 2 times the right one in every array: a constant factor of 2"),
        ("1/2", "is 0.5 times the right one in every array: a constant factor of 2"),
        ("7", "is 7 times the right one in every array"),
        ("-1", "The sign is wrong everywhere"),
    ],
)
def test_a_factor_beside_a_penalty_that_is_right(fault, words, penalty):
    text = said(lambda p, A: network(p, A, fault, penalty), SQUARE, A3)
    assert words in text
    assert ("But for a penalty (L2), which is right:" in text) == (penalty > 0)
    assert check_gradient(lambda p, A: network(p, A, "", penalty), SQUARE, A3).passed


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("b not divided", "Only b2 is wrong, all other arrays are right. On 7 rows b2 is 7 times too large"),
        ("mean of b", "On 7 rows b1 is 1/7 of what it should be, on one row right: divided by the number of rows once too often: a mean instead of a sum?"),
        ("exchanged", "The gradients of b1 and b2 are exchanged."),
        ("last row of b", "Rows are mixed up (in b1): the gradient is right on each row alone, but wrong on several. It is that of the last row alone there"),
        ("rolled", "what belongs to one row meets what belongs to another"),
        ("means", "rows are averaged (or added) before they are multiplied, not after"),
        ("last slope", "A derivative of one row is used for all rows (in W1, b1)"),
    ],
)  # fmt: skip
def test_rows_and_arrays(fault, words):
    for data in (A3, A3[:4]):
        text = said(lambda p, A: network(p, A, fault), SQUARE, data)
        assert words.replace("7", str(len(data))) in text


def test_rows_that_act_on_each_other_are_not_called_mixed_up():
    def sparse(p, A, wrong=0.0):  # a penalty on the mean activation of each unit
        h = logistic(A @ p["W"])
        rho = h.mean(axis=0)
        cost = ((rho - 0.2) ** 2).sum() + 0.5 * (h**2).mean(axis=0).sum()
        slope = 2 * (rho - 0.2) * (1 - wrong * (len(A) > 1)) + h
        return cost, {"W": A.T @ (slope * h * (1 - h)) / len(A)}

    params = {"W": RANDOM.normal(size=(3, 4))}
    assert check_gradient(sparse, params, A3).passed
    text = said(lambda p, A: sparse(p, A, 0.5), params, A3)
    assert "In this cost rows act on each other" in text
    assert "mixed up" not in text


# --- layers ---------------------------------------------------------------------------------------

ACTIVATIONS = {
    "logistic": (logistic, lambda z: logistic(z) * (1 - logistic(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: 1.0 * (z > 0)),
    "softplus": (lambda z: np.log1p(np.exp(z)), logistic),
    "swish": (lambda z: z * logistic(z), lambda z: logistic(z) * (1 + z * (1 - logistic(z)))),
}


def layers(activation, fault="", *, output="identity", softmax="", columns=False):
    """Three layers as a list of (W, b); labels or targets as y."""
    f, slope = ACTIVATIONS[activation]

    def function(p, A, Y):
        if columns:
            A, Y, p = A.T, Y.T, [(W.T, b.T) for W, b in p]
        hs, zs = [A], []
        for k, (W, b) in enumerate(p):
            zs.append(hs[-1] @ W + b)
            hs.append(f(zs[-1]) if k < len(p) - 1 else zs[-1])
        z = zs[-1]
        if softmax:
            e = np.exp(z)
            out = e / e.sum(axis=1, keepdims=True)
            u = -Y / out if softmax == "cross-entropy" else out - Y
            cost = (
                -(Y * np.log(out)).sum()
                if softmax == "cross-entropy"
                else 0.5 * ((out - Y) ** 2).sum()
            )
            d = out * (u - (out * u).sum(axis=1, keepdims=True))
            if fault == "softmax":
                d = out * (1 - out) * u
        else:
            out = {"identity": z, "logistic": logistic(z)}[output]
            cost = 0.5 * ((out - Y) ** 2).sum()
            d = out - Y
            if output == "logistic" and fault != "output missing":
                d = d * out * (1 - out)
            if fault == "output superfluous":
                d = d * logistic(z) * (1 - logistic(z))
        gradient = []
        for k in reversed(range(len(p))):
            W = p[k][0]
            gradient.insert(0, (hs[k].T @ d, d.sum(axis=0, keepdims=columns)))
            if not k:
                break
            back = d @ (W if fault == "not transposed" and k == 1 else W.T)
            at = zs[k - 1]
            d = back * slope(at)
            if fault == "missing" and k == 1:
                d = back
            if fault == "missing everywhere":
                d = back
            if fault == "of output" and k == 1:
                d = back * slope(hs[k])
            if fault == "of sums" and k == 1:
                d = back * (at * (1 - at) if activation == "logistic" else 1 - at**2)
            if fault == "twice" and k == 2:
                d = d * slope(at)
            if fault == "another" and k == 1:
                d = back * hs[k] * (1 - hs[k])
            if fault == "odd" and k == 1:
                d = back * slope(at) ** 1.7
        gradient = [(gW.T, gb.T) if columns else (gW, gb) for gW, gb in gradient]
        return cost, gradient

    return function


def three(sizes=(3, 4, 4, 3), columns=False, seed=5):
    random = np.random.default_rng(seed)
    params = [
        (random.normal(0, 0.9, (a, b)), random.normal(0, 0.4, (1, b) if columns else b))
        for a, b in itertools.pairwise(sizes)
    ]
    A, Y = random.normal(size=(6, sizes[0])), np.eye(sizes[-1])[random.integers(0, sizes[-1], 6)]
    if columns:
        return [(W.T, b.T) for W, b in params], A.T, Y.T
    return params, A, Y


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("missing", "back through params[1][0]: there it is not multiplied by the derivative of the activation before it"),
        ("missing everywhere", "back through params[1][0], params[2][0]: there it is not multiplied"),
        ("not transposed", "back through params[1][0]: is params[1][0] used transposed there? What comes out is what params[1][0] itself, not transposed, makes of it"),
    ],
)  # fmt: skip
def test_a_step_back_that_goes_wrong(activation, fault, words):
    text = said(layers(activation, fault), *three())
    assert words in text


@pytest.mark.parametrize(
    ("activation", "fault", "words"),
    [
        ("logistic", "of output", "is taken at the activation's output, a = f(z), not at z"),
        ("tanh", "of output", "is taken at the activation's output, a = f(z), not at z"),
        ("logistic", "of sums", "is written in terms of its output, a formula of a = f(z), but is given z"),
        ("tanh", "of sums", "is written in terms of its output, a formula of a = f(z), but is given z"),
        ("tanh", "twice", "it is multiplied by the derivative of the activation before it (of tanh) twice"),
        ("tanh", "another", "it is multiplied by the derivative of logistic, not by the derivative of the activation before it (of tanh)"),
        ("tanh", "odd", "is params[1][0] used transposed there, and is the result multiplied by the derivative of the activation before it (of tanh)?"),
    ],
)  # fmt: skip
def test_a_derivative_of_something_else(activation, fault, words):
    assert words in said(layers(activation, fault), *three())
    columns = layers(activation, fault, columns=True)
    assert words in said(columns, *three(columns=True), samples_axis=1)


@pytest.mark.parametrize("softmax", ["cross-entropy", "squared error"])
@pytest.mark.parametrize("sizes", [(4, 3), (3, 4, 3), (2, 5, 4, 4)])
def test_a_softmax_taken_as_elementwise(softmax, sizes):
    assert check_gradient(layers("tanh", softmax=softmax), *three(sizes)).passed
    text = said(layers("tanh", "softmax", softmax=softmax), *three(sizes))
    assert "start at the output" in text
    assert "The softmax is taken as if it were elementwise" in text


def test_the_output():
    text = said(layers("tanh", "output missing", output="logistic"), *three())
    assert "start at the output" in text
    assert "The derivative of the output's activation (logistic) is missing there" in text


def test_a_derivative_at_the_output_that_has_no_place_there():
    named = "It is multiplied by the derivative of logistic there, which has no place in it"
    assert named in said(layers("relu", "output superfluous"), *three())
    # Of these all but one row find all units of a layer off.
    assert named in said(layers("relu", "output superfluous"), *three((4, 5, 5, 3)))


def test_what_is_in_no_known_way_wrong_is_only_said_to_be():
    def function(p, A, Y):
        cost, g = layers("tanh")(p, A, Y)
        random = np.random.default_rng(0)
        return cost, [tuple(a * random.uniform(0.5, 2, a.shape) for a in pair) for pair in g]

    check = check_gradient(function, *three())
    (text,) = check.findings
    assert text.startswith("Every array is wrong, such as params[0][0] ([")
    assert "instead of" in text

    def part(p, A, Y):
        cost, g = layers("tanh")(p, A, Y)
        random = np.random.default_rng(0)
        return cost, [*g[:1], tuple(a + random.normal(size=a.shape) for a in g[1]), *g[2:]]

    text = said(part, *three())
    assert text.startswith("Wrong: params[1][0], params[1][1]; the other arrays are right. Worst:")


def test_independent_arrays_are_not_called_layers():
    def function(p, A):
        d, e = A @ p["V"] - 1, A @ p["W"] - 2
        cost = 0.5 * (d**2).sum() + 0.5 * (e**2).sum()
        return cost, {"V": 1.5 * A.T @ d, "W": A.T @ e}

    text = said(function, {"V": RANDOM.normal(size=(3, 2)), "W": RANDOM.normal(size=(3, 2))}, A3)
    assert text == "Only V is wrong, all other arrays are right. It is 1.5 times the right one."
