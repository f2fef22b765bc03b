"""One absurd entry, in the fit or later: finite results, or one error that names it."""

import re

import numpy as np
import pytest

import ae_core
from ae_core import (
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    NonFiniteLossError,
    Predictor,
    VariationalAutoencoder,
)
from ae_core.data.scaling import saturated, undo_scaling
from ae_core.serving.ranges import average, within_range

pytestmark = [
    pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # NumPy's, about what is asked here
]

ABSURD = (1e39, 3e38, 1e155, -1e200, 1e308, -1.7e308, 5e-324, -1e-310)
QUICK = {"max_iter": 2, "random_state": 0, "n_threads": 1}
X = np.random.default_rng(0).normal(size=(40, 3))

SETTINGS = [
    (kind, dtype, scale, missing)
    for kind in (Autoencoder, VariationalAutoencoder)
    for dtype in ("float32", "float64")
    for scale in ("standard", "minmax", None)
    for missing in (None, "mask")
]


def made(settings):
    kind, dtype, scale, missing = settings
    return kind(1, dtype=dtype, scale=scale, missing_values=missing, **QUICK)


def with_cell(value, whole=False):
    rows = X.copy()
    rows[3, 1 if not whole else slice(None)] = value
    return rows


def assert_named(error, rows):
    message = str(error)
    assert len(message) <= 300
    assert "\n" not in message
    place = re.search(r"\bX has (\S+) in column (\d), row (\d+)|X\[(\d+), (\d)\] is (\S+)", message)
    assert place, message
    value, column, row, row_2, column_2, value_2 = place.groups()
    at = (int(row or row_2), int(column or column_2))
    assert f"{rows[at]:g}" in (value, value and value.rstrip(":,"), value_2 and value_2.rstrip(":"))


def results(model, rows):
    """What each method gives, or its error."""
    for method in (
        *("transform", "reconstruct", "impute", "feature_errors", "score_samples", "score"),
        *("sample_posterior", "explain", "predict", "decision_function", "p_values"),
        "predict_proba",
    ):
        if hasattr(model, method):
            seeded = {"random_state": 0} if method == "sample_posterior" else {}
            try:
                yield method, getattr(model, method)(rows, **seeded)
            except ValueError as error:
                yield method, error


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_later_cell_leaves_every_row_with_a_finite_result_or_is_named(settings):
    model = made(settings).fit(X)
    for value in ABSURD:
        for rows in (with_cell(value), with_cell(value, whole=True)):
            for method, found in results(model, rows):
                if isinstance(found, ValueError):
                    assert_named(found, rows)
                else:
                    assert np.isfinite(found).all(), (method, value)
                if method == "score_samples" and not isinstance(found, ValueError):
                    others = np.arange(40) != 3
                    expected = model.score_samples(X)[others]
                    np.testing.assert_allclose(found[others], expected, rtol=1e-5)
                    assert abs(value) < 1 or found.argmin() == 3


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("where", ["cell", "row", "column"])
def test_a_cell_of_the_fit_is_named_or_everything_is_finite_and_saved(settings, where, tmp_path):
    for value in ABSURD:
        rows = with_cell(value, whole=where == "row")
        if where == "column":
            rows[:, 1] = value
        model = made(settings)
        try:
            model.fit(rows)
        except ValueError as error:
            assert_named(error, rows)
            assert not hasattr(model, "network_")
            continue
        except NonFiniteLossError as error:
            words = str(error)
            assert re.search("beyond the range|the loss is", words)
            continue
        assert np.isfinite(model.network_.params).all()
        for method, found in results(model, rows):
            assert np.isfinite(found).all(), (method, value, found)
        assert np.isfinite(model.inverse_transform(model.transform(rows))).all()
        if hasattr(model, "sample"):
            assert np.isfinite(model.sample(3, random_state=0)).all()
        assert str(model.diagnose(rows, trials=False))
        model.save(tmp_path / "m")
        loaded = ae_core.load(tmp_path / "m")
        np.testing.assert_array_equal(loaded.score_samples(rows), model.score_samples(rows))
        np.testing.assert_array_equal(
            Predictor.load(tmp_path / "m").score_samples(rows), model.score_samples(rows)
        )


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("n_rows", [40, 400])
def test_detectors_and_imputers_take_any_cell(value, n_rows, tmp_path):
    usual = np.random.default_rng(1).normal(size=(n_rows, 3))
    rows = usual.copy()
    rows[3, 1] = value
    for fitted_to in (usual, rows):
        detector = AutoencoderOutlierDetector(n_steps=2, random_state=0, n_threads=1).fit(fitted_to)
        for method, found in results(detector, rows):
            assert np.isfinite(found).all(), method
        assert "networks" in str(detector.diagnose(rows, trials=False))
        detector.save(tmp_path / "d")
        np.testing.assert_array_equal(
            ae_core.load(tmp_path / "d").score_samples(rows), detector.score_samples(rows)
        )
        imputer = AutoencoderImputer(
            n_networks=1, hidden_layer_sizes=2, random_state=0, sample_posterior=True
        )
        holed = rows.copy()
        holed[5, 1] = holed[6, 0] = np.nan
        try:
            imputer.fit(holed if fitted_to is rows else usual)
        except ValueError as error:
            assert_named(error, holed)
            continue
        for filled in (imputer.transform(holed), *imputer.sample(holed, 2)):
            assert np.isfinite(filled).all()


def test_the_message_of_a_code_beyond_the_type_says_where_and_what_to_do():
    model = Autoencoder(1, activation="relu", **QUICK).fit(X)
    with pytest.raises(
        ValueError, match=r"X has -1\.7e\+308 in column 1, row 3: the code"
    ) as raised:
        model.transform(with_cell(-1.7e308))
    assert "clip or leave out" in str(raised.value)


@pytest.mark.parametrize("scale", [None, "minmax", "standard"])
def test_the_noise_of_a_variational_one_names_what_is_too_large(scale):
    if scale == "minmax":
        assert VariationalAutoencoder(1, scale=scale, **QUICK).fit(with_cell(1e200)).noise_variance_
        return
    with pytest.raises(ValueError, match=r"X\[3, 1\] is 1e\+200: its square is beyond float64"):
        VariationalAutoencoder(1, scale=scale, **QUICK).fit(with_cell(1e200))


@pytest.mark.parametrize("rate", [1e300, 1e200, 1e39, 2**70])
@pytest.mark.parametrize("n_rows", [40, 400])
def test_a_detector_that_went_too_far_says_so_or_is_finite(rate, n_rows, tmp_path):
    rows = np.random.default_rng(1).normal(size=(n_rows, 3))
    detector = AutoencoderOutlierDetector(n_steps=2, learning_rate_init=rate, random_state=0)
    try:
        detector.fit(rows)
    except NonFiniteLossError as error:
        words = str(error)
        assert f"learning_rate_init={rate:g}" in words
        assert not hasattr(detector, "ensemble_")
        return
    detector.save(tmp_path / "d")
    assert np.isfinite(ae_core.load(tmp_path / "d").score_samples(rows)).all()


# --- the formulas -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("x", "shift", "factor", "exact"),
    [
        (2.0, 1.0, 0.5, 5.0),
        (0.5, 0.0, 1e-300, 5e299),
        (-0.5, 0.0, 1e-300, -5e299),
        (1.0, 1e300, None, 1e300),
        (1.0, -2e38, 1 / 5e38, 3e38),  # within float32's range, though its first half is not
        (1e30, 0.0, 1e-300, np.inf),
        (np.inf, 0.0, 1.0, np.inf),
        (-np.inf, None, None, -np.inf),
        (3.0, None, None, 3.0),
    ],
)
def test_what_undoing_of_scaling_cannot_hold_is_the_largest_number(x, shift, factor, exact, dtype):
    arrays = [None if each is None else np.array([each]) for each in (shift, factor)]
    found = undo_scaling(np.array([[x]], dtype), *arrays)
    largest = float(np.finfo(dtype).max)
    assert found.dtype == dtype
    assert found[0, 0] == pytest.approx(np.clip(exact, -largest, largest), rel=1e-6)


def test_nan_stays_nan():
    assert np.isnan(undo_scaling(np.array([[np.nan]]), np.zeros(1), np.ones(1))).all()
    assert np.isnan(saturated(np.array([np.nan, np.inf]))).tolist() == [True, False]


def test_means_of_the_largest_scores_do_not_overflow():
    largest = np.finfo(np.float64).max
    assert average(np.full(5, -largest), None) == -largest
    assert average(np.array([-largest, 0.0]), np.array([1.0, 3.0])) == -largest / 4
    assert average(np.array([-2.0, 0.0]), None) == -1


def test_only_the_sum_of_large_numbers_is_no_fault():
    values = np.full((3, 2), 1e308)
    assert within_range(values, None, "the code") is values


@pytest.mark.parametrize("scale", ["standard", "minmax", None])
@pytest.mark.parametrize(("dtype", "value"), [("float32", 3.3e38), ("float64", -1.79e308)])
def test_a_code_that_stands_for_no_row_is_spoken_of_as_a_code(dtype, value, scale):
    model = Autoencoder(2, hidden_layer_sizes=(5,), dtype=dtype, scale=scale, **QUICK).fit(X)
    model.network_.params *= 50  # sums of the hidden layer are inf - inf
    with pytest.raises(ValueError, match=r"^code has \S+ in column \d, row 1: the reconstruction"):
        model.inverse_transform([[0.0, 0.0], [value, value]])
    assert np.isfinite(model.inverse_transform([[0.0, 0.0], [1e30, 0.0]])).all()


@pytest.mark.parametrize("kind", [Autoencoder, AutoencoderOutlierDetector, AutoencoderImputer])
@pytest.mark.parametrize("n_threads", [10**6, 1025, 2**70, 0, -1, 2.0, "4", True])
def test_a_number_of_threads_that_nobody_has_is_refused(kind, n_threads):
    with pytest.raises(ValueError, match=r"n_threads=.* must be .*an integer .* 1024$"):
        kind(n_threads=n_threads).fit(X)
