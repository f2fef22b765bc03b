"""Both twins, every member of the family: against finite differences, and against each other."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import output_activations
from families import KINDS, Family, Table, away_from_kinks, families
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_network import STEP
from test_twins import CLOSE, STEADY, assert_close, assume_steady

from ae_core import Architecture, Network, reference
from ae_core.data.rows import Rows
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.corruption import CORRUPTIONS
from ae_core.formulas.losses import LOSSES

TABLE = (
    ("squared_error", 2),
    ("binary_cross_entropy", 1),
    ("softmax_cross_entropy", 3),
    ("huber", 1),
)
ENCODERS = {1: (5, 3), 2: (5, 4, 3), 3: (5, 4, 4, 2)}
INPUTS = {
    "mask": {"input_mask": True},
    "covariates": {"n_covariates": 2},
    "log1p": {"input_transform": "log1p"},
}
"""What the network may be given beside, or instead of, the numbers themselves."""
CORRUPTED = {
    "mask": (None, "masking"),
    "covariates": (None,),
    "log1p": ("gaussian", "salt_and_pepper"),
}
"""With which corruptions each of these meets."""
N_STEPS = 30


def of(sizes=(5, 4, 3), table=None, activation="tanh", **options):
    """A family with one thing about it."""
    architecture = Architecture.symmetrical(sizes, activation=activation, **options)
    return Family(architecture, table or Table())


def every_feature():
    """One family for each feature, and for each name in the registries where it has one."""
    logistic = {"activation": "logistic"}
    for name in CORRUPTIONS:
        yield f"corruption={name}", of(corruption=name)
    yield "dropout", of((5, 4, 4, 3), dropout=0.4)
    for k in (1, 2, 3):
        yield f"k_sparse={k}", of(k_sparse=k)
    yield "code_l1", of(code_l1=0.7)
    yield "code_l1, k_sparse", of(code_l1=0.7, k_sparse=2)
    yield "sparsity", of(**logistic, sparsity=0.7)
    yield (
        "sparsity, weighted rows",
        of(**logistic, sparsity=0.7, sparsity_target=0.2, table=Table(weights="reals")),
    )
    yield "alpha_l1", of(alpha_l1=0.5)
    yield "alpha_l1, tied", of(alpha_l1=0.5, alpha=0.3, tied=True)
    for activation in ACTIVATIONS:
        for depth, sizes in ENCODERS.items():
            options = {"activation": activation, "contraction": 0.5}
            yield f"contraction, {activation}, {depth} layers", of(sizes, **options)
    yield "contraction, tied", of(contraction=0.5, tied=True)
    yield "contraction, k_sparse", of(contraction=0.5, k_sparse=2)
    yield "contraction, dropout", of((5, 4, 4, 3), contraction=0.5, dropout=0.4)
    variational = {"variational": True, "code_activation": "identity"}
    for loss in LOSSES:
        yield f"variational, {loss}", of(**variational, loss=loss, beta=0.7)
        for output in output_activations(loss):
            options = {"loss": loss, "output_activation": output}
            yield f"holes, {loss} of {output}", of(**options, table=Table("holes"))
        yield f"feature_weights, {loss}", of(loss=loss, feature_weights=[0, 0.5, 1, 2, 3])
    yield "variational, contraction", of(**variational, contraction=0.5)
    tied = {**variational, "tied": True, "alpha": 0.3, "alpha_l1": 0.2}
    for kind in KINDS:
        for depth, sizes in {0: (5, 3), **ENCODERS}.items():
            table = Table(kind, n_samples=6, weights="reals")
            yield f"variational, tied, {depth} layers, {kind}", of(sizes, table, **tied)
    yield "variational, tied, contraction", of(**tied, contraction=0.5, dropout=0.3)
    wide = Table("thin csr", n_samples=40)
    for depth, sizes in {1: (60, 3), 2: (60, 6, 3)}.items():
        yield f"variational, tied, {depth} layers, wide", of(sizes, wide, **tied)
    for kind in KINDS[1:]:
        yield kind, of(table=Table(kind))
        yield f"{kind}, weighted", of(table=Table(kind, is_scaled=True, weights="reals"))
    for weights in ("integers", "reals"):
        yield f"sample_weight, {weights}", of(alpha=0.3, table=Table(weights=weights))
    for kind in KINDS:
        table = Table(kind, weights="reals")
        yield f"loss groups, {kind}", of((7, 4, 3), loss=TABLE, table=table)
    for kind in KINDS:
        for name, options in INPUTS.items():
            for corruption in CORRUPTED[name]:
                given = {**options, "corruption": corruption}
                yield f"{name}, {kind}, {corruption}", of(table=Table(kind), **given)
        everything = {**INPUTS["mask"], **INPUTS["covariates"], **INPUTS["log1p"]}
        table = Table(kind, is_scaled=True, weights="reals")
        yield f"all of the input, {kind}", of((5, 3), table, dropout=0.3, alpha=0.3, **everything)
        sized = table._replace(has_sizes=True)
        for loss in ("poisson", "negative_binomial", "multinomial"):
            yield f"sizes, {loss}, {kind}", of((5, 3), sized, loss=loss, **everything)
        spoiled = {"corruption": "salt_and_pepper", "tied": True, "loss": "poisson"}
        yield f"sizes, tied, {kind}", of(table=sized, **spoiled)
    for depth, sizes in ENCODERS.items():
        yield (
            f"contraction, all of the input, {depth} layers",
            of(sizes, contraction=0.5, **everything),
        )
    yield "variational, all of the input", of(**variational, **everything)
    weights = [0.5, 1, 2, 0.3, 1.5, 0, 1]
    yield "loss groups, feature_weights", of((7, 4, 3), loss=TABLE, feature_weights=weights)


FEATURES = dict(every_feature())


def objective_of(net, family):
    """The loss as a function of the parameters, with the noise held fixed."""
    rows = family.rows()
    return lambda params: net.loss(rows, params=params, noise_key=family.noise_key)


def assert_gradient_is_right(network_class, family):
    """Against central differences: 1e-6 of its length, beyond what their own rounding is."""
    net = family.network(network_class)
    rows, function = family.rows(), objective_of(net, family)
    loss, gradient = net.loss_and_gradient(rows, noise_key=family.noise_key)
    assert loss == pytest.approx(function(net.params), rel=1e-13)
    numeric = np.empty_like(gradient)
    for i in range(len(gradient)):
        up, down = net.params.copy(), net.params.copy()
        up[i] += STEP
        down[i] -= STEP
        numeric[i] = (function(up) - function(down)) / (up[i] - down[i])
    rounding = 1e-15 / STEP * max(1, abs(loss)) * np.sqrt(len(gradient))
    assert np.linalg.norm(gradient - numeric) <= 1e-6 * np.linalg.norm(numeric) + rounding


@pytest.mark.parametrize("family", FEATURES.values(), ids=FEATURES)
def test_the_gradient_of_each_feature_agrees_with_central_differences(network_class, family):
    assert_gradient_is_right(network_class, away_from_kinks(family, 100 * STEP))


@given(family=families(distance=100 * STEP))
@settings(max_examples=80, deadline=None)
def test_gradients_of_combinations_agree_with_central_differences(family):
    for network_class in (reference.Network, Network):
        assert_gradient_is_right(network_class, family)


# --- the twins -----------------------------------------------------------------------------------


def covariates_of(family):
    """What `decode` wants of the rows beside their codes; None for a network without."""
    n = family.architecture.n_covariates
    X = family.rows().take(slice(None), np.float64)  # (m, n_columns), scaled
    return Rows(X[:, X.shape[1] - n :], missing="mask") if n else None


def assert_passes_agree(family, dtype):
    slow, fast = (family.network(c, dtype) for c in (reference.Network, Network))
    rows, key = family.rows(), family.noise_key
    calls = {
        name: lambda net, name=name: getattr(net, name)(rows)
        for name in ("forward", "encode", "reconstruction_errors", "feature_errors")
    }
    code = slow.encode(rows)
    covariates = covariates_of(family)
    calls["decode"] = lambda net: net.decode(code, covariates)
    calls["decoding_errors"] = lambda net: net.decoding_errors(code, rows)
    calls["loss"] = lambda net: net.loss(rows, noise_key=key)
    if family.architecture.variational:
        calls["posterior"] = lambda net: np.stack(net.posterior(rows))
        for n in (1, 3):
            calls[f"bound of {n}"] = lambda net, n=n: net.bound(rows, n_draws=n, noise_key=key)
    for what, call in calls.items():
        assert_close(call(fast), call(slow), dtype, what)
        if what not in ("loss", "bound of 1", "bound of 3"):
            assert call(fast).dtype == dtype, what
    (got_loss, got), (exact_loss, exact) = (
        net.loss_and_gradient(rows, noise_key=key) for net in (fast, slow)
    )
    assert got_loss == pytest.approx(exact_loss, rel=CLOSE[dtype])
    assert got.dtype == dtype
    # Where a sum of gradients cancels to nearly nothing, either twin keeps few digits.
    if np.linalg.norm(exact) > 1e-3 * abs(exact_loss):
        assert_close(got, exact, dtype, "gradient")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("family", FEATURES.values(), ids=FEATURES)
def test_each_feature_agrees(family, dtype):
    family = family._replace(table=family.table._replace(n_samples=50))
    assert_passes_agree(away_from_kinks(family, 1e-4), dtype)


@given(
    family=families(n_units=20, n_features=40, n_samples=200, distance=2e-5),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=100, deadline=None)
def test_combinations_agree(family, dtype):
    # Where x̂ - x is nearly nothing, its digits are rounding's.
    assume(family.network(reference.Network).loss(family.rows()) > 1e-3)
    assert_passes_agree(family, dtype)


@pytest.mark.parametrize("solver", STEADY, ids=str)
@given(
    family=families(n_units=12, n_features=20, n_samples=60, distance=1e-6),
    batch_size=st.integers(1, 60),
    clip_norm=st.sampled_from([None, 0.1, 1.0]),
    averaging=st.sampled_from([None, 0.0, 0.9]),
)
@settings(max_examples=12, deadline=None)
def test_thirty_steps_agree(solver, family, batch_size, clip_norm, averaging):
    solver = replace(solver, clip_norm=clip_norm, averaging=averaging)
    slow, fast = (family.network(c) for c in (reference.Network, Network))
    rows, random = family.rows(), np.random.default_rng(family.table.seed)
    counted = np.flatnonzero(rows.counts(slice(None)))
    order = random.choice(counted, N_STEPS * batch_size)
    rates = np.linspace(1, 0.5, N_STEPS) * solver.learning_rate_init
    keys = random.integers(0, 2**64, N_STEPS, dtype=np.uint64)
    annealing = np.linspace(0, 1, N_STEPS)

    def train(network):
        state = solver.start(network.params)
        each = solver, state, rates, keys, annealing
        return network.train_steps(rows, order, batch_size, *each), state

    assume_steady(slow, train)
    with np.errstate(over="ignore", invalid="ignore"):  # training may stop at an explosion
        curves, states = zip(*(train(network) for network in (slow, fast)), strict=True)
    assume(np.isfinite(curves[0]).all() or np.isfinite(curves[1]).all())
    assert_close(curves[1], curves[0], np.float64, "losses")
    assert_close(fast.params, slow.params, np.float64, "params")
    assert states[0].n_steps == states[1].n_steps
    for ours, theirs in zip(states[1].memory, states[0].memory, strict=True):
        assert_close(ours, theirs, np.float64, "memory")
    if averaging is not None:
        assert_close(states[1].average, states[0].average, np.float64, "average")
