"""Facts that must come out of the family, in both twins, each against something that is known."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import random_data
from families import Table
from scipy import sparse, stats
from test_family import TABLE, of

from ae_core import Adam, Architecture, train
from ae_core.data.rows import Rows
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LINKS, LOSSES

VARIATIONAL = {"variational": True, "code_activation": "identity"}


def assert_same(got, expected, tolerance=1e-13):
    """Loss and gradient, relative to their size."""
    assert got[0] == pytest.approx(expected[0], rel=tolerance)
    error = np.linalg.norm(got[1] - expected[1])
    assert error <= tolerance * np.linalg.norm(expected[1])


def excess(network_class, family, **without):
    """How much more the loss is with a feature than without it, and the network."""
    net, rows = family.network(network_class), family.rows()
    plain = network_class(replace(family.architecture, **without), net.params)
    key = family.noise_key
    return net.loss(rows, noise_key=key) - plain.loss(rows, noise_key=key), net


# --- few active units ----------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("k", [1, 3, 7, 8])
def test_k_sparse_keeps_exactly_the_k_largest(network_class, activation, k):
    family = of((20, 8), Table(n_samples=60), activation, k_sparse=k)
    net, rows = family.network(network_class), family.rows()
    plain = network_class(replace(family.architecture, k_sparse=None), net.params).encode(rows)
    code = net.encode(rows)
    for kept, all_of in zip(code, plain, strict=True):
        largest = np.sort(np.argsort(-all_of, kind="stable")[:k])
        np.testing.assert_allclose(kept[largest], all_of[largest], rtol=1e-12)
        assert not np.delete(kept, largest).any()
        assert activation in ("relu",) or np.count_nonzero(kept) == k
    np.testing.assert_allclose(net.decode(code), net.forward(rows), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 3, 7, 8])
def test_of_equal_units_k_sparse_keeps_the_first(network_class, dtype, k):
    architecture = Architecture.symmetrical((5, 8), k_sparse=k)
    net = network_class(architecture, np.zeros(architecture.n_params), dtype=dtype)
    code = net.encode(random_data(architecture, 70))
    np.testing.assert_array_equal(code, np.tile(0.5 * (np.arange(8) < k), (70, 1)))


def test_penalties_on_the_code_are_their_formulas(network_class):
    weights = Table(n_samples=9, weights="reals")
    more, net = excess(network_class, of(table=weights, code_l1=0.7), code_l1=0.0)
    rows = of(table=weights).rows()
    share = rows.sample_weight / rows.sample_weight.sum()
    assert more == pytest.approx(0.7 * share @ np.abs(net.encode(rows)).sum(axis=1), rel=1e-10)
    family = of(table=weights, activation="logistic", sparsity=0.7, sparsity_target=0.2)
    more, net = excess(network_class, family, sparsity=0.0)
    mean = share @ net.encode(rows)
    expected = [stats.entropy([0.2, 0.8], [m, 1 - m]) for m in mean]
    assert more == pytest.approx(0.7 * sum(expected), rel=1e-10)


def test_sparsity_brings_the_mean_activation_to_its_target(network_class):
    architecture = Architecture.symmetrical((10, 6), sparsity=3.0, sparsity_target=0.1)
    net = network_class(architecture, random_state=0)
    X = random_data(architecture, 100)
    assert np.abs(net.encode(X).mean(axis=0) - 0.1).min() > 0.2
    train(net, X, solver=Adam(0.01), max_iter=600)
    np.testing.assert_allclose(net.encode(X).mean(axis=0), 0.1, atol=0.03)


def test_penalties_on_weights_are_their_formulas(network_class):
    for tied in (False, True):
        family = of(table=Table(n_samples=8), alpha=0.4, alpha_l1=0.9, tied=tied)
        more, net = excess(network_class, family, alpha=0.0, alpha_l1=0.0)
        W = np.concatenate([w.ravel() for name, w in net.weights.items() if name[0] == "W"])
        assert more == pytest.approx((0.2 * (W**2).sum() + 0.9 * np.abs(W).sum()) / 8, rel=1e-10)


# --- contraction ---------------------------------------------------------------------------------


def test_contraction_of_one_layer_is_the_closed_form(network_class):
    """Rifai et al. 2011, for logistic units: Σ_j (h_j (1 - h_j))² Σ_i W_ij²."""
    family = of((6, 4), Table(n_samples=9), "logistic", contraction=0.3)
    more, net = excess(network_class, family, contraction=0.0)
    h, W = net.encode(family.rows()), net.weights["W1"]
    expected = ((h * (1 - h)) ** 2 @ (W**2).sum(axis=0)).mean()
    assert more == pytest.approx(0.3 * expected, rel=1e-10)


@pytest.mark.parametrize("sizes", [(6, 4), (6, 5, 4), (6, 5, 5, 3)])
@pytest.mark.parametrize("options", [{}, {"k_sparse": 2}, VARIATIONAL], ids=str)
def test_contraction_is_the_codes_answer_to_small_changes(network_class, sizes, options):
    """‖J‖², with J by differences of `encode`."""
    family = of(sizes, Table(n_samples=7), contraction=0.3, **options)
    more, net = excess(network_class, family, contraction=0.0)
    X, h = family.rows().take(slice(None), np.float64), 1e-6
    columns = [
        (net.encode(X + step) - net.encode(X - step)) / (2 * h) for step in h * np.eye(sizes[0])
    ]
    expected = (np.stack(columns) ** 2).sum() / len(X)
    assert more == pytest.approx(0.3 * expected, rel=1e-6)


# --- weights and holes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "family",
    [
        of(alpha=0.5),
        of(alpha_l1=0.5, code_l1=0.3, k_sparse=2),
        of(activation="logistic", sparsity=0.7),
        of(contraction=0.5),
        of(table=Table("holes")),
        of((7, 4, 3), Table("holes"), loss=TABLE, feature_weights=[1, 2, 0, 1, 0.5, 1, 3]),
        of(table=Table("csr")),
        of(table=Table("implicit"), activation="logistic", sparsity=0.7, contraction=0.5),
    ],
    ids=range(8),
)
def test_integer_weights_are_repeated_rows(network_class, family):
    family = family._replace(table=family.table._replace(n_samples=40, is_scaled=True))
    net, rows = family.network(network_class), family.rows()
    weights = np.random.default_rng(0).integers(0, 4, len(rows))
    again = Rows(
        rows.X[np.repeat(np.arange(len(rows)), weights)],
        rows.shift,
        rows.factor,
        missing=rows.missing,
    )
    weighted = rows.reweighted(weights)
    assert_same(net.loss_and_gradient(weighted), net.loss_and_gradient(again))


@pytest.mark.parametrize("loss", LOSSES)
def test_feature_weights_weigh_the_errors_of_features(network_class, loss):
    weights = [0, 0.5, 1, 2, 3]
    family = of(loss=loss, feature_weights=weights, table=Table("holes", n_samples=9))
    net, rows = family.network(network_class), family.rows()
    plain = network_class(replace(family.architecture, feature_weights=None), net.params)
    np.testing.assert_allclose(
        net.feature_errors(rows), plain.feature_errors(rows) * weights, rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_only_what_is_seen_is_compared(network_class, loss):
    """The loss is the sum of the seen entries' over as many whole rows as they make."""
    family = of(loss=loss, table=Table("holes", n_samples=30))
    net, rows = family.network(network_class), family.rows()
    X = rows.take(slice(None), np.float64)
    seen = ~np.isnan(X)
    filled = np.where(seen, X, 0)  # what it is given; the softmax takes 0 for "not this one"
    errors = np.where(seen, net.feature_errors(filled), 0)
    if LOSSES[loss].is_elementwise:
        # Whatever stands where nothing is seen:
        other = np.where(seen, X, 0.77)
        np.testing.assert_allclose(
            errors, np.where(seen, LOSSES[loss].function(*targets(net, filled, other)), 0)
        )
    np.testing.assert_allclose(net.forward(rows), net.forward(filled), rtol=1e-12)
    np.testing.assert_allclose(net.feature_errors(rows), errors, rtol=1e-11, atol=1e-15)
    n_whole_rows = seen.sum() / seen.shape[1]
    assert net.loss(rows) == pytest.approx(errors.sum() / n_whole_rows, rel=1e-12)
    np.testing.assert_allclose(
        net.reconstruction_errors(rows), errors.sum(axis=1) / seen.mean(axis=1), rtol=1e-11
    )


def targets(net, inputs, X):
    """What a loss compares: X, with the output, or with its logits, for those inputs.

    And its own parameters, if it has any.
    """
    X_hat = net.forward(inputs)
    link = LOSSES[net.architecture.loss].from_logits
    own = [net.weights["own"]] if net.architecture.n_own else []
    return X, LINKS[link].logits(X_hat) if link else X_hat, *own


def test_what_is_hidden_has_no_part_in_loss_and_gradient(network_class):
    """With a column hidden everywhere, no weight that only it has to do with is asked to move."""
    family = of((6, 4, 3), Table(n_samples=20), loss=(*TABLE[:1], ("softmax_cross_entropy", 4)))
    net, rows = family.network(network_class), family.rows()
    X, hidden = rows.X.copy(), np.random.default_rng(0).random(rows.X.shape) < 0.4
    hidden[:, 1] = True
    gradients = []
    for nan in (np.nan, -np.nan, np.frombuffer(b"\x01\0\0\0\0\0\xf8\x7f")[0]):
        X[hidden] = nan
        gradients.append(net.loss_and_gradient(Rows(X, missing="mask")))
    for other in gradients[1:]:
        assert_same(other, gradients[0], 0)
    views = net.architecture.views(gradients[0][1])
    assert not views["W1"][1].any()
    assert not views["W4"][:, 1].any()
    assert views["b4"][1] == 0
    assert views["W1"][0].all()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"corruption": "masking"},
        {"corruption": "salt_and_pepper"},
        VARIATIONAL,
        {"dropout": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("scaled", [False, True])
def test_sparse_tables_are_the_dense_ones(network_class, options, scaled):
    for kind, missing in (("csr", None), ("csr with holes", "mask"), ("implicit", "mask")):
        table = Table(kind, n_samples=30, is_scaled=scaled, weights="reals")
        family = of((5, 4, 4, 3), table, **options)
        net, rows = family.network(network_class), family.rows()
        X = rows.X.toarray()
        if kind == "implicit":
            X = np.full(rows.X.shape, np.nan)
            stored = rows.X.tocoo()
            X[stored.row, stored.col] = stored.data
        dense = Rows(X, rows.shift, rows.factor, rows.sample_weight, missing=missing)
        got, expected = (net.loss_and_gradient(r, noise_key=5) for r in (rows, dense))
        assert_same(got, expected, 1e-12)
        for method in ("forward", "encode", "reconstruction_errors", "feature_errors"):
            ours, theirs = getattr(net, method)(rows), getattr(net, method)(dense)
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil"])
@pytest.mark.parametrize("shape", ["array", "matrix"])
def test_every_sparse_format_is_taken(network_class, kind, shape):
    X = random_data(Architecture((5, 3, 5)), 20)
    X[X < 0.5] = 0
    net = network_class(Architecture((5, 3, 5)), random_state=0)
    table = getattr(sparse, f"{kind}_{shape}")(X)
    before = table.copy()
    assert_same(net.loss_and_gradient(table), net.loss_and_gradient(X), 1e-12)
    twice = sparse.coo_array((np.full(2, 0.25), ([1, 1], [2, 2])), X.shape)  # summed, as by SciPy
    assert_same(net.loss_and_gradient(twice), net.loss_and_gradient(twice.toarray()), 1e-12)
    assert (abs(table - before)).max() == 0
