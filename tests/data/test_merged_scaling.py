"""Measures of parts, merged: what one pass over the whole table finds."""

from itertools import pairwise

import numpy as np
import pytest

from ae_core.data.merged_scaling import merged, merged_scaling
from ae_core.data.running_scaling import RunningScaling
from ae_core.data.scaling import learn_scaling, seen_columns


def table(kind):
    random = np.random.default_rng(3)
    X = random.normal(size=(300, 5)) * [1, 1e-6, 1e6, 3, 1] + [0, 5, 1e9, -2, 0.1]
    X[:, 4] = 0.1  # the same in all rows
    if kind == "missing":
        X[random.random(X.shape) < 0.3] = np.nan
        X[:120, 3] = np.nan  # whole parts have nothing of it
    return X


@pytest.mark.parametrize("kind", ["full", "missing"])
@pytest.mark.parametrize("scale", ["standard", "minmax"])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_that_of_the_whole(kind, scale, weighted):
    X = table(kind)
    missing = "mask" if kind == "missing" else None
    weights = np.random.default_rng(1).integers(0, 4, len(X)).astype(float) if weighted else None
    cuts = [0, 60, 61, 200, 300]
    parts = [
        seen_columns(X[a:b], None if weights is None else weights[a:b], missing)
        for a, b in pairwise(cuts)
    ]
    total = merged(parts)
    shift, factor = merged_scaling(total, scale)
    expected_shift, expected_factor = learn_scaling(X, scale, weights, missing=missing)
    np.testing.assert_allclose(shift, expected_shift, rtol=1e-12, atol=1e-12)
    # The rounding of a mean of 1e9 is seen in a deviation of 1e6.
    np.testing.assert_allclose(factor, expected_factor, rtol=1e-9)
    assert factor[4] == 1
    running = RunningScaling.of_columns(total, factor, np.ones(5, dtype=bool))
    begun = RunningScaling.begin(X, weights, factor, np.ones(5, dtype=bool), missing)
    np.testing.assert_allclose(running.table, begun.table, rtol=1e-9, atol=1e-9)
    assert running.is_open[4]


def test_no_scaling():
    total = merged([seen_columns(table("full"), None, None)])
    assert merged_scaling(total, None) == (None, None)


def test_numbers_too_large_name_their_column():
    X = np.ones((4, 3))
    X[1, 2] = 1e200
    with np.errstate(over="ignore", invalid="ignore"):
        total = merged([seen_columns(X[:2], None, None), seen_columns(X[2:], None, None)])
    with pytest.raises(ValueError, match=r"column 2 of X has numbers as large as 1e\+200"):
        merged_scaling(total, "standard")
