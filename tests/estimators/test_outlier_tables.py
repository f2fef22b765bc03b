"""The detector on tables with missing values, sparse ones, and such of categories."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

import ae_core
from ae_core import AutoencoderOutlierDetector


def detector(**parameters):
    return AutoencoderOutlierDetector(random_state=0, n_threads=1, **parameters)


@pytest.fixture(scope="module")
def cells():
    """Benign cells with some malignant among them, the latter to be found: X, is_outlier."""
    X, is_benign = load_breast_cancer(return_X_y=True)
    kept = np.r_[np.flatnonzero(is_benign), np.flatnonzero(is_benign == 0)[:20]]
    return X[kept], is_benign[kept] == 0


def with_missing(X, share, seed=0):
    X = np.array(X, dtype=float)
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


# --- missing values ---------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_outliers_are_found_around_what_is_missing(cells, share):
    X, is_outlier = with_missing(cells[0], share), cells[1]
    fitted = detector(missing_values="mask").fit(X)
    assert roc_auc_score(is_outlier, fitted.training_scores_) > 0.9


@pytest.mark.parametrize("n_rows", [40, 377])
def test_what_is_unseen_adds_nothing_and_explanations_add_up(cells, n_rows):
    X = with_missing(cells[0][:n_rows], 0.2)
    X[5] = np.nan
    X[:, 7] = np.nan
    fitted = detector(missing_values="mask").fit(X)
    shares = fitted.explain(X)
    np.testing.assert_array_equal(shares[np.isnan(X)], 0)
    np.testing.assert_allclose(shares.sum(axis=1), -fitted.score_samples(X), rtol=1e-9)
    assert fitted.score_samples(X)[5] == 0
    assert fitted.predict(X)[5] == 1
    alone = [fitted.score_samples(row[None])[0] for row in X[:20]]
    np.testing.assert_array_equal(alone, fitted.score_samples(X)[:20])


def test_a_row_of_which_much_is_missing_is_no_more_usual(cells):
    X = cells[0]
    fitted = detector(missing_values="mask").fit(X)
    half = with_missing(X, 0.5)
    ratio = np.median(fitted.score_samples(half) / fitted.score_samples(X))
    assert 0.95 < ratio < 1.4


def test_without_missing_values_mask_changes_nothing(cells):
    X = cells[0]
    masked = detector(missing_values="mask").fit(X)
    np.testing.assert_array_equal(masked.explain(X), detector().fit(X).explain(X))


def test_a_culprit_is_named_beside_missing_values(cells):
    X = with_missing(cells[0], 0.2)
    X[7, 3] = np.nanmedian(X[:, 3]) + 30 * np.nanstd(X[:, 3])
    X[7, 4] = np.nan
    fitted = detector(missing_values="mask").fit(X)
    assert fitted.predict(X)[7] == -1
    assert fitted.explain(X)[7].argmax() == 3


def test_nothing_seen_at_all_is_refused():
    with pytest.raises(ValueError, match="no entry that is seen"):
        detector(missing_values="mask").fit(np.full((5, 2), np.nan))


# --- sparse -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csc_array, sp.coo_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_sparse_tables_are_as_dense_ones(container, dtype):
    random = np.random.default_rng(0)
    X = (random.poisson(0.3, (300, 20)) * random.integers(1, 9, 20)).astype(dtype)
    X[11, 4] = 200
    dense = detector().fit(X)
    sparse = detector().fit(container(X))
    np.testing.assert_array_equal(sparse.score_samples(container(X)), dense.score_samples(X))
    np.testing.assert_array_equal(sparse.explain(container(X)), dense.explain(X))
    np.testing.assert_array_equal(sparse.training_scores_, dense.training_scores_)
    assert sparse.predict(container(X))[11] == -1
    assert sparse.explain(container(X))[11].argmax() == 4


def test_missing_values_in_sparse_tables():
    X = with_missing(np.random.default_rng(0).poisson(0.5, (200, 8)), 0.1)
    dense = detector(missing_values="mask").fit(X)
    stored = sp.csr_array(X)
    sparse = detector(missing_values="mask").fit(stored)
    np.testing.assert_array_equal(sparse.score_samples(stored), dense.score_samples(X))


# --- mixed columns ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def payments():
    random = np.random.default_rng(0)
    kind = random.choice(["food", "rent", "car"], 600, p=[0.6, 0.3, 0.1])
    return pd.DataFrame(
        {
            "amount": random.lognormal(3, 0.5, 600) * np.where(kind == "rent", 20, 1),
            "kind": pd.Categorical(kind),
            "at_night": random.random(600) < 0.05,
            "shop": random.choice(list("abcd"), 600),
            "currency": "EUR",
            "fee": 1,
        }
    )


def row_like(payments, **changes):
    usual = {"amount": 20.0, "kind": "food", "at_night": False, "shop": "a"}
    row = payments.head(1).assign(**{**usual, **changes})
    return row.astype({"kind": payments["kind"].dtype}) if "kind" not in changes else row


def test_mixed_columns(payments):
    fitted = detector(columns="mixed").fit(payments)
    shares = np.asarray(fitted.explain(payments))  # of a frame it is one
    assert shares.shape == payments.shape
    assert shares.min() >= 0
    np.testing.assert_allclose(shares.sum(axis=1), fitted.training_scores_, rtol=1e-9)
    assert fitted.predict(row_like(payments)).tolist() == [1]


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "boat"), ("shop", "z"), ("currency", "USD"), ("amount", 1e6), ("fee", 2)],
)
def test_what_was_never_there_is_the_outlier(payments, column, value):
    fitted = detector(columns="mixed").fit(payments)
    odd = row_like(payments, **{column: value})
    assert fitted.predict(odd).tolist() == [-1]
    assert np.asarray(fitted.explain(odd))[0].argmax() == list(payments.columns).index(column)
    if column != "amount":
        assert -fitted.score_samples(odd)[0] > fitted.training_scores_.max()


def test_an_odd_combination_is_odder_than_its_parts(payments):
    fitted = detector(columns="mixed").fit(payments)
    amount = payments.loc[payments["kind"] == "rent", "amount"].median()
    food, rent = (
        fitted.score_samples(row_like(payments, kind=k, amount=amount))[0] for k in ("food", "rent")
    )
    assert food < rent


def test_mixed_columns_with_missing_values(payments):
    table = payments.astype({"at_night": "boolean"})
    table.loc[::5, "kind"] = None
    table.loc[1::7, "amount"] = np.nan
    table.loc[2::9, "at_night"] = pd.NA
    fitted = detector(columns="mixed", missing_values="mask").fit(table)
    shares = np.asarray(fitted.explain(table))
    np.testing.assert_array_equal(shares[table.isna().to_numpy()], 0)
    assert np.isfinite(shares).all()
    odd = table.head(4).assign(shop="zz")  # unknown is not unseen
    assert fitted.predict(odd).tolist() == [-1] * 4
    assert (np.asarray(fitted.explain(odd)).argmax(axis=1) == 3).all()
    with pytest.raises(ValueError, match="missing values in column 'amount'"):
        detector(columns="mixed").fit(table)


def test_mixed_detectors_are_saved(payments, tmp_path):
    fitted = detector(columns="mixed", missing_values="mask").fit(payments)
    fitted.save(tmp_path / "d")
    loaded = ae_core.load(tmp_path / "d")
    assert loaded.get_params() == fitted.get_params()
    odd = row_like(payments, kind="boat", fee=3)
    for table in (payments, odd):
        np.testing.assert_array_equal(loaded.explain(table), fitted.explain(table))
        np.testing.assert_array_equal(loaded.p_values(table), fitted.p_values(table))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"missing_values": "implicit"}, "missing_values='implicit': must be None or 'mask'"),
        ({"missing_values": np.nan}, "missing_values=nan"),
        ({"columns": "both"}, "columns='both': must be 'numeric' or 'mixed'"),
    ],
)
def test_wrong_parameters_are_named(payments, parameters, words):
    with pytest.raises(ValueError, match=words):
        detector(**parameters).fit(payments)


@pytest.mark.parametrize("kinds", [("city",), ("city", "member"), ("member",)])
def test_a_detector_of_mixed_columns_is_diagnosed(kinds):
    rng = np.random.default_rng(len(kinds))
    X = pd.DataFrame(rng.normal(size=(80, 3)) @ rng.normal(size=(3, 3)), columns=list("abc"))
    X["city"] = pd.Categorical(rng.choice(["Rome", "Oslo", "Lima"], 80))
    X["member"] = rng.random(80) < 0.5
    X = X[["a", "b", "c", *kinds]]
    detector = AutoencoderOutlierDetector(columns="mixed", n_steps=20, random_state=0).fit(X)
    report = detector.diagnose(X, trials=False)
    n_encoded = detector.encoding_.n_with_others
    assert len(report.feature_names) == len(report.explained) == n_encoded
    assert "constant_columns" not in [finding.name for finding in report.findings]
    assert report.feature_names[:3] == ("a", "b", "c")
    assert any(kinds[-1] in name for name in report.feature_names)
