"""The C interface from outside: what a module built elsewhere gets is what the estimators give."""

import gc
import threading

import every_function
import numpy as np
import pandas as pd
import pytest
from every_function import BAD_SIZE, BAD_VALUE, NOT_OFFERED, NULL_POINTER, OK, Model
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scorer import Scorer
from sklearn.exceptions import NotFittedError

import ae_core
from ae_core import (
    Architecture,
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    Network,
    VariationalAutoencoder,
)
from ae_core.estimators.fitting import seen
from ae_core.files.model_file import ModelFileError

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

N_FEATURES = 6
QUICK = {"n_components": 3, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}

ESTIMATORS = {
    "default": Autoencoder(**QUICK),
    "unscaled": Autoencoder(**QUICK, scale=None, activation="tanh"),
    "clipped": Autoencoder(**QUICK, scale="minmax", loss="binary_cross_entropy", tied=True),
    "shares": Autoencoder(**QUICK, scale=None, loss="binary_cross_entropy", alpha=1.0),
    "noisy": Autoencoder(**QUICK, corruption="salt_and_pepper", dropout=0.3, contraction=0.1),
    "k-sparse": Autoencoder(**QUICK, k_sparse=2, loss="huber", alpha_l1=0.5),
    "holes": Autoencoder(**QUICK, missing_values="mask"),
    "variational": VariationalAutoencoder(**QUICK),
}


def table(n_rows, seed=0):
    return np.random.default_rng(seed).uniform(0.05, 0.95, (n_rows, N_FEATURES))


@pytest.fixture(scope="module", params=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture(scope="module", params=ESTIMATORS)
def fitted(request, dtype):
    estimator = ESTIMATORS[request.param].set_params(dtype=dtype)
    X = table(90)
    if request.param == "holes":
        X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    return estimator.fit(X)


def rows_for(estimator, n_rows):
    """Rows as the estimator takes them, some of them beyond what it has seen."""
    X = table(n_rows, seed=2)
    if estimator.scale is not None:
        X[::3] *= 1.5
    if estimator.missing_values == "mask":
        X[np.random.default_rng(3).random(X.shape) < 0.3] = np.nan
        X[n_rows // 2] = np.nan
    return X


def results(model, X):
    """What the C interface gives: reconstruction, code, errors."""
    n_features, n_components, _ = model.sizes()
    m = len(X)
    found = [np.full((m, width), np.nan) for width in (n_features, n_components, 1)]
    assert model.forward(X, found[0]) == OK
    assert model.encode(X, found[1]) == OK
    assert model.reconstruction_errors(X, found[2]) == OK
    return found[0], found[1], found[2][:, 0]


def assert_agree(found, expected, dtype):
    rtol = 1e-12 if dtype == "float64" else 1e-5
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=0))


@pytest.mark.parametrize("n_rows", [2, 300])
def test_results_are_the_estimators(fitted, n_rows, dtype):
    X = rows_for(fitted, n_rows)
    model, network = Model(fitted), fitted.network_
    errors = network.reconstruction_errors(seen(fitted, X))
    if type(fitted) is Autoencoder:
        np.testing.assert_array_equal(errors, -fitted.score_samples(X))
    assert model.sizes() == (N_FEATURES, 3, network.params.size)
    assert_agree(results(model, X), (fitted.reconstruct(X), fitted.transform(X), errors), dtype)
    loss, gradient = np.empty(1), np.empty(network.params.size)
    assert model.loss_and_gradient(X, loss, gradient) == OK
    assert_agree((loss[0], gradient), network.loss_and_gradient(seen(fitted, X)), dtype)


def test_one_row_after_another_is_all_at_once(fitted, dtype):
    X, model = rows_for(fitted, 9), Model(fitted)
    at_once = results(model, X)
    for i in range(9):
        row = slice(i, i + 1)
        assert_agree(results(model, X[row]), [found[row] for found in at_once], dtype)


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture((6, 4, 2, 4, 6), "elu"),
        Architecture((6, 5, 3, 6), ("softplus", "tanh", "identity"), biases=False),
        Architecture((6, 3, 6), loss="softmax_cross_entropy"),
        Architecture(
            (6, 4, 6),
            loss=[("squared_error", 2), ("softmax_cross_entropy", 3), ("binary_cross_entropy", 1)],
            feature_weights=[1, 2, 3, 4, 5, 6],
        ),
        Architecture((6, 4, 6), ("identity", "identity"), variational=True),
        Architecture((6, 4, 6), "tanh", input_mask=True, input_transform="log1p"),
        Architecture((6, 600, 500, 30, 500, 600, 6), "relu", tied=True),  # some of it is BLAS's
    ],
    ids=lambda a: "-".join(map(str, a.layer_sizes)) + str(a.loss)[:9],
)
def test_results_are_the_networks(architecture, dtype):
    network = Network(architecture, dtype=dtype, random_state=0)
    X = table(200)
    model = Model(network)
    expected = network.forward(X), network.encode(X), network.reconstruction_errors(X)
    assert_agree(results(model, X), expected, dtype)
    loss, gradient = np.empty(1), np.empty(architecture.n_params)
    assert model.loss_and_gradient(X, loss, gradient) == OK
    assert_agree((loss[0], gradient), network.loss_and_gradient(X), dtype)


def test_a_saved_model(fitted, tmp_path, dtype):
    path = str(tmp_path / "model.safetensors")
    fitted.save(path)
    X = rows_for(fitted, 50)
    for found, expected in zip(results(Model(path), X), results(Model(fitted), X), strict=True):
        np.testing.assert_array_equal(found, expected)
    errors = np.empty(50)
    Scorer(path).errors(X, errors)
    np.testing.assert_array_equal(errors, expected)


def test_a_handle_has_its_own_numbers():
    X = table(50)
    estimator = Autoencoder(**QUICK).fit(X)
    model = Model(estimator)
    before = results(model, X)
    estimator.network_.params[:] = np.nan
    estimator.shift_[:] = estimator.factor_[:] = np.nan
    del estimator
    for found, expected in zip(results(model, X), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_handle_that_is_freed_is_gone():
    estimator = Autoencoder(**QUICK).fit(table(50))

    def n_networks():
        gc.collect()
        return sum(type(thing) is Network for thing in gc.get_objects())

    before = n_networks()
    models = [Model(estimator) for _ in range(5)]
    assert n_networks() == before + 5
    del models
    assert n_networks() == before


def test_the_reconstruction_may_take_the_rows_place():
    X = table(300)
    model = Model(Autoencoder(**QUICK).fit(X))
    expected = results(model, X)[0]
    assert model.forward(X, X) == OK
    np.testing.assert_array_equal(X, expected)


def test_many_threads_ask_one_model(tmp_path):
    path = str(tmp_path / "model.safetensors")
    X = table(2000)
    Autoencoder(**QUICK).fit(X).save(path)
    scorer, errors, expected = Scorer(path), np.zeros(2000), np.empty(2000)
    scorer.errors(X, expected)

    def score(part):
        for _ in range(20):
            scorer.errors(X[part], errors[part])

    threads = [
        threading.Thread(target=score, args=(slice(start, start + 250),))
        for start in range(0, 2000, 250)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(errors, expected)


# --- what is refused -----------------------------------------------------------------------------


def trees(n_rows):
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "height": draw.normal(12, 4, n_rows),
            "kind": draw.choice(["ash", "beech", "oak"], n_rows),
            "old": draw.random(n_rows) < 0.3,
        }
    )


def coded(frame):
    """The same as rows of doubles: categories by their places, as `columns` has them."""
    kinds = frame["kind"].map({"ash": 0.0, "beech": 1.0, "oak": 2.0, "palm": -1.0})
    return np.c_[frame["height"], kinds, frame["old"].astype(float)]


@pytest.mark.parametrize("missing", [None, "mask"])
def test_a_detector(tmp_path, missing):
    X, path = table(700), str(tmp_path / "model.safetensors")
    if missing:
        X[::7, 2] = np.nan
    detector = AutoencoderOutlierDetector(0.05, random_state=0, missing_values=missing).fit(X)
    detector.save(path)
    for model in (Model(path), Model(detector)):
        scores, labels = np.empty((700, 1)), np.zeros(700, dtype=np.intc)
        assert model.outlier_scores(X, scores) == model.predict(X, labels) == OK
        np.testing.assert_array_equal(scores[:, 0], -detector.score_samples(X))
        np.testing.assert_array_equal(labels, detector.predict(X))
        assert model.threshold() == detector.threshold_
        assert model.sizes() == (N_FEATURES, NOT_OFFERED, NOT_OFFERED)
        assert model.encode(X, scores) == NOT_OFFERED
    assert Model(Autoencoder(**QUICK).fit(table(60))).outlier_scores(X, scores) == NOT_OFFERED


def test_a_mixed_table():
    frame = trees(90)
    autoencoder = Autoencoder(**QUICK, columns="mixed").fit(frame)
    model, X = Model(autoencoder), coded(frame)
    assert model.columns() == [
        ("height",), ("kind", "ash", "beech", "oak"), ("old", "False", "True"),
    ]  # fmt: skip
    X_hat, code = np.empty(X.shape), np.empty((90, 3))
    assert model.forward(X, X_hat) == model.encode(X, code) == OK
    np.testing.assert_allclose(X_hat, coded(autoencoder.reconstruct(frame)), rtol=1e-10)
    np.testing.assert_allclose(code, autoencoder.transform(frame), rtol=1e-10, atol=1e-10)
    detector = AutoencoderOutlierDetector(columns="mixed", random_state=0).fit(frame)
    odd = frame.copy()
    odd.loc[3, "kind"] = "palm"
    scores = np.empty((90, 1))
    assert Model(detector).outlier_scores(coded(odd), scores) == OK
    np.testing.assert_array_equal(scores[:, 0], -detector.score_samples(odd))
    assert scores.argmax() == 3
    assert model.encode(coded(odd), code) == BAD_VALUE  # to an autoencoder it is none


def test_models_that_have_no_rows_of_numbers(tmp_path):
    X = table(60)
    with pytest.raises(TypeError, match="AutoencoderImputer: an Autoencoder, a Variational"):
        Model(AutoencoderImputer(random_state=0, n_networks=1).fit(X))
    with pytest.raises(TypeError, match="class float: an ae_core"):
        Model(0.5)
    with pytest.raises(NotFittedError):
        Model(Autoencoder())
    with pytest.raises(ValueError, match="missing_values='implicit'"):
        Model(Autoencoder(**QUICK, missing_values="implicit").fit(sparse(X)))
    with pytest.raises(OSError, match="absent"):
        Model(str(tmp_path / "absent"))
    (tmp_path / "damaged").write_bytes(b"no model")
    with pytest.raises(ModelFileError):
        Model(str(tmp_path / "damaged"))


def test_a_network_with_covariates():
    network = Network(Architecture((6, 3, 6), n_covariates=2), random_state=0)
    with pytest.raises(ValueError, match="n_covariates=2: the C interface gives a network the"):
        Model(network)


@pytest.mark.parametrize("asked", ["auto", "row_sum", "given"])
def test_rows_that_have_sizes(asked):
    X = np.random.default_rng(0).poisson(3.0, (40, 6)).astype(float)
    model = Autoencoder(2, loss="poisson", size_factors=asked, max_iter=1, random_state=0)
    model.fit(X, **({"size_factors": np.ones(40)} if asked == "given" else {}))
    with pytest.raises(ValueError, match=f"was fitted with size_factors='{asked}': the C"):
        Model(model)
    Model(model.set_params(size_factors=None).fit(X))


def test_estimators_with_covariates():
    X = table(40)
    with pytest.raises(ValueError, match="n_covariates=1: the C interface gives a network the"):
        Model(Autoencoder(**QUICK).fit(X, covariates=X[:, :1]))


def test_numbers_below_0_have_no_logarithm():
    X, result = table(20), np.empty((20, N_FEATURES))
    network = Network(Architecture((6, 3, 6), input_transform="log1p"), random_state=0)
    model = Model(network)
    X[11, 5] = -1e-3
    for name in ("forward", "encode", "reconstruction_errors"):
        assert getattr(model, name)(X, result) == BAD_VALUE
        assert getattr(model, name)(X, result, 11) == OK
    assert model.loss_and_gradient(X, np.empty(1), np.empty(model.sizes()[2])) == BAD_VALUE


def sparse(X):
    from scipy.sparse import csr_array

    return csr_array(np.where(X < 0.5, 0, X))


def test_arguments_that_can_not_be():
    X, X_hat = table(4), np.empty((4, N_FEATURES))
    model = Model(Autoencoder(**QUICK).fit(table(50)))
    nothing = Model(None)
    assert nothing.sizes() == (NULL_POINTER,) * 3
    for name in ("forward", "encode", "reconstruction_errors"):
        ask, ask_nobody = getattr(model, name), getattr(nothing, name)
        assert ask_nobody(X, X_hat) == NULL_POINTER
        assert ask(None, X_hat, 4) == NULL_POINTER
        assert ask(X, None) == NULL_POINTER
        assert ask(None, None, 0) == OK
        for n_rows in (-1, -(2**63), 2**63 - 1, 2**58):
            assert ask(X, X_hat, n_rows) == BAD_SIZE
    loss, gradient = np.empty(1), np.empty(model.sizes()[2])
    assert nothing.loss_and_gradient(X, loss, gradient) == NULL_POINTER
    assert model.loss_and_gradient(None, loss, gradient, 4) == NULL_POINTER
    assert model.loss_and_gradient(X, None, gradient) == NULL_POINTER
    assert model.loss_and_gradient(X, loss, None) == NULL_POINTER
    for n_rows in (0, -1, 2**31, 2**63 - 1):
        assert model.loss_and_gradient(X, loss, gradient, n_rows) == BAD_SIZE


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e308])
def test_numbers_that_can_not_be(bad):
    X, X_hat = table(300), np.empty((300, N_FEATURES))
    model = Model(Autoencoder(**QUICK, dtype="float32").fit(table(50)))
    loss, gradient = np.empty(1), np.empty(model.sizes()[2])
    X[290, 3] = bad
    for name in ("forward", "encode", "reconstruction_errors"):
        assert getattr(model, name)(X, X_hat) == BAD_VALUE
        assert getattr(model, name)(X, X_hat, 290) == OK
    assert model.loss_and_gradient(X, loss, gradient) == BAD_VALUE


def test_a_cross_entropy_wants_shares():
    X, result = table(20), np.empty((20, N_FEATURES))
    model = Model(Autoencoder(**QUICK, scale=None, loss="binary_cross_entropy").fit(X))
    X[11, 5] = 1.01
    assert model.encode(X, result) == OK
    assert model.reconstruction_errors(X, result) == BAD_VALUE
    assert model.loss_and_gradient(X, np.empty(1), np.empty(model.sizes()[2])) == BAD_VALUE


@settings(max_examples=50, deadline=None)
@given(X=arrays(np.float64, (3, N_FEATURES), elements=st.floats(width=64)))
def test_any_numbers(fitted, X):
    """What the estimator refuses is refused; what is not refused is the same."""
    model, X_hat, errors = Model(fitted), np.empty(X.shape), np.empty((3, 1))
    codes = model.forward(X, X_hat), model.reconstruction_errors(X, errors)
    dtype = str(fitted.network_.dtype)
    with np.errstate(all="ignore"):
        for code, found, ask in (
            (codes[0], X_hat, lambda: fitted.reconstruct(X)),
            (
                codes[1],
                errors[:, 0],
                lambda: fitted.network_.reconstruction_errors(seen(fitted, X)),
            ),
        ):
            try:
                expected = ask()
            except ValueError:
                # A table of which nothing is seen has no loss; to us each row has none.
                assert code == BAD_VALUE or np.isnan(X).all()
                continue
            if code == OK:
                rtol = 1e-12 if dtype == "float64" else 1e-3
                np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


# --- versions and messages -----------------------------------------------------------------------


def test_a_module_of_another_version_is_refused():
    assert every_function.abi_version() == every_function.ABI_VERSION
    every_function.check_abi(every_function.ABI_VERSION)
    with pytest.raises(ImportError) as refusal:
        every_function.check_abi(every_function.ABI_VERSION + 1)
    assert str(refusal.value) == (
        f"this module was built with version {every_function.ABI_VERSION + 1} of ae_core's C "
        f"interface, and the installed ae_core {ae_core.__version__} has version "
        f"{every_function.ABI_VERSION}: build it again with the ae_core that is installed"
    )


def test_every_code_has_a_message():
    messages = [every_function.message(code) for code in range(-8, 2)]
    assert messages[0] == messages[-1] == "no code of ae_core's C interface"
    assert len(set(messages)) == len(messages) - 1
