"""What scikit-learn's own tests ask of its multi-layer perceptrons, asked of autoencoders.

The behaviours are those of `sklearn/neural_network/tests/test_mlp.py`, told in our words. What differs
on purpose stands in docs/peers.md.
"""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import MinMaxScaler

from ae_core import Autoencoder, NonFiniteLossError, NotLearningWarning, VariationalAutoencoder

pytestmark = pytest.mark.filterwarnings(
    "ignore::ae_core.NotLearningWarning", "ignore::sklearn.exceptions.ConvergenceWarning"
)
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}
ESTIMATORS = [Autoencoder, VariationalAutoencoder]


@pytest.fixture(scope="module")
def X():
    """Rows near a plane."""
    random = np.random.default_rng(3)
    rows = random.normal(size=(120, 2)) @ random.normal(size=(2, 6))
    return rows + 0.05 * random.normal(size=rows.shape)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_penalty_makes_weights_smaller(estimator, X):
    """The larger alpha, the shorter the weights: strictly so."""
    lengths = []
    for alpha in (0.0, 1.0, 100.0):
        model = estimator(2, alpha=alpha, max_iter=30, **SMALL).fit(X)
        lengths.append(sum(np.abs(W).sum() for W in model.coefs_))
    assert lengths[0] > lengths[1] > lengths[2]


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "rmsprop", "lbfgs"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_every_solver_and_activation_learns(solver, activation, X):
    """More than nine tenths of a plane, where PCA has all of it."""
    model = Autoencoder(
        2,
        solver=solver,
        activation=activation,
        max_iter=400,
        learning_rate_init=0.01,
        momentum=0.9,
        **SMALL,
    ).fit(X)
    left = np.sum((model.reconstruct(X) - X) ** 2)
    assert left < 0.1 * np.sum((X - X.mean(axis=0)) ** 2)


def test_lbfgs_keeps_to_its_limits(X):
    """max_fun limits evaluations, max_iter iterations; both are said."""
    for limits in ({"max_fun": 10}, {"max_iter": 5}):
        with pytest.warns(ConvergenceWarning, match=next(iter(limits))):
            model = Autoencoder(2, solver="lbfgs", tol=1e-12, **limits, **SMALL).fit(X)
        assert model.n_iter_ <= 10


def test_lbfgs_has_no_partial_fit():
    """It needs all rows; the attribute is not there at all, as in scikit-learn."""
    assert not hasattr(Autoencoder(2, solver="lbfgs"), "partial_fit")
    assert hasattr(Autoencoder(2, solver="adam"), "partial_fit")


@pytest.mark.parametrize("rate", ["constant", "invscaling", "adaptive", "cosine"])
def test_a_warm_start_goes_on(rate, X):
    """From the weights there are, with what was learned kept."""
    model = Autoencoder(2, solver="sgd", learning_rate=rate, max_iter=20, warm_start=True, **SMALL)
    first = model.fit(X).loss_curve_[-1]
    assert model.fit(X).loss_curve_[0] < 1.05 * first
    assert clone(model).fit(X).loss_curve_[0] > 1.2 * first


def test_a_warm_start_of_another_shape_says_what_to_do(X):
    """The weights would not fit."""
    model = Autoencoder(2, max_iter=2, warm_start=True, **SMALL).fit(X)
    with pytest.raises(ValueError, match="warm_start=False"):
        model.set_params(hidden_layer_sizes=(9,)).fit(X)


def test_an_adaptive_rate_falls_where_a_constant_one_stops(X):
    """By a factor of 5 each time the loss stalls, so that the fit goes on."""
    options = {"solver": "sgd", "tol": 0.5, "max_iter": 400, "momentum": 0, **SMALL}
    constant, adaptive = (
        Autoencoder(2, learning_rate=rate, **options).fit(X) for rate in ("constant", "adaptive")
    )
    assert constant.n_iter_ < adaptive.n_iter_ < 400
    assert adaptive.loss_curve_[: constant.n_iter_] == constant.loss_curve_


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_parts_one_after_the_other_learn(estimator, X):
    """As scikit-learn's partial_fit: one pass over what is given, every time."""
    model = estimator(2, learning_rate="constant", **SMALL)
    for _ in range(30):
        model.partial_fit(X)
    assert model.n_iter_ == 30
    assert model.loss_curve_[-1] < 0.8 * model.loss_curve_[0]


def test_parts_are_as_one_fit_without_shuffling(X):
    """Ten passes by partial_fit give the weights that ten epochs of fit give."""
    options = {**SMALL, "learning_rate": "constant", "shuffle": False, "batch_size": 30}
    whole = Autoencoder(2, max_iter=10, **options).fit(X)
    parts = Autoencoder(2, **options)
    for _ in range(10):
        parts.partial_fit(X)
    for one, other in zip(whole.coefs_, parts.coefs_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_rows_are_as_dense_ones(form, X):
    """The same scores from the same numbers (not centered: that would fill the zeros in)."""
    X = np.where(np.abs(X) < 1, 0, X)
    dense = Autoencoder(2, max_iter=20, scale=None, **SMALL).fit(X)
    thin = Autoencoder(2, max_iter=20, scale=None, **SMALL).fit(form(X))
    np.testing.assert_allclose(thin.score_samples(form(X)), dense.score_samples(X), rtol=1e-6)


def test_a_tolerance_that_nothing_reaches_stops_at_once(X):
    """After n_iter_no_change epochs without so much gain; and infinity of those never stops."""
    model = Autoencoder(2, tol=1e9, n_iter_no_change=3, max_iter=50, **SMALL).fit(X)
    assert model.n_iter_ == 4
    assert "improve" in model.history_.stopped_because or "tol" in model.history_.stopped_because


def test_early_stopping_keeps_the_best(X):
    """Of the epochs' held-out losses the lowest is what the model has."""
    model = Autoencoder(2, early_stopping=True, max_iter=60, **SMALL).fit(X)
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert model.best_loss_ == min(model.validation_loss_curve_)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, "a"])
def test_a_share_to_hold_out_is_between_0_and_1(fraction, X):
    """And the message names it."""
    with pytest.raises((ValueError, TypeError), match="validation_fraction"):
        Autoencoder(2, early_stopping=True, validation_fraction=fraction, **SMALL).fit(X)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("hidden_layer_sizes", (-1,)),
        ("activation", "ghost"),
        ("solver", "hadoken"),
        ("alpha", -1),
        ("learning_rate", "converge"),
        ("learning_rate_init", -1.0),
        ("max_iter", -1),
        ("batch_size", -1),
        ("beta_1", 1.0),
        ("beta_2", -0.5),
        ("epsilon", -0.5),
        ("momentum", 2),
        ("n_iter_no_change", -1),
        ("power_t", "x"),
        ("shuffle", "true"),
        ("tol", "x"),
        ("verbose", "x"),
    ],
)
def test_a_wrong_value_is_named(parameter, value, X):
    """By the parameter and the value, at the start of a fit."""
    with pytest.raises((ValueError, TypeError), match=parameter):
        Autoencoder(**{"n_components": 2, parameter: value}).fit(X)


def test_without_shuffling_the_order_of_rows_counts(X):
    """With shuffling the seed draws the order; without, it is the rows' own."""
    options = {**SMALL, "max_iter": 3, "batch_size": 10}
    curves = [
        Autoencoder(2, shuffle=shuffle, **options).fit(X).loss_curve_ for shuffle in (True, False)
    ]
    assert curves[0] != curves[1]
    again = Autoencoder(2, shuffle=False, **options).fit(X).loss_curve_
    assert again == curves[1]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_rows_of_no_weight_are_not_there(estimator, X):
    """A model with half the weights zero has seen half of the rows."""
    weights = np.r_[np.ones(60), np.zeros(60)]
    far = np.r_[X[:60], 100 + X[60:]]
    model = estimator(2, max_iter=10, shuffle=False, **SMALL).fit(far, sample_weight=weights)
    assert np.abs(model.shift_ - X[:60].mean(axis=0)).max() < 1e-9


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_the_numbers_stays(estimator, dtype, X):
    """float32 in, float32 inside and out; and both types agree."""
    model = estimator(2, max_iter=20, **SMALL).fit(X.astype(dtype))
    assert {W.dtype for W in model.coefs_} == {np.dtype(dtype)}
    assert model.transform(X.astype(dtype)).dtype == dtype
    other = estimator(2, max_iter=20, **SMALL).fit(X)
    np.testing.assert_allclose(
        model.reconstruct(X.astype(dtype)), other.reconstruct(X), rtol=1e-3, atol=1e-4
    )


def test_a_pickled_model_learns_on(X):
    """partial_fit after loading gives what it would have given without."""
    model = Autoencoder(2, **SMALL).partial_fit(X)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(model.partial_fit(X).coefs_[0], copy.partial_fit(X).coefs_[0])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_loss_that_is_not_finite_is_an_error(estimator, X):
    """One that says what to change; scikit-learn raises a ValueError there, too."""
    model = estimator(2, solver="sgd", learning_rate_init=1e30, max_iter=20, **SMALL)
    with pytest.raises(NonFiniteLossError, match="learning_rate_init"):
        model.fit(X)
    assert issubclass(NonFiniteLossError, ValueError | ArithmeticError)


def test_names_of_columns_do_no_harm(X):
    """No warning on a frame, and one on the same rows without names."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", NotLearningWarning)
        model = Autoencoder(2, max_iter=2, early_stopping=True, **SMALL).fit(frame)
        model.transform(frame)
    with pytest.warns(UserWarning, match="feature names"):
        model.transform(X)


def test_many_epochs_do_not_change_what_few_gave(X):
    """The first epochs of a longer fit are those of a shorter one."""
    options = {**SMALL, "learning_rate": "constant"}
    short = Autoencoder(2, max_iter=5, **options).fit(X).loss_curve_
    assert Autoencoder(2, max_iter=15, **options).fit(X).loss_curve_[:5] == short


def test_it_stands_in_a_pipeline_after_a_scaler(X):
    """And its inverse goes all the way back."""
    from sklearn.pipeline import make_pipeline

    pipe = make_pipeline(MinMaxScaler(), Autoencoder(2, max_iter=200, **SMALL)).fit(X)
    back = pipe.inverse_transform(pipe.transform(X))
    assert back.shape == X.shape
    assert np.mean((back - X) ** 2) < 0.5 * X.var(axis=0).mean()
