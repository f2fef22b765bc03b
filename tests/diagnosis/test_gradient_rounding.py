"""Arrays whose slopes are all but lost in the rounding of a cost."""

import numpy as np
import pytest

from ae_core import check_gradient

R = np.random.default_rng(3)
A = R.normal(size=(4, 5))


def two(small, sign=1.0, kind=np.float32):
    """A fit, and beside it an array of which the slopes are small beside the cost's rounding."""
    V = R.normal(size=30)

    def function(p):
        w, v = p["w"].astype(kind), p["v"].astype(kind)
        d = A.astype(kind) @ w - 1
        u = kind(small) * V.astype(kind)
        cost = d @ d / 2 + u @ v
        return cost, {"w": A.astype(kind).T @ d, "v": kind(sign) * u}

    return function, {"w": R.normal(size=5), "v": R.normal(size=30)}


@pytest.mark.parametrize("small", [1e-3, 1e-4, 2e-5])
def test_what_no_single_slope_tells_all_together_do(small):
    function, params = two(small)
    check = check_gradient(function, params)
    assert check.passed, str(check)
    assert check.findings == []
    for sign in (-1, 3):
        function, params = two(small, sign)
        check = check_gradient(function, params)
        assert not check.passed
        assert "v" in check.findings[0]
        assert "w is" not in check.findings[0]


def test_what_is_less_than_rounding_shows_is_said():
    function, params = two(1e-9)
    check = check_gradient(function, params)
    assert check.passed
    assert "Of v nothing can be told" in check.findings[0]
    assert "lost in the cost's rounding" in check.findings[0]


def test_where_nothing_can_be_told_at_all_it_fails():
    def function(w):
        return w @ w / 2 + 1e15, -w

    check = check_gradient(function, np.ones(3) / 9)
    assert not check.passed
    assert "nothing can be told" in check.findings[0]


def test_slopes_that_are_visible_only_far_away():
    def function(p, wrong=1.0):  # flat where p is small
        w, v = p["w"].astype("f4"), p["v"].astype("f4")
        d = A.astype("f4") @ w - 1
        return d @ d / 2 + (v**8).sum(), {"w": A.astype("f4").T @ d, "v": wrong * 8 * v**7}

    params = {"w": R.normal(size=5), "v": np.full(3, 0.14)}
    assert check_gradient(function, params).passed
