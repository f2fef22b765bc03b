"""The variational autoencoder: its bounds are bounds, its draws are draws."""

import json
import pickle

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks
from test_saving import change

import ae_core
from ae_core import Architecture, Autoencoder, Checkpoint, ModelFileError, VariationalAutoencoder
from ae_core.data.rows import Rows
from ae_core.diagnosis.baselines import LEAST_NOISE, discarded_variance
from ae_core.formulas.latent import LOG_2_PI

QUICK = {"max_iter": 10, "hidden_layer_sizes": (6,), "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")  # short fits


@parametrize_with_checks(
    [
        VariationalAutoencoder(max_iter=20),
        VariationalAutoencoder(
            3, hidden_layer_sizes=(8, 6), decoder_layer_sizes=(5,), kl_warm_up=3, max_iter=20
        ),
        VariationalAutoencoder(loss="binary_cross_entropy", scale="minmax", max_iter=20),
        VariationalAutoencoder(
            missing_values="mask", corruption="masking", averaging=0.9, dropout=0.1, max_iter=20
        ),
        VariationalAutoencoder(solver="sgd", noise_variance=0.5, beta=2.0, max_iter=20),
        VariationalAutoencoder(3, hidden_layer_sizes=(8,), tied=True, max_iter=20),
    ],
    expected_failed_checks=lambda estimator: {
        f"check_sample_weight_equivalence_on_{kind}_data": "repeated rows draw codes of their own"
        for kind in ("dense", "sparse")
    },
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# --- likelihoods ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plane():
    """Rows near a plane in eight dimensions."""
    random = np.random.default_rng(0)
    codes, directions = random.normal(size=(400, 2)), random.normal(size=(2, 8))
    return codes @ directions + random.normal(0, 0.5, (400, 8))


@pytest.fixture(scope="module")
def linear(plane):
    model = VariationalAutoencoder(
        2,
        hidden_layer_sizes=(),
        learning_rate_init=0.03,
        batch_size=100,
        max_iter=300,
        random_state=0,
    )
    return model.fit(plane)


def exact_likelihood(model, X):
    """Of a linear decoder: x ~ N(b, W Wᵀ + s² I) (Tipping & Bishop 1999, eq. 4)."""
    W, b = model.coefs_[-1], model.intercepts_[-1]
    covariance = W.T @ W + model.noise_variance_ * np.eye(X.shape[1])
    return multivariate_normal(b, covariance).logpdf((X - model.shift_) * model.factor_)


def exact_bound(model, X):
    """Of a linear decoder: what the mean over all codes that may be drawn is."""
    scaled = (X - model.shift_) * model.factor_
    mean, log_variance = model.network_.posterior(scaled)
    W, s2, n = model.coefs_[-1], model.noise_variance_, X.shape[1]
    squares = ((scaled - model.network_.decode(mean)) ** 2).sum(axis=1)
    spread = np.exp(log_variance) @ (W**2).sum(axis=1)
    divergence = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=1)
    return -0.5 * (squares + spread) / s2 - n / 2 * np.log(2 * np.pi * s2) - divergence


def test_the_bound_is_below_the_likelihood_and_near_it_after_training(plane, linear):
    likelihood = exact_likelihood(linear, plane)
    bound = exact_bound(linear, plane)
    assert (bound <= likelihood).all()
    assert bound.mean() == pytest.approx(likelihood.mean(), rel=0.01)
    # One draw a row strays from its mean by about 1, and the mean of 400 by a twentieth of that.
    drawn = linear.score_samples(plane)
    assert drawn.mean() == pytest.approx(bound.mean(), abs=0.2)
    assert drawn.mean() < likelihood.mean() + 0.2
    assert linear.score(plane) == pytest.approx(drawn.mean())


def test_the_likelihood_is_that_of_probabilistic_pca(plane, linear):
    scaled = (plane - linear.shift_) * linear.factor_
    pca = PCA(2).fit(scaled)
    assert linear.noise_variance_ == pytest.approx(pca.noise_variance_ * 399 / 400)
    best = pca.score(scaled)
    assert exact_likelihood(linear, plane).mean() <= best + 1e-4  # scikit-learn divides by m - 1
    assert exact_bound(linear, plane).mean() == pytest.approx(best, rel=0.01)


def test_more_draws_are_nearer_to_the_likelihood(plane, linear):
    # Of an encoder that is wrong, so that there is a gap to close.
    model = pickle.loads(pickle.dumps(linear))
    model.intercepts_[0][...] += 0.7
    likelihood = exact_likelihood(model, plane)
    gaps = [(likelihood - model.score_samples(plane, n)).mean() for n in (1, 4, 64)]
    assert gaps[0] > 1.5 * gaps[1] > 1.5 * 1.5 * gaps[2] > 0
    assert gaps[0] == pytest.approx((likelihood - exact_bound(model, plane)).mean(), rel=0.2)


def test_bounds_depend_on_the_row_alone(network_class, plane):
    architecture = Architecture(
        (8, 5, 3, 5, 8), ("tanh", "identity", "tanh", "identity"), variational=True
    )
    network = network_class(architecture, random_state=0)
    bound = network.bound(plane)
    order = np.random.default_rng(1).permutation(len(plane))
    np.testing.assert_allclose(network.bound(plane[order]), bound[order], rtol=1e-12)
    np.testing.assert_allclose(network.bound(plane[7:9]), bound[7:9], rtol=1e-12)
    assert not np.allclose(network.bound(plane, noise_key=1), bound)


def test_fingerprints_are_of_what_is_seen():
    X = np.random.default_rng(0).normal(size=(50, 4))
    prints = Rows(X).fingerprints()
    assert prints.dtype == np.uint64
    assert len(np.unique(prints)) == 50
    assert (Rows(X[:, ::-1]).fingerprints() != prints).all()
    assert (Rows(2 * X, factor=np.full(4, 0.5)).fingerprints() == prints).all()
    zeros = np.array([[0.0, np.nan], [-0.0, -np.nan]])
    assert len(np.unique(Rows(zeros, missing="mask").fingerprints())) == 1


def test_coins_have_probabilities():
    X = (load_digits().data[:200] > 8).astype(float)
    model = VariationalAutoencoder(3, loss="binary_cross_entropy", scale=None, **QUICK).fit(X)
    assert model.noise_variance_ is None
    assert (model.score_samples(X) < 0).all()
    drawn = model.sample(20, random_state=0)
    assert ((drawn >= 0) & (drawn <= 1)).all()
    np.testing.assert_allclose(
        model.feature_errors(X).sum(axis=1), model.network_.reconstruction_errors(X)
    )


def test_the_noise_of_probabilistic_pca():
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 5)) @ random.normal(size=(5, 5))
    values = np.linalg.eigvalsh(np.cov(X.T, ddof=0))
    for k in (1, 3, 4):
        expected = values[: 5 - k].mean()
        assert discarded_variance(X, np.ones(60), k) == pytest.approx(expected)
    # The same from few rows of many columns, and from weights or repeated rows.
    wide = random.normal(size=(6, 30))
    values = np.linalg.eigvalsh(np.cov(wide.T, ddof=0))
    assert discarded_variance(wide, np.ones(6), 2) == pytest.approx(values[:28].mean())
    weights = random.integers(1, 4, 60)
    assert discarded_variance(X, weights.astype(float), 2) == pytest.approx(
        discarded_variance(np.repeat(X, weights, axis=0), np.ones(weights.sum()), 2)
    )
    # Never nothing.
    assert discarded_variance(X, np.ones(60), 5) == pytest.approx(
        LEAST_NOISE * X.var(axis=0).mean()
    )
    assert discarded_variance(np.ones((4, 3)), np.ones(4), 1) == 1
    # Holes leave the columns their variance.
    holes = np.where(random.random((60, 5)) < 0.2, np.nan, X)
    assert discarded_variance(X, np.ones(60), 2) < discarded_variance(holes, np.ones(60), 2)
    assert discarded_variance(holes, np.ones(60), 2) < np.nanvar(holes, axis=0).mean()


# --- draws ---------------------------------------------------------------------------------------


def test_samples_are_like_the_data(plane, linear):
    drawn = linear.sample(4000, random_state=0)
    np.testing.assert_array_equal(linear.sample(4000, random_state=0), drawn)
    assert linear.sample().shape == (1, 8)
    W, D = linear.coefs_[-1], np.diag(1 / linear.factor_)
    np.testing.assert_allclose(np.cov(drawn.T), D @ W.T @ W @ D, atol=0.6)
    np.testing.assert_allclose(drawn.mean(axis=0), plane.mean(axis=0), atol=0.3)


def test_codes_are_drawn_around_their_mean(plane, linear):
    drawn = np.array([linear.sample_posterior(plane, random_state=i) for i in range(300)])
    mean, log_variance = linear.network_.posterior((plane - linear.shift_) * linear.factor_)
    # To rounding: of the posterior, the last product is NumPy's.
    np.testing.assert_allclose(linear.transform(plane), mean, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.2)
    np.testing.assert_allclose(drawn.std(axis=0).mean(), np.exp(log_variance / 2).mean(), rtol=0.02)
    generator = np.random.RandomState(0)
    assert (
        linear.sample_posterior(plane, generator) != linear.sample_posterior(plane, generator)
    ).all()


# --- learning ------------------------------------------------------------------------------------


def test_no_unit_of_the_code_gives_up_on_digits():
    X = load_digits().data[::3]
    model = VariationalAutoencoder(
        8, hidden_layer_sizes=(32,), max_iter=60, dtype="float32", random_state=0
    ).fit(X)
    # Active: a mean that varies by more than 0.01 over rows (Burda et al. 2016, section 5.2).
    assert (model.transform(X).var(axis=0) > 0.01).all()
    assert (model.sample(50, random_state=0).std(axis=0) > 1).sum() > 32


def test_a_larger_beta_makes_a_smaller_divergence(plane):
    def divergence(**parameters):
        model = VariationalAutoencoder(2, **QUICK, **parameters).fit(plane)
        mean, log_variance = model.network_.posterior((plane - model.shift_) * model.factor_)
        return (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=1).mean()

    assert divergence(beta=8.0) < divergence() < divergence(kl_warm_up=10) < divergence(beta=0.0)


def test_bounds_are_of_what_is_seen(plane):
    """Of a row of which some is seen: the likelihood of that, with the other entries summed out."""
    holed = np.where(np.random.default_rng(3).random(plane.shape) < 0.3, np.nan, plane)
    holed[0] = np.nan
    model = VariationalAutoencoder(
        2, hidden_layer_sizes=(), missing_values="mask", max_iter=100, random_state=0
    ).fit(holed)
    W, b = model.coefs_[-1], model.intercepts_[-1]
    covariance = W.T @ W + model.noise_variance_ * np.eye(8)
    scaled = (holed - model.shift_) * model.factor_
    bounds = model.score_samples(holed, n_draws=50)
    likelihoods = np.zeros(400)
    for i, row in enumerate(scaled):
        seen = ~np.isnan(row)
        if not seen.any():
            continue  # nothing is as likely as it can be: 1
        likelihoods[i] = multivariate_normal(b[seen], covariance[np.ix_(seen, seen)]).logpdf(
            row[seen]
        )
    gaps = likelihoods - bounds
    assert gaps.mean() > 0
    assert gaps.mean() < 0.1 * -likelihoods.mean()
    assert np.isfinite(model.impute(holed)).all()
    assert model.score(holed) == pytest.approx(model.score_samples(holed).mean())


@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_held_out_rows_are_judged_by_the_bound(plane, beta):
    model = VariationalAutoencoder(2, beta=beta, **QUICK).fit(plane[:300], X_val=plane[300:])
    scaled = (plane[300:] - model.shift_) * model.factor_
    mean, log_variance = model.network_.posterior(scaled)
    divergence = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(axis=1)
    constant = 8 / 2 * (LOG_2_PI + np.log(model.noise_variance_))
    errors = -model.score_samples(plane[300:]) - constant + (beta - 1) * divergence
    assert model.validation_loss_curve_[-1] == pytest.approx(errors.mean())


def test_parts_warm_starts_and_diagnoses(plane):
    model = VariationalAutoencoder(2, kl_warm_up=5, **QUICK)
    for _ in range(3):
        model.partial_fit(plane)
    assert model.n_iter_ == 3
    model = VariationalAutoencoder(2, warm_start=True, **QUICK).fit(plane)
    variance = model.noise_variance_
    model.fit(plane + 1)
    assert model.noise_variance_ == variance
    assert "this network" in str(model.diagnose(plane))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"loss": "huber"}, "loss='huber'.*squared_error.*binary_cross_entropy"),
        ({"noise_variance": 0}, "noise_variance=0: must be 'auto' or a number above 0"),
        ({"noise_variance": "much"}, "noise_variance='much'"),
        ({"noise_variance": np.inf}, "noise_variance=inf"),
        ({"beta": -1.0}, "beta=-1.0"),
        ({"kl_warm_up": -1}, "kl_warm_up=-1"),
        ({"solver": "lbfgs"}, "solver='lbfgs'.*use 'adam'"),
        ({"n_components": 0}, "n_components=0"),
    ],
)
def test_wrong_parameters_are_named(plane, parameters, words):
    with pytest.raises(ValueError, match=words):
        VariationalAutoencoder(**parameters).fit(plane)


def test_wrong_arguments_are_named(plane, linear):
    with pytest.raises(ValueError, match="n_draws=0"):
        linear.score_samples(plane, n_draws=0)
    with pytest.raises(ValueError, match="n_samples=0"):
        linear.sample(0)
    for method, argument in (("sample", 1), ("sample_posterior", plane), ("score_samples", plane)):
        with pytest.raises(NotFittedError):
            getattr(VariationalAutoencoder(), method)(argument)
    with pytest.raises(TypeError):
        VariationalAutoencoder(k_sparse=1)


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared_error", "binary_cross_entropy"])
def test_a_loaded_model_does_what_the_saved_one_did(loss, tmp_path):
    X = load_wine(as_frame=True).data
    model = VariationalAutoencoder(3, loss=loss, scale="minmax", **QUICK).fit(X)
    model.save(tmp_path / "m")
    pickled = pickle.loads(pickle.dumps(model))
    loaded = VariationalAutoencoder.load(tmp_path / "m")
    for again in (ae_core.load(tmp_path / "m"), loaded, pickled):
        assert type(again) is VariationalAutoencoder
        assert again.get_params() == model.get_params()
        assert again.noise_variance_ == model.noise_variance_
        for method in ("transform", "score_samples"):
            np.testing.assert_array_equal(getattr(again, method)(X), getattr(model, method)(X))
        np.testing.assert_array_equal(again.sample(3, 0), model.sample(3, 0))
        assert list(again.get_feature_names_out()) == list(model.get_feature_names_out())
    with pytest.raises(ModelFileError):
        Autoencoder.load(tmp_path / "m")


def test_the_command_line_takes_it_for_an_autoencoder(tmp_path):
    pytest.importorskip("click")
    from ae_core.cli.main import main

    X = load_wine().data
    model = VariationalAutoencoder(3, **QUICK).fit(X)
    model.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "wine.npy", X)
    command = [str(tmp_path / "m.safetensors"), str(tmp_path / "wine.npy")]
    assert main(["encode", *command, "-o", str(tmp_path / "codes.npy")]) == 0
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), model.transform(X))
    assert main(["score", *command, "-o", str(tmp_path / "scores.npy")]) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noise_variance": -1.0}, "noise_variance"),
        ({"noise_variance": 0.25}, "noise_variance is not that of its architecture"),
        ({"architecture": json.loads(Architecture((8, 4, 8)).to_json())}, "not variational"),
    ],
)
def test_hostile_models_are_refused(changes, words, plane, tmp_path):
    model = VariationalAutoencoder(2, hidden_layer_sizes=(), max_iter=1, random_state=0).fit(plane)
    model.save(tmp_path / "m")
    if "architecture" in changes:
        changes = {**changes, "params": np.zeros(8 * 4 + 4 + 4 * 8 + 8)}
    change(tmp_path / "m", tmp_path / "changed", **changes)
    with pytest.raises(ModelFileError, match=words):
        ae_core.load(tmp_path / "changed")


def test_a_fit_goes_on_from_its_checkpoint(plane, tmp_path):
    model = VariationalAutoencoder(2, kl_warm_up=8, **QUICK)

    def stop(progress):
        return progress.n_iter == 6

    model.fit(plane, callbacks=[Checkpoint(tmp_path / "c"), stop])
    again = VariationalAutoencoder(2, kl_warm_up=8, **QUICK)
    again.fit(plane, resume_from=tmp_path / "c")
    whole = VariationalAutoencoder(2, kl_warm_up=8, **QUICK).fit(plane)
    np.testing.assert_array_equal(again.network_.params, whole.network_.params)


@pytest.mark.parametrize(("row", "column", "size"), [(7, 3, 1e30), (0, 5, 1e10), (41, 0, 1e12)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_beyond_all_likelihood_is_the_least_likely_and_spoils_no_other(
    row, column, size, dtype
):
    X = np.random.default_rng(0).normal(size=(60, 6))
    model = VariationalAutoencoder(2, dtype=dtype, max_iter=5, random_state=0).fit(X)
    usual = np.delete(model.score_samples(X), row)
    for sign in (-1, 1):  # at one end the variance of the code is 0, and its bound only low
        far = X.copy()
        far[row, column] = sign * size
        scores = model.score_samples(far)
        assert np.isfinite(scores).all()
        assert scores.argmin() == row
        np.testing.assert_allclose(np.delete(scores, row), usual, rtol=1e-5)
        assert np.isfinite(model.score(far))
