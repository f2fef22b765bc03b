"""Scaled, cast and weighted rows, and the penalty on weights: the same in both twins."""

import tracemalloc

import numpy as np
import pytest
from conftest import random_data
from hypothesis import given
from hypothesis import strategies as st

from ae_core import SGD, Adam, Architecture, Network, diagnose_data, reference, train
from ae_core._engine import training
from ae_core._engine.rows import Rows as EngineRows
from ae_core.data.rows import Rows
from ae_core.network.engine_terms import step_constants

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
    yield "bytes, every third, backwards", np.repeat(bytes_, 3, axis=1)[::-1, ::-3], X[::-1, ::-1]
    yield "far apart", np.repeat(X.astype(np.float32), 5000, axis=1)[:, ::5000], X
    yield "one column for all", np.broadcast_to(X[:, :1], X.shape), np.repeat(X[:, :1], 6, axis=1)
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


@each_table
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_sees_rows_as_they_are(network_class, table, values, dtype):
    network = network_class(PLAIN, dtype=dtype, random_state=0)
    seen = np.ascontiguousarray(values, dtype=dtype)
    for method in ("forward", "encode", "reconstruction_errors"):
        np.testing.assert_array_equal(
            getattr(network, method)(table), getattr(network, method)(seen)
        )
    np.testing.assert_array_equal(
        network.loss_and_gradient(table)[1], network.loss_and_gradient(seen)[1]
    )


@given(
    seed=st.integers(0, 2**32 - 1),
    source=st.sampled_from([np.uint8, np.float32, np.float64]),
    dtype=st.sampled_from([np.float32, np.float64]),
    steps=st.tuples(*2 * [st.sampled_from([-3, -1, 1, 2])]),
    turned=st.booleans(),
    n_rows=st.integers(1, 150),
    n_columns=st.integers(1, 90),
    has_shift=st.booleans(),
    has_factor=st.booleans(),
)
def test_rows_are_taken_as_numpy_takes_them(
    seed, source, dtype, steps, turned, n_rows, n_columns, has_shift, has_factor
):
    random = np.random.default_rng(seed)
    shape = tuple(n * abs(step) for n, step in zip((n_rows, n_columns), steps, strict=True))
    table = random.uniform(0, 255, shape[::-1] if turned else shape).astype(source)
    table = (table.T if turned else table)[:: steps[0], :: steps[1]]
    shift = random.normal(100, 50, n_columns) if has_shift else None
    factor = random.normal(0, 0.01, n_columns) if has_factor else None
    rows = Rows(table, shift, factor)
    seen = rows.take(slice(None), dtype)
    architecture = Architecture((n_columns, 2, n_columns), "tanh")
    networks = [Network(architecture, dtype=dtype, random_state=0) for _ in range(2)]
    np.testing.assert_array_equal(networks[0].forward(rows), networks[1].forward(seen))
    np.testing.assert_array_equal(
        networks[0].reconstruction_errors(rows), networks[1].reconstruction_errors(seen)
    )
    order = random.integers(0, n_rows, 2 * n_rows)
    for network, data in zip(networks, (rows, seen), strict=True):
        network.train_steps(
            data, order, n_rows, SGD(), SGD().start(network.params), np.full(2, 1e-6)
        )
    np.testing.assert_array_equal(networks[0].params, networks[1].params)


@each_table
@pytest.mark.parametrize("scaled", [True, False])
def test_clipped_rows_stay_within_0_and_1(network_class, table, values, scaled):
    factor = np.linspace(1 / 300, 1 / 100, 6) if scaled else None
    seen = (values * factor if scaled else values).clip(0, 1)
    network = network_class(PLAIN, random_state=0)
    rows = Rows(table, None, factor, clip=True)
    np.testing.assert_array_equal(network.forward(rows), network.forward(seen))
    np.testing.assert_array_equal(
        network.loss_and_gradient(rows)[1], network.loss_and_gradient(seen)[1]
    )
    low, high = rows.limits
    assert low.min() >= 0
    assert high.max() <= 1


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


def test_each_step_reports_the_penalty_on_its_own_weights(network_class):
    rows = Rows(random_data(PLAIN, 12), sample_weight=np.arange(1.0, 13))
    network = network_class(PLAIN, random_state=0)
    order = np.tile(np.arange(12), 3)
    args = SGD(), SGD().start(network.params), np.full(3, 0.1)
    losses = network.train_steps(rows, order, 12, *args)
    again = network_class(PLAIN, random_state=0)
    args = SGD(), SGD().start(again.params), np.full(1, 0.1)
    for loss in losses:
        assert loss == pytest.approx(again.loss(rows), rel=1e-12)
        again.train_steps(rows, order[:12], 12, *args)
    np.testing.assert_allclose(network.params, again.params, rtol=1e-12)


@pytest.mark.parametrize(("size", "finite"), [(1e150, True), (1e160, False)])
def test_a_penalty_that_overflows_stops_before_the_step(network_class, size, finite):
    architecture = Architecture((2, 1, 2), "tanh", alpha=1.0)
    params = np.zeros(architecture.n_params)
    params[:2] = size  # of W1: tanh still makes a finite loss of it
    network = network_class(architecture, params.copy())
    state = SGD().start(network.params)
    with np.errstate(over="ignore"):
        losses = network.train_steps(np.eye(2), np.arange(4) % 2, 2, SGD(), state, np.ones(2))
    if finite:
        assert losses[0] == pytest.approx(0.5 * size**2)
        assert not np.array_equal(network.params, params)
    else:
        np.testing.assert_array_equal(losses, [np.inf, np.nan])
        np.testing.assert_array_equal(network.params, params)
        assert state.n_steps == 0


def test_squares_beyond_float32_are_added_up():
    architecture = Architecture((2, 1, 2), "tanh", alpha=1.0)
    network = Network(architecture, np.full(architecture.n_params, 1e25), dtype="float32")
    loss, _ = network.loss_and_gradient(Rows(np.zeros((2, 2), np.float32)))
    assert loss > 0.5 * 4 * 1e50 / 2


class OwnSGD(SGD):
    """A solver that only Python knows."""


def test_a_solver_of_ones_own_sees_the_same_rows():
    random = np.random.default_rng(0)
    bytes_ = random.integers(0, 256, (20, 6), dtype=np.uint8)
    rows = Rows(bytes_, factor=np.full(6, 1 / 255), sample_weight=random.uniform(0.1, 2, 20))
    results = []
    for solver in (SGD(0.1), OwnSGD(0.1)):
        network = Network(PLAIN, random_state=0)
        state = solver.start(network.params)
        network.train_steps(rows, np.arange(20), 7, solver, state, np.full(3, 0.1))
        results.append(network.params)
    np.testing.assert_allclose(*results, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("source", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("scaled", [True, False])
def test_inference_on_a_memory_map_makes_nothing_as_large(tmp_path, source, dtype, scaled):
    network = Network(Architecture.symmetrical((100, 10, 3)), dtype=dtype, random_state=0)
    for n_rows in (1_000, 60_000):
        path = tmp_path / f"{n_rows}.npy"
        np.save(path, np.random.default_rng(0).integers(0, 9, (n_rows, 100)).astype(source))
        table = np.load(path, mmap_mode="r")
        for method in ("encode", "reconstruction_errors", "forward"):
            tracemalloc.start()
            rows = Rows(table, factor=np.full(100, 0.1) if scaled else None)
            result = getattr(network, method)(rows)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < result.nbytes + 2**20


def test_training_on_bytes_makes_nothing_as_large():
    X = np.random.default_rng(0).integers(0, 256, (60_000, 100), dtype=np.uint8)
    rows = Rows(X, factor=np.full(100, 1 / 255))
    network = Network(Architecture.symmetrical((100, 10, 3)), dtype="float32", random_state=0)
    tracemalloc.start()
    network.train_steps(
        rows, np.arange(60_000), 500, SGD(), SGD().start(network.params), np.full(120, 0.1)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 4


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
    with pytest.raises(
        ValueError,
        match=r"sample_weight is zero, or nothing is seen, for all of the 1 rows of batch 1",
    ):
        network.train_steps(rows, np.arange(2), 1, Adam(), Adam().start(network.params), np.ones(2))
    np.testing.assert_array_equal(network.params, before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"X": np.ones((3, 4), dtype=np.int64)}, "2 dimensions of 'l'"),
        ({"X": np.ones((3, 4), dtype=">f8")}, "2 dimensions of '>d'"),
        ({"X": np.ones(3)}, "1 dimensions of 'd'"),
        ({"shift": np.ones(3)}, "shift has 3 entries: 4 are needed"),
        ({"factor": np.ones(5)}, "factor has 5 entries: 4 are needed"),
        ({"sample_weight": np.ones(4)}, "sample_weight has 4 entries: 3 are needed"),
        ({"shift": np.ones(4, dtype=np.float32)}, "expected 'const double' but got 'float'"),
    ],
)
def test_rows_of_the_engine_refuse_what_does_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words):
        EngineRows(**{"X": np.ones((3, 4)), **arguments})


@pytest.mark.parametrize(
    ("weighted", "counts", "words"),
    [
        (True, None, "counts are needed for rows with weights"),
        (True, [2.0], "counts has 1 entries: 2 are needed"),
        (True, [2.0, 0.0], "counts has 0.0: each must be positive"),
        (True, [np.nan, 1.0], "counts has nan"),
    ],
)
def test_counts_of_batches_that_do_not_fit_are_refused(weighted, counts, words):
    net = Network(Architecture((4, 2, 4)), random_state=0)
    before, solver = net.params.copy(), Adam()
    data = EngineRows(np.ones((3, 4)), None, None, np.ones(3) if weighted else None)
    name, constants = step_constants(solver, 0, np.ones(2))
    memory, losses, done = solver.start(net.params).memory, np.zeros(2), np.zeros(1, np.intp)
    arguments = [net._plan, net.params, data, np.arange(3), 2, name, list(memory), constants]
    counts = None if counts is None else np.array(counts)
    with pytest.raises(ValueError, match=words):
        training.train_steps(*arguments, losses, done, 1, counts)
    np.testing.assert_array_equal(net.params, before)
    with pytest.raises(ValueError, match="done, of 0"):
        training.train_steps(*arguments, losses, done[:0], 1, counts)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # np.matrix's own
@pytest.mark.parametrize("n_columns", [1, 3])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("X", Rows),
        ("X", lambda X: Rows(X, missing="mask")),
        ("X", diagnose_data),
        ("X", lambda X: network_of(X).loss(X)),
        ("X", lambda X: network_of(X).encode(X)),
        ("X", lambda X: train(network_of(X), X)),
        ("code", lambda X: network_of(X).decode(X[:, :1])),
    ],
)
def test_numpys_old_matrices_are_refused_before_numpy_stacks_them(name, call, n_columns):
    """Of which NumPy's `stack` writes beyond the result's end."""
    X = np.matrix(np.random.default_rng(0).random((130, n_columns)))
    with pytest.raises(TypeError, match=rf"^{name} is a np\.matrix, .*give np\.asarray\({name}\)$"):
        call(X)


def network_of(X):
    return Network(Architecture.symmetrical((X.shape[1], 1)), random_state=0)
