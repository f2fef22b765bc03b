"""What the fuzzer found, each once: inputs that ended in something else than a clear error."""

import io
import json

import numpy as np
import pytest
from fuzz.c_functions import BAD_VALUE, function
from scipy import sparse

from ae_core import (
    Architecture,
    Autoencoder,
    AutoencoderOutlierDetector,
    ModelFileError,
    Network,
    load,
)
from ae_core._engine import training
from ae_core._engine.rows import Rows as EngineRows
from ae_core.cli.tables.reading import TableError, read_table
from ae_core.data.rows import Rows
from ae_core.files.model_file import read_file, write_file


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 10**400},
        {"beta": -(10**400)},
        {"dropout": 10**400},
        {"feature_weights": [1, None, 1]},
        {"feature_weights": [1, 10**400, 1]},
        {"feature_weights": [1, [], 1]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_numbers_beyond_all_floats_and_no_numbers(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"^{name}.*: must be"):
        Architecture((3, 2, 3), **change)
    with pytest.raises(ValueError, match=f"^{name}.*: must be"):
        Architecture.from_json(json.dumps({"layer_sizes": [3, 2, 3], **change}))


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("indptr", [0, 1000, 3]),
        ("indptr", [0, 2**31 - 1, 0]),
        ("indptr", [1, 2, 3]),
        ("indptr", [0, 1, 1000]),
        ("indices", [0, 1, 3]),
        ("indices", [0, -1, 2]),
        ("indices", [0, 1]),
    ],
)
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("missing", [None, "mask", "implicit"])
def test_sparse_matrices_whose_indices_are_of_nothing(kind, part, values, missing):
    X = kind(np.array([[1.0, 1, 0], [0, 0, 1]] if kind is sparse.csr_array else np.eye(2)[:, :2]))
    if kind is sparse.csc_array:
        X = kind(sparse.csr_array([[1.0, 1, 0], [0, 0, 1]]).T)
    setattr(X, part, np.array(values, dtype=np.int32))
    with pytest.raises(ValueError, match="X is a damaged sparse matrix"):
        Rows(X, missing=missing)


def test_the_engine_looks_at_no_element_beyond_the_end():
    stored, columns = np.ones((1, 3)), np.arange(3, dtype=np.int32)
    with pytest.raises(ValueError, match="beyond the end"):
        EngineRows(stored, starts=np.array([0, 2**40, 3]), columns=columns, n_columns=2**31 - 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("limits", [(None, None), (3, 2), (2, 3), (3, None), (0, 0)])
def test_the_engine_needs_limits_for_each_column(dtype, limits):
    architecture = Architecture((3, 2, 3), corruption="salt_and_pepper")
    net = Network(architecture, random_state=0, dtype=dtype)
    low, high = (None if n is None else np.zeros(n, dtype) for n in limits)
    with pytest.raises(ValueError, match=r"(low|high) has to have 3 numbers"):
        training.loss_and_gradient(
            net._plan,
            net.params,
            EngineRows(np.ones((4, 3))),
            np.zeros_like(net.params),
            1,
            keys=np.zeros(1, np.uint64),
            low=low,
            high=high,
        )


def zigzag(number):
    """An integer as Parquet's footer has it."""
    number, written = (number << 1) ^ (number >> 63), bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])


@pytest.mark.parametrize("claimed", [1, 2, 4, 20, 2**45, -1, 2**62])
def test_parquet_files_that_lie_about_their_number_of_rows(claimed, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    parquet.write_table(pyarrow.table({"a": [1.0, 2.0, 3.0]}), file, store_schema=False, **plain)
    content = file.getvalue()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    refused = 0
    for place in range(start, len(content) - 8):
        if content[place] != 2 * 3:  # as Parquet's footer writes 3
            continue
        footer = content[start:place] + zigzag(claimed) + content[place + 1 : -8]
        path = tmp_path / "table.parquet"
        path.write_bytes(content[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1")
        try:
            values = read_table(str(path)).values
        except (TableError, OSError) as error:
            refused += "it says that it has" in str(error) or claimed < 0
        else:
            np.testing.assert_array_equal(values[:, 0], [1.0, 2.0, 3.0][: len(values)])
    assert refused > 0


def test_parquet_files_whose_names_are_no_text(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "table.parquet"
    parquet.write_table(pyarrow.table({"abcdef": [1.0, 2.0]}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"abcdef", b"\xe5bcdef"))
    with pytest.raises(TableError, match="it can't be read as Parquet"):
        read_table(str(path))


def rewrite(path, **changes):
    """The same file, with other entries in its description."""
    file = read_file(path)
    write_file(path, file.kind, {**file.description, **changes}, file.arrays)


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
@pytest.mark.parametrize("dtype", ["float32x", 2, True, 2**63])
def test_a_saved_dtype_that_is_none(dtype, tmp_path):
    X = np.random.default_rng(0).random((20, 3))
    path = tmp_path / "model"
    Autoencoder(2, max_iter=1, scale=None, random_state=0).fit(X).save(path)
    rewrite(path, parameters={"n_components": 2, "dtype": dtype})
    with pytest.raises(ValueError, match=r"dtype=.*: must be float32 or float64"):
        load(path).transform(X)


@pytest.mark.parametrize("threshold", [10**400, np.nan])
def test_a_saved_threshold_that_is_no_float(threshold, tmp_path):
    X = np.random.default_rng(0).random((20, 3))
    path = tmp_path / "model"
    AutoencoderOutlierDetector(n_steps=2, random_state=0).fit(X).save(path)
    rewrite(path, threshold=threshold)
    with pytest.raises(ModelFileError, match="threshold"):
        load(path)


WORK = ("ae_forward", "ae_encode", "ae_reconstruction_errors", "ae_loss_and_gradient")


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
@pytest.mark.parametrize("missing", [None, "mask"])
@pytest.mark.parametrize("name", WORK)
def test_numbers_that_only_scaling_takes_beyond_all_floats(name, missing):
    model = Autoencoder(2, max_iter=1, missing_values=missing, random_state=0)
    model.fit(1e-3 * np.random.default_rng(0).random((20, 3)))
    handle = function("ae_from_estimator")(model)
    X, results = np.full((1, 3), 1e308), [np.zeros(3), np.zeros(model.network_.params.size)]
    addresses = [array.ctypes.data for array in (X, *results)][: 3 if "loss" in name else 2]
    assert function(name)(handle, 1, *addresses) == BAD_VALUE
    function("ae_free")(handle)


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
@pytest.mark.parametrize("n_features", [2, 400])
@pytest.mark.parametrize("scale", [None, "standard"])
def test_a_network_of_another_width_than_the_scaling(n_features, scale):
    model = Autoencoder(2, max_iter=1, scale=scale, random_state=0)
    model.fit(np.random.default_rng(0).random((20, 3)))
    model.network_ = Network(Architecture((n_features, 2, n_features)), random_state=0)
    with pytest.raises(ValueError, match=f"are 3, and its network's {n_features}: they are not"):
        function("ae_from_estimator")(model)
