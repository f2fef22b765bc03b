"""Ratings: what is not stored is unknown, entries are held out, and columns are recommended."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

import ae_core
from ae_core import (
    Architecture,
    Autoencoder,
    Checkpoint,
    Network,
    VariationalAutoencoder,
    reference,
)
from ae_core.data.held_out import HeldOutEntries, hold_out_entries
from ae_core.data.rating_biases import learn_biases, without_row_biases
from ae_core.data.rows import Rows
from ae_core.estimators.fit_warnings import NotLearningWarning

# Most fits here are of a few epochs: what they say is exact whatever they have learned.
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

BOTH = (Autoencoder, VariationalAutoencoder)
TWINS = (reference.Network, Network)


def rated(n_rows=400, n_columns=120, n_tastes=3, density=0.15, seed=0):
    """Ratings of 1 to 5 as biases, tastes and noise, some columns far more often: all, and seen."""
    random = np.random.default_rng(seed)
    U, V = random.normal(size=(n_rows, n_tastes)), random.normal(size=(n_columns, n_tastes))
    means = 3.5 + 0.5 * random.normal(size=(n_rows, 1)) + 0.5 * random.normal(size=n_columns)
    ratings = means + 0.6 * U @ V.T / np.sqrt(n_tastes) + 0.4 * random.normal(size=means.shape)
    popular = np.exp(random.normal(size=n_columns))
    seen = random.random(means.shape) < np.minimum(density * popular / popular.mean(), 0.9)
    return np.clip(np.round(ratings), 1, 5), seen


def csr(ratings, seen):
    row, column = np.nonzero(seen)
    return scipy.sparse.csr_matrix((ratings[row, column], (row, column)), shape=ratings.shape)


def split(ratings, seen, share=0.1, seed=1):
    held = seen & (np.random.default_rng(seed).random(seen.shape) < share)
    return csr(ratings, seen & ~held), held


def bias_error(X, ratings, held):
    biases = learn_biases(X)
    _, of_rows = without_row_biases(X, biases.shift)
    guess = biases.shift + of_rows[:, None]
    return np.sqrt(np.mean((guess - ratings)[held] ** 2))


# --- what the defaults give -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [{}, {"n_rows": 250, "n_columns": 300, "density": 0.1, "seed": 3}], ids=str
)
def test_the_plain_call_is_better_than_biases(shape):
    ratings, seen = rated(**shape)
    X, held = split(ratings, seen)
    model = Autoencoder(8, missing_values="implicit", random_state=0, max_iter=60).fit(X)
    error = np.sqrt(np.mean((model.reconstruct(X) - ratings)[held] ** 2))
    assert error < 0.98 * bias_error(X, ratings, held)


def test_biases_are_those_of_least_squares_drawn_to_zero():
    ratings, seen = rated(n_rows=60, n_columns=20, density=0.5)
    X = csr(ratings, seen)
    shift = learn_biases(X).shift
    _, rows = without_row_biases(X, shift)
    left = np.where(seen, ratings - shift - rows[:, None], 0)
    mean = X.data.mean()
    assert_allclose(left.sum(axis=1), 5 * rows, atol=1e-9)
    # Of columns to what ten rounds leave.
    assert_allclose(left.sum(axis=0), 5 * (shift - mean), atol=1e-2)


def test_a_row_of_nothing_and_one_constant_table_are_no_trouble():
    ratings, seen = rated(n_rows=50, n_columns=12)
    seen[3] = False
    seen[:, 5] = False
    X = csr(ratings, seen)
    model = Autoencoder(2, missing_values="implicit", max_iter=5, random_state=0).fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    same = csr(np.full_like(ratings, 4.0), seen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotLearningWarning)
        model = Autoencoder(2, missing_values="implicit", max_iter=5, random_state=0).fit(same)
    assert_allclose(model.reconstruct(same), 4, atol=0.5)


def test_what_was_asked_for_is_done_whatever_the_data():
    ratings, seen = rated(n_rows=60, n_columns=15)
    asked = {"scale": "standard", "alpha": 1e-4, "activation": "elu"}
    model = Autoencoder(2, missing_values="implicit", max_iter=3, random_state=0, **asked)
    model.fit(csr(ratings, seen))
    architecture = model.network_.architecture
    assert architecture.alpha == 1e-4
    assert architecture.activations[0] == "elu"
    model = Autoencoder(2, missing_values="implicit", max_iter=3, random_state=0)
    architecture = model.fit(csr(ratings, seen)).network_.architecture
    assert architecture.alpha == 10
    assert architecture.activations[0] == "tanh"


def test_biases_need_ratings_and_all_rows():
    X = np.random.default_rng(0).normal(size=(20, 4))
    with pytest.raises(ValueError, match="scale='biases' with missing_values=None: "):
        Autoencoder(scale="biases").fit(X)
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'"):
        Autoencoder(scale="biases", missing_values="implicit").partial_fit(X)


def test_parts_are_scaled_by_columns_alone():
    ratings, seen = rated(n_rows=120, n_columns=15, density=0.4)
    X = csr(ratings, seen)
    model = Autoencoder(2, missing_values="implicit", random_state=0)
    for start in range(0, 120, 40):
        model.partial_fit(X[start : start + 40])
    assert np.isfinite(model.reconstruct(X)).all()
    assert model.network_.architecture.activations[0] == "elu"


@pytest.mark.parametrize("make", BOTH)
def test_saved_ratings_models_do_the_same(make, tmp_path):
    ratings, seen = rated(n_rows=60, n_columns=15)
    X = csr(ratings, seen)
    model = make(2, missing_values="implicit", max_iter=3, random_state=0).fit(X)
    model.save(tmp_path / "model")
    loaded = ae_core.load(tmp_path / "model")
    assert_array_equal(loaded.reconstruct(X), model.reconstruct(X))
    assert_array_equal(loaded.recommend(X, 3).columns, model.recommend(X, 3).columns)
    loaded.set_params(warm_start=True).fit(X)


# --- entries that are held out --------------------------------------------------------------------


def test_a_share_of_the_entries_is_held_out_and_nothing_else():
    ratings, seen = rated(n_rows=80, n_columns=30)
    X = csr(ratings, seen)
    given, held = hold_out_entries(X, 0.2, np.random.default_rng(0))
    assert held.nnz == round(0.2 * X.nnz)
    assert given.nnz == X.nnz - held.nnz
    assert (given + held != X).nnz == 0
    assert given.multiply(held).nnz == 0


def test_of_arrays_entries_become_nan_and_of_encoded_columns_all_of_one():
    random = np.random.default_rng(0)
    X = np.where(random.random((50, 6)) < 0.2, np.nan, random.normal(size=(50, 6)))
    given, held = hold_out_entries(X, 0.3, np.random.default_rng(1))
    assert held.nnz == round(0.3 * (~np.isnan(X)).sum())
    row = np.repeat(np.arange(50), np.diff(held.indptr))
    assert np.isnan(given[row, held.indices]).all()
    assert_array_equal(X[row, held.indices], held.data)
    whole = np.eye(3)[random.integers(3, size=40)]
    given, held = hold_out_entries(
        np.column_stack([whole, np.zeros(40)]), 0.25, np.random.default_rng(1), np.array([0, 3, 4])
    )
    assert np.isin(np.isnan(given[:, :3]).sum(axis=1), (0, 3)).all()


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_the_loss_of_held_out_entries_is_that_of_their_prediction(twin, loss):
    ratings, seen = rated(n_rows=30, n_columns=10, density=0.5)
    given, held = hold_out_entries(csr(ratings, seen), 0.2, np.random.default_rng(0))
    network = twin(Architecture.symmetrical((10, 4, 2), loss=loss), random_state=0)
    rows = Rows(given, missing="implicit")
    errors = HeldOutEntries(rows, Rows(held, missing="implicit")).errors(network)
    X_hat = network.forward(rows)
    d = np.abs(held.toarray() - X_hat)
    each = 0.5 * d**2 if loss == "squared_error" else np.where(d <= 1, 0.5 * d**2, d - 0.5)
    is_held = held.toarray() != 0
    expected = (each * is_held).sum(axis=1) * 10 / np.maximum(is_held.sum(axis=1), 1)
    assert_allclose(errors, expected, rtol=1e-6)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("missing", ["implicit", "mask"])
def test_early_stopping_predicts_entries(make, missing):
    ratings, seen = rated(n_rows=80, n_columns=15, density=0.4)
    X = csr(ratings, seen) if missing == "implicit" else np.where(seen, ratings, np.nan)
    settings = {"missing_values": missing, "max_iter": 20, "random_state": 0, "n_threads": 1}
    model = make(3, early_stopping=True, **settings).fit(X)
    again = make(3, early_stopping=True, **settings).fit(X)
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert model.validation_loss_curve_ == again.validation_loss_curve_
    assert_array_equal(model.network_.params, again.network_.params)
    # All rows are learned from: with rows held out, some of the columns' shift would be of fewer.
    assert model.best_loss_ == min(model.validation_loss_curve_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
def test_copying_is_seen_by_held_out_entries():
    ratings, seen = rated(n_rows=150, n_columns=60, density=0.2)
    asked = {"scale": "standard", "alpha": 0.0, "activation": "elu"}
    model = Autoencoder(
        40, missing_values="implicit", early_stopping=True, tol=0.0, n_iter_no_change=200,
        max_iter=60, random_state=0, **asked,
    ).fit(csr(ratings, seen))  # fmt: skip
    curve = model.validation_loss_curve_
    assert curve[-1] > 1.1 * min(curve)  # it copies more and more, which rows do not show


def test_mixed_columns_hold_out_entries_too():
    pd = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    number = random.normal(size=120)
    frame = pd.DataFrame(
        {"a": number, "b": number + 0.1, "c": pd.Categorical(np.where(number > 0, "x", "y"))}
    )
    frame = frame.mask(random.random(frame.shape) < 0.1)
    model = Autoencoder(
        2, columns="mixed", missing_values="mask", early_stopping=True, max_iter=10, random_state=0
    ).fit(frame)
    assert np.isfinite(model.validation_loss_curve_).all()


def test_a_share_of_no_entries_is_refused():
    X = csr(*rated(n_rows=5, n_columns=4, density=0.3))
    model = Autoencoder(
        2, missing_values="implicit", early_stopping=True, validation_fraction=1e-3, random_state=0
    )
    with pytest.raises(ValueError, match=r"validation_fraction=0.001 of \d+ known entries holds"):
        model.fit(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_with_held_out_entries_goes_on_from_its_checkpoint(tmp_path):
    X = csr(*rated(n_rows=60, n_columns=15))
    settings = {"missing_values": "implicit", "early_stopping": True, "tol": 0.0, "random_state": 0}
    whole = Autoencoder(2, max_iter=8, **settings).fit(X)
    path = tmp_path / "fit.ckpt"

    def stop(progress):
        return progress.n_iter == 4

    Autoencoder(2, max_iter=8, **settings).fit(X, callbacks=[Checkpoint(path), stop])
    resumed = Autoencoder(2, max_iter=8, **settings).fit(X, resume_from=path)
    assert_array_equal(resumed.network_.params, whole.network_.params)
    assert resumed.validation_loss_curve_ == whole.validation_loss_curve_


def test_a_fit_that_is_worse_than_biases_warns():
    X = csr(*rated(n_rows=150, n_columns=200, density=0.05))
    settings = {"missing_values": "implicit", "random_state": 0, "max_iter": 30}
    bad = {"scale": "standard", "alpha": 0.0, "activation": "elu"}
    with pytest.warns(
        NotLearningWarning, match=r"held out, the error \(RMSE\) is .* biases"
    ) as given:
        Autoencoder(16, early_stopping=True, **bad, **settings).fit(X)
    assert max(len(str(w.message)) for w in given) <= 300
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotLearningWarning)
        Autoencoder(8, early_stopping=True, **settings).fit(X)


# --- recommendation -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_the_best_columns_are_those_of_the_reconstruction(make, exclude_seen):
    ratings, seen = rated(n_rows=70, n_columns=25)
    X = csr(ratings, seen)
    model = make(2, missing_values="implicit", max_iter=5, random_state=0).fit(X)
    columns, scores = model.recommend(X, 4, exclude_seen=exclude_seen)
    expected = model.reconstruct(X)
    expected[:, ~seen.any(axis=0)] = -np.inf
    if exclude_seen:
        expected[seen] = -np.inf
    order = np.argsort(-expected, axis=1, kind="stable")[:, :4]
    assert_array_equal(columns, order)
    assert_allclose(scores, np.take_along_axis(expected, order, axis=1))


@pytest.mark.parametrize("make", BOTH)
def test_clicks_are_recommended_by_the_multinomial(make):
    random = np.random.default_rng(0)
    group = random.integers(2, size=200)
    share = np.where((np.arange(30) < 15) == group[:, None].astype(bool), 0.4, 0.02)
    clicks = scipy.sparse.csr_matrix((random.random((200, 30)) < share).astype(float))
    model = make(4, loss="multinomial", max_iter=40, random_state=0).fit(clicks)
    columns, _ = model.recommend(clicks, 5)
    assert not clicks.toarray()[np.arange(200)[:, None], columns].any()
    assert ((columns < 15) == group[:, None].astype(bool)).mean() > 0.9


def test_rows_with_nothing_left_have_no_more_columns():
    ratings, seen = rated(n_rows=40, n_columns=8, density=0.5)
    seen[0] = True
    seen[1] = np.arange(8) < 6
    X = csr(ratings, seen)
    model = Autoencoder(2, missing_values="implicit", max_iter=3, random_state=0).fit(X)
    columns, scores = model.recommend(X, 4)
    assert (columns[0] == -1).all()
    assert np.isnan(scores[0]).all()
    assert set(columns[1][:2]) == {6, 7}
    assert (columns[1][2:] == -1).all()


def test_masked_arrays_of_nan_and_refused_ones():
    ratings, seen = rated(n_rows=40, n_columns=8, density=0.5)
    X = np.where(seen, ratings, np.nan)
    model = Autoencoder(2, missing_values="mask", max_iter=3, random_state=0).fit(X)
    columns, _ = model.recommend(X, 1)
    rows = np.flatnonzero(columns[:, 0] >= 0)
    assert not seen[rows, columns[rows, 0]].any()
    with pytest.raises(ValueError, match="n=9: the fit had 8 columns"):
        model.recommend(X, 9)
    with pytest.raises(ValueError, match="n=0: must be"):
        model.recommend(X, 0)
    with pytest.raises(ValueError, match="exclude_seen='yes'"):
        model.recommend(X, 1, exclude_seen="yes")
