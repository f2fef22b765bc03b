"""Only ratios of weights count, in every estimator; whole numbers are rows that are repeated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_wine

from ae_core import Autoencoder, AutoencoderOutlierDetector, VariationalAutoencoder
from ae_core.data.weights import relative_weights

QUICK = {"max_iter": 5, "random_state": 0, "hidden_layer_sizes": (8,)}


@pytest.fixture(scope="module")
def wine():
    return load_wine().data


@pytest.mark.parametrize(
    "weights",
    [[1, 1, 1], [1, 2, 3], [0, 4, 1, 0], [1, 999], [1, 0.0], [2, 3], [7, 0, 11], [1e5, 1]],
)
def test_numbers_of_rows_stay_what_they_are(weights):
    weights = np.array(weights, dtype=float)
    np.testing.assert_array_equal(relative_weights(weights), weights)


@pytest.mark.parametrize(
    ("weights", "rows"),
    [
        ([5, 5, 5], [1, 1, 1]),
        ([2, 4, 0], [1, 2, 0]),
        ([0.1, 0.2, 0.3], [1, 2, 3]),
        ([1e-300, 3e-300], [1, 3]),
        ([1.7e308] * 4, [1] * 4),
        ([5e-324, 5e-324], [1, 1]),
        ([1 / 3, 2 / 3, 0], [1, 2, 0]),
        ([1e300, 1], [1, 0]),
    ],
)
def test_the_smallest_weight_is_a_row(weights, rows):
    np.testing.assert_array_equal(relative_weights(np.array(weights, dtype=float)), rows)


@given(
    st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9),
    st.one_of(st.floats(1e-290, 1e290), st.sampled_from([1e-300, 1e-5, 1e300])),
)
def test_a_constant_factor_changes_nothing(weights, factor):
    weights = np.array(weights)
    known, scaled = relative_weights(weights), relative_weights(weights * factor)
    if (known == weights).all() and not (known == scaled).all():
        # Whole numbers, of which none divides the others, say how often rows are repeated.
        assert (weights == np.rint(weights)).all()
        known = weights / weights.mean()
    np.testing.assert_allclose(scaled, known, rtol=1e-12)
    assert known.sum() == pytest.approx(len(weights)) or (known == np.rint(known)).all()


ESTIMATORS = [
    Autoencoder(2, **QUICK),
    Autoencoder(2, alpha=10.0, alpha_l1=1.0, solver="adamw", learning_rate="invscaling", **QUICK),
    Autoencoder(2, early_stopping=True, dtype="float32", batch_size=16, **QUICK),
    Autoencoder(2, solver="lbfgs", **QUICK),
    Autoencoder(2, missing_values="mask", contraction=1e-3, activation="tanh", **QUICK),
    VariationalAutoencoder(2, **QUICK),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of 'lbfgs'
@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
@pytest.mark.parametrize("factor", [1e-8, 7.3, 1e300])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=range(len(ESTIMATORS)))
def test_fits_do_not_depend_on_a_constant_factor(wine, estimator, factor):
    random = np.random.default_rng(0)
    for weights in (
        np.ones(len(wine)),
        random.integers(0, 4, len(wine)).astype(float),
        random.uniform(0.1, 3, len(wine)),
    ):
        known, scaled = (
            clone(estimator).fit(wine, sample_weight=w) for w in (weights, weights * factor)
        )
        np.testing.assert_allclose(scaled.factor_, known.factor_, rtol=1e-12)
        np.testing.assert_allclose(scaled.loss_curve_, known.loss_curve_, rtol=1e-5)
        np.testing.assert_allclose(scaled.loss_curve_[:2], known.loss_curve_[:2], rtol=1e-7)
        if (weights == np.rint(weights)).all():
            np.testing.assert_array_equal(scaled.network_.params, known.network_.params)
        scores = [known.score(wine, sample_weight=w) for w in (weights, weights * factor)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-12)


@pytest.mark.parametrize("factor", [1e-8, 1e-5, 1e12])
def test_parts_do_not_depend_on_a_constant_factor(wine, factor):
    models = [Autoencoder(2, alpha=10.0, **QUICK) for _ in range(2)]
    for i in range(4):
        weights = np.random.default_rng(i).integers(1, 5, len(wine[i::4])).astype(float)
        models[0].partial_fit(wine[i::4], sample_weight=weights)
        models[1].partial_fit(wine[i::4], sample_weight=weights * factor)
    np.testing.assert_array_equal(models[0].network_.params, models[1].network_.params)


@pytest.mark.parametrize("factor", [1e-8, 1e-5, 1e12])
def test_detectors_do_not_depend_on_a_constant_factor(wine, factor):
    weights = np.random.default_rng(0).integers(1, 5, len(wine)).astype(float)
    known, scaled = (
        AutoencoderOutlierDetector(random_state=0).fit(wine, sample_weight=w)
        for w in (weights, weights * factor)
    )
    np.testing.assert_array_equal(scaled.score_samples(wine), known.score_samples(wine))
    assert scaled.threshold_ == known.threshold_


def test_one_weight_beyond_all_others(wine):
    weights = np.ones(len(wine))
    weights[0] = 1e300
    model = Autoencoder(2, **QUICK)
    model.fit(wine, sample_weight=weights)
    assert np.isfinite(model.network_.params).all()
    np.testing.assert_allclose(model.shift_, wine[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.zeros(178), "sample_weight is zero|non-zero"),
        (-np.ones(178), "[Nn]egative"),
        (np.full(178, np.nan), "NaN|finite"),
        (np.ma.masked_less(np.arange(178.0), 3), "sample_weight is a masked array"),
    ],
)
def test_wrong_weights(wine, weights, words):
    for act in (
        lambda w: Autoencoder(2, **QUICK).fit(wine, sample_weight=w),
        lambda w: Autoencoder(2, **QUICK).partial_fit(wine, sample_weight=w),
        lambda w: Autoencoder(2, **QUICK).fit(wine).score(wine, sample_weight=w),
    ):
        with pytest.raises(ValueError, match=words):
            act(weights)


def test_weights_in_any_container(wine):
    weights = np.random.default_rng(0).integers(1, 4, len(wine)).astype(float)
    known = Autoencoder(2, **QUICK).fit(wine, sample_weight=weights)
    for each in (
        weights.tolist(),
        pytest.importorskip("pandas").Series(weights, index=range(1000, 1000 + len(wine))),
        pytest.importorskip("polars").Series(weights),
        pytest.importorskip("pyarrow").array(weights),
        np.ma.masked_array(weights),
        weights.astype(np.int8),
    ):
        model = Autoencoder(2, **QUICK).fit(wine, sample_weight=each)
        np.testing.assert_array_equal(model.network_.params, known.network_.params)
