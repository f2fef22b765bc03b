"""Windows of a series: views, names, and the way back to the time axis."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

import ae_core
from ae_core import Autoencoder, AutoencoderOutlierDetector
from ae_core.data.rows import Rows


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8, np.int64])
@pytest.mark.parametrize(
    ("n_times", "n_columns", "width", "step"), [(10, 3, 4, 1), (11, 1, 3, 2), (7, 2, 7, 3)]
)
def test_each_row_is_a_stretch_of_the_series(dtype, n_times, n_columns, width, step):
    X = np.arange(n_times * n_columns).reshape(n_times, n_columns).astype(dtype)
    found = ae_core.windows(X, width, step)
    expected = [X[i : i + width].ravel() for i in range(0, n_times - width + 1, step)]
    assert_array_equal(found, expected)
    assert np.shares_memory(found, X)
    assert not found.flags.writeable
    assert found.dtype == dtype


def test_a_series_of_one_column_may_have_one_dimension():
    x = np.arange(5.0)
    assert_array_equal(ae_core.windows(x, 2), ae_core.windows(x[:, None], 2))


def test_frames_have_names_and_the_index_of_the_last_time():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"pressure": np.arange(6.0), "flow": -np.arange(6.0)},
        index=pd.date_range("2024-01-01", periods=6),
    )
    found = ae_core.windows(frame, 3, 2)
    assert list(found.columns) == [
        *("pressure[-2]", "flow[-2]", "pressure[-1]", "flow[-1]", "pressure[0]", "flow[0]")
    ]
    assert list(found.index) == [frame.index[2], frame.index[4]]
    assert_array_equal(found.to_numpy(), ae_core.windows(frame.to_numpy().copy(), 3, 2))


def test_other_frames_give_arrays():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
    assert_array_equal(ae_core.windows(frame, 2), [[1, 4, 2, 5], [2, 5, 3, 6]])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((5, 4))[:, :2], "is not C-contiguous.*numpy.ascontiguousarray"),
        (np.asfortranarray(np.zeros((5, 4))), "is not C-contiguous"),
        (np.zeros((2, 4)), r"X has shape \(2, 4\): windows of width=3 need"),
        (np.zeros((5, 0)), r"X has shape \(5, 0\)"),
        (np.zeros((5, 2, 2)), "numbers of shape"),
        (np.array([["a"]] * 5), "numbers of shape"),
        (scipy.sparse.csr_matrix(np.eye(5)), r"give X\.toarray"),
        ([[1.0], [2.0], [3.0]], r"give numpy\.asarray"),
    ],
    ids=str,
)
def test_what_can_not_be_seen_so_is_refused(X, message):
    with pytest.raises(ValueError, match=message) as error:
        ae_core.windows(X, 3)
    assert len(str(error.value)) <= 300


@pytest.mark.parametrize("wrong", [{"width": 0}, {"width": 2.5}, {"width": 2, "step": 0}])
def test_widths_and_steps_are_counts(wrong):
    with pytest.raises(ValueError, match="must be"):
        ae_core.windows(np.zeros((5, 2)), **wrong)


@pytest.mark.parametrize(("n_times", "width", "step"), [(9, 4, 1), (10, 3, 2), (12, 2, 5)])
def test_each_time_has_the_mean_of_its_windows(n_times, width, step):
    random = np.random.default_rng(0)
    n_windows = len(range(0, n_times - width + 1, step))
    scores = random.normal(size=n_windows)
    entries = random.normal(size=(n_windows, width * 2))
    found = ae_core.scores_over_time(scores, width, step, n_times)
    of_entries = ae_core.scores_over_time(entries, width, step, n_times)
    for t in range(n_times):
        those = [i for i in range(n_windows) if i * step <= t < i * step + width]
        if not those:
            assert np.isnan(found[t])
            assert np.isnan(of_entries[t]).all()
            continue
        assert_allclose(found[t], scores[those].mean())
        each = [entries[i].reshape(width, 2)[t - i * step] for i in those]
        assert_allclose(of_entries[t], np.mean(each, axis=0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ae_core.scores_over_time(np.zeros(4), 3, 1, 5), "n_times=5: 4 windows"),
        (lambda: ae_core.scores_over_time(np.zeros((4, 5)), 3), r"errors has shape \(4, 5\)"),
        (lambda: ae_core.scores_over_time(np.zeros(()), 3), r"scores has shape \(\)"),
        (lambda: ae_core.errors_by_lag(np.zeros(6), 3), r"errors has shape \(6,\)"),
    ],
)
def test_scores_that_are_of_other_windows_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
def test_a_fault_is_found_at_its_time_and_sensor():
    random = np.random.default_rng(0)
    t = np.arange(600)
    X = np.column_stack([np.sin(t / 5), np.cos(t / 5), np.sin(t / 9)])
    X += 0.05 * random.normal(size=X.shape)
    detector = AutoencoderOutlierDetector(random_state=0).fit(ae_core.windows(X, 8))
    X[300:304, 1] += 3
    table = ae_core.windows(X, 8)
    over_time = ae_core.scores_over_time(-detector.score_samples(table), 8)
    assert 296 <= over_time.argmax() <= 308
    by_lag = ae_core.errors_by_lag(detector.explain(table), 8)
    assert by_lag.shape == (593, 8, 3)
    assert by_lag[298].sum(axis=0).argmax() == 1
    by_sensor = ae_core.scores_over_time(detector.explain(table), 8)
    assert by_sensor[300:304].sum(axis=0).argmax() == 1


def test_a_fit_copies_no_windows():
    X = np.random.default_rng(0).normal(size=(30_000, 4))
    table = ae_core.windows(X, 40)  # 38 MB as an array
    assert Rows(table).X is table
    model = Autoencoder(2, hidden_layer_sizes=(4,), max_iter=1, batch_size=2000, random_state=0)
    tracemalloc.start()
    model.fit(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.7 * table.size * 8


def test_a_fit_of_a_frame_copies_no_windows():
    pd = pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(1000, 2))
    frame = ae_core.windows(pd.DataFrame(X, columns=["a", "b"]), 5)
    first = frame.to_numpy()
    assert np.shares_memory(first[0], first[1])
