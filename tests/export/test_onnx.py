"""Exports to ONNX, each beside the model itself, on rows it has not seen."""

import sys

import numpy as np
import pandas as pd
import pytest

from ae_core import (
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    VariationalAutoencoder,
)
from ae_core.basics.extras import MissingExtraError
from ae_core.export.onnx_network import ACTIVATIONS as EXPORTED
from ae_core.export.onnx_network import LOSS_NODES
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LOSSES

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

N = 150


def numbers(seed=0, missing=False):
    random = np.random.default_rng(seed)
    Z = random.normal(size=(N, 2))
    X = np.hstack([Z, Z @ random.normal(size=(2, 4)) + 0.1 * random.normal(size=(N, 4))]) * 3 + 5
    X[:, 5] = 2.5
    if missing:
        X[random.random(X.shape) < 0.2] = np.nan
        X[0] = np.nan
    return X.astype(np.float32)


def shares(seed=0):
    X = np.abs(numbers(seed))
    return X / X.max(axis=0)


def trees(seed=0, missing=False):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "height": random.normal(9, 2, N).astype(np.float32),
            "kind": random.choice(["oak", "ash", "elm"], N),
            "age": random.integers(3, 90, N),
            "old": random.random(N) < 0.4,
            "plot": pd.Categorical(random.choice([1, 2, 7], N)),
        }
    )
    if missing:
        frame["old"] = frame["old"].astype(object)
        for column in ("height", "kind", "old"):
            frame.loc[random.choice(N, 15, replace=False), column] = None
        frame["height"] = frame["height"].astype(np.float32)
    return frame


def run(model, X, path):
    proto = model.to_onnx(path)
    assert [(i.domain, i.version) for i in proto.opset_import] == [("", 17), ("ai.onnx.ml", 3)]
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs_of(session, X)), strict=True))


def inputs_of(session, X):
    if isinstance(X, np.ndarray):
        return {"X": X}
    dtypes = {"tensor(string)": object, "tensor(float)": np.float32, "tensor(double)": np.float64}
    given = {}
    for one in session.get_inputs():
        column = X[one.name].astype(object)
        gap = "" if one.type == "tensor(string)" else np.nan
        given[one.name] = column.where(column.notna(), gap).to_numpy(dtypes[one.type])[:, None]
    return given


def close(found, wanted, tolerance=1e-5):
    wanted = np.asarray(wanted, dtype=np.float64)
    assert found.shape == wanted.shape
    scale = np.nanmax(np.abs(wanted), initial=1e-3)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale)


def check(model, fit, rows, tmp_path):
    model.set_params(random_state=0, n_threads=1).fit(fit)
    found = run(model, rows, tmp_path / "model.onnx")
    if isinstance(model, AutoencoderOutlierDetector):
        assert list(found) == ["label", "score", "contributions"]
        close(found["score"], model.score_samples(rows))
        close(found["contributions"], model.explain(rows))
        np.testing.assert_array_equal(found["label"], model.predict(rows))
        assert (found["label"] == -1).any()
        return
    close(found["code"], model.transform(rows))
    if isinstance(model, VariationalAutoencoder):
        assert "score" not in found
        close(found["log_variance"], model.network_.posterior(model._rows(rows))[1])
    else:
        close(found["score"], model.score_samples(rows))
    wanted = model.reconstruct(rows)
    if isinstance(rows, np.ndarray):
        close(found["reconstruction"], wanted)
        assert ("imputed" in found) == hasattr(model, "impute")
        if "imputed" in found:
            close(found["imputed"], model.impute(rows))
        return
    for column in wanted:
        got = found[f"reconstruction_{column}"]
        assert got.shape == (len(rows), 1)
        if column == "height":
            close(got[:, 0], wanted[column])
        else:
            assert got[:, 0].tolist() == wanted[column].tolist()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation, tmp_path):
    model = Autoencoder(2, hidden_layer_sizes=(5,), activation=activation, max_iter=3)
    check(model, numbers(), numbers(1), tmp_path)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "negative_binomial"])
def test_losses(loss, tmp_path):
    is_plain = LOSSES[loss].from_logits is None
    is_count = loss in ("poisson", "multinomial")
    make = numbers if is_plain else (lambda s: np.floor(np.abs(numbers(s)))) if is_count else shares
    model = Autoencoder(
        2, loss=loss, scale="standard" if is_plain else None, size_factors=None, max_iter=5
    )
    check(model, make(0), make(1), tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"tied": True},
        {"scale": None},
        {"scale": "minmax"},
        {"scale": "minmax", "loss": "binary_cross_entropy"},  # whose rows are clipped
        {"k_sparse": 2, "n_components": 4},
        {"feature_weights": [1, 2, 0, 1, 3, 1]},
        {"decoder_layer_sizes": (3, 9), "hidden_layer_sizes": (5,)},
        {"dtype": "float32"},
        {"corruption": "masking", "dropout": 0.2},
    ],
)
def test_options(options, tmp_path):
    check(
        Autoencoder(**{"n_components": 2, "max_iter": 3, **options}),
        numbers(),
        numbers(1),
        tmp_path,
    )


@pytest.mark.parametrize("model", [Autoencoder, VariationalAutoencoder])
@pytest.mark.parametrize("missing", [False, True])
def test_mixed_and_missing(model, missing, tmp_path):
    options = {"missing_values": "mask"} if missing else {}
    rows = numbers(1, missing)
    check(model(2, max_iter=3, **options), numbers(0, missing), rows, tmp_path)
    frame = trees(1, missing)
    if missing:
        frame.loc[4, "kind"] = "yew"  # a category that was not there: unseen
    check(model(2, columns="mixed", max_iter=3, **options), trees(0, missing), frame, tmp_path)


@pytest.mark.parametrize("missing", [False, True])
def test_detectors(missing, tmp_path):
    options = {"missing_values": "mask"} if missing else {}
    detector = AutoencoderOutlierDetector(n_steps=10, **options)
    rows = numbers(1, missing)
    rows[3, 1], rows[5, 5], rows[6] = 300, 2, -20  # far out; a constant that changed
    check(detector, numbers(0, missing), rows, tmp_path)
    frame = trees(1, missing)
    frame.loc[4, "kind"], frame.loc[5, "height"] = "yew", 90.0
    detector = AutoencoderOutlierDetector(n_steps=10, columns="mixed", **options)
    check(detector, trees(0, missing), frame, tmp_path)


def test_few_rows_leave_one_reference(tmp_path):
    detector = AutoencoderOutlierDetector(n_steps=3, random_state=0).fit(numbers()[:2])
    found = run(detector, numbers(1), tmp_path / "model")
    close(found["score"], detector.score_samples(numbers(1)))


def test_what_the_estimator_refuses_is_nan(tmp_path):
    X = numbers(1)
    X[0, 0] = np.nan
    found = run(Autoencoder(2, max_iter=3, random_state=0).fit(numbers()), X, tmp_path / "a")
    for name in ("code", "reconstruction", "score"):
        assert np.isnan(found[name][0]).all()
        assert not np.isnan(found[name][1:]).any()
    detector = AutoencoderOutlierDetector(n_steps=3, random_state=0).fit(numbers())
    found = run(detector, X, tmp_path / "b")
    assert np.isnan(found["score"][0])
    frame = trees(1)
    frame.loc[0, "kind"] = "yew"
    model = Autoencoder(2, columns="mixed", max_iter=3, random_state=0).fit(trees())
    found = run(model, frame, tmp_path / "c")
    assert np.isnan(found["code"][0]).all()
    assert not np.isnan(found["code"][1:]).any()


def test_what_onnx_does_not_have_is_refused_in_one_line(tmp_path):
    counts = np.floor(np.abs(numbers()))
    refused = {
        "negative_binomial": Autoencoder(
            2,
            loss="negative_binomial",
            scale=None,
            size_factors=None,
            max_iter=3,
            random_state=0,
        ).fit(counts),
        "size_factors": Autoencoder(2, loss="poisson", max_iter=3, random_state=0).fit(counts),
    }
    for name, model in refused.items():
        with pytest.raises(ValueError, match=name) as caught:
            model.to_onnx(tmp_path / "model")
        assert len(str(caught.value)) < 300
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "model").exists()
    assert set(LOSSES) - set(LOSS_NODES) == {"negative_binomial"}
    assert set(ACTIVATIONS) <= set(EXPORTED)


def ratings(seed, offset=3.0):
    """Ratings 1 to 5, 0 where there is none, of rows and columns that differ."""
    random = np.random.default_rng(seed)
    X = np.rint(offset + random.normal(size=(N, 1)) + random.normal(size=9)).clip(1, 5)
    X[random.random(X.shape) < 0.6] = 0
    X[7] = 0  # who rated nothing
    return X.astype(np.float32)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"scale": "biases", "loss": "huber"},
        {"scale": "standard"},
        {"scale": None, "hidden_layer_sizes": (6,)},
    ],
)
def test_ratings_come_with_nan_for_what_nobody_rated(more, tmp_path):
    from scipy.sparse import csr_matrix

    model = Autoencoder(2, missing_values="implicit", max_iter=4, random_state=0, **more)
    model.fit(csr_matrix(ratings(0)))
    rows = ratings(1, 2.5)
    found = run(model, np.where(rows == 0, np.float32(np.nan), rows), tmp_path / "model")
    rows = csr_matrix(rows)
    close(found["code"], model.transform(rows))
    close(found["reconstruction"], model.reconstruct(rows))
    close(found["imputed"], model.impute(rows))
    close(found["score"], model.score_samples(rows))


@pytest.mark.parametrize(
    ("more", "marker"),
    [
        ({}, np.nan),
        ({"add_indicator": True, "hidden_layer_sizes": (5,)}, np.nan),
        ({"missing_values": -999, "add_indicator": True}, -999),
        ({"keep_empty_features": True, "n_networks": 1}, np.nan),
    ],
)
def test_imputers(more, marker, tmp_path, monkeypatch):
    monkeypatch.setattr("ae_core.estimators.filling_networks.FEWEST_STEPS", 30)
    monkeypatch.setattr("ae_core.estimators.filling_networks.MOST_STEPS", 60)
    model = AutoencoderImputer(hidden_layer_sizes=(6, 3, 6), n_networks=2, random_state=0)
    model.set_params(n_threads=1, **more)

    def table(seed):
        X = numbers(seed, missing=True)
        X[1, 2] = 4000  # farther away than networks are shown
        X = np.hstack([X, np.full((N, 1), np.nan, np.float32)])
        return np.where(np.isnan(X), np.float32(marker), X)

    model.fit(table(0))
    rows = table(1)
    wanted = model.transform(rows)
    found = run(model, rows, tmp_path / "model.onnx")
    n = found["imputed"].shape[1]
    close(found["imputed"], wanted[:, :n])
    assert ("indicator" in found) == model.add_indicator
    if model.add_indicator:
        np.testing.assert_array_equal(found["indicator"], wanted[:, n:])
    if model.missing_values == -999:
        rows[3, 0] = np.nan
        found = run(model, rows, tmp_path / "model.onnx")
        assert np.isnan(found["imputed"][3]).all()
        assert not np.isnan(found["imputed"][4:]).any()


def test_an_imputer_of_mixed_columns_is_refused(tmp_path):
    model = AutoencoderImputer(columns="mixed", hidden_layer_sizes=(4,), n_networks=1)
    model.set_params(random_state=0).fit(trees(missing=True)[:40])
    with pytest.raises(ValueError, match="columns='mixed'"):
        model.to_onnx(tmp_path / "model")


def test_without_onnx_one_line_says_what_to_install(monkeypatch, tmp_path):
    model = Autoencoder(2, max_iter=3, random_state=0).fit(numbers())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError) as caught:
        model.to_onnx(tmp_path / "model")
    monkeypatch.setattr("ae_core.basics.extras.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ae_core\[onnx\]'"):
        model.to_onnx(tmp_path / "model")
    assert "\n" not in str(caught.value)
