"""The detector at its edges: constants, wild cells, gross errors, weights, equal rows."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer

from ae_core import AutoencoderOutlierDetector

CELLS = load_breast_cancer().data


def detector(*arguments, **parameters):
    return AutoencoderOutlierDetector(*arguments, random_state=0, n_threads=1, **parameters)


# --- a constant column that changes -----------------------------------------------------------------


@pytest.mark.parametrize("constant", [7.0, 0.0, -1e-12, 1e30, 3])
@pytest.mark.parametrize("n_others", [3, 100])
def test_a_constant_that_changes_is_the_outlier(constant, n_others):
    X = np.random.default_rng(0).normal(size=(200, n_others))
    fitted = detector().fit(np.c_[X, np.full(200, constant)])
    usual = np.r_[np.zeros(n_others), constant]
    for other in (constant * 1.1 + 1, constant - 1e-3 * abs(constant) - 1e-20, 1e39, -1e300):
        changed = np.r_[np.zeros(n_others), other][None]
        assert fitted.predict(changed).tolist() == [-1]
        assert fitted.explain(changed)[0].argmax() == n_others
        assert fitted.score_samples(changed) < -fitted.training_scores_.max()
    assert fitted.predict(usual[None]).tolist() == [1]
    assert fitted.explain(usual[None])[0, -1] == 0


def test_every_constant_that_changes_counts():
    X = np.c_[np.random.default_rng(0).normal(size=(100, 2)), np.ones((100, 3))]
    fitted = detector().fit(X)
    scores = -fitted.score_samples([[0, 0, 1, 1, 1], [0, 0, 2, 1, 1], [0, 0, 2, 1, 0]])
    assert scores[2] - scores[1] == pytest.approx(scores[1] - scores[0])


def test_a_table_of_constants():
    fitted = detector().fit(np.full((30, 3), 2.0))
    assert fitted.predict([[2, 2, 2], [2, 2, 2.5], [0, 2, 2]]).tolist() == [1, -1, -1]
    np.testing.assert_array_equal(fitted.explain([[0, 2, 2]])[0, 1:], 0)


# --- wild cells -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1e39, -1e39, 1e200, 1.7e308, 3e38])
@pytest.mark.parametrize("n_rows", [40, 200])
def test_a_wild_cell_is_an_outlier_and_changes_no_other_row(value, n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 4))
    fitted = detector().fit(X)
    batch = X[:10].copy()
    expected = fitted.score_samples(batch)
    batch[4, 2] = value
    scores = fitted.score_samples(batch)
    others = np.arange(10) != 4
    np.testing.assert_array_equal(scores[others], expected[others])
    assert fitted.predict(batch)[4] == -1
    assert fitted.explain(batch)[4].argmax() == 2


@pytest.mark.parametrize("value", [1e39, -1e300, 1.7e308])
def test_a_wild_cell_among_the_training_rows(value):
    X = np.random.default_rng(0).normal(size=(300, 4))
    X[7, 1] = value
    fitted = detector().fit(X)
    assert np.isfinite(fitted.training_scores_).all()
    assert fitted.training_scores_.argmax() == 7
    assert fitted.predict(X)[7] == -1
    for array in (fitted.shift_, fitted.factor_, fitted.threshold_, fitted.explain(X)):
        assert np.isfinite(array).all()


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # of the check's sum
def test_what_ends_with_finite_parameters_is_saved_and_loaded(tmp_path):
    X = np.random.default_rng(0).choice([-1e300, 1e300, 0, 1.7e308], size=(100, 3))
    fitted = detector().fit(X, sample_weight=np.full(100, 1e300))
    fitted.save(tmp_path / "d")
    loaded = AutoencoderOutlierDetector.load(tmp_path / "d")
    np.testing.assert_array_equal(loaded.score_samples(X), fitted.score_samples(X))


# --- gross errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_wrong", [1, 5, 30, 100])
@pytest.mark.parametrize("column", [23, 4])
def test_gross_errors_do_not_hide_one_another(n_wrong, column):
    X = CELLS.copy()
    wrong = np.random.default_rng(0).choice(len(X), n_wrong, replace=False)
    X[wrong, column] = CELLS[:, column].std() * 1e6
    fitted = detector().fit(X)
    assert (fitted.predict(X[wrong]) == -1).all()
    assert set(np.argsort(fitted.training_scores_)[-n_wrong:]) == set(wrong)
    assert (fitted.explain(X[wrong]).argmax(axis=1) == column).all()


def test_gross_errors_of_all_sizes_in_several_columns():
    X = CELLS.copy()
    wrong = np.random.default_rng(1).choice(len(X), 12, replace=False)
    columns = np.arange(12) % 3
    X[wrong, columns] = -CELLS[:, columns].std(axis=0) * 10.0 ** np.arange(2, 26, 2)
    fitted = detector().fit(X)
    assert (fitted.predict(X[wrong]) == -1).all()
    assert (fitted.explain(X[wrong]).argmax(axis=1) == columns).all()


# --- weights ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [40, 400])
@pytest.mark.parametrize("is_even", [True, False])
def test_only_ratios_of_weights_count(n_rows, is_even):
    random = np.random.default_rng(0)
    X = random.normal(size=(n_rows, 3))
    weights = np.ones(n_rows) if is_even else random.uniform(0.1, 3, n_rows)
    expected = detector(0.1).fit(X, sample_weight=weights)
    for factor in (1e-8, 1e-5, np.pi, 1e5, 1e300, 1e-290):
        fitted = detector(0.1).fit(X, sample_weight=weights * factor)
        np.testing.assert_array_equal(fitted.training_scores_, expected.training_scores_)
        assert fitted.threshold_ == expected.threshold_
        np.testing.assert_array_equal(fitted.p_values(X), expected.p_values(X))


def test_small_weights_take_no_more_steps(monkeypatch):
    import ae_core.estimators.ensemble_training as training

    sizes = []
    train = training._train

    def counting(network, sample, which, options, random):
        sizes.append((len(which), sample.is_exact, network.dtype))
        return train(network, sample, which, options, random)

    monkeypatch.setattr(training, "_train", counting)
    X = np.random.default_rng(0).normal(size=(500, 4))
    detector().fit(X)
    expected = sizes.copy()
    sizes.clear()
    detector().fit(X, sample_weight=np.full(500, 1e-5))
    assert sizes == expected
    assert not any(is_exact for _, is_exact, _ in sizes)


def test_rows_of_no_weight_do_not_count():
    X = np.random.default_rng(0).normal(size=(300, 3))
    weights = np.ones(300)
    weights[200:] = 0
    odd = X.copy()
    odd[200:] *= 1e6
    some = detector().fit(X[:200])
    weighted = detector().fit(odd, sample_weight=weights)
    np.testing.assert_array_equal(weighted.training_scores_[:200], some.training_scores_)
    assert len(weighted.training_scores_) == 300
    np.testing.assert_array_equal(weighted.predict_proba(X), some.predict_proba(X))
    np.testing.assert_array_equal(weighted.p_values(X), some.p_values(X))


# --- equal rows and small tables ----------------------------------------------------------------------


def test_a_table_of_which_most_rows_are_equal():
    X = np.zeros((300, 3))
    X[:20] = np.random.default_rng(0).normal(size=(20, 3))
    fitted = detector().fit(X)
    assert (fitted.predict(X[20:]) == 1).all()
    assert np.isfinite(fitted.training_scores_).all()
    assert fitted.training_scores_[:20].min() > fitted.training_scores_[20:].max()


@pytest.mark.parametrize("n_rows", [1, 2, 3, 15, 16, 17, 64, 65])
@pytest.mark.parametrize("n_columns", [1, 2, 12, 200])
def test_small_tables(n_rows, n_columns):
    X = np.random.default_rng(0).normal(size=(n_rows, n_columns))
    fitted = detector().fit(X)
    np.testing.assert_array_equal(-fitted.score_samples(X), fitted.training_scores_)
    assert np.isfinite(fitted.training_scores_).all()
    assert ((0 < fitted.p_values(X)) & (fitted.p_values(X) <= 1)).all()


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([[1.0, np.nan], [2, 3]], "missing_values='mask'"),
        ([[1.0, np.inf], [2, 3]], "infinity"),
        (sp.csr_matrix([[1.0, np.nan], [2, 3]]), "missing_values='mask'"),
    ],
)
def test_what_is_not_finite_is_refused_with_a_hint(X, words):
    with pytest.raises(ValueError, match=words) as caught:
        detector().fit(X)
    assert "HistGradientBoosting" not in str(caught.value)
    assert len(str(caught.value)) <= 300


# --- shapes that a residual, or a trained row, does not see -------------------------------------------


def test_a_row_far_away_by_the_rules_is_found():
    random = np.random.default_rng(0)
    rule = random.normal(size=(2, 8))
    X = random.normal(size=(500, 2)) @ rule + 0.1 * random.normal(size=(500, 8))
    angles = np.arange(20)
    far = 7 * np.c_[np.cos(angles), np.sin(angles)] @ rule
    fitted = detector().fit(X)
    assert (fitted.predict(far) == -1).mean() >= 0.95


@pytest.mark.parametrize("seed", range(4))
def test_two_columns(seed):
    from sklearn.datasets import make_blobs, make_moons
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(seed)
    for inliers, at_least in (
        (make_blobs(255, centers=[[2, 2], [-2, -2]], cluster_std=0.5, random_state=seed)[0], 0.93),
        (make_blobs(255, centers=[[0, 0]], cluster_std=0.5, random_state=seed)[0], 0.95),
        (4 * (make_moons(255, noise=0.05, random_state=seed)[0] - [0.5, 0.25]), 0.8),
    ):
        X = np.r_[inliers, random.uniform(-6, 6, (45, 2))]
        scores = -AutoencoderOutlierDetector(random_state=seed).fit(X).score_samples(X)
        assert roc_auc_score(np.arange(300) >= 255, scores) > at_least


def test_two_columns_on_a_curve():
    """The bends of a curve have few rows each: none of them may be taken for odd."""
    from sklearn.datasets import make_circles, make_moons
    from sklearn.metrics import roc_auc_score

    areas = []
    for seed in range(20, 26):
        noise = np.random.default_rng(seed).uniform(-6, 6, (45, 2))
        for inliers in (
            4 * (make_moons(255, noise=0.05, random_state=seed)[0] - [0.5, 0.25]),
            4 * make_circles(255, noise=0.05, factor=0.5, random_state=seed)[0],
        ):
            X = np.r_[inliers, noise]
            fitted = AutoencoderOutlierDetector(random_state=seed).fit(X)
            areas.append(roc_auc_score(np.arange(300) >= 255, fitted.training_scores_))
    assert np.mean(areas[::2]) > 0.917
    assert np.mean(areas[1::2]) > 0.83


def test_rings_with_little_noise_keep_their_references():
    """Where few rows are far from others, few references are left out, and no bend of a ring."""
    from sklearn.datasets import make_circles
    from sklearn.metrics import roc_auc_score

    areas = []
    for seed in range(40, 46):
        rings = 4 * make_circles(285, noise=0.05, factor=0.5, random_state=seed)[0]
        X = np.r_[rings, np.random.default_rng(seed).uniform(-6, 6, (15, 2))]
        fitted = AutoencoderOutlierDetector(random_state=seed).fit(X)
        areas.append(roc_auc_score(np.arange(300) >= 285, fitted.training_scores_))
    assert np.mean(areas) > 0.905
    assert min(areas) > 0.875


@pytest.mark.parametrize("k", [1, 2, 4])
def test_references_are_left_out_for_their_distance(k):
    from ae_core.detection.neighbours import References

    near = np.random.default_rng(k).uniform(size=(40, k))
    lone = 100.0 * np.arange(1, 9)[:, None] * np.ones(k)  # eight, each far from all others
    references = References(np.r_[near, lone])
    assert len(references.of_usual_ones(100, 0.5).points) == 24  # a share, however near they are
    np.testing.assert_array_equal(references.of_usual_ones(100, 0.5, 10.0).points, near)
    assert len(references.of_usual_ones(100, 0.1, 10.0).points) == 43  # at most that share
    assert len(references.of_usual_ones(30, 0.5, 10.0).points) == 30


def test_equal_references_of_many_columns_are_left_out_as_a_share():
    """They are 0 or, by rounding, less away from each other, which is no nearer than 0 times."""
    from ae_core.detection.neighbours import References

    points = np.repeat(np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32), 25, axis=0)
    assert len(References(points).of_usual_ones(100, 0.3).points) == 70


def test_constant_columns_beside_two_change_nothing_of_their_networks():
    X = np.random.default_rng(0).normal(size=(200, 2))
    beside = np.insert(X, 1, 7.0, axis=1)
    for table in (X, beside):
        networks = AutoencoderOutlierDetector(random_state=0).fit(table).ensemble_.networks
        assert [n.architecture.n_components for n in networks] == [1, 2] * 4


@pytest.mark.parametrize("n_seen", [1, 2, 15, 16, 20])
def test_few_rows_of_which_anything_is_seen(n_seen):
    X = np.full((100, 3), np.nan)
    X[:n_seen] = np.random.default_rng(0).normal(size=(n_seen, 3))
    fitted = detector(missing_values="mask").fit(X)
    np.testing.assert_array_equal(fitted.training_scores_[n_seen:], 0)
    assert (fitted.predict(X[n_seen:]) == 1).all()
    assert np.isfinite(fitted.training_scores_).all()
    assert fitted.calibration_.n_rows == n_seen


@pytest.mark.parametrize("trim", [0.5, 0.99])
@pytest.mark.parametrize("n_rows", [16, 30, 100])
def test_what_is_left_by_trimming_is_enough(trim, n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    assert np.isfinite(detector(trim=trim).fit(X).training_scores_).all()


def test_gross_errors_with_little_weight():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[:90] *= 1e6 * np.random.default_rng(1).choice([-1, 1], size=(90, 1))
    weights = np.where(np.arange(100) < 90, 1e-3, 1)
    fitted = detector().fit(X, sample_weight=weights)
    assert (fitted.predict(X[:90]) == -1).all()
    assert np.isfinite(fitted.training_scores_).all()
