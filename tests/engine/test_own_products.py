"""Every form, type and instruction set of matmul_body.h against float64 NumPy."""

import numpy as np
import pytest

from ae_core._engine.for_tests import levels, product

LEVELS = range(levels())
SENTINEL = 1234.5  # stands in the padding; must neither be changed nor be used
rng = np.random.default_rng(7)


def padded(rows, columns, dtype, padding):
    """A view of (rows, columns) in a larger array of sentinels; both."""
    base = np.full((rows + 2, columns + padding), SENTINEL, dtype)
    left = padding // 2
    return base, base[1 : rows + 1, left : left + columns]


def problem(form, m, n, k, dtype, padding):
    base_a, a = padded(*((k, m) if form == "tn" else (m, k)), dtype, padding)
    base_b, b = padded(*((n, k) if form == "nt" else (k, n)), dtype, padding)
    base_c, c = padded(m, n, dtype, padding)
    for x in (a, b, c):
        x[...] = rng.standard_normal(x.shape)
    base_a[base_a == SENTINEL] = base_b[base_b == SENTINEL] = np.nan
    return a, b, base_c, c


def check(level, form, m, n, k, dtype, padding, accumulate):
    a, b, base_c, c = problem(form, m, n, k, dtype, padding)
    before = base_c.copy()
    left = a.T if form == "tn" else a
    right = b.T if form == "nt" else b
    wide = left.astype(np.float64), right.astype(np.float64)
    expected = wide[0] @ wide[1]
    size = np.abs(wide[0]) @ np.abs(wide[1])
    if accumulate:
        expected = expected + c
        size = size + np.abs(c)
    product(form, a, b, c, level, accumulate)
    error = np.abs(c - expected)
    assert np.all(error <= (k + 2) * np.finfo(dtype).eps * size), (level, form, m, n, k)
    c[...] = before[1 : m + 1, padding // 2 : padding // 2 + n]
    assert np.array_equal(base_c, before), "wrote beside C"


def each(test):
    for name, values in (
        ("level", LEVELS),
        ("form", ("nn", "nt", "tn")),
        ("dtype", (np.float32, np.float64)),
    ):
        test = pytest.mark.parametrize(name, values)(test)
    return test


@each
def test_all_small_shapes(level, form, dtype):
    sizes = [*list(range(1, 10)), 15, 16, 17, 20]
    for m in sizes:
        for n in sizes:
            for k in sizes:
                check(level, form, m, n, k, dtype, padding=(m + n) % 4, accumulate=(n + k) % 2)


@each
def test_all_widths_and_depths(level, form, dtype):
    """Every remainder of n and k, for a few heights."""
    for n in range(1, 36):
        for k in range(1, 20):
            check(level, form, 1 + (n * k) % 18, n, k, dtype, padding=n % 3, accumulate=k % 2)


@each
def test_random_shapes(level, form, dtype):
    for _ in range(25):
        m, n, k = rng.integers(1, 200, 3)
        check(level, form, m, n, k, dtype, int(rng.integers(0, 40)), int(rng.integers(0, 2)))
    for k in (255, 256, 257, 512, 700):
        check(level, form, 13, 37, k, dtype, 1, k % 2)


@each
def test_empty(level, form, dtype):
    for m, n, k in ((0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 40, 40), (40, 40, 0)):
        a, b, _base_c, c = problem(form, m, n, k, dtype, 2)
        before = c.copy()
        product(form, a, b, c, level, True)
        assert np.array_equal(c, before)
        product(form, a, b, c, level, False)
        assert not c.any()


@each
def test_bits_depend_on_row_and_column_only(level, form, dtype):
    """An element has the same bits whatever other rows and columns are computed, at any address."""
    for m, n, k in ((33, 50, 40), (9, 20, 300)):
        a, b, _, c = problem(form, m, n, k, dtype, 3)
        product(form, a, b, c, level)
        for i, j, rows, columns in ((0, 0, 1, 1), (2, 1, 3, 2), (5, 3, 4, 17), (1, 5, 7, 9)):
            part_a = a[:, i : i + rows] if form == "tn" else a[i : i + rows]
            part_b = b[j : j + columns] if form == "nt" else b[:, j : j + columns]
            part = np.empty((rows, columns), dtype)
            product(form, part_a, part_b, part, level)
            assert np.array_equal(part, c[i : i + rows, j : j + columns])


@each
def test_tiny_path_has_the_same_bits(level, form, dtype):
    for m, n, k in ((2, 2, 2), (4, 3, 4), (1, 2, 20), (3, 3, 5)):
        a, b, _, c = problem(form, m, n, k, dtype, 1)
        product(form, a, b, c, level)
        tall = np.concatenate([a] * 20, axis=1 if form == "tn" else 0)
        whole = np.empty((20 * m, n), dtype)
        product(form, tall, b, whole, level)
        assert np.array_equal(whole[:m], c)


@each
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_specials_propagate(level, form, dtype, special):
    """As in plain arithmetic: a special value in row i of A reaches row i of C and no other, also
    against zeros (0 * inf is NaN)."""
    for m, n, k in ((2, 2, 3), (11, 21, 13), (40, 33, 270)):
        a, b, _, c = problem(form, m, n, k, dtype, 1)
        (b if form == "nt" else b.T)[0] = 0  # column 0 of op(B)
        (a.T if form == "tn" else a)[1, k // 2] = special
        product(form, a, b, c, level)
        assert not np.isfinite(c[1]).any()
        assert np.isnan(c[1, 0])
        assert np.isfinite(np.delete(c, 1, axis=0)).all()
