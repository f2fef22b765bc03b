"""Sparse rows with a squared error: the engine does without the output, and nobody can tell."""

import numpy as np
import pytest
from families import Family, Table
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from test_twins import assert_close

from ae_core import Adam, Architecture, Network, reference
from ae_core._engine import workspace
from ae_core.data.rows import Rows
from ae_core.network.engine_terms import engine_rows

WIDE = (400, 9, 3)


def skips_output(network, rows, batch_size=None):
    """Whether the engine makes no output in such a step."""
    return workspace.Workspace(
        network._plan,
        engine_rows(rows),
        network.dtype.itemsize,
        None,
        len(rows) if batch_size is None else batch_size,
        1,
        False,
        None,
        None,
    ).skips_output


def thin(n_samples, n_features=WIDE[0], density=0.02, seed=0):
    """A table of which little is stored."""
    random = np.random.default_rng(seed)
    return sparse.random_array((n_samples, n_features), density=density, format="csr", rng=random)


@st.composite
def wide_families(draw):
    """Networks whose step makes no output, with anything that goes together with that."""
    sizes = draw(st.sampled_from([(60, 3), (130, 17, 4), (150, 70, 5), (60, 4, 5, 3)]))
    options = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "tied": st.booleans(),
                "biases": st.booleans(),
                "corruption": st.just("masking"),
                "dropout": st.just(0.3),
                "contraction": st.just(0.2),
                "sparsity": st.just(0.5),
                "alpha": st.just(0.3),
                "code_l1": st.just(0.1),
            },
        )
    )
    architecture = Architecture.symmetrical(sizes, activation="logistic", **options)
    weights = draw(st.sampled_from([None, "integers", "reals"]))
    seed = draw(st.integers(0, 99))
    n_samples = draw(st.sampled_from([70, 150, 300]))
    return Family(architecture, Table("thin csr", n_samples, weights=weights, seed=seed))


@given(wide_families(), st.sampled_from([np.float64, np.float32]))
@settings(max_examples=60)
def test_loss_gradient_and_steps_are_the_reference_s(family, dtype):
    """With as many rows as make it worth to leave the output out."""
    rows = family.rows()
    twins = [family.network(c, dtype) for c in (reference.Network, Network)]
    assume(skips_output(twins[1], rows))
    (loss, gradient), (fast_loss, fast_gradient) = (
        twin.loss_and_gradient(rows, noise_key=family.noise_key) for twin in twins
    )
    assert_close(fast_loss, loss, dtype, "loss")
    assert_close(fast_gradient, gradient, dtype, "gradient")
    n, n_steps, solver = len(rows), 3, Adam(1e-2, epsilon=1e-3, averaging=0.9)
    order = np.random.default_rng(0).integers(0, n, n * n_steps)
    results = []
    for twin in twins:
        state, rates = solver.start(twin.params), np.full(n_steps, 1e-2)
        losses = twin.train_steps(rows, order, n, solver, state, rates)
        results.append((losses, twin.params, state.average))
    for what, slow, fast in zip(("losses", "params", "average"), *results, strict=True):
        assert_close(fast, slow, dtype, what)


@pytest.mark.parametrize(
    ("options", "table", "expected"),
    [
        ({}, {}, True),
        ({"tied": True, "biases": False}, {}, True),
        ({"output_activation": "logistic"}, {}, False),
        ({"loss": "huber"}, {}, False),
        ({"feature_weights": np.linspace(1, 2, WIDE[0])}, {}, False),
        ({"corruption": "gaussian"}, {}, False),
        ({}, {"missing": "implicit"}, False),
        ({}, {"missing": "mask"}, True),
        ({}, {"shift": np.ones(WIDE[0])}, False),
        ({}, {"factor": np.full(WIDE[0], 0.5)}, True),
    ],
    ids=str,
)
def test_where_the_output_is_left_out(options, table, expected):
    """Only where the squared error is of all entries alike, and what is not stored is 0."""
    network = Network(Architecture.symmetrical(WIDE, **options), random_state=0)
    rows = Rows(thin(200), **table)
    assert skips_output(network, rows) == expected
    assert not skips_output(network, rows, batch_size=1), (
        "one row is no reason to multiply W by W.T"
    )
    assert not skips_output(network, Rows(thin(200).toarray()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("tied", [False, True])
def test_a_perfect_reconstruction_has_a_loss_of_nothing(dtype, tied):
    """Large sums cancel: what rounding leaves of them is small, and not negative."""
    random = np.random.default_rng(0)
    W = np.linalg.qr(random.normal(size=(300, 8)))[0]
    architecture = Architecture((300, 8, 300), "identity", tied=tied, biases=False)
    X = np.zeros((50, 300))
    X[:, :8] = random.normal(size=(50, 8))  # few columns are ever stored
    W[:8], W[8:] = np.linalg.qr(random.normal(size=(8, 8)))[0], 0
    params = W.ravel() if tied else np.concatenate([W.ravel(), W.T.ravel()])
    network = Network(architecture, params.astype(dtype), dtype=dtype)
    rows = Rows(sparse.csr_array(X))
    assert skips_output(network, rows)
    loss, gradient = network.loss_and_gradient(rows)
    scale = 0.5 * (X**2).sum(axis=1).mean()
    assert 0 <= loss <= scale * 50 * np.finfo(dtype).eps
    assert np.abs(gradient).max() <= scale * 50 * np.finfo(dtype).eps


def test_what_is_not_finite_is_seen():
    """A step that would spoil the parameters is not taken, as anywhere else."""
    network = Network(Architecture.symmetrical(WIDE, activation="identity"), random_state=0)
    rows = Rows(thin(200))
    assert skips_output(network, rows)
    network.params[-1] = np.inf
    before = network.params.copy()
    solver = Adam()
    losses = network.train_steps(
        rows, np.arange(200), 200, solver, solver.start(network.params), np.full(1, 0.1)
    )
    assert not np.isfinite(losses).any()
    np.testing.assert_array_equal(network.params, before)
