"""What scikit-learn's own tests ask of its imputers, asked of ours.

The behaviours are those of `sklearn/impute/tests/test_common.py`, told in our words.
"""

import numpy as np
import pytest
from sklearn.base import clone

import ae_core

if "AutoencoderImputer" not in ae_core.__all__:
    pytest.skip("there is no imputer", allow_module_level=True)

pd = pytest.importorskip("pandas")
nan = np.nan
QUICK = {"n_networks": 1, "random_state": 0, "n_threads": 1}


def imputer(**more):
    return ae_core.AutoencoderImputer(**QUICK, **more)


def table(n_rows=30, n_columns=3, seed=0):
    """Columns that say something about each other, with a fifth of the entries missing."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n_rows, 1)) * np.arange(1, n_columns + 1) + draw.normal(
        0, 0.1, (n_rows, n_columns)
    )
    X[draw.random(X.shape) < 0.2] = nan
    X[0] = np.arange(n_columns)  # each column is seen somewhere
    return X


def test_what_is_missing_in_transform_only_is_filled_in():
    X = np.arange(60.0).reshape(20, 3)
    model = imputer().fit(X)
    spoiled = X.copy()
    spoiled[3, 1] = spoiled[7, 2] = nan
    filled = model.transform(spoiled)
    assert filled.shape == X.shape
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~np.isnan(spoiled)], X[~np.isnan(spoiled)])


def test_fit_transform_is_fit_and_then_transform():
    X = table()
    np.testing.assert_array_equal(imputer().fit_transform(X), imputer().fit(X).transform(X))


@pytest.mark.parametrize("marker", [-1, nan, 0])
def test_an_indicator_column_is_added_for_each_column_with_missing_entries(marker):
    X = np.abs(table()) + 1
    X[:, 2] = np.where(np.isnan(X[:, 2]), 1.5, X[:, 2])
    is_missing = np.isnan(X)
    marked = np.where(is_missing, marker, X)
    model = imputer(missing_values=marker, add_indicator=True)
    filled = model.fit_transform(marked)
    assert filled.shape == (30, 5)
    np.testing.assert_array_equal(filled[:, 3:], is_missing[:, :2])
    assert np.isfinite(filled).all()
    without = imputer(missing_values=marker).fit_transform(marked)
    np.testing.assert_array_equal(filled[:, :3], without)
    assert model.transform(marked[:4]).shape == (4, 5)


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_a_column_of_which_nothing_is_seen_is_kept_or_left_out(is_kept):
    X = table()
    X[:, 1] = nan
    model = imputer(keep_empty_features=is_kept).fit(X)
    other = table(5, seed=1)
    for rows in (X, other):
        filled = model.transform(rows)
        assert filled.shape == (len(rows), 3 if is_kept else 2)
        assert np.isfinite(filled).all()
    names = model.get_feature_names_out()
    assert list(names) == (["x0", "x1", "x2"] if is_kept else ["x0", "x2"])
    if is_kept:
        np.testing.assert_array_equal(model.transform(X)[:, 1], 0)


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "float64"])
def test_what_pandas_says_is_missing_is_filled_in(dtype):
    X = table()
    if dtype == "Int64":
        X = np.round(X)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).astype(dtype)
    filled = imputer().fit_transform(frame)
    assert not np.isnan(np.asarray(filled, dtype=float)).any()
    expected = imputer().fit_transform(X)
    np.testing.assert_allclose(np.asarray(filled, dtype=float), expected, rtol=1e-6)


def test_names_of_what_comes_out():
    frame = pd.DataFrame(table(), columns=["a", "b", "c"])
    frame["c"] = frame["c"].fillna(0)
    model = imputer(add_indicator=True).fit(frame)
    wanted = ["a", "b", "c", "missingindicator_a", "missingindicator_b"]
    assert list(model.get_feature_names_out()) == wanted
    assert list(model.set_output(transform="pandas").transform(frame).columns) == wanted


@pytest.mark.parametrize("marker", [None, "?", "missing"])
def test_text_with_a_marker_of_what_is_missing(marker):
    draw = np.random.default_rng(0)
    colour = draw.choice(["red", "blue"], 40).astype(object)
    frame = pd.DataFrame({"colour": colour, "size": np.where(colour == "red", 1.0, 5.0)})
    frame["colour"] = frame["colour"].astype(object)
    frame.loc[[3, 9], "colour"] = marker
    filled = imputer(columns="mixed", missing_values=marker).fit_transform(frame)
    assert set(filled["colour"]) == {"red", "blue"}
    seen = ~frame.index.isin([3, 9])
    assert list(filled["colour"][seen]) == list(frame["colour"][seen])


def test_what_was_given_is_not_changed_and_a_clone_does_the_same():
    X = table()
    before = X.copy()
    model = imputer()
    filled = model.fit_transform(X)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(clone(model).fit_transform(X), filled)
    assert model.get_params()["missing_values"] is model.missing_values


def test_nothing_missing_changes_nothing():
    X = np.arange(60.0).reshape(20, 3)
    np.testing.assert_array_equal(imputer().fit_transform(X), X)


@pytest.mark.parametrize("wrong", [[[np.inf, 1.0], [2, 3]], [["x", 1.0], [2, 3]]])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(ValueError, match="X"):
        imputer().fit(wrong)
