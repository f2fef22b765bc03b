"""A few plain rows go past the checks, and come out the same."""

import numpy as np
import pytest

from ae_core import Architecture, Network
from ae_core.data.plain_rows import PLAIN_ENTRIES, is_plain
from ae_core.data.rows import Rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 6), (5, 6), (300, 6)])
@pytest.mark.parametrize("sizes", [(6, 4, 2), (6, 3), (6, 900, 700)])
def test_layers_of_plain_rows_are_those_of_encode_and_decode(dtype, shape, sizes):
    architecture = Architecture.symmetrical(sizes, activation="tanh")
    network = Network(architecture, dtype=dtype, random_state=0, n_threads=2)
    random = np.random.default_rng(1)
    X = random.normal(size=shape).astype(dtype)
    code = network.run_plain(X, 0, architecture.code_layer)
    np.testing.assert_array_equal(code, network.encode(X))
    X_hat = network.run_plain(code, architecture.code_layer, architecture.n_layers)
    np.testing.assert_array_equal(X_hat, network.forward(X))
    X[random.random(shape) < 0.3] = np.nan
    np.testing.assert_array_equal(
        network.run_plain(X, 0, architecture.code_layer, True),
        network.encode(Rows(X, missing="mask")),
    )


@pytest.mark.parametrize("missing", [None, "mask"])
def test_plain_rows_are_the_rows_that_the_checks_make(missing):
    X = np.array([[1.0, -2, 3], [0, 4, 5]])
    if missing:
        X[1, 2] = np.nan
    options = {"shift": np.arange(3.0), "factor": np.full(3, 0.5), "missing": missing}
    plain, checked = Rows.of_plain(X, clip=True, **options), Rows(X, clip=True, **options)
    assert set(vars(plain)) == set(vars(checked))
    for name, value in vars(checked).items():
        np.testing.assert_array_equal(getattr(plain, name), value)
    np.testing.assert_array_equal(
        plain.take(slice(None), np.float32), checked.take(slice(None), np.float32)
    )


def test_what_is_plain():
    X = np.ones((2, 3))
    holed = np.array([[1.0, np.nan, 1]])
    assert is_plain(X, 3, None)
    assert is_plain(X.astype(np.float32)[::2], 3, "mask")
    assert is_plain(holed, 3, "mask")
    unaligned = np.frombuffer(b"0" * 49, dtype=np.uint8)[1:].view(np.float64).reshape(2, 3)
    for other in (
        holed,
        X * np.inf,
        X[0],
        X[:0],
        X[:, :2],
        X.astype(int),
        X.astype(np.float16),
        X.astype(">f8"),
        unaligned,
        X.tolist(),
        np.ma.array(X),
        np.ones((PLAIN_ENTRIES, 3)),
        None,
    ):
        assert not is_plain(other, 3, None)
    assert not is_plain(X * np.inf, 3, "mask")
    assert not is_plain(X, 3, "implicit")
