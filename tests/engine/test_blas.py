"""The row-major BLAS of the engine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ae_core._engine.for_tests import FORMS, product

SIZES = st.integers(0, 40)
BLAS = -1


@given(
    m=SIZES, n=SIZES, k=SIZES,
    form=st.sampled_from(FORMS), accumulate=st.booleans(),
    padding=st.integers(0, 3), dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_gemm_is_the_product(m, n, k, form, accumulate, padding, dtype, seed):
    random = np.random.default_rng(seed)

    def matrix(rows, columns):
        return random.normal(size=(rows, columns + padding)).astype(dtype)[:, :columns]

    a = matrix(k, m) if form == "tn" else matrix(m, k)
    b = matrix(n, k) if form == "nt" else matrix(k, n)
    c = matrix(m, n)
    surroundings = None if c.base is None else c.base[:, n:].copy()
    left, right = (a.T if form == "tn" else a), (b.T if form == "nt" else b)
    expected = left.astype(float) @ right.astype(float) + accumulate * c.astype(float)
    product(form, a, b, c, BLAS, accumulate)
    tolerance = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(c, expected, rtol=tolerance, atol=tolerance * max(1, k))
    if surroundings is not None:
        np.testing.assert_array_equal(c.base[:, n:], surroundings)


def test_old_content_is_not_read_unless_added_to():
    c = np.full((2, 2), np.nan)
    product("nn", np.eye(2), np.eye(2), c, BLAS)
    np.testing.assert_array_equal(c, np.eye(2))


@pytest.mark.parametrize(
    ("a", "b", "c", "words"),
    [
        (np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)), "inner sizes differ"),
        (
            np.ones((2, 3)),
            np.ones((3, 4)),
            np.ones((2, 3)),
            r"c is \(2, 3\), the product is \(2, 4\)",
        ),
        (np.ones((3, 2)).T, np.ones((3, 4)), np.ones((2, 4)), "a: the elements of a row"),
        (np.ones((2, 3)), np.ones((3, 4))[::-1], np.ones((2, 4)), "b: rows must not overlap"),
    ],
)
def test_wrong_shapes_and_strides_are_named(a, b, c, words):
    with pytest.raises(ValueError, match=words):
        product("nn", a, b, c, BLAS)


def test_read_only_operands_are_welcome_but_not_as_result():
    a = np.eye(2)
    a.flags.writeable = False
    c = np.empty((2, 2))
    product("nn", a, a, c, BLAS)
    np.testing.assert_array_equal(c, np.eye(2))
    with pytest.raises(ValueError, match="read-only"):
        product("nn", c, c, a, BLAS)
