"""What is said of functions whose differences mean nothing, and of those that compute roughly."""

import warnings

import numpy as np
import pytest

from ae_core import check_gradient

X = np.random.default_rng(0).random((5, 2))
WIDE = np.random.default_rng(1).normal(size=(6, 4))


def linear(w, A):
    residual = A @ w - 1
    return (residual**2).sum() / 2, A.T @ residual


def network(p, A, *, wrong=1.0):
    """A regression with a hidden layer of tanh; W2's gradient can be made wrong by a factor."""
    h = np.tanh(A @ p["W1"] + p["b1"])
    residual = h @ p["W2"] - A[:, :1]
    back = (residual @ p["W2"].T) * (1 - h * h)
    gradient = {"W1": A.T @ back, "b1": back.sum(axis=0), "W2": wrong * (h.T @ residual)}
    return 0.5 * (residual**2).sum(), gradient


def weights(seed=0, dtype=np.float64):
    random = np.random.default_rng(seed)
    shapes = {"W1": (4, 3), "b1": 3, "W2": (3, 1)}
    return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def said(check):
    """All sentences, and that they are in what is printed and shown."""
    text = " ".join(check.findings)
    printed = " ".join(line.strip(" →") for line in str(check).splitlines())
    assert text in printed
    assert repr(check) == str(check)
    assert check._repr_html_().startswith("<div>")
    return text


# --- equal calls ----------------------------------------------------------------------------------


class Trainer:
    """Takes a training step with each call, as the method of a class often does."""

    def __init__(self, factor=1.0, rate=0.5):
        self.w, self.factor, self.rate = np.array([3.0, -2.0]), factor, rate

    def __call__(self, p, A):
        residual = A @ self.w - 1
        g = A.T @ residual / len(A)
        self.w = self.w - self.rate * g
        return residual @ residual / 2 / len(A), self.factor * g


class WithMomentum(Trainer):
    velocity = 0.0

    def __call__(self, p, A):
        cost, g = super().__call__(p, A)
        self.velocity = 0.8 * self.velocity + 0.2 * g
        self.w = self.w - self.velocity
        return cost, g


class Counter:
    """Of which the cost rises with each call, as with a running mean or a penalty that grows."""

    n = 0

    def __call__(self, p, A):
        self.n += 1
        cost, g = linear(p, A)
        return cost + 1e-4 * self.n, g


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (Trainer(factor=7), "changes between equal calls, and always falls"),
        (Trainer(rate=0.01), "as one that trains itself does"),
        (WithMomentum(), "changes between equal calls"),
        (Trainer(factor=-1, rate=1e-4), "Take the training step out of it"),
        (Counter(), "changes between equal calls, and always rises"),
    ],
)
def test_what_keeps_something_from_call_to_call_fails(function, words):
    check = check_gradient(function, X=X, params=np.array([3.0, -2.0]))
    assert not check.passed
    assert words in said(check)
    assert "gradient" not in said(check)
    assert check.cases == []
    assert check.arrays == {}


def test_a_batch_that_goes_round_is_named():
    calls = iter(range(10**6))

    def function(p, A):
        k = next(calls) % 3
        return linear(p, A[k % len(A) :][:2])

    check = check_gradient(function, np.ones(2), X)
    assert not check.passed
    assert "comes round again every 3 calls" in said(check)


def test_a_gradient_that_is_never_set_to_zero_is_named():
    total = np.zeros(2)

    def function(p, A):
        cost, g = linear(p, A)
        total[...] += g
        return cost, total

    check = check_gradient(function, np.ones(2), X)
    assert not check.passed
    assert "grows by the same amount with each equal call" in said(check)


def test_what_only_the_first_call_does_is_named():
    first = [True]

    def function(p, A):
        cost, g = linear(p, A)
        cost += 0.1 * first[0]
        first[0] = False
        return cost, g

    assert "the first gives" in said(check_gradient(function, np.ones(2), X))


def noisy(kind, seed=0):
    random = np.random.default_rng(seed)

    def function(p, A):
        if kind == "cost":
            cost, g = network(p, A)
            return cost + 0.1 * random.normal(), g
        if kind == "tiny":
            cost, g = network(p, A)
            return cost * (1 + 1e-9 * random.normal()), g
        if kind == "dropout":
            mask = random.random(3) < 0.8
            return network({**p, "W2": p["W2"] * mask[:, None]}, A)
        if kind == "input":
            return network(p, A + 0.01 * random.normal(size=A.shape))
        if kind == "batch":
            return network(p, A[random.integers(len(A), size=2)])
        if kind == "gradient":
            cost, g = network(p, A)
            return cost, {n: a + 1e-3 * random.normal(size=a.shape) for n, a in g.items()}
        cost, g = network({n: a.astype("f4") for n, a in p.items()}, A.astype("f4"))
        return np.float32(cost + 1e-3 * random.normal()), g

    return function


@pytest.mark.parametrize(
    "kind", ["cost", "tiny", "dropout", "input", "batch", "gradient", "single precision"]
)
def test_noise_is_named_and_nothing_else(kind):
    check = check_gradient(noisy(kind), weights(), WIDE)
    assert not check.passed
    text = said(check)
    assert text.startswith("Not deterministic")
    assert "off, or fix" in text
    assert not any(word in text for word in ("sign", "wrong", "times", "transpose", "penalty"))


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.02])
def test_noise_that_is_rare_never_passes_as_a_kink(rate):
    for seed in range(6):
        random = np.random.default_rng(seed)

        def function(p, A, random=random):
            cost, g = network(p, A)
            return cost + 0.1 * (random.random() < rate), g

        check = check_gradient(function, weights(seed), WIDE)
        assert not check.passed
        assert "determin" in said(check) or "between equal calls" in said(check)


@pytest.mark.parametrize("level", [1e-1, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("factor", [-1, 1, 7, 0])
def test_noise_never_passes_whatever_the_gradient(level, factor):
    for seed in range(5):
        random = np.random.default_rng(seed)

        def function(p, A, random=random):
            return float(p @ p / 2 + level * random.standard_normal()), factor * p

        assert not check_gradient(function, np.array([0.6]), X[:2]).passed


def test_noise_of_a_fixed_seed_is_none():
    def function(p, A):
        return network(p, A + 0.1 * np.random.default_rng(3).normal(size=(1, 4)))

    assert not check_gradient(noisy("input"), weights(), WIDE).passed
    random = np.random.default_rng(3).normal(size=(1, 4))
    assert check_gradient(lambda p, A: network(p, A), weights(), WIDE + 0.1 * random).passed
    assert check_gradient(function, weights(), WIDE).passed


# --- in place -------------------------------------------------------------------------------------


def subtracts(w, A):
    A -= 1
    return linear(w, A)


def scales(w, A):
    A /= A.max()
    return linear(w, A)


def sorts(w, A):
    A.sort(axis=0)
    return linear(w, A)


@pytest.mark.parametrize("function", [subtracts, scales, sorts])
def test_the_callers_data_stay_and_the_change_is_named(function):
    A, w = X.copy(), np.array([1.0, -2.0])
    check = check_gradient(function, X=A, params=w)
    np.testing.assert_array_equal(A, X)
    np.testing.assert_array_equal(w, [1.0, -2.0])
    assert "The function changes X in place" in said(check)
    assert check.passed  # each call had a copy, and the gradient is right


def test_changed_params_and_labels_are_named_too():
    def step(p, A, y):
        residual = A @ p["w"] - y
        g = A.T @ residual
        p["w"] -= 0.1 * g
        y[0] = 0
        return residual @ residual / 2, {"w": g}

    p, y = {"w": np.ones(2)}, np.ones(5)
    check = check_gradient(step, p, X, y)
    np.testing.assert_array_equal(p["w"], np.ones(2))
    np.testing.assert_array_equal(y, np.ones(5))
    assert "changes y, w in place" in said(check)


def test_what_comes_of_a_change_in_place_is_not_explained_otherwise():
    def function(w, A):
        cost, _ = linear(w, A)
        A *= 2
        return cost, linear(w, A)[1]

    check = check_gradient(function, np.ones(2), X)
    assert not check.passed
    assert len(check.findings) == 1
    assert "changes X in place" in said(check)


# --- finite ---------------------------------------------------------------------------------------


def with_a_bad_element(name, index, value):
    def function(p, A):
        cost, g = network(p, A)
        g[name][index] = value
        return cost, g

    return function


@pytest.mark.parametrize(
    ("function", "params", "words"),
    [
        (lambda w, A: (linear(w, A)[0], w * np.nan), np.ones(2), "NaN in params (all elements"),
        (
            with_a_bad_element("b1", 1, np.nan),
            weights(),
            "NaN in b1 (1 of 3 elements, first at [1]). Only b1 is wrong, all other arrays are right.",
        ),
        (with_a_bad_element("W1", (2, 0), np.inf), weights(), "not finite in W1 (1 of 12 elements, first at [2, 0])"),
        (with_a_bad_element("W2", (0, 0), np.nan), weights(), "NaN in W2"),
    ],
)  # fmt: skip
def test_what_is_not_finite_is_named_with_its_array(function, params, words):
    check = check_gradient(function, params, X if isinstance(params, np.ndarray) else WIDE)
    assert not check.passed
    assert words in said(check)


def test_not_finite_on_one_row_alone_is_named():
    def function(w, A):  # of one row there is no standard deviation
        cost, g = linear(w, A)
        return cost, g + (np.nan if len(A) == 1 else 0)

    assert said(check_gradient(function, np.ones(2), X)).startswith(
        "On row 0 alone the gradient is NaN in params"
    )


def test_a_cost_that_is_not_finite_beside_the_params_is_an_error():
    def function(w, A):
        with np.errstate(all="ignore"):
            return np.log(w).sum(), 1 / w

    assert check_gradient(function, np.array([1e-9, 2.0]), X).passed
    with pytest.raises(ValueError, match="finite number is needed"):
        check_gradient(lambda w, A: (np.inf * w.sum(), w), np.ones(2), X)


# --- precision ------------------------------------------------------------------------------------


def computed_in(kind, returned=None, wrong=1.0):
    def function(p, A):
        p = {name: array.astype(kind) for name, array in p.items()}
        cost, g = network(p, A.astype(kind), wrong=kind(wrong))
        if returned is not None:
            cost, g = returned(cost), {n: a.astype(returned) for n, a in g.items()}
        return cost, g

    return function


def deep(p, A, wrong=1.0):
    """Four layers of float32, with sums over many units."""
    hs = [A.astype("f4")]
    for W in p:
        hs.append(np.tanh(hs[-1] @ W.astype("f4")))
    delta = hs[-1] - 1
    cost, gradient = 0.5 * (delta**2).mean(), []
    delta = delta / np.float32(delta.size)
    for k in reversed(range(len(p))):
        delta = delta * (1 - hs[k + 1] ** 2)
        gradient.insert(0, hs[k].T @ delta)
        delta = delta @ p[k].astype("f4").T
    gradient[0] = gradient[0] * np.float32(wrong)
    return cost, gradient


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("returned", [None, np.float64])
def test_less_than_double_precision_passes_when_right(kind, returned):
    for seed in range(3):
        check = check_gradient(computed_in(kind, returned), weights(seed), WIDE)
        assert check.passed, str(check)
        assert f"passed, at the precision of {kind.__name__}" in str(check)
        assert check.digits == kind.__name__


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (np.float32, 1.02),
        (np.float32, -1.0),
        (np.float16, 2.0),
        (np.float16, -1.0),
        (np.float16, 0),
    ],
)
@pytest.mark.parametrize("returned", [None, np.float64])
def test_less_than_double_precision_fails_when_wrong(kind, wrong, returned):
    check = check_gradient(computed_in(kind, returned, wrong), weights(), WIDE)
    assert not check.passed
    assert "Only W2 is wrong" in said(check)


def test_single_precision_in_a_deep_network():
    random = np.random.default_rng(2)
    params = [random.normal(0, 0.4, shape) for shape in [(4, 20), (20, 12), (12, 12), (12, 3)]]
    assert check_gradient(deep, params, WIDE, max_elements=20).passed
    check = check_gradient(lambda p, A: deep(p, A, 1.1), params, WIDE)
    assert "Only params[0] is wrong, all other arrays are right. It is 1.1" in said(check)


def test_single_precision_of_the_gradient_alone_and_of_the_case_in_the_issue():
    check = check_gradient(
        lambda w, A: linear(w.astype("f4"), A.astype("f4")), X=X, params=np.ones(2)
    )
    assert "passed, at the precision of float32" in str(check)

    def rounded(p, A):
        cost, g = network(p, A)
        return cost, {n: a.astype("f4") for n, a in g.items()}

    assert check_gradient(rounded, weights(), WIDE).passed


def test_params_of_other_types():
    assert check_gradient(network, weights(dtype=np.float32), WIDE.astype("f4")).passed
    assert check_gradient(network, weights(dtype=np.longdouble), WIDE.astype("g")).passed

    def typed(w, A):  # as compiled functions are
        if w.dtype != np.float32:
            raise TypeError("Buffer dtype mismatch, expected 'float' but got 'double'")
        return linear(w, A)

    assert check_gradient(typed, np.ones(2, dtype=np.float32), X.astype("f4")).passed


def test_a_large_constant_hides_neither_right_nor_wrong():
    def function(sign):
        return lambda w, A: (linear(w, A)[0] + 1e8, sign * linear(w, A)[1])

    assert check_gradient(function(1), np.ones(2), X).passed
    assert "The sign is wrong everywhere" in said(check_gradient(function(-1), np.ones(2), X))

    def hidden(w, A):
        return linear(w, A)[0] + 1e16, -linear(w, A)[1]

    assert not check_gradient(hidden, np.ones(2), X).passed


def test_a_cost_that_only_looks_smooth_never_passes():
    def hashed(w, A):
        cost, g = linear(w, A)
        return cost + 1e-3 * np.sin(1e9 * w.sum()), -g

    assert not check_gradient(hashed, np.ones(2), X).passed

    def rounded(w, A):
        cost, g = linear(w, A)
        return round(cost, 3), g

    check = check_gradient(rounded, np.ones(2), X)
    assert not check.passed
    assert "does not change when params change a little" in said(check)


# --- dependence -----------------------------------------------------------------------------------


HELD = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("function", "params"),
    [
        (lambda p, A: linear(HELD, A), np.ones(2)),
        (lambda p, A: (linear(HELD, A)[0], np.zeros(2)), np.ones(2)),
        (lambda p, A: (0.5 * (A**2).sum(), {"W": 0 * p["W"]}), {"W": np.eye(2)}),
        (lambda p: (3.0, p), np.ones(3)),
    ],
)
def test_a_cost_that_does_not_depend_on_params_fails(function, params):
    data = () if function.__code__.co_argcount == 1 else (X,)
    check = check_gradient(function, params, *data)
    assert not check.passed
    assert "The cost does not depend on params" in said(check)


def test_an_array_that_the_cost_does_not_take_is_named():
    def function(p, A):
        cost, g = linear(p["w"], A)
        return cost, {"w": g, "b": np.array([1.0, 2.0, 4.0])}

    check = check_gradient(function, {"w": np.ones(2), "b": np.array([3.0, 1.0, -1.0])}, X)
    assert "Only b is wrong, all other arrays are right. The cost does not depend on b." in said(
        check
    )


def test_where_everything_is_flat_the_check_looks_elsewhere():
    def function(p, A, wrong=1.0):  # with W2 = 0 nothing reaches W1, and any formula is right
        h = np.tanh(A @ p["W1"])
        residual = h @ p["W2"] - A
        back = wrong * (residual @ p["W2"].T) * (1 - h * h)
        return 0.5 * (residual**2).sum(), {"W1": A.T @ back, "W2": h.T @ residual}

    params = {"W1": np.random.default_rng(0).normal(size=(4, 3)), "W2": np.zeros((3, 4))}
    assert check_gradient(function, params, WIDE).passed
    check = check_gradient(lambda p, A: function(p, A, -1.0), params, WIDE)
    assert not check.passed
    text = said(check)
    assert "the slope of W1 is zero" in text
    assert "Only W1 is wrong, all other arrays are right. Its sign is wrong." in text


# --- kinks ----------------------------------------------------------------------------------------


def relu_network(at_zero):
    def function(p, A):
        s = A @ p["W1"] + p["b1"]
        z = np.maximum(s, 0) @ p["W2"]
        d = (z - A) / len(A)
        slope = np.where(s == 0, at_zero, s > 0)
        e = (d @ p["W2"].T) * slope
        gradient = {"W1": A.T @ e, "b1": e.sum(axis=0), "W2": np.maximum(s, 0).T @ d}
        return 0.5 * ((z - A) ** 2).sum() / len(A), gradient

    return function


@pytest.mark.parametrize("at_zero", [0, 1, 0.5])
def test_any_slope_between_those_on_both_sides_passes(at_zero):
    for seed in range(7):
        random = np.random.default_rng(seed)
        A = random.random((4, 3)) if seed % 2 else random.integers(0, 2, (4, 3)) * 1.0
        params = {"W1": np.zeros((3, 3)), "b1": np.zeros(3), "W2": random.normal(size=(3, 3))}
        params["W2"] = np.eye(3) if seed < 2 else params["W2"]
        check = check_gradient(relu_network(at_zero), params, A)
        assert check.passed, str(check)


def test_a_sum_of_right_slopes_of_single_rows_passes():
    random = np.random.default_rng(5)
    A = random.normal(size=(6, 3))
    params = {"W1": np.zeros((3, 4)), "b1": np.zeros(4), "W2": random.normal(size=(4, 3))}
    check = check_gradient(relu_network(1), params, A)
    assert check.passed, str(check)


@pytest.mark.parametrize("at_zero", [3.0, -0.5, 1.2])
def test_the_excuse_of_a_kink_has_an_end(at_zero):
    params = {"W1": np.zeros((2, 2)), "b1": np.zeros(2), "W2": np.eye(2)}
    A = np.array([[1.0, 0], [0, 1], [0.5, 0.2]])
    check = check_gradient(relu_network(at_zero), params, A)
    assert not check.passed
    assert "exactly at those given it is wrong" in said(check)
    assert "between the slopes on both sides" in said(check)


@pytest.mark.parametrize(
    ("cost", "slope"),
    [
        (lambda w: np.abs(w).sum(), np.sign),
        (lambda w: np.maximum(w, 0.2 * w).sum(), lambda w: np.where(w >= 0, 1, 0.2)),
        (lambda w: np.maximum(0, 1 - w).sum(), lambda w: np.where(w < 1, -1.0, 0.0)),
        (lambda w: (np.maximum(w, 0) ** 2).sum(), lambda w: 2 * np.maximum(w, 0)),
        (lambda w: np.maximum(w[:2], w[1:]).sum(), lambda w: _slope_of_maximum(w)),
    ],
    ids=["absolute", "leaky relu", "hinge", "squared relu", "maximum"],
)
def test_other_kinks(cost, slope):
    for w in ([0.0, 1.0, -2.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1e-7, -1e-7, 1e-3]):
        check = check_gradient(lambda p: (cost(p), slope(p)), np.array(w))
        assert check.passed, str(check)
        check = check_gradient(lambda p: (cost(p), 3 * slope(p) + 0.1), np.array(w))
        assert not check.passed


def _slope_of_maximum(w):
    is_first = w[:2] >= w[1:]
    g = np.zeros(3)
    g[:2] += is_first
    g[1:] += ~is_first
    return g


def test_no_warning_of_the_checks_own_making():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not check_gradient(lambda w, A: (np.exp(w @ w), w), np.array([3.0, 2.0]), X).passed
