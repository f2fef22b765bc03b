"""What a detector's scores become: thresholds, p-values, probabilities, and files of them."""

import numpy as np
import pytest
from scipy.special import erf
from sklearn.datasets import load_wine

import ae_core
from ae_core import AutoencoderOutlierDetector, ModelFileError
from ae_core.detection.thresholds import (
    MOST_SCORES_KEPT,
    Calibration,
    TrainingRange,
    automatic_threshold,
)


def detector(*arguments, **parameters):
    return AutoencoderOutlierDetector(*arguments, random_state=0, n_threads=1, **parameters)


def correlated(n_rows, n_columns, seed):
    mixing = np.random.default_rng(9).normal(size=(n_columns, n_columns))
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns)) @ mixing


@pytest.mark.parametrize("n_rows", [30, 500])
def test_training_scores_are_those_of_the_training_rows(n_rows):
    X = correlated(n_rows, 5, 0)
    fitted = detector().fit(X)
    np.testing.assert_array_equal(fitted.training_scores_, -fitted.score_samples(X))


def test_scores_do_not_depend_on_the_rows_beside_them():
    X = correlated(400, 30, 0)
    fitted = detector().fit(X)
    scores, shares = fitted.score_samples(X), fitted.explain(X)
    for part in (slice(0, 1), slice(7, 8), slice(100, 233), slice(None, None, -3)):
        np.testing.assert_array_equal(fitted.score_samples(X[part]), scores[part])
        np.testing.assert_array_equal(fitted.explain(X[part]), shares[part])


def test_the_line_is_drawn_by_rows_that_were_held_out():
    """Many steps and large codes learn rows by heart; new ones are as usual all the same."""
    X, new = correlated(300, 300, 0), correlated(300, 300, 1)
    fitted = detector(n_components=(64, 64, 64, 64), n_steps=400).fit(X)
    by_heart = automatic_threshold(fitted.training_scores_, np.ones(300))
    assert np.mean(-fitted.score_samples(new) > by_heart) > 0.8
    assert np.mean(fitted.predict(new) == -1) < 0.05


def test_validation_rows_draw_the_line():
    X, later = correlated(400, 6, 0), 3 * correlated(300, 6, 1)
    assert np.mean(detector().fit(X).predict(later) == -1) > 0.3
    fitted = detector().fit(X, X_val=later)
    assert np.mean(fitted.predict(later) == -1) < 0.05
    assert np.mean(detector(0.1).fit(X, X_val=later).predict(later) == -1) == 0.1
    assert fitted.p_values(later).mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(fitted.score_samples(X), detector().fit(X).score_samples(X))
    with pytest.raises(ValueError, match="features"):
        detector().fit(X, X_val=later[:, :3])


@pytest.mark.parametrize(("n_rows", "n_columns"), [(1000, 8), (300, 3), (4000, 20)])
def test_p_values_of_usual_rows_are_uniform(n_rows, n_columns):
    fitted = detector().fit(correlated(n_rows, n_columns, 0))
    p = fitted.p_values(correlated(4000, n_columns, 1))
    for level in (0.02, 0.05, 0.1, 0.5):
        assert 0.5 * level < np.mean(p <= level) < 1.5 * level
    odd = fitted.p_values(20 * correlated(50, n_columns, 2))
    assert odd.min() > 0
    assert np.median(odd) == pytest.approx(1 / (n_rows + 1))


def test_p_values_count_the_row_itself():
    calibration = Calibration.of(np.array([3.0, 1, 2, 2]), np.ones(4))
    np.testing.assert_allclose(
        calibration.p_values(np.array([0.0, 1, 1.5, 2, 3, 4])), [1, 1, 0.8, 0.8, 0.4, 0.2]
    )
    weighted = Calibration.of(np.array([3.0, 1, 2, 9]), np.array([1.0, 1, 2, 0]))
    np.testing.assert_allclose(weighted.shares, [1, 0.75, 0.25])


def test_of_many_scores_quantiles_are_kept():
    scores = np.random.default_rng(0).normal(size=5 * MOST_SCORES_KEPT)
    kept = Calibration.of(scores, np.ones(len(scores)))
    assert len(kept.scores) == MOST_SCORES_KEPT
    given = kept.p_values(np.array([-9.0, 0, 1, 2, 9]))
    exact = [np.mean(scores >= x) for x in (-9.0, 0, 1, 2, 9)]
    np.testing.assert_allclose(given, exact, atol=2e-4)
    assert given[-1] == 1 / (len(scores) + 1)


def test_probabilities_are_pyods():
    X, new = correlated(300, 4, 0), 2 * correlated(200, 4, 1)
    fitted = detector().fit(X)
    training, scores = fitted.training_scores_, -fitted.score_samples(new)
    linear = np.clip((scores - training.min()) / (training.max() - training.min()), 0, 1)
    unified = np.clip(erf((scores - training.mean()) / (training.std() * np.sqrt(2))), 0, 1)
    for given, odd in (
        (fitted.predict_proba(new), linear),
        (fitted.predict_proba(new, method="unify"), unified),
    ):
        assert given.shape == (200, 2)
        np.testing.assert_allclose(given, np.c_[1 - odd, odd], rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="method='other': must be 'linear' or 'unify'"):
        fitted.predict_proba(new, method="other")


def test_probabilities_of_equal_scores():
    same = TrainingRange.of(np.full(5, 2.0), np.ones(5))
    np.testing.assert_array_equal(same.linear(np.array([2.0, 3])), [0, 1])
    assert np.isfinite(same.unified(np.array([1.0, 2, 3]))).all()


def test_the_automatic_line():
    random = np.random.default_rng(0)
    usual = np.exp(0.2 * random.normal(size=2000))
    line = automatic_threshold(usual, np.ones(2000))
    assert np.mean(usual > line) <= 0.01
    assert line == pytest.approx(np.exp(2.8 * 0.2), rel=0.1)
    assert automatic_threshold(100 * usual, np.ones(2000)) == pytest.approx(100 * line)
    both = np.r_[usual, np.full(200, 5.0)]
    assert automatic_threshold(both, np.ones(2200)) < 5
    assert automatic_threshold(np.zeros(10), np.ones(10)) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"units": np.zeros(4)}, "units"),
        ({"units": np.ones(3)}, "units"),
        ({"references_1": np.zeros((0, 15), np.float32)}, "references_1"),
        ({"references_1": np.zeros((5, 14), np.float32)}, "references_1"),
        ({"references_1": np.full((5, 15), np.nan, np.float32)}, "references_1"),
        ({"references_1": np.zeros((5, 15))}, "references_1"),
        ({"code_spread_2": np.zeros(3)}, "code_spread_2"),
        ({"held_out_scores": np.arange(178.0)[::-1]}, "held_out_scores"),
        ({"held_out_shares": np.arange(178.0)}, "held_out_shares"),
        ({"held_out_scores": np.zeros(0), "held_out_shares": np.zeros(0)}, "held_out"),
        ({"n_held_out": 0}, "n_held_out"),
        ({"n_held_out": 1.5}, "n_held_out"),
        ({"training_range": [1, 2, 3]}, "training_range"),
        ({"training_range": [1, 2, 3, "x"]}, "training_range"),
        ({"training_scores": np.full(178, np.inf)}, "training_scores"),
        ({"varies": np.ones(13)}, "varies"),
        ({"is_seen": np.ones(12, bool)}, "is_seen"),
        ({"changed": -1}, "changed"),
        ({"changed": "x"}, "changed"),
        ({"factor": np.zeros(13)}, "factor"),
    ],
    ids=str,
)
def test_hostile_detectors_are_refused(changes, words, tmp_path):
    from test_saving import change

    detector().fit(load_wine().data).save(tmp_path / "d")
    change(tmp_path / "d", tmp_path / "changed", **changes)
    with pytest.raises(ModelFileError, match=words):
        ae_core.load(tmp_path / "changed")


def test_everything_fitted_comes_back(tmp_path):
    X = load_wine().data
    fitted = detector(0.05).fit(X)
    fitted.save(tmp_path / "d")
    loaded = ae_core.load(tmp_path / "d")
    for name in ("shift_", "factor_", "training_scores_", "threshold_", "offset_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(fitted, name))
    for name in ("score_samples", "explain", "p_values", "predict_proba", "predict"):
        np.testing.assert_array_equal(getattr(loaded, name)(X), getattr(fitted, name)(X))
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "d").read_bytes()
    loaded.fit(X)
