"""Input and target apart: what a network is told is seen, covariates, and logarithms of counts."""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
from families import Table
from scipy import sparse

from ae_core import Architecture, Network, reference, train
from ae_core._engine import inference
from ae_core.data.rows import Rows
from ae_core.formulas.corruption import CORRUPTIONS
from ae_core.formulas.noise import Draw
from ae_core.network.engine_terms import engine_rows, plan_of
from ae_core.network.passes import network_input, views

SIZES = (6, 5, 3)
ALL = {"input_mask": True, "n_covariates": 2, "input_transform": "log1p"}


def architecture(sizes=SIZES, **options):
    return Architecture.symmetrical(sizes, activation="tanh", **options)


def rows_of(a, kind="missing", n_samples=30, seed=0):
    """Positive numbers of any size, a third of them missing."""
    random = np.random.default_rng(seed)
    X = random.poisson(3.0, (n_samples, a.n_columns)) + random.random(a.n_columns)
    X[random.random(X.shape) < 0.3] = np.nan
    X[:, 0] = 1.5
    if kind == "implicit":
        row, column = np.nonzero(~np.isnan(X))
        return Rows(sparse.csr_array((X[row, column], (row, column)), X.shape), missing="implicit")
    return Rows(X, missing="mask")


def test_weights_have_a_row_for_each_input():
    a = architecture(**ALL)
    shapes = {block.name: block.shape for block in a.blocks}
    assert (a.n_features, a.n_columns, a.n_inputs) == (6, 8, 14)
    assert (shapes["W1"], shapes["W2"]) == ((14, 5), (5, 3))
    assert (shapes["W3"], shapes["W4"]) == ((3 + 2, 5), (5, 6))
    assert [a.n_given(layer) for layer in (1, 2, 3, 4)] == [14, 5, 5, 5]
    assert architecture().n_inputs == architecture().n_columns == 6


def test_descriptions_of_before_are_read():
    a = architecture(alpha=0.5, corruption="masking")
    old = {name: value for name, value in asdict(a).items() if name not in ALL}
    assert len(old) == len(asdict(a)) - 3
    assert Architecture.from_json(json.dumps(old)) == a
    new = architecture(**ALL)
    assert Architecture.from_json(new.to_json()) == new
    assert len({a, new, architecture(**ALL)}) == 2


def test_the_input_is_numbers_then_what_is_seen_then_covariates():
    a = architecture((2, 1), **ALL)
    X = np.array([[np.e - 1, np.nan, -7.0, np.nan]])
    targets, covariates = views(a, X)
    np.testing.assert_array_equal(targets, X[:, :2])
    np.testing.assert_allclose(network_input(a, targets, covariates), [[1, 0, 1, 0, -7, 0]])


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_masking_hides_the_mark_with_the_number_and_nothing_else_does(corruption):
    a = architecture((50, 4), **ALL, corruption=corruption, corruption_level=0.4)
    X, limits = rows_of(a).take(slice(None), np.float64), rows_of(a).limits
    before = network_input(a, *views(a, X))
    after = network_input(a, *views(a, X), Draw(5, np.arange(30)), limits)
    numbers, marks, covariates = np.split(after, [50, 100], axis=1)
    np.testing.assert_array_equal(covariates, before[:, 100:])
    changed = numbers != before[:, :50]
    assert 0.2 < changed.mean() < 0.9
    assert not changed[np.isnan(X[:, :50])].any()
    if corruption == "masking":
        np.testing.assert_array_equal(marks, before[:, 50:100] * ~changed)
        assert (numbers[marks == 0] == 0).all()
    else:
        np.testing.assert_array_equal(marks, before[:, 50:100])
    if corruption == "salt_and_pepper":
        ends = np.log1p([limit[:50] for limit in limits])
        assert (np.isclose(numbers, ends[0]) | np.isclose(numbers, ends[1]))[changed].all()


def test_where_all_is_seen_the_marks_are_a_bias(network_class):
    told, plain = architecture(input_mask=True), architecture()
    X = np.random.default_rng(0).random((20, 6))
    net = network_class(told, random_state=1)
    other = network_class(plain, random_state=2)
    for name, block in other.weights.items():
        block[...] = net.weights[name][: len(block)]
    other.weights["b1"][...] += net.weights["W1"][6:].sum(axis=0)
    np.testing.assert_allclose(net.forward(X), other.forward(X), rtol=1e-12)
    assert net.loss(X) == pytest.approx(other.loss(X), rel=1e-12)


@pytest.mark.parametrize("kind", ["missing", "implicit"])
def test_what_is_missing_differs_from_0(network_class, kind):
    a = architecture(input_mask=True)
    rows = rows_of(a, kind)
    net = network_class(a, random_state=0)
    filled = Rows(np.nan_to_num(rows.take(slice(None), np.float64)))
    is_missing = rows.seen < 1
    different = np.abs(net.encode(rows) - net.encode(filled)).max(axis=1)
    assert (different[is_missing] > 1e-6).all()
    np.testing.assert_allclose(different[~is_missing], 0, atol=1e-12)
    told_nothing = network_class(architecture(), random_state=0)
    np.testing.assert_allclose(told_nothing.encode(rows), told_nothing.encode(filled), rtol=1e-12)


def test_covariates_stand_beside_input_and_code(network_class):
    a = architecture(n_covariates=2)
    net = network_class(a, random_state=0)
    X = np.random.default_rng(0).random((20, 8))
    w = net.weights
    h = np.tanh(X @ w["W1"] + w["b1"])
    code = np.tanh(h @ w["W2"] + w["b2"])
    h = np.tanh(np.hstack([code, X[:, 6:]]) @ w["W3"] + w["b3"])
    X_hat = h @ w["W4"] + w["b4"]
    np.testing.assert_allclose(net.encode(X), code, rtol=1e-12)
    np.testing.assert_allclose(net.forward(X), X_hat, rtol=1e-12)
    np.testing.assert_allclose(net.decode(code, X[:, 6:]), X_hat, rtol=1e-12)
    squares = 0.5 * (X_hat - X[:, :6]) ** 2
    np.testing.assert_allclose(net.feature_errors(X), squares, rtol=1e-12)
    np.testing.assert_allclose(net.reconstruction_errors(X), squares.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(net.decoding_errors(code, X), squares.sum(axis=1), rtol=1e-12)


def test_logarithms_go_in_and_counts_are_compared(network_class):
    counts = np.random.default_rng(0).poisson(20.0, (30, 6)).astype(float)
    net = network_class(architecture(input_transform="log1p"), random_state=0)
    plain = network_class(architecture(), net.params)
    np.testing.assert_allclose(net.encode(counts), plain.encode(np.log1p(counts)), rtol=1e-12)
    np.testing.assert_allclose(net.forward(counts), plain.forward(np.log1p(counts)), rtol=1e-12)
    squares = 0.5 * (net.forward(counts) - counts) ** 2
    np.testing.assert_allclose(net.feature_errors(counts), squares, rtol=1e-12)
    stored = sparse.csr_array(counts)
    np.testing.assert_allclose(net.encode(stored), net.encode(counts), rtol=1e-12)
    np.testing.assert_allclose(
        net.loss_and_gradient(stored)[1], net.loss_and_gradient(counts)[1], rtol=1e-9
    )


def test_what_is_missing_of_covariates_takes_nothing_from_a_row():
    a = architecture(n_covariates=2)
    X = np.ones((3, 8))
    X[0, 7], X[1, 2], X[2, 6:] = np.nan, np.nan, np.nan
    rows = Rows(X, missing="mask", n_covariates=2)
    np.testing.assert_allclose(rows.seen, [1, 5 / 6, 1])
    assert (rows.n_columns, rows.n_features) == (8, 6)
    net = reference.Network(a, random_state=0)
    at_0 = np.where(np.isnan(X), [0.0] * 8, X)
    for other in (Rows(X, missing="mask"), rows):  # a network says itself what its covariates are
        np.testing.assert_allclose(net.forward(other)[[0, 2]], net.forward(at_0)[[0, 2]])
    for twin in (net, Network(a, net.params)):
        alone = Rows(X[:1], missing="mask")  # every feature is seen, and a covariate missing
        np.testing.assert_allclose(twin.forward(alone), net.forward(at_0)[:1])
        assert np.isfinite(twin.loss_and_gradient(alone)[1]).all()
    row, column = np.nonzero(~np.isnan(X))
    stored = sparse.csr_array((X[row, column], (row, column)), X.shape)
    for missing in ("implicit", "mask"):
        table = stored if missing == "implicit" else sparse.csr_array(np.where(X == 1, 0.0, X))
        found = Rows(table, missing=missing).with_covariates(2).seen
        np.testing.assert_allclose(found, [1, 5 / 6, 1])


@pytest.mark.parametrize("kind", ["missing", "implicit"])
@pytest.mark.parametrize("is_shallow", [True, False])
def test_training_makes_the_loss_smaller(network_class, kind, is_shallow):
    a = architecture((6, 3) if is_shallow else SIZES, **ALL, corruption="masking")
    net = network_class(a, random_state=0)
    rows = rows_of(a, kind, 60)
    held_out = rows_of(a, kind, 20, seed=1)
    before = net.loss(rows)
    history = train(net, rows, X_val=held_out, max_iter=60, batch_size=20, random_state=0)
    assert net.loss(rows) < 0.7 * before
    assert history.validation_loss_curve[-1] < history.validation_loss_curve[0]


# --- what is refused ------------------------------------------------------------------------------


def test_numbers_below_0_have_no_logarithm(network_class):
    net = network_class(architecture(**ALL), random_state=0)
    X = np.ones((4, 8))
    X[:, 6:] = -3  # a covariate may be anything
    net.forward(X)
    X[2, 5] = -0.25
    for call in (net.forward, net.encode, net.reconstruction_errors, net.loss_and_gradient):
        with pytest.raises(ValueError, match=r"X has values down to -0\.25: input_transform='log1"):
            call(X)
        with pytest.raises(ValueError, match=r"down to -0\.25"):
            call(sparse.csr_array(X))


def test_tables_and_covariates_of_other_widths_are_refused(network_class):
    net = network_class(architecture(n_covariates=2), random_state=0)
    code, plain = np.ones((4, 3)), network_class(architecture(), random_state=0)
    for call, words in (
        (
            lambda: net.forward(np.ones((4, 6))),
            "X has 6 columns: this network has 6 features and 2",
        ),
        (lambda: plain.forward(np.ones((4, 8))), "X has 8 features: this network has 6"),
        (lambda: net.decode(code), "covariates=None: the decoder is given 2 covariates"),
        (lambda: net.decode(code, np.ones((4, 3))), "covariates has 3 columns: this network has 2"),
        (lambda: net.decode(code, np.ones((5, 2))), "code has 4 rows, and covariates has 5"),
        (lambda: net.decode(code, np.full((4, 2), np.nan)), "covariates[0, 0] is nan"),
        (lambda: plain.decode(code, np.ones((4, 2))), "covariates are given, and this network has"),
        (lambda: train(net, np.ones((4, 6))), "X has 6 columns"),
        (lambda: train(net, np.ones((4, 8)), X_val=np.ones((4, 6))), "X_val has 6 columns"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            call()


def test_the_engine_refuses_tables_that_do_not_fit():
    a = architecture(n_covariates=2)
    net = Network(a, random_state=0)
    X, codes = engine_rows(Rows(np.ones((4, 8)))), engine_rows(Rows(np.ones((4, 3))))
    narrow = engine_rows(Rows(np.ones((4, 1))))
    short = engine_rows(Rows(np.ones((3, 8))))
    result = np.empty((4, 6))
    for table in (narrow, short):
        for wants_losses in (True, False):
            out = result[:, :1].copy() if wants_losses else result
            with pytest.raises(ValueError, match="table has shape"):
                inference.run_layers(
                    plan_of(a), net.params, codes, out, 2, 4, wants_losses, 1, table
                )
    with pytest.raises(ValueError, match="X has 6 columns, not 8"):
        inference.run_layers(
            plan_of(a), net.params, engine_rows(Table().rows(6)), result, 0, 4, False, 1
        )
    inference.run_layers(plan_of(a), net.params, codes, result, 2, 4, False, 1, X)
    np.testing.assert_allclose(result, net.decode(np.ones((4, 3)), np.ones((4, 2))))
