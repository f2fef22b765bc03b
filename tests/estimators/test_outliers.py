"""The outlier detector: scikit-learn's contract, what it finds, and what it says of it."""

import pickle

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_blobs
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import ae_core
from ae_core import AutoencoderOutlierDetector, ModelFileError
from ae_core.detection.thresholds import threshold_for, weighted_quantile


@parametrize_with_checks(
    [
        AutoencoderOutlierDetector(),
        AutoencoderOutlierDetector(contamination=0.1, n_components=3, activation="logistic"),
        AutoencoderOutlierDetector(n_components=(1, 4), trim=0, n_steps=10, batch_size=64),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def cells():
    """Benign cells with some malignant among them, the latter to be found: X, is_outlier."""
    X, is_benign = load_breast_cancer(return_X_y=True)
    kept = np.r_[np.flatnonzero(is_benign), np.flatnonzero(is_benign == 0)[:20]]
    return X[kept], is_benign[kept] == 0


def test_finds_malignant_cells(cells):
    X, is_outlier = cells
    for seed in range(3):
        scores = AutoencoderOutlierDetector(random_state=seed).fit(X).score_samples(X)
        assert roc_auc_score(is_outlier, -scores) > 0.93


def test_finds_the_digit_that_is_rare():
    X, y = load_digits(return_X_y=True)
    found = []
    for rare in range(10):
        kept = np.r_[np.flatnonzero(y != rare), np.flatnonzero(y == rare)[:15]]
        detector = AutoencoderOutlierDetector(random_state=0).fit(X[kept])
        found.append(roc_auc_score(y[kept] == rare, -detector.score_samples(X[kept])))
    assert np.mean(found) > 0.6


def test_explanations_add_up_and_name_the_culprit(cells):
    X = cells[0].copy()
    X[7, 3] += 30 * X[:, 3].std()
    detector = AutoencoderOutlierDetector(random_state=0).fit(X)
    shares = detector.explain(X)
    assert shares.shape == X.shape
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=1), -detector.score_samples(X), rtol=1e-6)
    assert shares[7].argmax() == 3
    assert detector.predict(X)[7] == -1


def test_scores_are_distances_to_the_second_nearest_reference(cells):
    """In float64 and the words of the definition, beside what the networks of float32 give."""
    X = cells[0]
    detector = AutoencoderOutlierDetector(random_state=0).fit(X)
    scaled = (X - detector.shift_) * detector.factor_
    size = np.abs(scaled)
    far = np.sign(scaled) * (5 + np.log1p(np.maximum(size - 5, 0)))
    scaled = np.where(size > 5, far, scaled)
    total = 0.0
    for member in detector.ensemble_.members:
        code = member.network.encode(scaled)
        residuals = (member.network.decode(code) - scaled) / member.usual
        points = np.hstack([2 * code / member.code_spread, residuals])
        distances = np.sort(cdist(points, member.references.points), axis=1)[:, 1]
        total = total + distances / member.unit / len(detector.ensemble_.members)
    np.testing.assert_allclose(-detector.score_samples(X), total, rtol=1e-3)
    assert np.median(total) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("contamination", [0.02, 0.1, 0.5])
def test_the_share_asked_for_is_flagged(cells, contamination):
    X = cells[0]
    detector = AutoencoderOutlierDetector(contamination, random_state=0).fit(X)
    assert np.sum(detector.predict(X) == -1) == int(contamination * len(X))
    assert detector.threshold_ == -detector.offset_
    np.testing.assert_array_equal(detector.fit_predict(X), detector.predict(X))


def test_clean_data_has_few_outliers_and_odd_data_has_them():
    X = np.random.default_rng(0).normal(size=(2000, 8))
    X = X @ np.random.default_rng(1).normal(size=(8, 8))
    detector = AutoencoderOutlierDetector(random_state=0).fit(X)
    assert np.mean(detector.predict(X) == -1) < 0.012
    odd = np.r_[X, 15 * X[:100] ** 2]
    found = AutoencoderOutlierDetector(random_state=0).fit(odd).predict(odd) == -1
    assert found[2000:].mean() > 0.5
    assert found[:2000].mean() < 0.02


def test_integer_weights_are_repeated_rows():
    X = make_blobs(20, 5, random_state=0)[0]
    weights = np.arange(20) % 3
    weighted = AutoencoderOutlierDetector(0.2, random_state=0).fit(X, sample_weight=weights)
    repeated = AutoencoderOutlierDetector(0.2, random_state=0).fit(X.repeat(weights, axis=0))
    np.testing.assert_allclose(weighted.score_samples(X), repeated.score_samples(X), rtol=1e-9)
    assert weighted.threshold_ == pytest.approx(repeated.threshold_)


def test_weighted_quantiles_are_those_of_repeated_values():
    random = np.random.default_rng(0)
    for _ in range(50):
        values, weights = random.normal(size=9), random.integers(1, 5, 9)
        share = random.uniform(0.01, 0.99)
        repeated = values.repeat(weights)
        expected = np.quantile(repeated, share, method="inverted_cdf")
        assert weighted_quantile(values, weights, share) == expected
        above = repeated > threshold_for(values, weights, share)
        assert above.mean() <= share + 1e-12
    assert threshold_for(np.arange(10.0), np.ones(10), 0.3) == 6.5


@pytest.mark.parametrize(
    "X",
    [
        np.ones((1, 1)),
        np.ones((30, 3)),
        np.arange(50.0)[:, None],
        np.random.default_rng(0).normal(size=(5, 300)),
        np.random.default_rng(0).standard_cauchy((200, 4)),
        np.random.default_rng(0).integers(0, 2, (100, 40), dtype=np.uint8),
        np.c_[np.zeros(100), np.random.default_rng(0).normal(size=(100, 2))].astype(np.float32),
    ],
    ids=["one entry", "constant", "one column", "wide", "Cauchy", "bytes", "a constant column"],
)
def test_tables_of_every_kind_get_finite_scores(X):
    detector = AutoencoderOutlierDetector(random_state=0).fit(X)
    assert np.isfinite(detector.score_samples(X)).all()
    assert np.isfinite(detector.threshold_)
    constant = X.min(axis=0) == X.max(axis=0)
    np.testing.assert_array_equal(detector.explain(X)[:, constant], 0)
    if constant.any():  # whatever comes instead, there was only this
        assert (detector.explain(X + 1e-3 * constant)[:, constant] > 0).all()
        assert (detector.predict(X + 1e-3 * constant) == -1).all()


def test_large_tables_are_learned_from_a_part(monkeypatch):
    X = np.random.default_rng(0).normal(size=(3000, 4)) * [1, 2, 3, 4]
    monkeypatch.setattr("ae_core.estimators.ensemble_training.ENTRIES_LEARNED_FROM", 2000)
    detector = AutoencoderOutlierDetector(0.1, random_state=0).fit(X)
    assert np.sum(detector.predict(X) == -1) == 300


@pytest.mark.parametrize("missing_values", [None, "mask"])
@pytest.mark.parametrize("method", ["score_samples", "predict", "explain", "p_values"])
def test_a_copy_that_is_used_is_pickled_as_before(missing_values, method):
    X = np.random.default_rng(0).normal(size=(80, 4))
    detector = AutoencoderOutlierDetector(missing_values=missing_values, random_state=0).fit(X)
    detector = pickle.loads(pickle.dumps(detector))
    before = pickle.dumps(detector)
    getattr(detector, method)(X[:7])
    assert pickle.dumps(detector) == before


def test_frames_pickles_files_and_threads(tmp_path):
    wine = load_wine(as_frame=True).data
    detector = AutoencoderOutlierDetector(0.05, random_state=0, n_threads=1).fit(wine)
    expected = detector.score_samples(wine)
    detector.save(tmp_path / "d")
    for other in (
        pickle.loads(pickle.dumps(detector)),
        ae_core.load(tmp_path / "d"),
        AutoencoderOutlierDetector.load(tmp_path / "d"),
        AutoencoderOutlierDetector(0.05, random_state=0, n_threads=2).fit(wine),
    ):
        assert type(other) is AutoencoderOutlierDetector
        np.testing.assert_array_equal(other.score_samples(wine), expected)
        np.testing.assert_array_equal(other.explain(wine), detector.explain(wine))
        assert other.threshold_ == detector.threshold_
        assert list(other.feature_names_in_) == list(wine.columns)
    with pytest.raises(ModelFileError, match="AutoencoderOutlierDetector"):
        ae_core.Autoencoder.load(tmp_path / "d")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architectures": []}, "architectures"),
        ({"architectures": [3]}, "architecture"),
        ({"usual": np.zeros((4, 13))}, "usual"),
        ({"usual": np.ones((3, 13))}, "usual"),
        ({"counts": np.ones(13)}, "counts"),
        ({"threshold": "x"}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"params_1": np.zeros(3, np.float32)}, "params_1"),
    ],
    ids=str,
)
def test_hostile_detectors_are_refused(changes, words, tmp_path):
    from test_saving import change

    wine = load_wine().data
    AutoencoderOutlierDetector(random_state=0).fit(wine).save(tmp_path / "d")
    change(tmp_path / "d", tmp_path / "changed", **changes)
    with pytest.raises(ModelFileError, match=words):
        ae_core.load(tmp_path / "changed")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"contamination": 0}, "contamination=0: must be 'auto' or a number above 0"),
        ({"contamination": 0.6}, "contamination=0.6"),
        ({"contamination": "some"}, "contamination='some'"),
        ({"n_components": "few"}, "n_components='few'"),
        ({"n_components": ()}, "at least one code size"),
        ({"n_components": (3, 0)}, "n_components entry=0"),
        ({"activation": "swish"}, "swish.*tanh"),
        ({"n_steps": 0}, "n_steps=0"),
        ({"batch_size": 1.5}, "batch_size=1.5"),
        ({"learning_rate_init": -1}, "learning_rate_init=-1"),
        ({"trim": 1}, "trim=1"),
        ({"n_threads": 0}, "n_threads=0"),
    ],
)
def test_wrong_parameters_are_named(parameters, words):
    with pytest.raises(ValueError, match=words):
        AutoencoderOutlierDetector(**parameters).fit(load_wine().data)
