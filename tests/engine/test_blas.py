"""The row-major BLAS of the engine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ae_core._engine.for_tests import gemm

SIZES = st.integers(0, 40)


@given(
    m=SIZES, n=SIZES, k=SIZES,
    transpose_a=st.booleans(), transpose_b=st.booleans(),
    alpha=st.sampled_from([1.0, -0.5]), beta=st.sampled_from([0.0, 1.0, 2.0]),
    padding=st.integers(0, 3), dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_gemm_is_the_product(m, n, k, transpose_a, transpose_b, alpha, beta, padding, dtype, seed):
    random = np.random.default_rng(seed)

    def matrix(rows, columns):
        return random.normal(size=(rows, columns + padding)).astype(dtype)[:, :columns]

    a = matrix(k, m) if transpose_a else matrix(m, k)
    b = matrix(n, k) if transpose_b else matrix(k, n)
    c = matrix(m, n)
    surroundings = None if c.base is None else c.base[:, n:].copy()
    left, right = (a.T if transpose_a else a), (b.T if transpose_b else b)
    expected = alpha * (left.astype(float) @ right.astype(float)) + beta * c.astype(float)
    gemm(a, b, c, transpose_a, transpose_b, alpha, beta)
    tolerance = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(c, expected, rtol=tolerance, atol=tolerance * max(1, k))
    if surroundings is not None:
        np.testing.assert_array_equal(c.base[:, n:], surroundings)


def test_old_content_is_not_read_when_beta_is_zero():
    c = np.full((2, 2), np.nan)
    gemm(np.eye(2), np.eye(2), c)
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
        gemm(a, b, c)


def test_read_only_operands_are_welcome_but_not_as_result():
    a = np.eye(2)
    a.flags.writeable = False
    c = np.empty((2, 2))
    gemm(a, a, c)
    np.testing.assert_array_equal(c, np.eye(2))
    with pytest.raises(ValueError, match="read-only"):
        gemm(c, c, a)
