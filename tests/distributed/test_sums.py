"""The tree of a fixed shape: the same bits, however its leaves are divided among workers."""

import numpy as np
import pytest

pytest.importorskip("dask")
pytest.importorskip("distributed")

from ae_core.distributed.pieces import bounds
from ae_core.distributed.sums import Partial, put, total


def leaves(n):
    random = np.random.default_rng(n)
    scale = 10.0 ** random.integers(-8, 8, (n, 1))
    return [
        Partial(1.0 + i, float(row[0]), row)
        for i, row in enumerate(random.normal(size=(n, 5)) * scale)
    ]


def summed(partials, owners):
    parts = []
    for owner in sorted(set(owners)):
        nodes = {}
        for i in np.flatnonzero(np.array(owners) == owner):
            put(nodes, 0, int(i), partials[i], len(partials))
        parts.append(nodes)
    return total(parts, len(partials)), parts


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 13, 64])
def test_any_division_has_the_same_bits(n):
    partials = leaves(n)
    expected, _ = summed(partials, [0] * n)
    random = np.random.default_rng(0)
    for n_workers in (2, 3, 5):
        found, _ = summed(partials, random.integers(0, n_workers, n).tolist())
        assert found.loss == expected.loss
        assert found.n_counted == expected.n_counted
        np.testing.assert_array_equal(found.gradient, expected.gradient)
    np.testing.assert_allclose(
        expected.gradient, np.sum([p.gradient for p in partials], axis=0), rtol=1e-9
    )
    assert expected.n_counted == n * (n + 1) / 2


def test_pieces_that_follow_each_other_move_few_vectors():
    _, parts = summed(leaves(64), [i // 16 for i in range(64)])
    assert [len(nodes) for nodes in parts] == [1] * 4
    _, parts = summed(leaves(60), [i // 20 for i in range(60)])
    assert max(len(nodes) for nodes in parts) <= 4


def test_nothing_added_to_something_is_that():
    something = leaves(1)[0]
    nothing = Partial(0.0, 0.0, None)
    for whole in (something + nothing, nothing + something):
        np.testing.assert_array_equal(whole.gradient, something.gradient)
    assert (nothing + nothing).gradient is None


@pytest.mark.parametrize(("n_rows", "n_steps"), [(0, 3), (1, 7), (5, 7), (100, 7), (1000, 1)])
def test_each_row_is_in_one_step_of_an_epoch(n_rows, n_steps):
    for number in range(4):
        ends = [bounds(n_rows, number, n_steps, step) for step in range(n_steps + 1)]
        assert ends[0] == 0
        assert ends[-1] == n_rows
        sizes = np.diff(ends)
        assert sizes.min() >= n_rows // n_steps
        assert sizes.max() <= n_rows // n_steps + 1
