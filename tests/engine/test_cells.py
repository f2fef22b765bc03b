"""Steps that are cut by columns too: the same bits as by rows alone, for any number of threads."""

import numpy as np
import pytest
from families import Table
from test_family import of
from test_family_threads import FAMILIES

from ae_core import Adam, Architecture, Network, reference
from ae_core._engine import for_tests
from ae_core.network import compiled

N_ROWS, BATCH_SIZE, N_STEPS = 330, 150, 5
WIDE = {  # several blocks of columns, of both widths, and a last one that is not whole
    "logistic": of((530, 140, 9), activation="logistic"),
    "tied": of((530, 70, 9), activation="elu", tied=True),
    "weights": of((530, 140, 9), Table("holes", weights="reals"), activation="tanh"),
}
EVERY = {**FAMILIES, **WIDE}


@pytest.fixture(params=EVERY.values(), ids=EVERY)
def family(request):
    """Networks with anything beyond a plain one."""
    return request.param._replace(table=request.param.table._replace(n_samples=N_ROWS))


@pytest.fixture
def cut(monkeypatch):
    """Say from which size on steps are cut by columns."""
    monkeypatch.setattr(compiled, "WORTH_A_THREAD", 0)
    before = for_tests.cut_by_columns_from(0)
    yield for_tests.cut_by_columns_from
    for_tests.cut_by_columns_from(before)


def steps(family, dtype, n_threads):
    """A few steps, and a gradient: losses, and everything else."""
    rows, random = family.rows(), np.random.default_rng(0)
    order = random.permutation(N_STEPS * BATCH_SIZE) % N_ROWS
    keys = random.integers(0, 2**64, N_STEPS, dtype=np.uint64)
    params = family.network(reference.Network, dtype).params
    net = Network(family.architecture, params.copy(), dtype=dtype, n_threads=n_threads)
    solver = Adam(1e-3)
    state, rates = solver.start(net.params), np.full(N_STEPS, 1e-3)
    losses = net.train_steps(rows, order, BATCH_SIZE, solver, state, rates, keys)
    loss, gradient = net.loss_and_gradient(rows, noise_key=3)
    return np.append(losses, loss), np.concatenate([net.params, gradient, *state.memory])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_bits_as_by_rows_alone(cut, family, dtype):
    """All but the losses, which are added up in another order."""
    losses, results = steps(family, dtype, 1)
    cut(np.inf)
    by_rows, expected = steps(family, dtype, 1)
    np.testing.assert_array_equal(results, expected)
    np.testing.assert_allclose(losses, by_rows, rtol=1e-12 if dtype is np.float64 else 1e-6)


def test_the_same_bits_for_any_number_of_threads(cut, family):
    """Also with more threads than there are cells."""
    expected = steps(family, np.float32, 1)
    for n_threads in (2, 3, 7, 16):
        for one, other in zip(expected, steps(family, np.float32, n_threads), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("n_rows", "is_long"), [(100, True), (7, False)], ids=["a step of 80 million", "of 6 million"]
)
def test_long_steps_alone_are_cut(n_rows, is_long):
    """The choice is one of the architecture and the batch."""
    net = Network(Architecture.symmetrical((300, 450)), dtype=np.float32)
    assert net._plan.describe(n_rows, 4)[-1] == is_long


def test_nothing_is_lost_when_a_long_step_is_interrupted(cut):
    """A loss that is not finite ends a step before any parameter changes."""
    net = Network(Architecture.symmetrical((30, 20)), n_threads=2, random_state=0)
    X = np.random.default_rng(0).random((40, 30))
    X[:] = 1e200
    before, solver = net.params.copy(), Adam(1e-3)
    with np.errstate(over="ignore"):
        losses = net.train_steps(X, np.arange(40), 40, solver, solver.start(before), np.ones(1))
    assert not np.isfinite(losses[-1])
    np.testing.assert_array_equal(net.params, before)
