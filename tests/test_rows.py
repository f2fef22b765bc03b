"""Scaled, cast and weighted rows, and the penalty on weights: the same in both twins."""

import numpy as np
import pytest
from conftest import random_data
from hypothesis import given
from hypothesis import strategies as st

from ae_core import Adam, Architecture, Network, reference, train
from ae_core.rows import Rows

TIED = Architecture.symmetrical((6, 5, 3), activation="tanh", tied=True)
PLAIN = Architecture.symmetrical((6, 5, 3), activation="elu", alpha=0.7)


def tables():
    """One table in every way it may come, with what a network should see of it."""
    bytes_ = np.random.default_rng(0).integers(0, 256, (40, 6), dtype=np.uint8)
    X = bytes_.astype(np.float64)
    yield "bytes", bytes_, X
    yield "float32", X.astype(np.float32), X
    yield "float64", X, X
    yield "int64", X.astype(np.int64), X
    yield "bool", X > 128, (X > 128).astype(float)
    yield "fortran", np.asfortranarray(X.astype(np.float32)), X
    yield "every second", np.repeat(X, 2, axis=0)[::2], X
    yield "reversed columns", np.ascontiguousarray(X[:, ::-1])[:, ::-1], X
    yield "unaligned", np.frombuffer(b"\0" + X.tobytes(), offset=1).reshape(X.shape), X


def each_table(function):
    named = list(tables())
    return pytest.mark.parametrize(
        ("table", "values"), [t[1:] for t in named], ids=[t[0] for t in named]
    )(function)


@each_table
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_sees_scaled_rows(network_class, table, values, dtype):
    shift, factor = values.mean(axis=0), 1 / values.std(axis=0)
    seen = ((values - shift) * factor).astype(dtype)
    weights = np.arange(40.0)
    network = network_class(PLAIN, dtype=dtype, random_state=0)
    rows = Rows(table, shift, factor, sample_weight=weights)
    plain = Rows(seen, sample_weight=weights)
    for method in ("forward", "encode", "reconstruction_errors", "loss"):
        # To the bit: scaling comes first, and all else is the same.
        np.testing.assert_array_equal(
            getattr(network, method)(rows), getattr(network, method)(plain)
        )
    loss, gradient = network.loss_and_gradient(rows)
    loss_of_seen, gradient_of_seen = network.loss_and_gradient(plain)
    assert loss == loss_of_seen
    np.testing.assert_array_equal(gradient, gradient_of_seen)
    order = np.random.default_rng(1).permutation(np.arange(1, 40))
    steps = [network_class(PLAIN, network.params.copy(), dtype=dtype) for _ in range(2)]
    rates = np.full(4, 0.01)
    curves = [
        n.train_steps(data, order, 10, Adam(), Adam().start(n.params), rates)
        for n, data in zip(steps, (rows, plain), strict=True)
    ]
    np.testing.assert_array_equal(*curves)
    np.testing.assert_array_equal(steps[0].params, steps[1].params)


@pytest.mark.parametrize("architecture", [TIED, PLAIN], ids=["tied", "alpha"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_integer_weights_are_repeated_rows(network_class, architecture, dtype):
    X = random_data(architecture, 30)
    weights = np.random.default_rng(1).integers(0, 4, 30)
    repeated = X.repeat(weights, axis=0)
    network = network_class(architecture, dtype=dtype, random_state=0)
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-15}
    )
    loss, gradient = network.loss_and_gradient(Rows(X, sample_weight=weights))
    expected_loss, expected = network.loss_and_gradient(repeated)
    np.testing.assert_allclose(loss, expected_loss, **tolerance)
    np.testing.assert_allclose(gradient, expected, **tolerance)
    np.testing.assert_allclose(
        network.loss(Rows(X, sample_weight=weights)), expected_loss, **tolerance
    )


@given(
    seed=st.integers(0, 2**32 - 1),
    alpha=st.sampled_from([0.0, 1e-3, 2.0]),
    tied=st.booleans(),
    biases=st.booleans(),
    n_rows=st.integers(1, 300),
    batch_size=st.integers(1, 300),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_twins_agree_on_weighted_scaled_rows(seed, alpha, tied, biases, n_rows, batch_size, dtype):
    random = np.random.default_rng(seed)
    architecture = Architecture.symmetrical(
        (7, 5, 2), activation="tanh", tied=tied, biases=biases, alpha=alpha
    )
    rows = Rows(
        random.normal(5, 3, (n_rows, 7)),
        shift=np.full(7, 5.0),
        factor=random.uniform(0.1, 0.5, 7),
        sample_weight=random.uniform(0.1, 3, n_rows),
    )
    twins = [c(architecture, dtype=dtype, random_state=seed) for c in (reference.Network, Network)]
    tolerance = 1e-4 if dtype is np.float32 else 1e-10
    (loss, gradient), (fast_loss, fast_gradient) = (n.loss_and_gradient(rows) for n in twins)
    np.testing.assert_allclose(fast_loss, loss, rtol=tolerance)
    np.testing.assert_allclose(
        fast_gradient, gradient, rtol=0, atol=tolerance * max(1e-3, np.abs(gradient).max())
    )
    assert twins[1].loss(rows) == pytest.approx(fast_loss, rel=tolerance)
    order = random.permutation(n_rows)
    rates = np.full(-(-n_rows // batch_size), 1e-3)
    solver = Adam(epsilon=1e-3)
    curves = [
        n.train_steps(rows, order, batch_size, solver, solver.start(n.params), rates) for n in twins
    ]
    np.testing.assert_allclose(curves[1], curves[0], rtol=10 * tolerance)
    np.testing.assert_allclose(twins[1].params, twins[0].params, rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("tied", [False, True])
def test_the_penalty_has_the_gradient_that_finite_differences_find(network_class, tied):
    architecture = Architecture.symmetrical((6, 5, 3), activation="tanh", tied=tied, alpha=3.0)
    X = random_data(architecture, 12)
    network = network_class(architecture, random_state=0)
    rows = Rows(X, factor=np.linspace(0.5, 2, 6), sample_weight=np.arange(12.0))
    _, gradient = network.loss_and_gradient(rows)
    for i in range(0, network.params.size, 7):
        step = 1e-5 * np.eye(1, network.params.size, i)[0]
        rise = network.loss(rows, params=network.params + step)
        rise -= network.loss(rows, params=network.params - step)
        assert rise / 2e-5 == pytest.approx(gradient[i], rel=1e-6, abs=1e-9)
    weights = [W for name, W in network.weights.items() if name.startswith("W")]
    free = network_class(
        Architecture.symmetrical((6, 5, 3), activation="tanh", tied=tied), network.params
    )
    penalty = 0.5 * 3.0 * sum((W**2).sum() for W in weights) / np.arange(12.0).sum()
    assert network.loss(rows) - free.loss(rows) == pytest.approx(penalty, rel=1e-12)


def test_threads_give_the_same_bits_on_weighted_scaled_rows():
    architecture = Architecture.symmetrical((200, 150, 20), activation="elu", alpha=0.1)
    random = np.random.default_rng(0)
    X = random.integers(0, 256, (1000, 200), dtype=np.uint8)
    rows = Rows(X, factor=np.full(200, 1 / 255), sample_weight=random.uniform(0, 2, 1000))
    results = []
    for n_threads in (1, 2, 3):
        network = Network(architecture, dtype="float32", random_state=0, n_threads=n_threads)
        train(network, rows, batch_size=300, max_iter=2, random_state=0)
        results.append((network.params, network.loss(rows), network.encode(rows)))
    for params, loss, code in results[1:]:
        np.testing.assert_array_equal(params, results[0][0])
        assert loss == results[0][1]
        np.testing.assert_array_equal(code, results[0][2])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"shift": [1.0]}, r"shift has shape \(1,\)"),
        ({"factor": [1.0, np.nan]}, "factor has entries that are not finite"),
        ({"sample_weight": [1.0]}, r"sample_weight has shape \(1,\).*\(3,\)"),
        ({"sample_weight": [1.0, -1, 2]}, "sample_weight has negative"),
        ({"sample_weight": [0, 0, 0]}, "sample_weight is zero for every row"),
    ],
)
def test_what_does_not_fit_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        Rows(np.ones((3, 2)), **arguments)


def test_a_batch_without_weight_is_refused(network_class):
    network = network_class(Architecture((2, 1, 2)), random_state=0)
    rows = Rows(np.eye(2), sample_weight=[1, 0])
    before = network.params.copy()
    with pytest.raises(ValueError, match=r"sample_weight is zero for all of the 1 rows of batch 1"):
        network.train_steps(rows, np.arange(2), 1, Adam(), Adam().start(network.params), np.ones(2))
    np.testing.assert_array_equal(network.params, before)
