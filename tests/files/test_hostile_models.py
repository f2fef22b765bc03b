"""Model files that say something else than they should: one short error, whatever they say."""

import json
import os
import re
import struct
import tracemalloc

import numpy as np
import pytest
from fuzz.models import signed

from ae_core import Autoencoder, AutoencoderOutlierDetector, ModelFileError, load
from ae_core.files import model_description, model_file
from ae_core.files.model_file import read_file, write_file

pandas = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

LONG = 10**900 // 9  # an integer of 900 digits, which no float can hold
ELSEWHERE = re.compile(
    r"[A-Z][a-z]+Error|Exceeds the limit|Traceback|object is not|NoneType|int_max_str"
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Descriptions and arrays of some models, by kind."""
    folder = tmp_path_factory.mktemp("saved")
    X = np.random.default_rng(0).random((20, 3))
    frame = pandas.DataFrame(X, columns=list("abc"))
    kinds = frame.assign(
        k=pandas.Categorical(np.where(X[:, 0] > 0.5, "u", "v")),
        n=pandas.Categorical(np.where(X[:, 1] > 0.5, 1, 2)),
        f=X[:, 2] > 0.5,
    )
    models = {
        "plain": Autoencoder(2, max_iter=1, random_state=0).fit(frame),
        "mixed": Autoencoder(2, max_iter=1, columns="mixed", random_state=0).fit(kinds),
        "detector": AutoencoderOutlierDetector(n_steps=2, random_state=0).fit(frame),
    }
    for name, model in models.items():
        model.save(folder / name)
    return {name: read_file(folder / name) for name in models}


def rewritten(file, path, *keys_and_value):
    """The file with one entry of its description, however deep, changed."""
    *keys, value = keys_and_value
    description = json.loads(json.dumps(file.description))
    inner = description
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    write_file(path, file.kind, description, file.arrays)
    return path


def refused(path):
    with pytest.raises(ModelFileError) as caught:
        load(path)
    message = str(caught.value)
    assert len(message) <= 300, message
    assert message.isprintable()
    assert not ELSEWHERE.search(message), message
    assert repr(str(path))[1:40] in message
    return message


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("plain", ("feature_names_in", {"a": 1, "b": 2, "c": 3}), "3 names"),
        ("plain", ("feature_names_in", "abc"), "3 names"),
        ("plain", ("feature_names_in", ["a", "b", None]), "3 names"),
        ("plain", ("feature_names_in", ["a", "b"]), "3 names"),
        ("plain", ("feature_names_in", [["a"], ["b"], ["c"]]), "3 names"),
        ("plain", ("feature_names_in", "x" * 100_000), "3 names"),
        ("plain", ("n_features_in", LONG), "n_features_in"),
        ("plain", ("n_features_in", 3.0), "n_features_in"),
        ("plain", ("history", "loss_curve", [LONG]), "history"),
        ("plain", ("history", "loss_curve", [1.0, -LONG]), "history"),
        ("plain", ("history", "validation_loss_curve", [True]), "history"),
        ("plain", ("history", "n_steps", LONG), "history"),
        ("plain", ("history", "n_steps", -1), "history"),
        ("plain", ("history", "stopped_because", "x" * 2_200_000), "history"),
        ("plain", ("architecture", "layer_sizes", [3, LONG, 3]), ""),
        ("plain", ("architecture", "layer_sizes", [LONG, 2, 3]), "architecture"),
        ("plain", ("architecture", "layer_sizes", [3, -LONG, 3]), "architecture"),
        ("plain", ("architecture", "layer_sizes", ["x" * 100_000]), "architecture"),
        ("plain", ("architecture", "layer_sizes", {"3": 3}), "architecture"),
        ("plain", ("architecture", ["x"] * 100_000), "architecture"),
        ("plain", ("architecture", {"y" * 100_000: 1}), "architecture"),
        ("plain", ("architecture", "loss", "z\x1b[2J\n" * 1000), "architecture"),
        ("plain", ("architecture", "activations", ["tanh"] * 100_000), "architecture"),
        ("plain", ("parameters", {"y" * 100_000: 1}), "parameters"),
        ("plain", ("parameters", [1]), "parameters"),
        ("mixed", ("encoding", 3, "categories_dtype", "int64"), "encoding"),
        ("mixed", ("encoding", 3, "categories_dtype", "datetime64[ns]"), "encoding"),
        ("mixed", ("encoding", 3, "categories_dtype", "x" * 100_000), "encoding"),
        ("mixed", ("encoding", 3, "categories_dtype", {"a": 1}), "encoding"),
        ("mixed", ("encoding", 3, "categories_dtype", "float16"), "encoding"),
        ("mixed", ("encoding", 4, "categories_dtype", "bool"), "encoding"),
        ("mixed", ("encoding", 4, "categories_dtype", "str"), "encoding"),
        ("mixed", ("encoding", 4, "categories", [1, LONG]), "encoding"),
        ("mixed", ("encoding", 4, "categories", [1, 300]), None),
        ("mixed", ("encoding", 4, "categories", [1, np.nan]), "encoding"),
        ("mixed", ("encoding", 0, "dtype", "Int8[pyarrow]"), "encoding"),
        ("mixed", ("encoding", 0, "dtype", "float8"), "encoding"),
        ("mixed", ("encoding", 5, "kind", "x" * 100_000), "encoding"),
        ("mixed", ("encoding", "x" * 100_000), "encoding"),
        ("mixed", ("encoding", {"a": 1}), "encoding"),
        ("detector", ("threshold", LONG), "threshold"),
        ("detector", ("threshold", "x" * 100_000), "threshold"),
        ("detector", ("architectures", [3] * 100_000), ""),
        ("detector", ("architectures", {"a": 1}), "architectures"),
    ],
)  # fmt: skip
def test_descriptions_of_something_else(saved, tmp_path, name, change, words):
    path = rewritten(saved[name], tmp_path / "model", *change)
    if words is None:  # as it should be
        load(path)
        return
    assert words in refused(path)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "Int64", "float32", "object"])
def test_categories_that_pandas_can_hold_are_read(saved, tmp_path, dtype):
    path = rewritten(saved["mixed"], tmp_path / "model", "encoding", 4, "categories_dtype", dtype)
    model = load(path)
    code = np.zeros((1, 2))
    assert model.inverse_transform(code)["n"].cat.categories.dtype == dtype


def header_of(saved):
    """The header of a file of this format, to be spoiled."""
    metadata = {"format": "ae_core", "version": "1", "kind": "Autoencoder", "library": "0.1.0"}
    description = {**saved["plain"].description}
    return {"__metadata__": {**metadata, "description": json.dumps(description)}}


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ('{"a":[' + "[]," * 400_000 + "[]" + ",{}" * 700_000 + "]}", "lists and mappings"),
        ('{"a":' + "[" * 2_000_000, "lists and mappings"),
        ('{"a":' + "9" * 4000 + "}", "4000 digits"),
        ('{"a":-' + "9" * 1_000_000 + "}", "1000001 digits"),
        ('{"a":"' + "x" * 2_000_000 + "}", "Unterminated"),
        ('{"' + "k" * 2_000_000 + '":1,"' + "k" * 2_000_000 + '":1}', "stands there twice"),
    ],
)
def test_descriptions_that_are_bombs(saved, tmp_path, description, words):
    header = header_of(saved)
    header["__metadata__"]["description"] = description
    path = tmp_path / "model"
    path.write_bytes(signed(header, b""))
    assert words in refused(path)


def test_a_description_of_90_megabytes_is_not_even_read(saved, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(struct.pack("<Q", 90_000_000) + json.dumps(header_of(saved)).encode())
    os.truncate(path, 90_000_100)
    tracemalloc.start()
    refused(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_nothing_is_written_that_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(model_description, "MAX_NESTED", 1000)
    monkeypatch.setattr(model_file, "MAX_HEADER", 100_000)
    path = tmp_path / "model"
    path.write_bytes(b"old")
    for description in (
        {"a": [[]] * 1001},
        {"a": {str(i): {} for i in range(500)}, "b": [{}] * 500},
        {"a": "x" * 100_000},
        {"a": 10**1000},
        {"a": [1, {"b": -(10**1000)}]},
    ):
        with pytest.raises(ValueError, match=r"description|lists and mappings"):
            write_file(path, "model", description, {})
    assert path.read_bytes() == b"old"
    for description in (
        {"a": 10**998, "b": -(10**998)},
        {"a": [[]] * 990},
        {"a": "x" * 99_000},
    ):
        write_file(path, "model", description, {})
        assert read_file(path).description == description


def test_lists_of_numbers_are_not_looked_at_one_by_one(monkeypatch):
    looked_at = []
    decoded = model_description._decoded
    monkeypatch.setattr(
        model_description, "_decoded", lambda *a: looked_at.append(a) or decoded(*a)
    )
    n = 10_000
    text = json.dumps({"curve": [0.5] * n, "names": ["x"] * n, "odd": [1, None, True, "x"]})
    assert len(model_description.from_json(text)["curve"]) == n
    assert len(looked_at) < 10


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F" * 100_000, "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [LONG], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": "x" * 100_000, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1] * 100_000, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, LONG]},
        {"dtype": "F32", "shape": [1], "data_offsets": ["x" * 100_000, 4]},
        {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        ["x" * 100_000],
    ],
)
def test_arrays_described_by_something_else(saved, tmp_path, entry):
    for name in ("params", "\x1b[31m" * 1000):
        path = tmp_path / "model"
        path.write_bytes(signed({**header_of(saved), name: entry}, b"\0" * 4))
        assert "its array" in refused(path)


def test_paths_that_are_long_or_odd(tmp_path):
    folder = tmp_path / ("f" * 200) / ("g" * 200) / "esc\x1b]0;title\x07\nline"
    folder.mkdir(parents=True)
    path = folder / "model"
    path.write_bytes(struct.pack("<Q", 2) + b"{}")
    with pytest.raises(ModelFileError) as caught:
        load(path)
    message = str(caught.value)
    assert len(message) <= 300
    assert message.isprintable()
    assert "not one of ae_core" in message
    assert message.endswith("read it with what wrote it")
