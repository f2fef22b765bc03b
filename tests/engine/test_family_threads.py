"""The family in the engine: the same bits for every number of threads."""

import numpy as np
import pytest
from families import Table
from test_family import TABLE, of

from ae_core import Adam, Network, reference
from ae_core._engine import team
from ae_core.formulas.corruption import CORRUPTIONS
from ae_core.network import compiled as network

SIZES = (60, 50, 8)
N_ROWS, BATCH_SIZE, N_STEPS = 600, 300, 20
FAMILIES = {
    **{name: of(SIZES, corruption=name) for name in CORRUPTIONS},
    "dropout": of(SIZES, dropout=0.3),
    "k_sparse": of(SIZES, k_sparse=3, code_l1=0.1),
    "sparsity": of(SIZES, activation="logistic", sparsity=1.0),
    "contraction": of(SIZES, contraction=0.1),
    "variational": of(SIZES, variational=True, code_activation="identity"),
    "csr": of(SIZES, Table("csr")),
    "thin csr": of(SIZES, Table("thin csr", weights="reals"), contraction=0.1),
    "thin csr, tied": of(SIZES, Table("thin csr"), tied=True),
    "implicit": of(SIZES, Table("implicit", weights="reals")),
    "holes": of(SIZES, Table("holes", weights="integers")),
    "groups": of((7, 50, 8), loss=TABLE, alpha_l1=1.0, table=Table("holes")),
    "input": of(
        SIZES,
        Table("holes"),
        input_mask=True,
        n_covariates=3,
        input_transform="log1p",
        corruption="masking",
    ),
    "implicit input": of(
        SIZES, Table("implicit"), input_mask=True, n_covariates=3, input_transform="log1p"
    ),
    "csr input": of(SIZES, Table("csr"), input_mask=True, n_covariates=3, corruption="masking"),
    "shallow implicit input": of((60, 8), Table("implicit"), input_mask=True, n_covariates=3),
    "sizes": of(SIZES, Table("dense", has_sizes=True), loss="negative_binomial"),
    "sizes, csr": of(
        SIZES,
        Table("csr", has_sizes=True),
        loss="poisson",
        input_transform="log1p",
        n_covariates=3,
        corruption="masking",
    ),
    "sizes, implicit": of(SIZES, Table("implicit", has_sizes=True), loss="poisson", tied=True),
    "much": of(
        SIZES,
        Table("csr with holes", is_scaled=True, weights="reals"),
        corruption="gaussian",
        dropout=0.2,
        tied=True,
        activation="logistic",
        sparsity=0.5,
        code_l1=0.1,
        contraction=0.1,
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_same_bits_for_every_number_of_threads(monkeypatch, family, dtype):
    """In batches that make several tiles of rows, with clipping and averaging."""
    started, start = [], team.start_new_thread
    monkeypatch.setattr(network, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(team, "start_new_thread", lambda *a: started.append(start(*a)))
    family = family._replace(table=family.table._replace(n_samples=N_ROWS))
    rows, random = family.rows(), np.random.default_rng(0)
    order = random.permutation(N_STEPS * BATCH_SIZE) % N_ROWS
    keys = random.integers(0, 2**64, N_STEPS, dtype=np.uint64)
    params = family.network(reference.Network, dtype).params
    solver = Adam(1e-3, clip_norm=0.5, averaging=0.9)
    results = []
    for n_threads in (1, 2, 3, 7):
        net = Network(family.architecture, params.copy(), dtype=dtype, n_threads=n_threads)
        state, rates = solver.start(net.params), np.full(N_STEPS, 1e-3)
        losses = net.train_steps(rows, order, BATCH_SIZE, solver, state, rates, keys)
        gradient = net.loss_and_gradient(rows, noise_key=3)[1]
        passes = net.forward(rows), net.encode(rows), net.reconstruction_errors(rows)
        assert bool(started) == (n_threads > 1)
        results.append((losses, net.params, state.average, *state.memory, gradient, *passes))
    for other in results[1:]:
        for expected, got in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(expected, got)
