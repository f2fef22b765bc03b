"""Sizes of rows: what is given is divided by them, and what comes out is times them."""

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from ae_core import Adam, Architecture, Network, reference, train
from ae_core._engine.rows import Rows as EngineRows
from ae_core.data.rows import Rows
from ae_core.network.passes import network_input

N = 6
MIXED = (
    ("poisson", 2),
    ("squared_error", 1),
    ("negative_binomial", 2),
    ("binary_cross_entropy", 1),
)


def architecture(loss="poisson", **options):
    return Architecture.symmetrical((N, 5, 3), activation="tanh", loss=loss, **options)


def table(n_rows=30, seed=0):
    """Counts, and the size of each row."""
    random = np.random.default_rng(seed)
    sizes = random.uniform(0.1, 9, n_rows)
    return random.poisson(4 * sizes[:, None] * random.random(N)).astype(float), sizes


KINDS = {
    "dense": (np.asarray, None),
    "csr": (sparse.csr_array, None),
    "missing": (np.asarray, "mask"),
    "implicit": (sparse.csr_array, "implicit"),
}


@pytest.fixture(params=KINDS)
def made(request):
    """A table of each kind as what makes Rows of it, and the kind of what is missing."""
    return KINDS[request.param]


@pytest.mark.parametrize("input_transform", [None, "log1p"])
@pytest.mark.parametrize("loss", ["poisson", "negative_binomial"])
def test_rates_are_those_of_divided_rows_times_the_size(network_class, made, loss, input_transform):
    (make, missing), (X, sizes) = made, table()
    if missing == "mask":
        X[::3, 2] = np.nan
    net = network_class(architecture(loss, input_transform=input_transform), random_state=0)
    net.params[:] += 0.1
    rows = Rows(make(X), missing=missing, row_size=sizes)
    divided = Rows(make(X / sizes[:, None]), missing=missing)
    rates = sizes[:, None] * net.forward(divided)
    assert_allclose(net.encode(rows), net.encode(divided), rtol=1e-12)
    assert_allclose(net.forward(rows), rates, rtol=1e-12)
    assert_allclose(net.decode(net.encode(rows)), net.forward(divided), rtol=1e-12)
    if loss == "negative_binomial":
        theta = np.exp(net.params[-N:])
        expected = -scipy.stats.nbinom.logpmf(X, theta, theta / (theta + rates))
    else:
        expected = rates - X + np.where(X > 0, X * np.log(np.where(X > 0, X, 1) / rates), 0)
    is_seen = ~np.isnan(X) if missing != "implicit" else X > 0
    expected = np.where(is_seen, expected, 0)
    assert_allclose(net.feature_errors(rows), expected, atol=1e-10)
    share = is_seen.mean(axis=1)
    of_rows = expected.sum(axis=1) / np.where(share > 0, share, 1)
    assert_allclose(net.reconstruction_errors(rows), of_rows, rtol=1e-9)
    assert_allclose(net.loss(rows), expected.sum() / share.sum(), rtol=1e-9)
    codes = net.encode(rows)
    assert_allclose(net.decoding_errors(codes, rows), expected.sum(axis=1), rtol=1e-9)


def test_only_an_output_that_is_an_exponential_has_an_offset(network_class):
    X, sizes = table()
    X[:, 5] = X[:, 5] > 0
    net = network_class(architecture(MIXED), random_state=0)
    with_sizes, divided = net.forward(Rows(X, row_size=sizes)), net.forward(X / sizes[:, None])
    counts = [0, 1, 3, 4]
    assert_allclose(with_sizes[:, counts], sizes[:, None] * divided[:, counts])
    assert_allclose(with_sizes[:, [2, 5]], divided[:, [2, 5]])


def test_the_gradient_is_that_of_finite_differences(made):
    (make, missing), (X, sizes) = made, table(12)
    X[:, 5] = X[:, 5] > 0
    a = architecture(MIXED, input_transform="log1p", corruption="salt_and_pepper")
    rows = Rows(make(X), missing=missing, row_size=sizes)
    net, twin = reference.Network(a, random_state=1), Network(a, random_state=1)
    gradient = net.loss_and_gradient(rows, noise_key=5)[1]
    assert_allclose(twin.loss_and_gradient(rows, noise_key=5)[1], gradient, atol=1e-11)
    for i in range(0, a.n_params, 3):
        ends = []
        for step in (1e-6, -1e-6):
            params = net.params.copy()
            params[i] += step
            ends.append(net.loss(rows, params=params, noise_key=5))
        assert_allclose((ends[0] - ends[1]) / 2e-6, gradient[i], rtol=1e-5, atol=1e-7)


def test_extremes_are_those_of_what_is_given():
    X, sizes = table()
    rows = Rows(X, row_size=sizes)
    given = X / sizes[:, None]
    assert_allclose(rows.input_limits, [given.min(axis=0), given.max(axis=0)])
    assert_allclose(rows.limits, [X.min(axis=0), X.max(axis=0)])
    a = architecture()
    assert_allclose(network_input(a, X, np.empty((30, 0)), sizes=sizes), given)
    part = rows.part(slice(3, 9))
    assert_array_equal(part.row_size, sizes[3:9])
    assert_allclose(part.input_limits[1], given[3:9].max(axis=0))
    counts = (X % 200).astype(np.uint8)
    of_bytes = Rows(counts, row_size=sizes).input_limits  # which bytes can't hold
    assert_allclose(of_bytes[1], (counts / sizes[:, None]).max(axis=0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_steps_and_few_rows_have_the_same_bits(dtype):
    random = np.random.default_rng(0)
    X = random.poisson(2.0, (40, 500)).astype(dtype)
    a = Architecture.symmetrical(
        (500, 600, 20), activation="tanh", loss="poisson", input_transform="log1p"
    )
    rows = Rows(X, row_size=random.uniform(0.5, 2, 40))
    found = []
    for n_threads in (1, 2, 3):
        net = Network(a, dtype=dtype, random_state=0, n_threads=n_threads)
        train(net, rows, solver=Adam(1e-3), batch_size=40, max_iter=3, random_state=0)
        found.append((net.params, net.forward(rows), net.reconstruction_errors(rows)))
    for other in found[1:]:
        for expected, got in zip(found[0], other, strict=True):
            assert_array_equal(expected, got)
    slow = reference.Network(a, found[0][0], dtype=dtype)
    assert_allclose(slow.forward(rows), found[0][1], rtol=1e-4 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (np.ones(3), r"row_size has shape \(3,\): one per row, \(30,\)"),
        (np.zeros(30), r"row_size\[0\] is 0\.0: each must be a finite number above 0"),
        (np.full(30, np.inf), r"row_size\[0\] is inf"),
        (-np.ones(30), r"row_size\[0\] is -1\.0"),
    ],
)
def test_what_are_no_sizes_is_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        Rows(table()[0], row_size=sizes)


def test_the_engine_refuses_other_numbers_of_sizes():
    with pytest.raises(ValueError, match="sizes has 3 entries: 30 are needed"):
        EngineRows(table()[0], sizes=np.ones(3))
