"""How columns are scaled: the same bits for the same numbers, and numbers that are too large named."""

import warnings

import numpy as np
import pytest
import scipy.sparse

from ae_core import Autoencoder, AutoencoderOutlierDetector
from ae_core.data.running_scaling import ENOUGH, RunningScaling
from ae_core.data.scaling import learn_scaling


def table(n=1000, columns=7):
    return np.random.default_rng(0).normal(3, 2, (n, columns)) ** 3


LAYOUTS = {
    "Fortran's order": np.asfortranarray,
    "transposed": lambda X: np.ascontiguousarray(X.T).T,
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "every other row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "backwards and back": lambda X: X[:, ::-1].copy()[:, ::-1],
    "within a larger one": lambda X: np.pad(X, 3)[3:-3, 3:-3],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scale", ["standard", "minmax"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [None, "mask"])
def test_the_order_in_memory_changes_no_bit(layout, scale, weighted, missing):
    X = table()
    weights = np.random.default_rng(1).uniform(0, 2, len(X)) if weighted else None
    if missing:
        X[::5, 2] = np.nan
    known = learn_scaling(X, scale, weights, missing=missing)
    ours = learn_scaling(LAYOUTS[layout](X), scale, weights, missing=missing)
    for one, other in zip(known, ours, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8])
def test_the_order_in_memory_changes_no_bit_of_other_dtypes(dtype):
    X = np.random.default_rng(0).integers(0, 200, (777, 5)).astype(dtype)
    known, ours = (learn_scaling(each, "standard") for each in (X, np.asfortranarray(X)))
    np.testing.assert_array_equal(known, ours)


def test_fits_have_the_same_bits_in_any_order_in_memory():
    X = table(300)
    fits = [
        Autoencoder(2, max_iter=3, random_state=0).fit(make(X))
        for make in (np.array, *LAYOUTS.values())
    ]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.network_.params, fits[0].network_.params)


@pytest.mark.parametrize("value", [1e200, -1e300, 1.7e308])
@pytest.mark.parametrize("missing", [None, "mask"])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_numbers_whose_squares_are_beyond_floats_are_named(value, missing, form):
    X = table(20)
    X[13, 4] = value
    X = form(X)
    for act in (
        lambda: learn_scaling(X, "standard", missing=missing),
        lambda: Autoencoder(2, missing_values=missing, max_iter=2).fit(X),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError, match=r"X\[13, 4\] is -?1(\.7)?e\+(200|300|308)"):
                act()


def test_limits_that_are_too_far_apart_are_named():
    X = table(20)
    X[13, 4], X[14, 4] = -1.5e308, 1.5e308
    with pytest.raises(ValueError, match=r"X\[13, 4\] is -1.5e\+308"):
        learn_scaling(X, "minmax")


def test_the_largest_numbers_that_can_be_scaled():
    X = 1e150 * table(30)
    model = Autoencoder(2, max_iter=2, random_state=0).fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    known = Autoencoder(2, max_iter=2, random_state=0).fit(table(30))
    np.testing.assert_allclose(model.transform(X), known.transform(table(30)), rtol=1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_detector_on_numbers_beyond_floats():
    X = np.where(np.random.default_rng(0).random((60, 3)) < 0.5, 1e300, -1e300)
    detector = AutoencoderOutlierDetector(n_steps=2, random_state=0)
    try:
        detector.fit(X)
    except ValueError as error:
        words = str(error)
    else:
        words = "X[" if np.isfinite([*detector.score_samples(X), detector.threshold_]).all() else ""
    assert "X[" in words


# --- what is known of columns, part by part ----------------------------------------------------------


@pytest.mark.parametrize("missing", [None, "mask", "implicit"])
@pytest.mark.parametrize("sparse", [False, True])
def test_parts_add_up_to_the_whole(missing, sparse):
    if missing == "implicit" and not sparse:
        pytest.skip("not sparse")
    random = np.random.default_rng(0)
    X = random.normal(2, 3, (ENOUGH - 1, 4))
    if sparse:
        X = scipy.sparse.csr_array(np.where(random.random(X.shape) < 0.4, 0, X))
    elif missing:
        X[random.random(X.shape) < 0.4] = np.nan
    weights, scaled = random.uniform(0.5, 2, len(X.toarray() if sparse else X)), np.ones(4, bool)
    first, rest = slice(0, 20), [slice(20, 21), slice(21, 60), slice(60, 99)]
    factor = learn_scaling(X[first], "standard", weights[first], missing=missing)[1]
    running = RunningScaling.begin(X[first], weights[first], factor, scaled, missing)
    for part in rest:
        assert running.is_open.all()
        assert running.take_in(X[part], weights[part], scaled, missing).any()
    known = learn_scaling(X, "standard", weights, missing=missing)
    ours = running.scaling(scaled, "standard")
    np.testing.assert_allclose(ours[1], known[1], rtol=1e-12)
    if known[0] is not None:
        np.testing.assert_allclose(ours[0], known[0], rtol=1e-12)
    assert running.take_in(X[:5], weights[:5], scaled, missing).any()


def test_nothing_is_asked_where_enough_is_known():
    X = table()
    factor = learn_scaling(X, "standard")[1]
    running = RunningScaling.begin(X, None, factor, np.ones(7, bool), None)
    assert not running.is_open.any()
    assert not running.take_in(None, None, np.ones(7, bool), None).any()
