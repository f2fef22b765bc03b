"""A detector that follows a stream, and says how far rows have moved."""

import numpy as np
import pytest

from ae_core import AutoencoderOutlierDetector, Blocks, load


def rows(n, seed, shift=0.0, n_columns=6):
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(99).normal(size=(2, n_columns))
    X = np.tanh(rng.normal(size=(n, 2)) @ weights) + 0.1 * rng.normal(size=(n, n_columns))
    return X + shift


def detector(**options):
    return AutoencoderOutlierDetector(random_state=0, n_threads=1, **options)


def test_what_is_usual_follows_slowly_moving_rows():
    still, follows = detector().fit(rows(600, 0)), detector().partial_fit(rows(600, 0))
    assert follows.threshold_ == still.threshold_
    for step in range(1, 16):
        follows.partial_fit(rows(300, step, shift=0.1 * step))
    now = rows(400, 77, shift=1.5)
    assert (still.predict(now) == -1).mean() > 0.9
    assert (follows.predict(now) == -1).mean() < 0.1
    odd = now.copy()
    odd[:, 2] += 6
    assert (follows.predict(odd) == -1).mean() > 0.9
    assert np.argmax(follows.explain(odd).mean(axis=0)) == 2


def test_rows_that_do_not_move_change_little():
    one = detector().fit(rows(2000, 0))
    X = rows(1000, 5)
    X[:10, 1] += 4
    before = -one.score_samples(X)
    for step in range(1, 11):
        one.partial_fit(rows(200, step))
    after = -one.score_samples(X)
    assert np.corrcoef(np.log(before), np.log(after))[0, 1] > 0.8
    assert np.median(after) == pytest.approx(1, abs=0.3)
    assert set(np.argsort(-after)[:10]) == set(range(10))
    assert (one.predict(X[10:]) == -1).mean() < 0.05


def test_a_call_costs_the_same_however_many_there_were():
    one = detector().fit(rows(500, 0))
    for step in range(6):
        one.partial_fit(rows(2500, step))
    assert len(one._stream.recent) == 2000
    assert len(one._stream.scores) == len(one.training_scores_) == 10_000
    assert one.calibration_.n_rows == 10_000


@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_a_saved_stream_goes_on_to_the_same_bits(tmp_path, contamination):
    one = detector(contamination=contamination, missing_values="mask")
    X = rows(500, 0)
    X[::5, 1] = np.nan
    one.partial_fit(X).partial_fit(X[:200])
    one.save(tmp_path / "d.safetensors")
    again = load(tmp_path / "d.safetensors")
    for model in (one, again):
        model.partial_fit(rows(200, 3))
    np.testing.assert_array_equal(again.score_samples(X), one.score_samples(X))
    assert again.threshold_ == one.threshold_
    if contamination == 0.1:
        assert (one.training_scores_ > one.threshold_).mean() == pytest.approx(0.1, abs=0.005)


def test_a_call_that_fails_changes_nothing():
    one = detector().fit(rows(300, 0)).partial_fit(rows(300, 1))
    before, X = one.threshold_, rows(50, 2)
    scores = one.score_samples(X)
    with pytest.raises(ValueError, match="5 features"):
        one.partial_fit(X[:, :5])
    X[3, 3] = np.nan
    with pytest.raises(ValueError, match=r"X\[3, 3\]"):
        one.partial_fit(X)
    assert one.threshold_ == before
    np.testing.assert_array_equal(one.score_samples(rows(50, 2)), scores)


def test_fit_begins_anew():
    one = detector().fit(rows(300, 0)).partial_fit(rows(300, 1, shift=1))
    one.fit(rows(300, 0))
    assert one.threshold_ == detector().fit(rows(300, 0)).threshold_
    assert one._stream is None


def test_drift_is_seen_and_not_where_there_is_none():
    one = detector().fit(rows(1500, 0))
    alarms = [one.drift(rows(300, seed)).p_value < 0.001 for seed in range(1, 21)]
    assert sum(alarms) <= 2
    moved = one.drift(rows(300, 1, shift=0.4))
    assert moved.p_value < 1e-6
    assert 0.2 < moved.statistic <= 1
    assert moved.outliers > moved.usual_outliers
    X = rows(300, 1)
    assert one.drift(Blocks(X, block_size=100)) == one.drift(X)


def test_the_statistic_is_scipys():
    from scipy.stats import ks_2samp

    one = detector().fit(rows(700, 0))
    X = rows(200, 4, shift=0.1)
    found = one.drift(X)
    expected = ks_2samp(-one.score_samples(X), one.calibration_.scores, method="asymp")
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.3)
    assert found.outliers == (one.predict(X) == -1).mean()
