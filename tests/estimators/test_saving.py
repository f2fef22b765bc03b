"""Saved models, and fits that go on from a checkpoint."""

import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import NotFittedError

import ae_core
from ae_core import Autoencoder, Checkpoint, ModelFileError
from ae_core.files.model_file import read_file, write_file

# Most fits here are too short to learn much.
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

MODELS = [
    Autoencoder(3, max_iter=5, random_state=0),
    Autoencoder(
        3,
        hidden_layer_sizes=[np.int64(9), 7],
        decoder_layer_sizes=(5,),
        scale="minmax",
        loss="binary_cross_entropy",
        dtype=np.float32,
        max_iter=5,
        random_state=np.random.RandomState(0),
    ),
    Autoencoder(3, scale=None, tied=True, early_stopping=True, tol=None, max_iter=5),
]


@pytest.fixture(scope="module")
def wine():
    return load_wine(as_frame=True).data


@pytest.mark.parametrize("model", MODELS, ids=["plain", "much changed", "early stopping"])
def test_a_loaded_model_does_what_the_saved_one_did(model, wine, tmp_path):
    path = tmp_path / "wine.safetensors"
    model = clone(model).fit(wine)
    model.save(path)
    for loaded in (ae_core.load(path), Autoencoder.load(path)):
        assert type(loaded) is Autoencoder
        for method in ("transform", "reconstruct", "score_samples", "feature_errors"):
            np.testing.assert_array_equal(
                getattr(loaded, method)(wine), getattr(model, method)(wine)
            )
        code = model.transform(wine)
        np.testing.assert_array_equal(loaded.inverse_transform(code), model.inverse_transform(code))
        assert loaded.loss_curve_ == model.loss_curve_
        assert loaded.validation_loss_curve_ == model.validation_loss_curve_
        assert list(loaded.feature_names_in_) == list(wine.columns)
        assert list(loaded.get_feature_names_out()) == list(model.get_feature_names_out())
        assert loaded.n_iter_ == model.n_iter_
        clone(loaded).fit(wine)
        loaded.fit(wine)


def test_parameters_come_back(wine, tmp_path):
    model = Autoencoder(2, hidden_layer_sizes=(9, 4), random_state=7, alpha=0.5, max_iter=2).fit(
        wine
    )
    model.save(tmp_path / "m")
    assert ae_core.load(tmp_path / "m").get_params() == model.get_params()


def test_learning_goes_on_after_loading(wine, tmp_path):
    model = Autoencoder(2, max_iter=20, random_state=0, warm_start=True).fit(wine)
    model.save(tmp_path / "m")
    loaded = ae_core.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.fit(wine).transform(wine), model.fit(wine).transform(wine))
    loaded.partial_fit(wine)


def test_only_fitted_models_are_saved(tmp_path):
    with pytest.raises(NotFittedError):
        Autoencoder().save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def change(path, to, **changes):
    """The model file with entries of its description, or arrays, changed; its digest is right."""
    file = read_file(path)
    description, arrays = dict(file.description), dict(file.arrays)
    for name, value in changes.items():
        (arrays if isinstance(value, np.ndarray) else description)[name] = value
    write_file(to, file.kind, description, arrays)


def architecture(**changes):
    return {**json.loads(ae_core.Architecture((13, 3, 13)).to_json()), **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"parameters": {"n_components": 3, "exec": "x"}}, "parameters"),
        ({"parameters": 3}, "parameters"),
        ({"n_features_in": -1}, "n_features_in"),
        ({"n_features_in": 12}, "feature_names_in"),
        ({"n_features_in": 12, "feature_names_in": None}, "shift"),
        ({"feature_names_in": [1] * 13}, "feature_names_in"),
        ({"architecture": 3}, "architecture"),
        ({"architecture": {"layer_sizes": [13, 10**9, 13]}}, "params"),
        ({"architecture": {"layer_sizes": [13, 3, 13], "loss": "no"}}, "loss='no'"),
        ({"architecture": architecture(layer_sizes=[12, 3, 12])}, "12 inputs"),
        ({"params": np.zeros(5)}, "params"),
        ({"params": np.zeros((2, 2))}, "params"),
        ({"params": np.full(953, np.nan)}, "params"),
        ({"params": np.zeros(953, dtype=np.int64)}, "params"),
        ({"factor": np.zeros(13)}, "factor"),
        ({"shift": np.zeros(12)}, "shift"),
        ({"shift": np.zeros(13, np.float32)}, "shift"),
        ({"history": {"loss_curve": [1.0]}}, "history"),
        ({"history": []}, "history"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_hostile_models_are_refused(changes, words, wine, tmp_path):
    model = Autoencoder(3, hidden_layer_sizes=(), max_iter=1, random_state=0).fit(wine)
    model.save(tmp_path / "m")
    change(tmp_path / "m", tmp_path / "changed", **changes)
    with pytest.raises(ModelFileError, match=words) as caught:
        ae_core.load(tmp_path / "changed")
    assert str(tmp_path / "changed") in str(caught.value)


def test_a_checkpoint_is_no_model(wine, tmp_path):
    path = tmp_path / "c"
    Autoencoder(2, max_iter=1).fit(wine, callbacks=[Checkpoint(path)])
    with pytest.raises(ModelFileError, match="checkpoint"):
        ae_core.load(path)
    Autoencoder(2, max_iter=1).fit(wine).save(path)
    with pytest.raises(ModelFileError, match="checkpoint"):
        Autoencoder(2, max_iter=1).fit(wine, resume_from=path)


class Killed(Exception):
    pass


def fit_until(model, X, path, epoch, **arguments):
    """A fit that writes checkpoints and dies in the middle of the epoch after."""

    def die(progress):
        if progress.n_iter == epoch:
            raise Killed

    with pytest.raises(Killed):
        clone(model).fit(X, callbacks=[Checkpoint(path, every=2), die], **arguments)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 1.0},
        {"solver": "rmsprop", "learning_rate": "invscaling", "scale": "minmax"},
        {"early_stopping": True, "learning_rate": "constant", "dtype": "float32"},
        {"solver": "adamw", "batch_size": 50, "scale": None, "random_state": None},
    ],
    ids=str,
)
def test_resumed_fits_end_at_the_same_bits(parameters, tmp_path):
    X = load_digits().data[:300]
    model = Autoencoder(**{"n_components": 3, "max_iter": 9, "random_state": 0, **parameters})
    weights = np.random.default_rng(0).uniform(0.5, 2, 300)
    path = tmp_path / "fit.ckpt"
    if model.random_state is None:  # the whole fit leaves a checkpoint on its way
        copies = []
        keep = Checkpoint(path, every=4)

        def copy(progress):
            if progress.n_iter == 4:
                copies.append(path.read_bytes())

        whole = clone(model).fit(X, sample_weight=weights, callbacks=[keep, copy])
        path.write_bytes(copies[0])
        resumed = [clone(model).fit(X, sample_weight=weights, resume_from=path)]
    else:
        whole = clone(model).fit(X, sample_weight=weights)
        resumed = []
        for epoch in (2, 3, 8):
            fit_until(model, X, path, epoch, sample_weight=weights)
            resumed.append(clone(model).fit(X, sample_weight=weights, resume_from=path))
    for each in resumed:
        np.testing.assert_array_equal(each.network_.params, whole.network_.params)
        assert each.loss_curve_ == whole.loss_curve_
        assert each.validation_loss_curve_ == whole.validation_loss_curve_
        assert each.history_ == whole.history_


def test_resuming_a_finished_fit_changes_nothing(wine, tmp_path):
    path = tmp_path / "c"
    model = Autoencoder(2, max_iter=4, random_state=0)
    whole = clone(model).fit(wine, callbacks=[Checkpoint(path)])
    again = clone(model).fit(wine, resume_from=path)
    np.testing.assert_array_equal(again.network_.params, whole.network_.params)


def test_a_checkpoint_of_something_else_is_refused(wine, tmp_path):
    path = tmp_path / "c"
    model = Autoencoder(2, max_iter=4, random_state=0)
    model.fit(wine, callbacks=[Checkpoint(path)])
    with pytest.raises(ValueError, match="n_components=2, not 3"):
        Autoencoder(3, max_iter=4).fit(wine, resume_from=path)
    with pytest.raises(ValueError, match="other data"):
        clone(model).fit(wine + 1, resume_from=path)
    with pytest.raises(ValueError, match="sample_weight"):
        clone(model).fit(wine, sample_weight=np.arange(178), resume_from=path)
    with pytest.raises(FileNotFoundError):
        clone(model).fit(wine, resume_from=tmp_path / "no")
    clone(model).set_params(verbose=False, n_threads=1).fit(wine, resume_from=path)


@pytest.mark.parametrize("missing", [None, "mask"])
@pytest.mark.parametrize(
    ("before", "after", "do"),
    [(True, False, "with it: give it again"), (False, True, "without it: leave it out")],
)
def test_a_checkpoint_with_or_without_validation_rows_is_gone_on_from_as_it_began(
    wine, tmp_path, missing, before, after, do
):
    X, path = np.where(wine > 100, np.nan, wine) if missing else wine, tmp_path / "c"
    model = Autoencoder(
        2, missing_values=missing, early_stopping=True, tol=None, max_iter=4, random_state=0
    )
    given = {True: {"X_val": X[:40]}, False: {}}
    whole = clone(model).fit(X, callbacks=[Checkpoint(path)], **given[before])
    with pytest.raises(ValueError, match=f"^X_val: .*c is a checkpoint of a fit {do}$"):
        clone(model).fit(X, resume_from=path, **given[after])
    again = clone(model).fit(X, resume_from=path, **given[before])
    np.testing.assert_array_equal(again.network_.params, whole.network_.params)


@pytest.mark.parametrize(
    "changes",
    [
        {"params": np.zeros(3)},
        {"solver_memory_0": np.zeros(3)},
        {"solver_memory_1": np.full(953, np.nan)},
        {"held_out": np.array([10**9])},
        {"held_out": np.array([-1])},
        {"solver_n_steps": -5},
        {"random": {"bit_generator": "PCG64", "state": 3}},
        {"random": {"bit_generator": "MT19937"}},
        {"random": {}},
        {"history": {}},
        {"n_stale": -1},
        {"n_cuts": 10**90},
        {"best": "x"},
    ],
    ids=str,
)
def test_hostile_checkpoints_are_refused(changes, wine, tmp_path):
    model = Autoencoder(2, max_iter=4, random_state=0)
    clone(model).set_params(max_iter=4).fit(wine, callbacks=[Checkpoint(tmp_path / "c", every=2)])
    change(tmp_path / "c", tmp_path / "changed", **changes)
    with pytest.raises(ModelFileError):
        clone(model).fit(wine, resume_from=tmp_path / "changed")


def test_checkpoints_that_cannot_be(wine, tmp_path):
    with pytest.raises(ValueError, match="lbfgs"):
        Autoencoder(solver="lbfgs").fit(wine, callbacks=[Checkpoint(tmp_path / "c")])
    for every in (0, True, 1.5):
        with pytest.raises(ValueError, match="every="):
            Checkpoint(tmp_path / "c", every=every)
    assert repr(Checkpoint("c", every=3)) == "Checkpoint('c', every=3)"


def test_a_checkpoint_that_cannot_be_written_ends_the_fit(wine, tmp_path):
    model = Autoencoder(2, max_iter=4)
    with pytest.raises(OSError, match="no folder"):
        model.fit(wine, callbacks=[Checkpoint(tmp_path / "no folder" / "c")])
    assert model.transform(wine).shape == (178, 2)  # what was learned is not lost
