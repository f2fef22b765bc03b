"""The estimator: scikit-learn's contract, and what people do with it."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from ae_core import Autoencoder, NonFiniteLossError, NotLearningWarning

QUICK = {"max_iter": 30, "random_state": 0}


@pytest.fixture(scope="module")
def wine():
    return load_wine(as_frame=True).data


@pytest.fixture(scope="module")
def fitted(wine):
    return Autoencoder(3, **QUICK).fit(wine)


@parametrize_with_checks(
    [
        Autoencoder(),
        Autoencoder(3, hidden_layer_sizes=(8, 6), decoder_layer_sizes=(5,), activation="tanh"),
        # On sparse data, which is not centred, momentum at the default rate goes too far.
        Autoencoder(
            hidden_layer_sizes=(), solver="sgd", learning_rate="adaptive", learning_rate_init=1e-3
        ),
        Autoencoder(tied=True, loss="binary_cross_entropy", scale="minmax", solver="rmsprop"),
        Autoencoder(solver="lbfgs", max_iter=10),
        Autoencoder(solver="adamw", activation="relu", loss="huber", learning_rate="invscaling"),
        Autoencoder(corruption="gaussian", dropout=0.1),
        Autoencoder(k_sparse=1, code_l1=1e-3, alpha_l1=1e-4),
        Autoencoder(code_activation="logistic", sparsity=0.1, sparsity_target=0.2),
        Autoencoder(contraction=1e-3, activation="tanh"),
        Autoencoder(missing_values="mask", loss="huber"),
        Autoencoder(averaging=0.99, clip_norm=1.0, solver="sgd"),
    ]
)
@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of 'lbfgs'
def test_scikit_learns_checks(estimator, check):
    if "sample_weight_equivalence" in check.func.__name__:
        # A row that is there twice is spoiled in two ways, and one of weight 2 in one.
        estimator.set_params(corruption=None, dropout=0.0)
    if "on_sparse_data" in check.func.__name__ and not get_tags(estimator).input_tags.sparse:
        # scikit-learn before 1.7 asks it also of what says that it takes nothing sparse.
        with pytest.raises(ValueError, match="scale='minmax': X is sparse"):
            check(estimator)
        return
    check(estimator)


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes, load_digits, load_wine])
def test_defaults_beat_the_mean_and_are_not_worse_than_pca(load):
    X = load().data[:600]
    scaled = StandardScaler().fit_transform(X)
    model = Autoencoder(n_components=8, random_state=0).fit(X)
    pca = PCA(8).fit(scaled)
    own = ((scaled - StandardScaler().fit(X).transform(model.reconstruct(X))) ** 2).sum()
    others = ((scaled - pca.inverse_transform(pca.transform(scaled))) ** 2).sum()
    assert own <= others
    assert own < 0.5 * (scaled**2).sum()


@pytest.mark.parametrize("scale", [None, "standard", "minmax"])
def test_methods_agree_with_each_other(scale):
    X = load_iris().data
    model = Autoencoder(2, scale=scale, **QUICK).fit(X)
    code = model.transform(X)
    assert code.shape == (150, 2)
    np.testing.assert_allclose(model.inverse_transform(code), model.reconstruct(X), rtol=1e-12)
    scaled = X if scale is None else (X - model.shift_) * model.factor_
    scaled_hat = model.network_.forward(scaled)
    np.testing.assert_allclose(
        model.feature_errors(X), 0.5 * (scaled - scaled_hat) ** 2, atol=1e-12
    )
    np.testing.assert_allclose(model.score_samples(X), -model.feature_errors(X).sum(axis=1))
    assert model.score(X) == pytest.approx(model.score_samples(X).mean())
    weights = np.arange(150)
    assert model.score(X, sample_weight=weights) == pytest.approx(
        np.average(model.score_samples(X), weights=weights)
    )
    np.testing.assert_array_equal(model.fit_transform(X), model.transform(X))


def test_feature_errors_are_the_losses(network_class):
    from conftest import every_architecture, random_data

    for architecture in list(every_architecture())[::37]:
        network = network_class(architecture, random_state=0)
        X = random_data(architecture, 9)
        np.testing.assert_allclose(
            network.feature_errors(X).sum(axis=1), network.reconstruction_errors(X), rtol=1e-9
        )


def test_fitted_attributes(wine, fitted):
    assert [W.shape for W in fitted.coefs_] == [(13, 128), (128, 3), (3, 128), (128, 13)]
    assert [b.shape for b in fitted.intercepts_] == [(128,), (3,), (128,), (13,)]
    assert np.shares_memory(fitted.coefs_[0], fitted.network_.params)
    assert len(fitted.loss_curve_) == fitted.n_iter_ == 30
    assert fitted.best_loss_ == min(fitted.loss_curve_)
    assert fitted.validation_loss_curve_ == []
    assert fitted.n_features_in_ == 13
    assert list(fitted.feature_names_in_) == list(wine.columns)
    assert list(fitted.get_feature_names_out()) == [f"autoencoder{i}" for i in range(3)]
    assert not hasattr(Autoencoder(), "coefs_")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_in_and_out(wine, library):
    pytest.importorskip(library)
    model = clone(Autoencoder(2, **QUICK)).set_output(transform=library)
    code = model.fit_transform(wine)
    assert type(code).__module__.startswith(library)
    assert list(code.columns) == ["autoencoder0", "autoencoder1"]
    with pytest.raises(ValueError, match="feature names"):
        model.transform(wine.rename(columns={"ash": "cinders"}))


def test_pipelines_searches_and_copies(wine):
    pipeline = make_pipeline(StandardScaler(), Autoencoder(2, scale=None, **QUICK))
    assert pipeline.fit_transform(wine).shape == (178, 2)
    search = GridSearchCV(Autoencoder(**QUICK), {"n_components": [1, 4]}, cv=3, n_jobs=2).fit(wine)
    assert search.best_params_ == {"n_components": 4}
    model = search.best_estimator_
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(wine), model.transform(wine))


def test_metadata_is_routed(wine):
    from sklearn import config_context

    weights = np.repeat([0.0, 1.0], 89)
    with config_context(enable_metadata_routing=True):
        model = Autoencoder(2, **QUICK).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), model)
        pipeline[0].set_fit_request(sample_weight=True)
        routed = pipeline.fit(wine, sample_weight=weights)
    direct = make_pipeline(StandardScaler(), Autoencoder(2, **QUICK)).fit(wine[89:])
    np.testing.assert_allclose(routed.transform(wine), direct.transform(wine), rtol=1e-3, atol=1e-3)


def test_seeds_and_threads_decide_nothing_else(wine):
    models = [Autoencoder(2, n_threads=n, **QUICK).fit(wine) for n in (1, 2)]
    np.testing.assert_array_equal(models[0].transform(wine), models[1].transform(wine))
    other = Autoencoder(2, max_iter=30, random_state=1).fit(wine)
    assert not np.allclose(other.transform(wine), models[0].transform(wine))


@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
@pytest.mark.parametrize("data", [np.float32, np.float64, np.uint8, np.int64])
def test_dtypes(dtype, data):
    X = load_digits().data[:100].astype(data)
    model = Autoencoder(2, dtype=dtype, **QUICK).fit(X)
    expected = dtype or ("float32" if data is np.float32 else "float64")
    for result in (model.transform(X), model.reconstruct(X), model.coefs_[0]):
        assert result.dtype == expected
    assert model.score_samples(X).dtype == np.float64


def test_held_out_rows_decide_when_to_stop(wine):
    model = Autoencoder(
        8, early_stopping=True, learning_rate="constant", learning_rate_init=0.02, random_state=0
    ).fit(wine)
    curve = model.validation_loss_curve_
    assert len(curve) == model.n_iter_ < 200
    assert model.best_loss_ == min(curve) < curve[-1]
    ours = Autoencoder(8, early_stopping=True, max_iter=5, random_state=0).fit(wine, X_val=wine[:9])
    assert ours.best_loss_ == pytest.approx(-ours.score(wine[:9]), rel=1e-10)


def test_nothing_is_learned_from_rows_held_out(monkeypatch):
    X = load_iris().data
    held_out = np.arange(0, 150, 10)
    monkeypatch.setattr("ae_core.estimators.autoencoder.held_out_rows", lambda *arguments: held_out)
    fits = []
    for changed in (X, np.where(np.isin(np.arange(150), held_out)[:, None], 100 - X, X)):
        model = Autoencoder(2, early_stopping=True, tol=None, **QUICK).fit(changed)
        fits.append((model.loss_curve_[:5], model.shift_, model.validation_loss_curve_[:5]))
    np.testing.assert_allclose(fits[0][0], fits[1][0], rtol=1e-9)
    np.testing.assert_allclose(fits[0][1], fits[1][1], rtol=1e-12)
    assert np.min(np.divide(fits[1][2], fits[0][2])) > 2


def test_warm_start_goes_on(wine):
    model = Autoencoder(2, warm_start=True, learning_rate="constant", **QUICK).fit(wine)
    before = model.loss_curve_[-1]
    model.fit(wine)
    assert model.loss_curve_[0] < 1.1 * before
    with pytest.raises(ValueError, match="warm_start=False"):
        model.set_params(n_components=3).fit(wine)


def test_partial_fit_goes_through_parts():
    X = load_digits().data
    parts = np.array_split(X, 5)
    model = Autoencoder(8, random_state=0)
    for _ in range(10):
        for part in parts:
            model.partial_fit(part)
    assert model.n_iter_ == 50
    assert model.history_.n_steps > 50
    whole = Autoencoder(8, random_state=0, max_iter=1).fit(X)
    assert model.score(X) > 0.7 * whole.score(X)
    assert model.loss_curve_[-1] < 0.7 * model.loss_curve_[0]


def test_callbacks_see_every_epoch_and_can_stop(wine):
    seen = []
    Autoencoder(2, **QUICK).fit(
        wine, callbacks=[lambda p: seen.append(p.n_iter), lambda p: p.n_iter == 4]
    )
    assert seen == [1, 2, 3, 4]


def test_interrupted_fits_can_be_used(wine):
    def interrupt(progress):
        if progress.n_iter == 3:
            raise KeyboardInterrupt

    model = Autoencoder(2, **QUICK)
    with pytest.raises(KeyboardInterrupt):
        model.fit(wine, callbacks=[interrupt])
    assert model.n_iter_ == 3
    assert model.transform(wine).shape == (178, 2)


def test_a_progress_bar_when_asked_for(wine, capsys, monkeypatch):
    monkeypatch.setattr("ae_core.training.callbacks.SECONDS_BEFORE_A_BAR", 0)
    Autoencoder(2, **QUICK).fit(wine)
    assert capsys.readouterr().err == ""
    Autoencoder(2, verbose=True, **QUICK).fit(wine)
    shown = capsys.readouterr().err
    assert "30/30" in shown
    assert "loss=" in shown


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")  # there is nothing to learn
def test_arrays_are_not_copied():
    import tracemalloc

    X = np.random.default_rng(0).integers(0, 256, (20_000, 400), dtype=np.uint8)  # 8 MB
    model = Autoencoder(2, hidden_layer_sizes=(8,), max_iter=1, random_state=0, dtype="float32")
    model.fit(X[:100])
    tracemalloc.start()
    model.fit(X)
    model.transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * X.nbytes * 4  # half of what one float32 copy would take


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_components": 0}, "n_components=0: must be an integer of at least 1"),
        ({"hidden_layer_sizes": "wide"}, r"hidden_layer_sizes='wide'.*\(64, 32\)"),
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes entry=0"),
        ({"tied": True, "decoder_layer_sizes": (3,)}, "tied=True with decoder_layer_sizes"),
        ({"activation": "swish"}, "activation='swish'.*elu"),
        ({"code_activation": "swish"}, "code_activation='swish'.*elu"),
        ({"output_activation": "swish"}, "output_activation='swish'.*elu"),
        ({"loss": "mse"}, "loss='mse'.*squared_error"),
        ({"loss": "binary_cross_entropy"}, "loss='binary_cross_entropy'.*between 0 and 1"),
        ({"solver": "newton"}, "solver='newton'.*lbfgs"),
        ({"alpha": -1}, "alpha=-1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": "all"}, "batch_size='all'.*auto"),
        ({"learning_rate": "linear"}, "learning_rate='linear'.*cosine"),
        ({"learning_rate_init": 0}, "learning_rate_init=0"),
        ({"power_t": -1, "learning_rate": "invscaling"}, "power_t=-1"),
        ({"momentum": 1.5, "solver": "sgd"}, "momentum=1.5"),
        ({"max_iter": 0}, "max_iter=0"),
        ({"max_fun": 0}, "max_fun=0"),
        ({"tol": -1}, "tol=-1"),
        ({"n_iter_no_change": 0}, "n_iter_no_change=0"),
        ({"early_stopping": 1}, "early_stopping=1: must be True or False"),
        ({"validation_fraction": 1.0, "early_stopping": True}, "validation_fraction=1.0"),
        ({"beta_1": 1.0}, "beta_1=1.0"),
        ({"scale": "robust"}, "scale='robust'.*minmax"),
        ({"dtype": "int8"}, "dtype='int8'.*float32"),
        ({"n_threads": 0}, "n_threads=0"),
        ({"random_state": "x"}, "'x' cannot be used to seed"),
    ],
)
def test_wrong_parameters_are_named(wine, parameters, words):
    with pytest.raises(ValueError, match=words):
        Autoencoder(**parameters).fit(wine)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"callbacks": print}, "must be a list"),
        ({"callbacks": [3]}, "callbacks has 3, which can't be called"),
        ({"callbacks": 3}, "callbacks=3"),
        ({"sample_weight": np.ones(3)}, "sample_weight.shape"),
        ({"X_val": np.ones((3, 2))}, "2 features"),
    ],
)
def test_wrong_arguments_are_named(wine, arguments, words):
    with pytest.raises(ValueError, match=words):
        Autoencoder(**QUICK).fit(wine.to_numpy(), **arguments)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_fit_that_learned_nothing_warns_and_the_diagnosis_says_why(wine, weighted):
    weights = np.repeat([0.0, 1.0], 89) if weighted else None
    model = Autoencoder(2, learning_rate_init=1e-6, random_state=0)
    with pytest.warns(NotLearningWarning, match=r"returning the column mean.*diagnose"):
        model.fit(wine, sample_weight=weights)
    report = model.diagnose(wine, trials=False)  # the advice that is not tried
    assert not report.ok
    assert "learning_rate_init=1e-06: try 0.001" in str(report)
    healthy = Autoencoder(2, random_state=0).fit(wine).diagnose(wine)
    assert healthy.ok, str(healthy)
    assert "malic_acid" in str(healthy)


def test_divergence_says_what_to_do(wine):
    model = Autoencoder(2, solver="sgd", learning_rate_init=1e3, learning_rate="constant")
    with pytest.raises(NonFiniteLossError, match="learning rate 1000 is probably too large"):
        model.fit(wine)


@pytest.mark.parametrize("parameters", [{"solver": "lbfgs"}, {"early_stopping": True}])
def test_partial_fit_is_for_steps_only(wine, parameters):
    assert not hasattr(Autoencoder(**parameters), "partial_fit")
    with pytest.raises(AttributeError):
        Autoencoder(**parameters).partial_fit(wine)
