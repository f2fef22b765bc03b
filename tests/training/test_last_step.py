"""Training ends with numbers that are finite, or with one error; saving writes what loads, or nothing."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

import ae_core
from ae_core import (
    Adam,
    Architecture,
    Autoencoder,
    AutoencoderOutlierDetector,
    ModelFileError,
    NonFiniteLossError,
    VariationalAutoencoder,
    train,
)
from ae_core.formulas.solvers import SGD, AdamW, RMSprop

X = load_iris().data
ONE_STEP = {"max_iter": 1, "batch_size": 150, "random_state": 0, "hidden_layer_sizes": (5,)}


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate_init": 1e39, "dtype": "float32", "solver": "sgd"},
        {"learning_rate_init": 1e39, "dtype": "float32", "solver": "adam"},
        {"learning_rate_init": 1e39, "dtype": "float32", "solver": "adamw"},
        {"learning_rate_init": 1e308, "solver": "rmsprop"},
        {"learning_rate_init": 1e39, "dtype": "float32", "solver": "sgd", "clip_norm": 1e3},
        {"learning_rate_init": 1e39, "dtype": "float32", "averaging": 0.9},
        {"epsilon": 0, "alpha": 0, "loss": "absolute_error"},
        {"epsilon": 0, "alpha": 0, "loss": "absolute_error", "solver": "rmsprop"},
        {"epsilon": 0, "alpha": 0, "solver": "adamw"},
        {"learning_rate_init": 1e39, "dtype": "float32", "learning_rate": "constant"},
    ],
    ids=range(10),
)
@pytest.mark.parametrize("begin", ["fit", "partial_fit"])
def test_the_last_step_is_looked_at(parameters, begin, tmp_path):
    parameters = {"learning_rate": "constant", **ONE_STEP, **parameters}
    if "epsilon" in parameters:  # what has never had a gradient: a column that is always 0
        data, parameters["scale"] = np.c_[X[:, :2], np.zeros((150, 2))], None
    else:
        data = X
    model = Autoencoder(2, **parameters)

    def learn():
        for _ in range(3):
            getattr(model, begin)(data)

    with pytest.raises(NonFiniteLossError, match=r"after step 1|loss is") as caught:
        learn()
    assert len(str(caught.value)) < 300
    if "epsilon" in parameters:
        assert "epsilon=0" in str(caught.value)
    else:
        assert "learning" in str(caught.value)
    try:
        model.save(tmp_path / "m")
    except NotFittedError:
        assert begin == "partial_fit"
    else:
        assert np.isfinite(ae_core.load(tmp_path / "m").transform(data)).all()


@pytest.mark.parametrize("solver", [SGD(1e39), Adam(1e39), AdamW(1e39), RMSprop(1e39)])
def test_parameters_are_as_they_were_before_the_epoch(network_class, solver):
    network = network_class(Architecture.symmetrical((4, 3, 2)), dtype="float32", random_state=0)
    before = network.params.copy()
    with pytest.raises(NonFiniteLossError, match="no longer finite after step 1"):
        train(network, (X - X.mean(0)).astype(np.float32), solver=solver, max_iter=1)
    np.testing.assert_array_equal(network.params, before)


def test_epochs_before_the_last_are_kept(network_class):
    class Jumps(SGD):
        def update(self, params, gradient, n, rate, *memory):
            result = super().update(params, gradient, n, rate, *memory)
            return (np.full_like(params, np.inf), *result[1:]) if n == 3 else result

    networks = [
        network_class(Architecture.symmetrical((4, 3, 2)), random_state=0) for _ in range(2)
    ]
    train(networks[0], X - X.mean(0), solver=SGD(1e-3), max_iter=2)
    with pytest.raises(NonFiniteLossError, match="after step 3"):
        train(networks[1], X - X.mean(0), solver=Jumps(1e-3), max_iter=3, callback=lambda p: None)
    np.testing.assert_allclose(networks[1].params, networks[0].params, rtol=1e-12)


def test_a_gradient_whose_square_is_beyond_the_dtype(network_class):
    network = network_class(
        Architecture.symmetrical((4, 2), activation="identity", loss="absolute_error"),
        dtype="float32",
        random_state=0,
    )
    large = (X - X.mean(0)).astype(np.float32) * np.float32(1e25)
    with pytest.raises(NonFiniteLossError, match="beyond the range of float32"):
        train(network, large, solver=Adam(1e-3), max_iter=1)


def test_lbfgs_beyond_float32(network_class, monkeypatch):
    import scipy.optimize

    def minimize(objective, start, **options):
        objective(start)
        return scipy.optimize.OptimizeResult(x=np.full_like(start, 1e300), fun=0.0, message="")

    network = network_class(Architecture.symmetrical((4, 3, 2)), dtype="float32", random_state=0)
    before = network.params.copy()
    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    with pytest.raises(NonFiniteLossError, match="no longer finite"):
        train(network, X.astype(np.float32), solver="lbfgs", max_iter=1)
    np.testing.assert_array_equal(network.params, before)


def spoiled(make, name, value):
    model = make()
    target = model.network_.params if name == "params" else getattr(model, name)
    target[0] = value
    return model


def an_autoencoder():
    return Autoencoder(2, **ONE_STEP).fit(X)


def a_variational_one():
    return VariationalAutoencoder(2, **ONE_STEP).fit(X)


def a_stream():
    return Autoencoder(2, averaging=0.5, **ONE_STEP).partial_fit(X[:20])


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
@pytest.mark.parametrize("make", [an_autoencoder, a_variational_one, a_stream])
@pytest.mark.parametrize(
    ("name", "value"),
    [("params", np.nan), ("params", np.inf), ("shift_", np.nan), ("factor_", 0.0)],
)
def test_what_load_would_refuse_is_not_written(make, name, value, tmp_path):
    make().save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    with pytest.raises(ModelFileError, match=r"can't be saved.*(NaN or infinite|has zeros)"):
        spoiled(make, name, value).save(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "m"]


def test_nor_is_a_stream_whose_memory_is_not_finite(tmp_path):
    model = a_stream()
    model._stream.solver.memory[1][0] = np.nan
    with pytest.raises(ModelFileError, match="stream_memory_1"):
        model.save(tmp_path / "m")


def test_nor_is_a_detector_without_a_threshold(tmp_path):
    detector = AutoencoderOutlierDetector(n_steps=2, random_state=0).fit(X)
    detector.threshold_ = np.nan
    with pytest.raises(ModelFileError, match=r"can't be saved.*threshold"):
        detector.save(tmp_path / "m")
    assert not list(tmp_path.iterdir())
