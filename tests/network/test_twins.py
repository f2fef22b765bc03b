"""The compiled twin agrees with the reference, whatever the architecture, data and instruction set."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import every_architecture, output_activations, random_data
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ae_core import SGD, Adam, AdamW, Architecture, Network, RMSprop, reference, train
from ae_core._engine.kernels import table as kernels
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LINKS, LOSSES
from ae_core.formulas.solvers import SOLVERS, Solver

CLOSE = {np.float32: 1e-4, np.float64: 1e-10}
TRAINED = [
    SGD(0.01),
    SGD(0.01, momentum=0.9),
    SGD(0.01, momentum=0.9, nesterovs_momentum=True),
    Adam(1e-3),
    AdamW(1e-3, weight_decay=0.1),
    RMSprop(1e-3),
]
# Where a gradient has become nothing but rounding, dividing it by its own size makes a full step of
# that rounding. A larger epsilon keeps such steps out of a comparison to ten digits.
STEADY = [
    replace(solver, epsilon=1e-3) if hasattr(solver, "epsilon") else solver for solver in TRAINED
]


@st.composite
def architectures(draw, smooth=False):
    """Any architecture of moderate size; `smooth`: none whose gradient jumps."""
    names = sorted(set(ACTIVATIONS) - {"relu", "leaky_relu", "selu"} if smooth else ACTIVATIONS)
    losses = sorted(set(LOSSES) - {"absolute_error"} if smooth else LOSSES)
    loss = draw(st.sampled_from(losses))
    outputs = [n for n in output_activations(loss) if n in names or n not in ACTIVATIONS]
    half = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
    n_features = draw(st.integers(1, 70))
    biases, tied = draw(st.booleans()), draw(st.booleans())
    sizes = [n_features, *half, *half[-2::-1], n_features]
    if not tied:
        sizes[1:-1] = draw(st.lists(st.integers(1, 40), min_size=1, max_size=5))
    activations = [draw(st.sampled_from(names)) for _ in sizes[2:]]
    code_layer = len(half) if tied else draw(st.integers(1, len(sizes) - 2))
    output = draw(st.sampled_from(outputs))
    return Architecture(
        sizes, (*activations, output), loss=loss, code_layer=code_layer, biases=biases, tied=tied
    )


def twins(architecture, dtype, seed=0):
    """The reference and the engine with the same parameters, biases not zero."""
    params = reference.Network(architecture, random_state=seed).params
    params += np.random.default_rng(seed).normal(0, 0.05, params.shape)
    n_threads = 1 + seed % 3
    return [
        reference.Network(architecture, params.copy(), dtype=dtype),
        Network(architecture, params.astype(dtype), dtype=dtype, n_threads=n_threads),
    ]


def assert_close(ours, theirs, dtype, what):
    """Within the tolerance, relative to the size of the whole array."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape, what
    assert np.linalg.norm(ours - theirs) <= CLOSE[dtype] * np.linalg.norm(theirs), what


def assume_steady(network, train):
    """Leave out what would turn a change in the last digits into another training.

    At the edge of an explosion the twins' roundings do. ``train(network)`` trains it in place.
    """
    params = network.params.copy()
    shaken = params * (1 + 1e-15 * np.random.default_rng(0).normal(size=params.shape))
    trained = []
    with np.errstate(all="ignore"):
        for start in (params, shaken):
            twin = reference.Network(network.architecture, start)
            train(twin)
            trained.append(twin.params)
        difference = np.linalg.norm(trained[0] - trained[1])
        assume(difference <= 1e-12 * np.linalg.norm(trained[0]))  # so not where it is NaN either


@given(
    architecture=architectures(),
    n_samples=st.integers(1, 1000),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_passes_agree(architecture, n_samples, dtype, seed):
    X = random_data(architecture, n_samples, seed).astype(dtype)
    slow, fast = twins(architecture, dtype, seed)
    assume(slow.loss(X) > 1e-3)  # where x̂ - x is nearly nothing, its digits are rounding's
    for method in ("forward", "encode", "reconstruction_errors", "loss"):
        assert_close(getattr(fast, method)(X), getattr(slow, method)(X), dtype, method)
    code = slow.encode(X)
    assert_close(fast.decode(code), slow.decode(code), dtype, "decode")


@given(
    architecture=architectures(smooth=True),
    n_samples=st.integers(1, 1000),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_gradients_agree(architecture, n_samples, dtype, seed):
    X = random_data(architecture, n_samples, seed).astype(dtype)
    slow, fast = twins(architecture, dtype, seed)
    (loss, gradient), (exact_loss, exact) = (n.loss_and_gradient(X) for n in (fast, slow))
    # Where x̂ - x, or a sum of gradients, cancels to nearly nothing, either twin keeps few digits.
    assume(exact_loss > 1e-3 and np.linalg.norm(exact) > 1e-3 * exact_loss)
    assert loss == pytest.approx(exact_loss, rel=CLOSE[dtype])
    assert_close(gradient, exact, dtype, "gradient")


def test_gradients_agree_for_every_name():
    for architecture in every_architecture():
        X = random_data(architecture, 9)
        slow, fast = twins(architecture, np.float64)
        assert_close(
            fast.loss_and_gradient(X)[1], slow.loss_and_gradient(X)[1], np.float64, architecture
        )


@pytest.mark.parametrize("solver", STEADY, ids=str)
@given(
    architecture=architectures(smooth=True),
    n_samples=st.integers(1, 300),
    batch_size=st.integers(1, 300),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_fifty_steps_agree(solver, architecture, n_samples, batch_size, seed):
    batch_size = min(batch_size, n_samples)
    X = random_data(architecture, n_samples, seed)
    slow, fast = twins(architecture, np.float64, seed)
    order = np.random.default_rng(seed).integers(0, n_samples, 50 * batch_size)
    rates = np.linspace(1, 0.5, 50) * solver.learning_rate_init

    def train(network):
        state = solver.start(network.params)
        return network.train_steps(X, order, batch_size, solver, state, rates), state

    assume_steady(slow, train)
    with np.errstate(all="ignore"):
        curves, states = zip(*(train(network) for network in (slow, fast)), strict=True)
    assume(np.isfinite(curves[0]).all())
    assert_close(curves[1], curves[0], np.float64, "losses")
    assert_close(fast.params, slow.params, np.float64, "params")
    assert states[0].n_steps == states[1].n_steps == 50
    for ours, theirs in zip(states[1].memory, states[0].memory, strict=True):
        assert_close(ours, theirs, np.float64, "memory")


@pytest.mark.parametrize("solver", TRAINED, ids=str)
def test_fifty_steps_agree_in_float32(solver):
    architecture = Architecture.symmetrical((30, 20, 5), activation="tanh")
    X = random_data(architecture, 100).astype(np.float32)
    slow, fast = twins(architecture, np.float32)
    curves = [
        train(network, X, solver=solver, batch_size=20, max_iter=10, random_state=0).loss_curve
        for network in (slow, fast)
    ]
    assert_close(curves[1], curves[0], np.float32, "losses")
    assert_close(fast.params, slow.params, np.float32, "params")


def test_the_registries_are_the_same():
    assert set(kernels.ACTIVATIONS) == {*ACTIVATIONS, *LINKS} - {"softmax"}  # which is no element's
    assert set(kernels.LOSSES) == set(LOSSES)
    assert set(kernels.SOLVERS) - {"nesterov"} == set(SOLVERS) - {"adamw"}  # adam, with decay


def test_somebodys_own_solver_is_applied():
    class SignDescent(Solver):
        name, remembers = "sign", ()

        def update(self, params, gradient, n, rate, *memory):
            return (params - rate * np.sign(gradient),)

    architecture = Architecture((5, 3, 5), "tanh")
    X = random_data(architecture, 20)
    slow, fast = twins(architecture, np.float64)
    for network in (slow, fast):
        train(network, X, solver=SignDescent(0.01), max_iter=5, batch_size=7, random_state=0)
    assert_close(fast.params, slow.params, np.float64, "params")


def test_a_loss_that_is_not_finite_stops_both_at_the_same_step():
    architecture = Architecture((4, 2, 4), "identity")
    X = 10 * random_data(architecture, 20)
    ends = []
    for network in twins(architecture, np.float64):
        solver = SGD(50.0)
        state = solver.start(network.params)
        order = np.tile(np.arange(20), 200)
        with np.errstate(all="ignore"):
            losses = network.train_steps(X, order, 20, solver, state, np.full(200, 50.0))
        ends.append((int(np.isfinite(losses).sum()), state.n_steps))
    assert ends[0] == ends[1]
    assert 0 < ends[0][0] < 200


@pytest.mark.parametrize("level", ["baseline", "avx2", "avx512"])
def test_every_instruction_set_agrees_with_the_reference(level):
    code = """if True:
    import numpy as np
    from conftest import every_architecture, random_data
    from test_twins import TRAINED, assert_close, twins
    from ae_core import Architecture, train
    from ae_core.data.rows import Rows
    for dtype in (np.float32, np.float64):
        for architecture in every_architecture():
            X = random_data(architecture, 70).astype(dtype)
            slow, fast = twins(architecture, dtype)
            assert_close(fast.forward(X), slow.forward(X), dtype, architecture)
            errors = fast.reconstruction_errors(X), slow.reconstruction_errors(X)
            assert_close(*errors, dtype, architecture)
            if dtype is np.float64:
                gradients = fast.loss_and_gradient(X)[1], slow.loss_and_gradient(X)[1]
                assert_close(*gradients, dtype, architecture)
        for solver in TRAINED:
            architecture = Architecture.symmetrical((30, 20, 5), activation="tanh")
            X = random_data(architecture, 100).astype(dtype)
            slow, fast = twins(architecture, dtype)
            for network in (slow, fast):
                train(network, X, solver=solver, batch_size=20, max_iter=5, random_state=0)
            assert_close(fast.params, slow.params, dtype, solver)
        architecture = Architecture.symmetrical((77, 20, 5), activation="tanh", alpha=5.0)
        random = np.random.default_rng(0)
        for source in (np.uint8, np.float32, np.float64):
            for step in (1, 2):
                X = random.integers(0, 256, (100, 77 * step)).astype(source)[:, ::step]
                scale = random.normal(100, 50, 77), random.uniform(0.001, 0.01, 77)
                rows = Rows(X, *scale, sample_weight=random.uniform(0, 2, 100))
                slow, fast = twins(architecture, dtype)
                seen = rows.take(slice(None), dtype)
                np.testing.assert_array_equal(fast.encode(rows), fast.encode(seen))
                for network in (slow, fast):
                    train(network, rows, batch_size=20, max_iter=5, random_state=0)
                assert_close(fast.params, slow.params, dtype, source)
    """
    folder = os.path.dirname(__file__)
    paths = [folder, os.path.dirname(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "AE_CORE_SIMD": level, "PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, cwd=folder)


def test_products_left_to_blas_agree(monkeypatch):
    """Layers so large that, on some instruction sets, BLAS multiplies them."""
    architecture = Architecture((1200, 900, 3, 1200), "tanh")
    X = random_data(architecture, 300)
    slow, fast = twins(architecture, np.float64)
    assert_close(fast.forward(X), slow.forward(X), np.float64, "forward")
    assert_close(fast.loss_and_gradient(X)[1], slow.loss_and_gradient(X)[1], np.float64, "gradient")
