"""`Predictor`: what a saved estimator does, without what fits one."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import ae_core
from ae_core import (
    Autoencoder,
    AutoencoderOutlierDetector,
    Predictor,
    VariationalAutoencoder,
)
from ae_core.files.model_file import read_file, write_file

# Most fits here are too short to learn much.
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

N = 120


def numbers(seed=0, missing=False, dtype=np.float64):
    random = np.random.default_rng(seed)
    Z = random.normal(size=(N, 2))
    X = (np.hstack([Z, Z @ random.normal(size=(2, 4))]) * 3 + 1).astype(dtype)
    X[:, 5] = 2.5  # a constant column
    if missing:
        X[random.random(X.shape) < 0.2] = np.nan
    return X


def trees(seed=0, missing=False):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "height": random.normal(9, 2, N),
            "kind": random.choice(["oak", "ash", "elm"], N),
            "age": random.integers(3, 90, N),
            "old": random.random(N) < 0.4,
            "size": pd.Categorical(random.choice(["s", "m"], N), ["s", "m", "l"], ordered=True),
        }
    )
    if missing:
        frame["old"] = frame["old"].astype(object)
        for column in ("height", "kind", "old"):
            frame.loc[random.choice(N, 15, replace=False), column] = None
        frame["height"] = frame["height"].astype(float)
    return frame


def in_unit(X):
    return (X - np.nanmin(X, axis=0)) / (np.nanmax(X, axis=0) - np.nanmin(X, axis=0) + 1)


FITS = {
    "plain": (Autoencoder(2, max_iter=3), numbers()),
    "float32": (Autoencoder(2, max_iter=3), numbers(dtype=np.float32)),
    "deep": (Autoencoder(2, hidden_layer_sizes=(7, 5), activation="tanh", max_iter=3), numbers(1)),
    "minmax": (Autoencoder(2, scale="minmax", max_iter=3), numbers(2)),
    "clipped": (
        Autoencoder(2, scale="minmax", loss="binary_cross_entropy", max_iter=3),
        numbers(3),
    ),
    "unscaled": (Autoencoder(2, scale=None, tied=True, max_iter=3), in_unit(numbers(4))),
    "weighted": (Autoencoder(2, feature_weights=[1, 2, 1, 0, 1, 3], max_iter=3), numbers()),
    "k-sparse": (Autoencoder(4, k_sparse=2, loss="huber", max_iter=3), numbers()),
    "missing": (Autoencoder(2, missing_values="mask", max_iter=3), numbers(5, missing=True)),
    "variational": (VariationalAutoencoder(2, max_iter=3), numbers(6)),
    "variational, missing": (
        VariationalAutoencoder(
            2, missing_values="mask", feature_weights=[1, 2, 1, 0, 1, 3], max_iter=3
        ),
        numbers(7, missing=True),
    ),
    "detector": (AutoencoderOutlierDetector(n_steps=5), numbers(8)),
    "detector, missing": (
        AutoencoderOutlierDetector(n_steps=5, missing_values="mask"),
        numbers(9, missing=True),
    ),
}
MIXED = {
    "mixed": (Autoencoder(2, columns="mixed", max_iter=3), trees()),
    "mixed, missing": (
        Autoencoder(2, columns="mixed", missing_values="mask", max_iter=3),
        trees(missing=True),
    ),
    "mixed, variational": (
        VariationalAutoencoder(2, columns="mixed", feature_weights=[1, 2, 3, 1, 1], max_iter=3),
        trees(1),
    ),
    "mixed detector": (AutoencoderOutlierDetector(n_steps=5, columns="mixed"), trees(2)),
    "mixed detector, missing": (
        AutoencoderOutlierDetector(n_steps=5, columns="mixed", missing_values="mask"),
        trees(3, missing=True),
    ),
}
METHODS = (
    "transform",
    "reconstruct",
    "impute",
    "score_samples",
    "decision_function",
    "predict",
    "explain",
)


def fitted(name, tmp_path):
    model, X = {**FITS, **MIXED}[name]
    model.set_params(random_state=0, n_threads=1).fit(X)
    model.save(tmp_path / "model.safetensors")
    return model, Predictor.load(tmp_path / "model.safetensors"), X


def same(found, wanted):
    if isinstance(wanted, pd.DataFrame):
        pd.testing.assert_frame_equal(found, wanted)
    else:
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", [*FITS, *MIXED])
def test_it_gives_what_the_estimator_gives_and_offers_no_more(name, tmp_path):
    model, predictor, X = fitted(name, tmp_path)
    assert predictor.kind == type(model).__name__
    tables = [X, X[:1], X[3:40]]
    if isinstance(X, np.ndarray):
        wild = X[:4].copy()
        wild[1, 2], wild[2, 5] = 60, -7  # beyond what was seen; a constant that has changed
        tables += [wild, X[:5].astype(np.float32), X.tolist(), np.asfortranarray(X)]
    for method in METHODS:
        for table in tables:
            if hasattr(model, method):
                same(getattr(predictor, method)(table), getattr(model, method)(table))
            else:
                with pytest.raises(AttributeError):
                    getattr(predictor, method)(table)


def as_rows(frame):
    return [
        {key: value for key, value in row.items() if not pd.isna(value)}
        for row in frame.astype(object).to_dict("records")
    ]


@pytest.mark.parametrize("name", MIXED)
def test_mixed_tables_come_without_pandas_too(name, tmp_path):
    model, predictor, X = fitted(name, tmp_path)
    plain = X.astype(object).where(X.notna(), None)
    tables = {
        "mapping": {c: plain[c].tolist() for c in X},
        "mapping of arrays": {c: plain[c].to_numpy() for c in X},
        "records": as_rows(X) if "missing" in name else plain.to_dict("records"),
        "objects": plain.to_numpy(),
        "lists": plain.to_numpy().tolist(),
    }
    for method in METHODS:
        if not hasattr(model, method):
            continue
        wanted = getattr(model, method)(X)
        for table in tables.values():
            found = getattr(predictor, method)(table)
            if not isinstance(wanted, pd.DataFrame):
                np.testing.assert_array_equal(found, wanted)
                continue
            if method == "explain" and not isinstance(found, dict):
                np.testing.assert_array_equal(found, wanted.to_numpy())
                continue
            assert list(found) == list(wanted)
            for column in wanted:
                assert found[column].tolist() == wanted[column].astype(object).tolist()


def test_a_category_that_the_fit_did_not_have(tmp_path):
    frame = trees(2)[:3].astype({"kind": object})
    frame.loc[1, "kind"] = "yew"
    rows = frame.astype(object).to_dict("records")
    for name in ("mixed detector", "mixed, missing"):
        model, predictor, _ = fitted(name, tmp_path)
        np.testing.assert_array_equal(predictor.score_samples(rows), model.score_samples(frame))
    model, predictor, _ = fitted("mixed", tmp_path)
    with pytest.raises(ValueError, match="yew") as of_model:
        model.transform(frame)
    with pytest.raises(ValueError, match="yew") as of_predictor:
        predictor.transform(rows)
    assert str(of_predictor.value) == str(of_model.value)


def test_columns_by_name_in_any_order(tmp_path):
    X = pd.DataFrame(numbers(), columns=list("abcdef"))
    model = Autoencoder(2, max_iter=3, random_state=0).fit(X)
    model.save(tmp_path / "model")
    predictor = Predictor.load(tmp_path / "model")
    wanted = model.transform(X)
    backwards = {c: X[c].to_numpy() for c in reversed(X.columns)}
    np.testing.assert_array_equal(predictor.transform(backwards), wanted)
    np.testing.assert_array_equal(predictor.transform(X.to_dict("records")), wanted)
    np.testing.assert_array_equal(predictor.transform(X), wanted)
    np.testing.assert_array_equal(predictor.transform(X.to_numpy()), wanted)
    found = predictor.reconstruct(backwards)
    assert list(found) == list("abcdef")
    np.testing.assert_array_equal(found["b"], model.reconstruct(X)["b"])


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (np.ones((2, 5)), r"5 features, but Autoencoder is expecting 6"),
        (np.ones(6), "Reshape your data"),
        (np.full((2, 6), np.nan), "About NaN"),
        (np.full((1, 6), np.inf), "infinity"),
        ([["a"] * 6], "no number"),
        (None, "no table"),
        (np.empty((0, 6)), "no rows"),
        ([{"a": 1}], r"About NaN"),
        ({"a": [1], "b": [2]}, "lacks the column 'c'"),
        ([{"a": 1, "z": 2}], "'z'"),
        ({**{c: [1.0] for c in "abcdef"}, "z": [1]}, "'z'"),
        ({**{c: [1.0] for c in "abcde"}, "f": [1, 2]}, "as many"),
        (pd.DataFrame(np.ones((2, 6)), columns=list("abcdeg")), "'g'"),
        (pd.DataFrame(np.ones((2, 6)), columns=list("abcdfe")), "another order"),
    ],
)
def test_wrong_tables_are_refused_in_one_line(X, says, tmp_path):
    table = pd.DataFrame(numbers(), columns=list("abcdef"))
    Autoencoder(2, max_iter=3, random_state=0).fit(table).save(tmp_path / "model")
    predictor = Predictor.load(tmp_path / "model")
    with pytest.raises((ValueError, TypeError), match=says) as caught:
        predictor.score_samples(X)
    assert len(str(caught.value)) <= 300
    assert "\n" not in str(caught.value)


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "text").write_text("no model")
    with pytest.raises(ae_core.ModelFileError, match="not a saved model"):
        Predictor.load(tmp_path / "text")
    with pytest.raises(ValueError, match="path"):
        Predictor.load(None)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("variational", {"parameters": 3}),
        ("variational", {"parameters": {"loss": ["squared_error"]}}),
        ("variational", {"parameters": {"missing_values": "no"}}),
        ("variational", {"parameters": {"scale": {}}}),
        ("variational", {"parameters": {"n_threads": 0}}),
        ("variational", {"parameters": {"feature_weights": [1, 2]}}),
        ("variational", {"noise_variance": -1.0}),
        ("variational", {"n_features_in": 7}),
        ("variational", {"feature_names_in": ["a"]}),
        ("plain", {"architecture": None}),
        ("detector", {"threshold": "high"}),
        ("detector", {"architectures": []}),
        ("detector", {"changed": -1}),
    ],
)
def test_files_that_nobody_saved_are_refused(kind, changes, tmp_path):
    fitted(kind, tmp_path)
    path = tmp_path / "model.safetensors"
    file = read_file(path)
    write_file(path, file.kind, {**file.description, **changes}, file.arrays)
    with pytest.raises(ae_core.ModelFileError) as caught:
        Predictor.load(path)
    assert len(str(caught.value)) <= 300


PROGRAM = """
import json, sys
from ae_core import Predictor
predictor = Predictor.load(sys.argv[1])
X = json.loads(sys.argv[2])
scores = predictor.score_samples(X).tolist()
what = predictor.explain(X)
loaded = {name.split(".")[0] for name in sys.modules} & {
    "sklearn", "scipy", "pandas", "polars", "pyarrow", "narwhals", "joblib", "matplotlib", "safetensors"
}
print(json.dumps([scores, sorted(loaded)]))
"""


@pytest.mark.parametrize("name", ["detector", "mixed detector"])
def test_it_loads_neither_scikit_learn_nor_scipy_nor_pandas(name, tmp_path):
    model, _, X = fitted(name, tmp_path)
    rows = X[:3]
    given = rows.tolist() if isinstance(X, np.ndarray) else rows.astype(object).to_dict("records")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "model.safetensors"), json.dumps(given)],
        capture_output=True,
        text=True,
        check=True,
    )
    scores, loaded = json.loads(done.stdout)
    assert scores == model.score_samples(rows).tolist()
    assert loaded == []


def test_a_few_rows_by_the_short_way_are_the_same_and_refused_the_same(monkeypatch):
    """Arrays of a few floats go past scikit-learn's checks; nobody may notice."""
    X = numbers(1)
    X32 = X.astype(np.float32)
    fits = [
        (Autoencoder(2, max_iter=3, random_state=0).fit(X), X),
        (Autoencoder(2, max_iter=3, random_state=0).fit(X32), X32),
        (Autoencoder(2, missing_values="mask", random_state=0, max_iter=3).fit(X), X),
        (AutoencoderOutlierDetector(n_steps=5, random_state=0).fit(X), X),
    ]
    wrong = [X[:1, :5], X[0], X[:0], X[:1] * np.nan, X[:1] * np.inf, X[:1] + 1j, X[:1].astype(str)]

    def everything(model, X):
        said = []
        for method in ("score_samples", "transform", "predict"):
            if hasattr(model, method):
                said.append(getattr(model, method)(X[:2]))
                for table in wrong:
                    try:
                        said.append(getattr(model, method)(table))
                    except (ValueError, TypeError) as error:
                        said.append((type(error), str(error)))
        return said

    short = [everything(*fit) for fit in fits]
    for module in ("reconstructing", "outliers"):
        monkeypatch.setattr(f"ae_core.estimators.{module}.plain_rows", lambda *_, **__: None)
    long = [everything(*fit) for fit in fits]
    for one, other in zip(short, long, strict=True):
        assert len(one) == len(other)
        for found, wanted in zip(one, other, strict=True):
            if isinstance(wanted, tuple):
                assert found == wanted
            else:
                np.testing.assert_array_equal(found, wanted)


def test_an_array_for_a_model_of_names_still_warns():
    X = pd.DataFrame(numbers(), columns=list("abcdef"))
    model = Autoencoder(2, max_iter=3, random_state=0).fit(X)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.transform(X.to_numpy()[:1])


def ratings(seed=0, dtype=np.float64):
    from scipy.sparse import csr_matrix

    random = np.random.default_rng(seed)
    X = np.rint(3 + random.normal(size=(N, 1)) + random.normal(size=8)).clip(1, 5)
    X[random.random(X.shape) < 0.6] = 0
    return csr_matrix(X.astype(dtype))


def counts(seed=0, dtype=np.float64):
    random = np.random.default_rng(seed)
    X = random.poisson(random.gamma(2, 3, (N, 1)) * random.random(7)).astype(dtype)
    X[3] = 0
    return X


@pytest.mark.parametrize(
    ("model", "X"),
    [
        (Autoencoder(2, missing_values="implicit", max_iter=3), ratings()),
        (Autoencoder(2, missing_values="implicit", max_iter=3), ratings(1, np.float32)),
        (Autoencoder(2, missing_values="implicit", scale="biases", max_iter=3), ratings(2)),
        (Autoencoder(2, missing_values="implicit", scale="standard", max_iter=3), ratings(3)),
        (Autoencoder(2, loss="poisson", size_factors=None, max_iter=3), counts(4)),
    ],
)
def test_what_rows_have_of_their_own_is_taken_away_and_given_back(model, X, tmp_path):
    model.set_params(random_state=0, n_threads=1).fit(X)
    model.save(tmp_path / "model")
    predictor = Predictor.load(tmp_path / "model")
    for table in (X, X[:1], X[3:40]):
        for method in ("transform", "reconstruct", "score_samples", "impute"):
            if hasattr(model, method):
                wanted, found = getattr(model, method)(table), getattr(predictor, method)(table)
                same(found, wanted)
            else:
                with pytest.raises(AttributeError):
                    getattr(predictor, method)(table)


def test_auto_is_resolved_in_one_place(tmp_path):
    """Of a file that does not say what 'auto' came to, as one of an earlier version."""
    for name, (model, X) in {
        "ratings": (Autoencoder(2, missing_values="implicit", max_iter=3), ratings()),
        "counts": (Autoencoder(2, loss="poisson", size_factors=None, max_iter=3), counts()),
        "numbers": (Autoencoder(2, scale="auto", max_iter=3), numbers()),
    }.items():
        model.set_params(random_state=0, n_threads=1).fit(X).save(tmp_path / name)
        file = read_file(tmp_path / name)
        description = {key: v for key, v in file.description.items() if key != "scaled_by"}
        write_file(tmp_path / name, file.kind, description, file.arrays)
        assert ae_core.load(tmp_path / name)._scale == model._scale
        predictor = Predictor.load(tmp_path / name)
        assert predictor._seeing.scale == model._scale
        same(predictor.score_samples(X), model.score_samples(X))


@pytest.mark.parametrize("missing", ["mask", "implicit"])
def test_sparse_frames_are_filled_in_as_by_the_estimator(missing, tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(3, 1, (60, 5)) * (random.random((60, 5)) < 0.4)
    names = [f"item {i}" for i in range(5)]
    if missing == "mask":
        X[3, 1] = X[9, 4] = np.nan
    frame = pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X), columns=names)
    model = Autoencoder(2, max_iter=3, missing_values=missing, random_state=0, n_threads=1)
    model.fit(frame).save(tmp_path / "model")
    found, wanted = Predictor.load(tmp_path / "model").impute(frame), model.impute(frame)
    assert isinstance(wanted, pd.DataFrame)
    assert not wanted.isna().any(axis=None)
    pd.testing.assert_frame_equal(found, wanted)
