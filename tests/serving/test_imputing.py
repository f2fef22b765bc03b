"""A saved imputer, used by `Predictor`: what the estimator gives, in any container."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import ae_core
from ae_core import AutoencoderImputer, Predictor
from ae_core.files.model_file import read_file, write_file

SMALL = {"hidden_layer_sizes": (6, 3, 6), "n_networks": 2, "random_state": 0, "n_threads": 1}
N = 60


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr("ae_core.estimators.filling_networks.FEWEST_STEPS", 20)
    monkeypatch.setattr("ae_core.estimators.filling_networks.MOST_STEPS", 40)


def numbers(seed=0, dtype=np.float64, marker=np.nan):
    random = np.random.default_rng(seed)
    X = random.normal(size=(N, 2)) @ random.normal(size=(2, 5)) * 3 + np.arange(5)
    X[random.random(X.shape) < 0.2] = marker
    return X.astype(dtype)


def with_empty(seed):
    return np.hstack([numbers(seed), np.full((N, 1), np.nan)])


def saved(model, X, tmp_path):
    model.fit(X).save(tmp_path / "imputer")
    return Predictor.load(tmp_path / "imputer")


@pytest.mark.parametrize(
    ("more", "X"),
    [
        ({}, numbers()),
        ({}, numbers(1, np.float32)),
        ({"add_indicator": True}, numbers(2)),
        ({"missing_values": -9}, numbers(3, marker=-9)),
        ({"missing_values": -9.0, "add_indicator": True}, numbers(4, marker=-9).round()),
        ({}, with_empty(5)),
        ({"keep_empty_features": True, "add_indicator": True}, with_empty(6)),
    ],
)
def test_it_fills_in_what_the_estimator_fills_in(more, X, tmp_path):
    model = AutoencoderImputer(**SMALL).set_params(**more)
    predictor = saved(model, X, tmp_path)
    for table in (X, X[:1], X[5:20].tolist(), np.asfortranarray(X), X[:9].astype(np.float32)):
        wanted, found = model.transform(table), predictor.transform(table)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    frame = pd.DataFrame(X, columns=list("abcdef")[: X.shape[1]], index=np.arange(N) + 2)
    predictor = saved(model, frame, tmp_path)
    wanted = model.transform(frame)
    pd.testing.assert_frame_equal(predictor.transform(frame), wanted)
    marker = more.get("missing_values", np.nan)
    rows = [
        {k: v for k, v in row.items() if np.isfinite(v) or not np.isnan(marker)}
        for row in frame.to_dict("records")
    ]
    found = predictor.transform(rows)
    assert list(found) == list(wanted)
    for name in wanted:
        tolerance = 1e-6 if X.dtype == np.float32 else 0  # numbers of Python have no float32
        np.testing.assert_allclose(found[name], wanted[name], rtol=tolerance)
    assert predictor.n_features_out_ is None
    for method in ("score_samples", "predict", "explain", "reconstruct", "impute"):
        with pytest.raises(AttributeError, match="AutoencoderImputer"):
            getattr(predictor, method)(X)


def trees(seed, marker=None):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "height": random.normal(9, 2, N),
            "kind": random.choice(["oak", "ash", "elm"], N),
            "old": (random.random(N) < 0.4).astype(object),
            "age": random.integers(3, 90, N),
        }
    )
    for column in ("height", "kind", "old"):
        frame.loc[random.choice(N, 15, replace=False), column] = None
    if marker is not None:
        frame["kind"] = frame["kind"].fillna(marker)
        frame["height"] = frame["height"].fillna(5.0)
        frame["old"] = frame["old"].where(frame["old"].notna(), True).astype(bool)
    return frame


@pytest.mark.parametrize(
    ("more", "frame"),
    [
        ({}, trees(0)),
        ({"add_indicator": True}, trees(1)),
        ({"missing_values": "?"}, trees(2, "?")),
    ],
)
def test_mixed_tables(more, frame, tmp_path):
    model = AutoencoderImputer(columns="mixed", **SMALL).set_params(**more)
    predictor = saved(model, frame, tmp_path)
    wanted = model.transform(frame)
    pd.testing.assert_frame_equal(predictor.transform(frame), wanted)
    pd.testing.assert_frame_equal(predictor.transform(frame[:2]), model.transform(frame[:2]))
    plain = frame.astype(object).where(frame.notna(), None)
    for table in (plain.to_dict("list"), plain.to_dict("records")):
        found = predictor.transform(table)
        assert list(found) == list(wanted)
        for name in wanted:
            assert found[name].tolist() == wanted[name].astype(object).tolist()


def test_what_it_does_not_have_is_refused_in_one_line(tmp_path):
    X = numbers()
    model = AutoencoderImputer(sample_posterior=True, **SMALL).fit(X)
    model.save(tmp_path / "draws")
    with pytest.raises(ae_core.ModelFileError, match="draws") as caught:
        Predictor.load(tmp_path / "draws")
    assert len(str(caught.value)) <= 300
    predictor = saved(
        AutoencoderImputer(missing_values=-9, **SMALL), numbers(0, marker=-9), tmp_path
    )
    with pytest.raises(ValueError, match=r"nan.*missing_values=nan takes it for missing"):
        predictor.transform(X)
    X = np.nan_to_num(X)
    with pytest.raises(ValueError, match="4 features, but AutoencoderImputer is expecting 5"):
        predictor.transform(X[:, 1:])


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": None},
        {"parameters": {"missing_values": [1]}},
        {"parameters": {"missing_values": True}},
        {"parameters": {"missing_values": None, "add_indicator": 1}},
        {"parameters": {"missing_values": None, "add_indicator": True}},  # and no array for it
        {"architectures": []},
    ],
)
def test_files_that_nobody_saved_are_refused(changes, tmp_path):
    path = tmp_path / "imputer"
    saved(AutoencoderImputer(**SMALL), numbers(), tmp_path)
    file = read_file(path)
    write_file(path, file.kind, {**file.description, **changes}, file.arrays)
    with pytest.raises(ae_core.ModelFileError) as caught:
        Predictor.load(path)
    assert len(str(caught.value)) <= 300


def test_it_loads_no_library_of_tables(tmp_path):
    X = numbers()
    model = AutoencoderImputer(add_indicator=True, **SMALL).fit(X)
    model.save(tmp_path / "imputer")
    program = (
        "import json, sys\nimport numpy as np\nfrom ae_core import Predictor\n"
        "predictor = Predictor.load(sys.argv[1])\n"
        "X = np.array(json.loads(sys.argv[2]), dtype=float)\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(json.dumps([predictor.transform(X).tolist(),\n"
        "    sorted(loaded & {'sklearn', 'scipy', 'pandas', 'narwhals', 'polars'})]))\n"
    )
    given = [[None if np.isnan(cell) else cell for cell in row] for row in X[:4].tolist()]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "imputer"), json.dumps(given)],
        capture_output=True,
        text=True,
        check=True,
    )
    found, loaded = json.loads(done.stdout)
    assert found == model.transform(X[:4]).tolist()
    assert loaded == []
