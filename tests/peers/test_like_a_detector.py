"""What scikit-learn's own tests ask of its outlier detectors, asked of ours.

The behaviours are those of `sklearn/ensemble/tests/test_iforest.py` and
`sklearn/neighbors/tests/test_lof.py`, told in our words. What differs on purpose: docs/peers.md.
"""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, ParameterGrid

from ae_core import AutoencoderOutlierDetector as Detector

QUICK = {"n_steps": 300, "random_state": 0}


@pytest.fixture(scope="module")
def usual():
    """Two clouds."""
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(c, 0.3, (60, 2)) for c in (-2, 2)])


@pytest.fixture(scope="module")
def model(usual):
    """Fitted to them."""
    return Detector(**QUICK).fit(usual)


@pytest.mark.parametrize(
    "options",
    list(
        ParameterGrid({"contamination": ["auto", 0.1], "n_components": [None, 1], "trim": [0, 0.2]})
    ),
    ids=str,
)
def test_any_parameters_do(options):
    """On iris; predictions are 1 and -1."""
    X = load_iris().data
    options = {name: value for name, value in options.items() if value is not None}
    assert set(Detector(**options, **QUICK).fit(X).predict(X)) <= {-1, 1}


def test_clear_outliers_are_found(usual, model):
    """Points far outside of the clouds, all with lower scores than nearly all others."""
    far = np.array([[6, -6], [-6, 6], [9, 9], [-8, -8.0], [0, 7]])
    assert (model.predict(far) == -1).all()
    assert model.score_samples(far).max() < np.quantile(model.score_samples(usual), 0.05)


def test_the_last_two_rows_of_a_toy_sample():
    """Six near ones and two far: the two are ranked last."""
    X = [[-2, -1], [-1, -1], [-1, -2], [1, 1], [1, 2], [2, 1], [7, 4], [-5, 9]]
    scores = Detector(contamination=0.25, **QUICK).fit(X).decision_function(X)
    assert min(scores[:-2]) > max(scores[-2:])


def test_novelties_are_ranked_well():
    """Trained on usual rows alone: an area of more than 0.95."""
    random = np.random.default_rng(0)
    train = 0.3 * random.normal(size=(500, 2)) + 2
    test = np.concatenate([0.3 * random.normal(size=(100, 2)) + 2, random.uniform(-4, 4, (40, 2))])
    scores = Detector(**QUICK).fit(train).decision_function(test)
    assert roc_auc_score(np.r_[np.zeros(100), np.ones(40)], -scores) > 0.95


def test_scores_and_decisions_differ_by_the_offset(usual, model):
    """And the sign of a decision is the prediction."""
    np.testing.assert_allclose(
        model.decision_function(usual), model.score_samples(usual) - model.offset_
    )
    np.testing.assert_array_equal(
        model.predict(usual), np.where(model.decision_function(usual) < 0, -1, 1)
    )


@pytest.mark.parametrize("contamination", [0.05, 0.2])
def test_contamination_is_the_share_that_is_flagged(usual, contamination):
    """Of the rows of the fit, within what few rows allow."""
    flagged = Detector(contamination=contamination, **QUICK).fit_predict(usual) == -1
    assert flagged.mean() == pytest.approx(contamination, abs=0.03)


@pytest.mark.parametrize("contamination", [-0.5, 0.6, 0, "some", None])
def test_contamination_must_be_a_share(usual, contamination):
    """At most one half; the message names it."""
    with pytest.raises((ValueError, TypeError), match="contamination"):
        Detector(contamination=contamination).fit(usual)


def test_fit_predict_is_fit_and_then_predict(usual):
    """The same labels from the same seed."""
    one = Detector(**QUICK).fit_predict(usual)
    np.testing.assert_array_equal(one, Detector(**QUICK).fit(usual).predict(usual))


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_are_as_dense_ones(form):
    """Predictions from the same numbers."""
    X = np.random.default_rng(1).poisson(0.4, (150, 8)).astype(float)
    dense = Detector(**QUICK).fit(X).score_samples(X)
    thin = Detector(**QUICK).fit(form(X)).score_samples(form(X))
    assert np.corrcoef(dense, thin)[0, 1] > 0.9


def test_any_number_of_threads_gives_the_same(usual, model):
    """To the bit."""
    scores = [Detector(n_threads=n, **QUICK).fit(usual).score_samples(usual) for n in (1, 2, 3)]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_the_seed_decides(usual, model):
    """The same seed, the same scores; another one, others."""
    again = clone(model).fit(usual).score_samples(usual)
    np.testing.assert_array_equal(again, model.score_samples(usual))
    other = clone(model).set_params(random_state=1).fit(usual).score_samples(usual)
    assert not np.array_equal(again, other)


def test_the_type_of_the_numbers_does_not_matter(usual, model):
    """float32, integers that float32 holds, lists."""
    scores = model.score_samples(usual)
    np.testing.assert_allclose(model.score_samples(usual.astype(np.float32)), scores, rtol=1e-3)
    np.testing.assert_allclose(model.score_samples(usual.tolist()), scores)


def test_the_number_of_columns_is_checked(usual, model):
    """In scikit-learn's words."""
    with pytest.raises(ValueError, match="expecting 2 features"):
        model.predict(usual[:, :1])


def test_a_row_is_scored_as_among_many(usual, model):
    """No row's score depends on its company."""
    alone = np.concatenate([model.score_samples(usual[i : i + 1]) for i in range(10)])
    np.testing.assert_allclose(alone, model.score_samples(usual[:10]), rtol=1e-6)


def test_repeated_rows_do_no_harm(usual):
    """Half of all rows one and the same: finite scores, and the far row still last."""
    X = np.concatenate([usual, np.tile(usual[:1], (120, 1)), [[30.0, -30.0]]])
    scores = Detector(**QUICK).fit(X).score_samples(X)
    assert np.isfinite(scores).all()
    assert scores.argmin() == len(X) - 1


def test_rows_that_are_all_alike():
    """Nothing stands out; another one does."""
    X = np.ones((80, 3))
    model = Detector(**QUICK).fit(X)
    assert (model.predict(X) == 1).all()
    assert model.predict([[1.0, 1.0, 9.0]])[0] == -1


def test_a_grid_search_goes_through(usual):
    """With a scorer of the user's."""
    search = GridSearchCV(
        Detector(**QUICK),
        {"n_components": [1, 2]},
        scoring=lambda model, X, y=None: float(model.score_samples(X).mean()),
        cv=2,
    ).fit(usual)
    assert search.best_params_["n_components"] in (1, 2)


def test_names_of_columns(usual):
    """A frame in fit and in predict: no warning (they are errors here)."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(usual, columns=["a", "b"])
    model = Detector(contamination=0.1, **QUICK).fit(frame)
    assert list(model.feature_names_in_) == ["a", "b"]
    assert len(model.predict(frame)) == len(frame)


def test_a_pickled_detector_scores_the_same(usual, model):
    """To the bit."""
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.score_samples(usual), model.score_samples(usual))
