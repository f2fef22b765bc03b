"""`AutoencoderImputer` on tables of numbers: what is filled in, and scikit-learn's contract."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from ae_core import AutoencoderImputer
from ae_core.estimators import filling_networks
from ae_core.formulas import noise


def quick(**parameters):
    return AutoencoderImputer(
        **{"n_networks": 2, "hidden_layer_sizes": (16, 8, 16), "random_state": 0, **parameters}
    )


def correlated(n_rows=150, n_columns=6, seed=0):
    """A table whose columns follow from two numbers per row, with units of their own."""
    random = np.random.default_rng(seed)
    code = random.normal(size=(n_rows, 2))
    X = code @ random.normal(size=(2, n_columns)) + 0.1 * random.normal(size=(n_rows, n_columns))
    return X * np.logspace(-2, 3, n_columns) + np.linspace(-100, 100, n_columns)


def holed(X, share=0.3, seed=1):
    hidden = np.random.default_rng(seed).random(X.shape) < share
    return np.where(hidden, np.nan, X), hidden


def rmse(guess, X, hidden):
    return np.sqrt((((guess - X) / X.std(axis=0))[hidden] ** 2).mean())


@parametrize_with_checks(
    [quick(), quick(add_indicator=True, keep_empty_features=True, sample_posterior=True)]
)
def test_scikit_learns_contract(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_fills_in_what_the_others_say(seed):
    X = correlated(seed=seed)
    table, hidden = holed(X, seed=seed)
    filled = quick().fit_transform(table)
    assert not np.isnan(filled).any()
    np.testing.assert_array_equal(filled[~hidden], X[~hidden])
    mean = SimpleImputer().fit_transform(table)
    assert rmse(filled, X, hidden) < 0.6 * rmse(mean, X, hidden)


def test_new_rows_and_columns_that_were_complete_in_the_fit():
    X, new = correlated(300)[:200], correlated(300)[200:]
    imputer = quick().fit(X)  # nothing is missing
    table, hidden = holed(new)
    filled = imputer.transform(table)
    np.testing.assert_array_equal(filled[~hidden], new[~hidden])
    assert rmse(filled, new, hidden) < 0.6
    np.testing.assert_array_equal(quick().fit(table).transform(X), X)


def test_nothing_is_filled_in_that_is_beyond_what_was_seen():
    X = correlated()
    table, _ = holed(X)
    imputer = quick().fit(table)
    new = np.full((3, 6), np.nan)
    new[:, 0] = [1e6, -1e6, 1e300]
    filled = imputer.transform(new)[:, 1:]
    assert (filled >= np.nanmin(table, axis=0)[1:]).all()
    assert (filled <= np.nanmax(table, axis=0)[1:]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_stay(dtype):
    table = holed(correlated())[0].astype(dtype)
    filled = quick().fit_transform(table)
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[~np.isnan(table)], table[~np.isnan(table)])


# --- what is missing --------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", [-999, -999.0, 0, np.float32(7)])
def test_numbers_that_stand_for_what_is_missing(marker):
    X = np.round(correlated(60, 4)) + 0.5
    table, hidden = holed(X)
    marked = np.where(hidden, marker, X)
    imputer = quick(missing_values=marker).fit(marked)
    np.testing.assert_array_equal(imputer.transform(marked), quick().fit_transform(table))
    np.testing.assert_array_equal(marked, np.where(hidden, marker, X))  # not changed
    with pytest.raises(ValueError, match=r"X\[\d+, \d+\] is nan.*missing_values=nan"):
        imputer.transform(table)


def test_whole_numbers_with_a_marker():
    X = np.random.default_rng(0).integers(0, 9, (40, 3))
    X[3, 1] = -1
    filled = quick(missing_values=-1).fit_transform(X)
    assert filled.dtype == np.float64
    assert 0 <= filled[3, 1] <= 8
    filled[3, 1] = -1
    np.testing.assert_array_equal(filled, X)


@pytest.mark.parametrize("marker", [None, "?", "n/a", np.nan])
def test_objects_that_stand_for_what_is_missing(marker):
    X = correlated(60, 4)
    table, hidden = holed(X)
    objects = X.astype(object)
    objects[hidden] = marker
    filled = quick(missing_values=marker).fit_transform(objects)
    np.testing.assert_array_equal(filled, quick().fit_transform(table))
    as_text = np.where(hidden, "?", X.astype(str))
    np.testing.assert_array_equal(quick(missing_values="?").fit_transform(as_text), filled)


@pytest.mark.parametrize("marker", [np.inf, [1], b"?", 1j, True])
def test_what_can_stand_for_nothing(marker):
    with pytest.raises(ValueError, match=r"missing_values=.*must be nan, None, a finite number"):
        quick(missing_values=marker).fit(np.ones((3, 2)))


def test_masked_arrays():
    X = correlated(50, 4)
    table, hidden = holed(X)
    filled = quick().fit_transform(np.ma.masked_array(X, hidden))
    np.testing.assert_array_equal(filled, quick().fit_transform(table))


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_sparse_tables_are_refused_in_one_line(make):
    with pytest.raises(TypeError, match=r"Sparse data .* give X\.toarray\(\)") as caught:
        quick().fit(make(np.eye(4)))
    assert "\n" not in str(caught.value)


def test_columns_of_which_nothing_is_seen():
    X = correlated(50, 4)
    X[:, 2] = np.nan
    X[0, 0] = np.nan
    imputer = quick().fit(X)
    assert imputer.is_empty_.tolist() == [False, False, True, False]
    assert imputer.transform(X).shape == (50, 3)
    assert imputer.get_feature_names_out().tolist() == ["x0", "x1", "x3"]
    assert imputer.transform(np.ones((2, 4))).shape == (2, 3)  # also where it is seen later
    kept = quick(keep_empty_features=True).fit(X)
    np.testing.assert_array_equal(kept.transform(X)[:, 2], 0)
    np.testing.assert_array_equal(kept.transform(X)[:, [0, 1, 3]], imputer.transform(X))
    everything = quick().fit(np.full((3, 2), np.nan))
    assert everything.transform(np.ones((2, 2))).shape == (2, 0)


def test_rows_of_which_nothing_is_seen():
    X = correlated(60, 4)
    table, _ = holed(X)
    table[[0, 30, 59]] = np.nan
    filled = quick().fit_transform(table)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[0], filled[30])
    spread = X.std(axis=0)
    assert (np.abs(filled[0] - np.nanmean(table, axis=0)) < spread).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 3), (20, 1), (20, 2), (17, 90)])
def test_few_rows_and_columns(shape):
    X = np.random.default_rng(0).normal(size=shape)
    table, hidden = holed(X)
    table.flat[0] = X.flat[0]
    imputer = quick(keep_empty_features=True, sample_posterior=True).fit(table)
    assert np.isfinite(imputer.transform(table)).all()
    np.testing.assert_array_equal(imputer.transform(table)[~hidden], X[~hidden])


def test_constant_columns_are_filled_with_their_constant():
    X = correlated(50, 4)
    X[:, 1] = 7.3
    table, _ = holed(X)
    np.testing.assert_array_equal(quick().fit_transform(table)[:, 1], 7.3)


def test_blocks_of_columns_that_are_missing_together():
    X = correlated(200, 8, seed=3)
    hidden = np.zeros(X.shape, bool)
    hidden[:70, :3] = hidden[100:150, 5:] = True
    filled = quick().fit_transform(np.where(hidden, np.nan, X))
    assert rmse(filled, X, hidden) < 0.5


def test_infinity_is_refused():
    with pytest.raises(ValueError, match=r"X\[1, 0\] is inf.*finite or NaN"):
        quick().fit([[1.0, 2.0], [np.inf, 1.0]])


# --- indicators ------------------------------------------------------------------------------------


def test_indicators_are_those_of_scikit_learn():
    X = correlated(50, 4)
    table = X.copy()
    table[::3, 1] = table[::4, 3] = np.nan
    ours, theirs = quick(add_indicator=True).fit(table), SimpleImputer(add_indicator=True)
    filled, expected = ours.transform(table), theirs.fit_transform(table)
    assert filled.shape == expected.shape == (50, 6)
    np.testing.assert_array_equal(filled[:, 4:], expected[:, 4:])
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()
    new = X[:5].copy()
    new[0, 0] = np.nan  # where there was no such column in the fit
    assert ours.transform(new).shape == (5, 6)


# --- randomness, copies, pipelines -------------------------------------------------------------------


def test_a_seed_gives_the_same_bits_with_any_threads():
    table, _ = holed(correlated())
    one = quick(n_threads=1).fit_transform(table)
    np.testing.assert_array_equal(quick(n_threads=3).fit_transform(table), one)
    assert (quick(random_state=1).fit_transform(table) != one).any()


def test_rows_do_not_depend_on_those_beside_them():
    table, _ = holed(correlated())
    imputer = quick().fit(table)
    alone = np.vstack([imputer.transform(row[None]) for row in table[:20]])
    np.testing.assert_array_equal(alone, imputer.transform(table)[:20])


def test_copies_and_pickles():
    table, _ = holed(correlated())
    imputer = quick(missing_values=-1, add_indicator=True)
    assert clone(imputer).get_params() == imputer.get_params()
    imputer = quick(sample_posterior=True).fit(table)
    again = pickle.loads(pickle.dumps(imputer))
    np.testing.assert_array_equal(again.transform(table), imputer.transform(table))


def test_in_a_pipeline():
    X = correlated()
    table, _ = holed(X)
    model = make_pipeline(quick(add_indicator=True), Ridge()).fit(table, X[:, 0])
    assert model.score(table, X[:, 0]) > 0.5


def test_a_refused_fit_leaves_the_fit_before():
    table, _ = holed(correlated())
    imputer = quick().fit(table)
    before = imputer.transform(table)
    with pytest.raises(ValueError, match="is inf"):
        imputer.fit(np.full((4, 6), np.inf))
    np.testing.assert_array_equal(imputer.transform(table), before)


def test_where_one_network_fails_the_others_stop(monkeypatch):
    table, _ = holed(correlated(800, 4))
    calls = []

    class Failing(filling_networks.Network):
        def train_steps(self, *arguments):
            calls.append(None)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return super().train_steps(*arguments)

    whole = number_of_calls(table, monkeypatch)
    monkeypatch.setattr(filling_networks, "Network", Failing)
    imputer = quick(n_threads=2)
    with pytest.raises(KeyboardInterrupt):
        imputer.fit(table)
    assert len(calls) < whole
    assert not hasattr(imputer, "n_features_in_")


def number_of_calls(table, monkeypatch):
    """How often networks are called to learn from a table, where they only count."""
    calls = []

    class Counting(filling_networks.Network):
        def train_steps(self, *arguments):
            calls.append(None)

    with monkeypatch.context() as patched:
        patched.setattr(filling_networks, "Network", Counting)
        quick(n_threads=2).fit(table)
    return len(calls)


def test_networks_are_given_nothing_but_what_is_shown():
    assert noise.threshold(filling_networks.ALL) == noise.LEVELS  # training hides all features
    X = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 500.0]])
    hidden = np.array([[False, False, True], [False, True, False]])
    block = filling_networks.given(X, hidden).X
    np.testing.assert_array_equal(block[:, :3], [[1, np.nan, 3], [4, 5, 100]])
    np.testing.assert_array_equal(block[:, 3:6], [[1, 0, 0], [4, 0, 100]])
    np.testing.assert_array_equal(block[:, 6:], [[1, 0, 0], [1, 0, 1]])
    block = filling_networks.given(X).X
    assert np.isnan(block[:, :3]).all()
    np.testing.assert_array_equal(block[:, 6:], [[1, 0, 1], [1, 1, 1]])


def test_categories_are_hidden_whole():
    options = filling_networks.Options((4,), 0.3, "squared_error", np.array([0, 1, 1, 1, 2]), 1)
    hides = filling_networks._hidden(4000, options, np.random.default_rng(0))
    np.testing.assert_array_equal(hides[:, 1], hides[:, 2])
    np.testing.assert_array_equal(hides[:, 1], hides[:, 3])
    assert (hides[:, 0] != hides[:, 1]).any()
    np.testing.assert_allclose(hides.mean(axis=0), 0.3, atol=0.03)


def test_large_tables_take_a_bounded_number_of_steps():
    steps = filling_networks.number_of_steps
    assert steps(160, 16, 10_000) == 300 * 10
    assert steps(10**6, 200, 10_000) == filling_networks.MOST_STEPS
    assert steps(10**4, 200, 10**7) < filling_networks.MOST_STEPS
    assert steps(10**4, 200, 10**9) == filling_networks.FEWEST_STEPS
