"""Noise: known answers, distributions, independence, and that it is only where it is asked for."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ae_core import Architecture
from ae_core.data.rows import Rows
from ae_core.formulas import noise
from ae_core.formulas.corruption import CORRUPTIONS, dropout_mask
from ae_core.formulas.noise import CORRUPTION, LEVELS, SAMPLE, Draw

N_ROWS, N_COLUMNS = 2_000, 50
ROWS = np.arange(N_ROWS)
LIMITS = (np.full(N_COLUMNS, -3.0), np.full(N_COLUMNS, 4.0))


def numbers(key=1, stream=CORRUPTION, rows=ROWS, n_columns=N_COLUMNS):
    return noise.integers(Draw(key, rows), stream, n_columns)


def uniform(*arguments, **named):
    """The same numbers within ±1 / 2, as a vector."""
    return numbers(*arguments, **named).ravel() / LEVELS - 0.5


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        # From the known answers of Random123, by the authors of Philox.
        ((0, 0), 0, (0x257A3673, 0xCD26BE2A)),
        ((0xFFFFFFFF, 0xFFFFFFFF), 0xFFFFFFFF, (0xAB302C4D, 0x3DC9D239)),
        ((0x243F6A88, 0x85A308D3), 0x13198A2E, (0xBEDBBE6B, 0xE4C770B3)),
    ],
)
def test_philox_gives_the_published_numbers(counter, key, expected):
    left, right = (np.array([c], dtype=np.uint64) for c in counter)
    got = noise.philox(left, right, np.array([key], dtype=np.uint64))
    assert tuple(int(part[0]) for part in got) == expected


def test_these_are_the_numbers_of_this_version():
    """A saved checkpoint goes on with the same noise: another generator would break it."""
    assert noise.noise_key(12, 34) == 14879532604161876659
    expected = [[51275, 31108, 5618, 32511, 53246], [50954, 25266, 54459, 62021, 43503]]
    assert numbers(12, 3, np.array([5, 6]), 5).tolist() == expected


@pytest.mark.parametrize("stream", [CORRUPTION, 1, 2, SAMPLE])
def test_numbers_are_uniform(stream):
    """As a histogram over all, over rows of each column, and of the low bits alone."""
    drawn = numbers(3, stream, np.arange(8_000))
    for values, n_bins in ((drawn >> 8, 256), (drawn & 0xFF, 256), (drawn[:, 0] >> 12, 16)):
        counts = np.bincount(values.ravel(), minlength=n_bins)
        assert 1e-4 < stats.chisquare(counts).pvalue < 1 - 1e-4
    of_columns = [stats.chisquare(np.bincount(c >> 12, minlength=16)).pvalue for c in drawn.T]
    assert stats.kstest(of_columns, "uniform").pvalue > 1e-4


def test_rows_columns_keys_and_streams_are_independent():
    one = uniform()
    n = len(one)
    others = {
        "key": uniform(key=2),
        "high bits of the key": uniform(key=1 + (1 << 40)),
        "epoch": uniform(key=noise.noise_key(1, 1)),
        "stream": uniform(stream=1),
        "sample": uniform(stream=SAMPLE),
        "next row": np.roll(one, N_COLUMNS),
        "next column": np.roll(one, 1),
        "far row": uniform(rows=ROWS + (1 << 33)),
    }
    for lag in range(2, 30):  # numbers of one block lie n_blocks columns apart
        others[f"column + {lag}"] = np.roll(one, lag)
    for name, other in others.items():
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(n), name
        assert abs(np.corrcoef(np.abs(one), np.abs(other))[0, 1]) < 5 / np.sqrt(n), name


def test_epochs_and_seeds_have_keys_of_their_own():
    keys = {noise.noise_key(seed, epoch) for seed in range(100) for epoch in range(100)}
    assert len(keys) == 100 * 100


def test_a_rows_noise_is_its_own():
    """Whatever the order and number of rows and columns that are asked for with it."""
    drawn = numbers()
    order = np.random.default_rng(0).permutation(N_ROWS)[:100]
    np.testing.assert_array_equal(numbers(rows=order), drawn[order])
    np.testing.assert_array_equal(numbers(rows=np.array([7, 7])), drawn[[7, 7]])
    for draw in (noise.integers, noise.normals):
        whole = draw(Draw(5, ROWS[:9]), SAMPLE, 8)
        np.testing.assert_array_equal(draw(Draw(5, ROWS[4:5]), SAMPLE, 8), whole[4:5])


def test_normal_quantiles_have_the_moments_of_a_normal_distribution():
    q = noise.normal_quantiles()
    assert q.shape == (LEVELS,)
    assert (np.diff(q) > 0).all()
    for power, moment, digits in ((1, 0, 1e-12), (2, 1, 1e-12), (3, 0, 1e-10), (4, 3, 1e-2)):
        assert np.mean(q**power) == pytest.approx(moment, abs=digits), power
    with pytest.raises(ValueError, match="read-only"):
        q[0] = 0


def test_normal_numbers_are_normal():
    drawn = noise.normals(Draw(1, ROWS), SAMPLE, N_COLUMNS)
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-4
    correlations = np.corrcoef(drawn.T) - np.eye(N_COLUMNS)
    assert np.abs(correlations).max() < 5 / np.sqrt(N_ROWS)


# --- what is made of it --------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruption_spoils_the_share_that_is_asked_for(name, level):
    X = np.random.default_rng(0).uniform(0.1, 0.9, (N_ROWS, N_COLUMNS))
    spoiled = CORRUPTIONS[name].function(X, Draw(1, ROWS), level, LIMITS)
    changed = spoiled != X
    if name == "gaussian":
        noise_of = spoiled - X
        assert noise_of.std() == pytest.approx(level, rel=0.01)
        assert abs(noise_of.mean()) < 5 * level / np.sqrt(X.size) + 1e-12
        return
    around = 5 * np.sqrt(level * (1 - level) / X.size)
    assert changed.mean() == pytest.approx(level, abs=around)
    assert np.abs(changed.mean(axis=0) - level).max() <= around * np.sqrt(N_COLUMNS)
    assert np.abs(changed.mean(axis=1) - level).max() <= around * np.sqrt(N_ROWS)
    if name == "masking":
        assert set(spoiled[changed]) <= {0.0}
    else:
        for end in (-3.0, 4.0):
            assert (spoiled == end).mean() == pytest.approx(level / 2, abs=around)
            assert (spoiled == end).sum() + (spoiled == 1.0 - end).sum() == changed.sum()


def test_dropout_hides_the_share_that_is_asked_for_and_keeps_the_mean():
    mask = dropout_mask(Draw(1, ROWS), 2, N_COLUMNS, 0.3, np.dtype(np.float64))
    around = 5 * np.sqrt(0.3 * 0.7 / mask.size)
    assert (mask == 0).mean() == pytest.approx(0.3, abs=around)
    assert set(mask.ravel()) == {0, 1 / 0.7}
    assert mask.mean() == pytest.approx(1, abs=around / 0.7)


def spoiled_loss(network, X, **named):
    """What the loss of a corrupting network is, made of one that does not: a target beside it."""
    a = network.architecture
    seen = CORRUPTIONS[a.corruption].function(
        X, Draw(named["noise_key"], np.arange(len(X))), a.corruption_level, Rows(X).limits
    )
    plain = type(network)(replace(a, corruption=None), network.params)
    return plain.decoding_errors(plain.encode(seen), X).mean()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_row_is_to_be_reconstructed_as_it_was(network_class, name):
    X = np.random.default_rng(0).uniform(size=(20, 6))
    architecture = Architecture.symmetrical((6, 5, 3), activation="tanh", corruption=name)
    network = network_class(architecture, random_state=0)
    for key in (3, 2**64 - 1):
        expected = spoiled_loss(network, X, noise_key=key)
        assert network.loss(X, noise_key=key) == pytest.approx(expected, rel=1e-12)
    assert network.loss(X, noise_key=1) != network.loss(X, noise_key=2)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_is_unseen_is_not_spoiled(network_class, name):
    """It stays 0 to the network: of a column that is never seen no weight is asked to move."""
    X = np.random.default_rng(0).uniform(size=(30, 6))
    X[:, 2] = X[5:9, 4] = np.nan
    architecture = Architecture.symmetrical((6, 5, 3), corruption=name, corruption_level=0.5)
    network = network_class(architecture, random_state=0)
    loss, gradient = network.loss_and_gradient(Rows(X, missing="mask"), noise_key=3)
    assert np.isfinite(loss)
    W1 = architecture.views(gradient)["W1"]
    assert not W1[2].any()
    assert W1[[0, 1, 3, 4, 5]].all()


@pytest.mark.parametrize(
    "options",
    [*({"corruption": name} for name in CORRUPTIONS), {"dropout": 0.4}, {"dropout": 0.9}],
    ids=str,
)
def test_nothing_is_drawn_at_inference(network_class, options):
    X = np.random.default_rng(0).uniform(size=(20, 6))
    plain = network_class(Architecture.symmetrical((6, 5, 4, 3)), random_state=0)
    noisy = network_class(replace(plain.architecture, **options), plain.params)
    for method in ("forward", "encode", "reconstruction_errors", "feature_errors"):
        got, expected = getattr(noisy, method)(X), getattr(plain, method)(X)
        np.testing.assert_allclose(got, expected, rtol=1e-12)
    code = plain.encode(X)
    np.testing.assert_allclose(noisy.decode(code), plain.decode(code), rtol=1e-12)
    assert abs(noisy.loss(X) - plain.loss(X)) > 1e-6


def test_a_variational_code_is_its_mean_at_inference(network_class):
    X = np.random.default_rng(0).uniform(size=(20, 6))
    options = {"variational": True, "code_activation": "identity"}
    network = network_class(Architecture.symmetrical((6, 5, 3), **options), random_state=0)
    # To rounding: of the posterior, the last product is NumPy's.
    np.testing.assert_allclose(network.encode(X), network.posterior(X)[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(network.decode(network.encode(X)), network.forward(X), rtol=1e-13)
    assert network.loss(X, noise_key=1) != network.loss(X, noise_key=2)


def test_an_epochs_noise_does_not_depend_on_the_order_of_rows(network_class):
    """A step on all rows is the same step in any order, to rounding."""
    from ae_core import SGD

    X = np.random.default_rng(0).uniform(size=(30, 6))
    options = {"corruption": "masking", "dropout": 0.3, "variational": True}
    architecture = Architecture.symmetrical((6, 5, 3), code_activation="identity", **options)
    start = network_class(architecture, random_state=0).params
    ends = []
    for order in (np.arange(30), np.arange(30)[::-1].copy()):
        network, solver = network_class(architecture, start.copy()), SGD(0.1)
        state, keys = solver.start(network.params), np.array([9], dtype=np.uint64)
        losses = network.train_steps(X, order, 30, solver, state, np.array([0.1]), keys)
        assert losses[0] == pytest.approx(network_class(architecture, start).loss(X, noise_key=9))
        ends.append(network.params)
    np.testing.assert_allclose(*ends, rtol=1e-12, atol=1e-14)
