"""Scaling that a few wild values cannot spoil."""

import numpy as np
import pytest

from ae_core.data.robust_scaling import column_quantiles, learn_robust_scaling
from ae_core.data.rows import Rows


def scaling_of(X, weights=None, missing=None):
    weights = np.ones(len(X)) if weights is None else weights
    return learn_robust_scaling(Rows(X, missing=missing), np.asarray(X, dtype=float), weights)


def scaled(scaling, X, missing=None, dtype=np.float32):
    return scaling.scaled(Rows(np.asarray(X), missing=missing), slice(None), np.dtype(dtype))


def test_quantiles_are_those_of_repeated_rows_without_what_is_unseen():
    random = np.random.default_rng(0)
    for _ in range(30):
        X, weights = random.normal(size=(17, 4)), random.integers(1, 5, 17)
        X[random.random(X.shape) < 0.2] = np.nan
        X[:, 3] = np.nan
        repeated = X.repeat(weights, axis=0)
        shares = (0.05, 0.25, 0.5, 0.9)
        for given in (
            column_quantiles(X, weights.astype(float), shares),
            column_quantiles(repeated, np.ones(len(repeated)), shares),
        ):
            assert np.isnan(given[:, 3]).all()
            for j in range(3):
                own = repeated[~np.isnan(repeated[:, j]), j]
                expected = np.quantile(own, shares, method="inverted_cdf")
                np.testing.assert_array_equal(given[:, j], expected)


@pytest.mark.parametrize("share", [0.01, 0.06, 0.2])
@pytest.mark.parametrize("size", [1e2, 1e9, 1e200])
def test_gross_errors_hardly_move_it(share, size):
    X = np.random.default_rng(0).normal(3, 2, size=(1000, 2))
    wrong = X.copy()
    wrong[: round(share * len(X)), 1] = size
    clean, spoiled = scaling_of(X), scaling_of(wrong)
    assert abs(spoiled.shift[1] - clean.shift[1]) < 0.5 / clean.factor[1]
    assert 0.3 < spoiled.factor[1] / clean.factor[1] < 1.5
    assert scaled(spoiled, wrong)[0][0, 1] > 6


@pytest.mark.parametrize("share", [0.001, 0.02, 0.1, 0.5])
def test_a_flags_spread_is_near_its_deviation(share):
    X = (np.arange(5000)[:, None] < share * 5000).astype(float)
    X = np.random.default_rng(0).permutation(X)
    deviation = np.sqrt(share)
    assert 0.5 < deviation * scaling_of(X).factor[0] < 1.6


def test_a_normal_column_has_unit_spread_and_any_unit():
    X = np.random.default_rng(0).normal(size=(1000, 1))
    for unit in (1e-200, 1.0, 1e200):
        scaling = scaling_of(X * unit)
        assert scaling.factor[0] * unit == pytest.approx(1, abs=0.15)


def test_far_values_are_bent_and_nothing_overflows():
    X = np.random.default_rng(0).normal(size=(1000, 1))
    scaling = scaling_of(X)
    far = np.array([0, 1, 4, 6, 60, 1e9, 1e39, 1e200, 1.7e308])
    for sign in (1, -1):
        given = sign * scaled(scaling, sign * far[:, None])[0][:, 0]
        assert np.isfinite(given).all()
        assert (np.diff(given[:6]) > 0).all()
        assert (np.diff(given) >= 0).all()
        assert given[-1] < 80
    extremes = np.array([[1.7e308], [-1.7e308], [1.0], [2.0], [3.0]])
    assert np.isfinite(scaled(scaling_of(extremes), extremes)[0]).all()


def test_constants_are_0_and_what_changes_is_told():
    X = np.c_[np.full(50, 7.1), np.arange(50.0), np.zeros(50), np.full(50, np.nan)]
    scaling = scaling_of(X, missing="mask")
    assert scaling.varies.tolist() == [False, True, False, False]
    assert scaling.is_seen.tolist() == [True, True, True, False]
    given, changed = scaled(
        scaling,
        [
            [7.1, 1, 0, np.nan],
            [np.float64(np.float32(7.1)), 1, 0, 5],  # rounding is no change
            [7.2, 1, 1e-30, np.nan],
            [np.nan, 1, np.nan, np.nan],
            [1e300, np.nan, 0, np.nan],
        ],
        missing="mask",
    )
    assert changed.tolist() == [[False] * 2, [False] * 2, [True] * 2, [False] * 2, [True, False]]
    np.testing.assert_array_equal(given[[0, 1, 2, 4]][:, [0, 2]], 0)
    assert np.isnan(given[3, 0])
    assert np.isnan(given[4, 1])


def test_the_callers_table_stays_as_it_is():
    X = np.random.default_rng(0).normal(size=(20, 3)) * [1, 1e9, 0]
    before = X.copy()
    scaled(scaling_of(X), X, dtype=np.float64)
    np.testing.assert_array_equal(X, before)
