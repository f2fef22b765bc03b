"""Numbers whose dtype spells its byte order, as HDF5's do: each entry point takes them as what they are."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from ae_core import (
    Adam,
    Architecture,
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    Blocks,
    Network,
    Predictor,
    VariationalAutoencoder,
    check_gradient,
    diagnose,
    diagnose_data,
    errors_by_lag,
    load,
    reference,
    scores_over_time,
    train,
    windows,
)
from ae_core._engine.rows import Rows as EngineRows
from ae_core.data.rows import Rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

OWN, OTHER = ("<", ">") if sys.byteorder == "little" else (">", "<")
COUNTS = np.random.default_rng(0).integers(1, 9, (24, 4))
WEIGHTS = np.arange(1.0, 25.0)
SOME = np.where(COUNTS > 7, np.nan, COUNTS / 8)
ARCHITECTURE = Architecture.symmetrical((4, 2))
PARAMS = Network(ARCHITECTURE, random_state=0).params


def spelled(array):
    """The same memory, whose dtype says '<' and not '='."""
    array = np.asarray(array)
    return array.view(array.dtype.newbyteorder(OWN))


def foreign(array):
    array = np.asarray(array)
    return array.astype(array.dtype.newbyteorder(OTHER))


def noted(array):
    """A dtype with metadata, as h5py's have."""
    array = np.asarray(array)
    return array.view(np.dtype(array.dtype, metadata={"h5": 1}))


SPELLINGS = {"spelled": spelled, "foreign": foreign, "noted": noted}


def stored_as(kind, indices=False):
    def make(X, spell):
        matrix = getattr(sp, f"{kind}_array")(X)
        matrix.data = spell(matrix.data)
        if indices:
            matrix.indices, matrix.indptr = spell(matrix.indices), spell(matrix.indptr)
        return matrix

    return make


def read_only(X, spell):
    X = spell(X.copy())
    X.flags.writeable = False
    return X


CONTAINERS = {
    "C": lambda X, spell: spell(X),
    "Fortran": lambda X, spell: spell(np.ascontiguousarray(X.T)).T,
    "every second": lambda X, spell: spell(np.repeat(X, 2, axis=0))[::2],
    "read-only": read_only,
    "masked": lambda X, spell: np.ma.MaskedArray(spell(X)),
    "frame": lambda X, spell: pd.DataFrame({c: spell(X[:, i]) for i, c in enumerate("abcd")}),
    "csr": stored_as("csr"),
    "csr and its indices": stored_as("csr", indices=True),
    "csc": stored_as("csc"),
    "coo": stored_as("coo"),
    "bsr": stored_as("bsr"),
    "dia": stored_as("dia"),
}
ESTIMATORS = {
    "autoencoder": (
        lambda **k: Autoencoder(2, max_iter=2, random_state=0, **k),
        ("transform", "reconstruct", "score_samples", "feature_errors", "score"),
    ),
    "variational": (
        lambda **k: VariationalAutoencoder(2, max_iter=2, random_state=0, **k),
        ("transform", "score_samples"),
    ),
    "detector": (
        lambda **k: AutoencoderOutlierDetector(n_steps=2, random_state=0, **k),
        ("score_samples", "predict", "explain"),
    ),
    "imputer": (
        lambda **k: AutoencoderImputer(n_networks=1, hidden_layer_sizes=2, random_state=0, **k),
        ("transform",),
    ),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_and_containers(name, spelling, container):
    make, methods = ESTIMATORS[name]
    if name == "imputer" and container in (
        "csr",
        "csr and its indices",
        "csc",
        "coo",
        "bsr",
        "dia",
    ):
        pytest.skip("the imputer takes no sparse matrices, and says so")
    fill, spell = CONTAINERS[container], SPELLINGS[spelling]
    if spelling == "foreign" and container == "csr and its indices":
        spell = spelled  # SciPy itself takes no foreign indices
    for kind in ("f8", "f4", "i4", "u2") if name == "autoencoder" else ("f8", "f4"):
        X = COUNTS.astype(kind)
        given, plain = fill(X, spell), fill(X, np.asarray)
        model, like = make().fit(given), make().fit(plain)
        for method in methods:
            found = np.asarray(getattr(model, method)(given))
            np.testing.assert_array_equal(found, np.asarray(getattr(like, method)(plain)))
            assert found.dtype.isnative or (name == "imputer" and container == "frame")


@pytest.mark.parametrize("format", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("kind", [np.float16, np.longdouble])
def test_sparse_floats_of_other_sizes(format, kind):
    matrix = getattr(sp, f"{format}_array")(COUNTS.astype(float))
    plain = (
        Autoencoder(2, max_iter=2, random_state=0, dtype="float64").fit(matrix).transform(matrix)
    )
    other = matrix.copy()
    other.data = other.data.astype(kind)
    model = Autoencoder(2, max_iter=2, random_state=0, dtype="float64").fit(other)
    np.testing.assert_array_equal(model.transform(other), plain)
    assert other.dtype == kind  # what was given stays as it was


def of_networks(cls, spell, kind):
    """Everything that a network is given, spelled: what it answers, by name."""
    X = spell(COUNTS.astype(kind) / 8)
    network = cls(ARCHITECTURE, spell(PARAMS.copy()), dtype=kind)
    code = spell(cls(ARCHITECTURE, PARAMS, dtype=kind).encode(COUNTS.astype(kind) / 8))
    rows = Rows(X, spell(np.ones(4)), spell(np.full(4, 0.5)), spell(WEIGHTS))
    yield "params", network.params.copy()
    for method in ("forward", "encode", "reconstruction_errors", "feature_errors", "loss"):
        yield method, getattr(network, method)(X)
    yield "one row", network.encode(X[:1])
    yield "decode", network.decode(code)
    yield "decoding_errors", network.decoding_errors(code, X)
    yield "gradient", network.loss_and_gradient(X, params=spell(PARAMS.astype(kind)))[1]
    yield "scaled rows", network.loss_and_gradient(rows)[1]
    solver = Adam(0.01)
    state = solver.start(network.params)
    losses = network.train_steps(
        rows, spell(np.arange(24)), 8, solver, state, spell(np.full(3, 0.01)),
        spell(np.arange(3).astype(np.uint64)), spell(np.ones(3)),
    )  # fmt: skip
    yield "steps", losses
    yield "stepped", network.params.copy()
    yield "trained", train(network, X, X_val=X, max_iter=2, random_state=0).loss_curve


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_networks(network_class, spelling, kind):
    plain = dict(of_networks(network_class, np.asarray, kind))
    for name, found in of_networks(network_class, SPELLINGS[spelling], kind):
        np.testing.assert_allclose(found, plain[name], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_dtype_that_spells_its_order_is_that_dtype(network_class, dtype):
    asked = np.dtype(dtype).newbyteorder(OWN)
    network = network_class(ARCHITECTURE, PARAMS, dtype=asked)
    assert network.dtype.byteorder == network.params.dtype.byteorder == "="
    model = Autoencoder(2, max_iter=2, dtype=asked).fit(COUNTS)
    assert model.network_.params.dtype.byteorder == "="
    assert np.isfinite(model.transform(COUNTS[:1])).all()


def given_beside(spell):
    """What is given beside a table, and what takes tables but no estimator: by name."""
    X, weights, two = spell(COUNTS / 8), spell(WEIGHTS), spell(COUNTS[:, :2] / 8)
    frame = pd.DataFrame({"a": X[:, 0], "b": spell(COUNTS[:, 1]), "c": list("xyz") * 8})
    make = ESTIMATORS["autoencoder"][0]
    yield "sample_weight", make().fit(X, sample_weight=weights).transform(X)
    yield "score", make().fit(X).score(X, sample_weight=weights)
    yield "feature_weights", make(feature_weights=spell(np.arange(1.0, 5))).fit(X).transform(X)
    yield "covariates", make().fit(X, covariates=two).transform(X, covariates=two)
    named = pd.DataFrame({"d": two[:, 0], "e": list("uv") * 12})
    yield "covariates by name", make().fit(X, covariates=named).transform(X, covariates=named)
    yield "X_val", make().fit(X, X_val=X).transform(X)
    yield "stream", make().partial_fit(X).partial_fit(X, sample_weight=weights).transform(X)
    model = make().fit(X)
    yield "inverse_transform", model.inverse_transform(spell(model.transform(X)))
    yield "lbfgs", make(solver="lbfgs").fit(X).transform(X)
    missing = make(missing_values="mask").fit(spell(SOME))
    yield "impute", missing.impute(spell(SOME))
    mixed = make(columns="mixed").fit(frame)
    yield "mixed", mixed.transform(frame)
    yield "mixed back", mixed.reconstruct(frame)[["a", "b"]].astype(float)
    poisson = make(loss="poisson", size_factors="given", scale=None)
    poisson.fit(spell(COUNTS), size_factors=weights)
    yield "sizes", poisson.transform(spell(COUNTS), size_factors=weights)
    yield "blocks", np.vstack(list(make().fit(Blocks([X, X])).transform(Blocks([X, X]))))
    yield "windows", windows(X, 3)
    yield "scores", scores_over_time(spell(np.ones(22)), 3)
    yield "errors", errors_by_lag(spell(np.ones((5, 6))), 3)
    yield "data", [float(len(str(diagnose_data(X)))), float(len(str(diagnose_data(frame))))]
    network = Network(ARCHITECTURE, PARAMS)
    yield "diagnosis", float(len(str(diagnose(network, X))))
    yield "engine", network.encode(Rows(X))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_is_given_beside_a_table(spelling):
    plain = dict(given_beside(np.asarray))
    for name, found in given_beside(SPELLINGS[spelling]):
        np.testing.assert_allclose(
            np.asarray(found, float), np.asarray(plain[name], float), rtol=1e-7, err_msg=name
        )


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_predictor(name, spelling):
    spell = SPELLINGS[spelling]
    X = spell(COUNTS / 8)
    path = Path(tempfile.mkdtemp()) / "model.safetensors"
    model = ESTIMATORS[name][0]().fit(X)
    model.save(path)
    predictor, loaded = Predictor.load(path), load(path)
    method = "score_samples" if hasattr(model, "score_samples") else "transform"
    for given, plain in ((X, COUNTS / 8), (X[:1], COUNTS[:1] / 8), (X.astype("f4"), COUNTS / 8)):
        found = getattr(predictor, method)(given)
        right = getattr(loaded, method)(np.ascontiguousarray(plain))
        np.testing.assert_allclose(found, right, rtol=1e-4)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_gradient_check(spelling):
    spell = SPELLINGS[spelling]
    twin = reference.Network(ARCHITECTURE)

    def function(params, X):
        loss, gradient = twin.loss_and_gradient(X, params=np.asarray(params, float))
        return loss, spell(gradient)

    found = check_gradient(function, spell(PARAMS), spell(COUNTS / 8))
    assert found.passed, str(found)


def test_the_engine_says_which_types_it_takes():
    assert isinstance(EngineRows(spelled(np.ones((2, 3)))), EngineRows)
    for wrong in (
        foreign(np.ones((2, 3))),
        np.ones((2, 3), "i4"),
        np.ones(3),
        np.ones((2, 3), "c8"),
    ):
        with pytest.raises(ValueError, match="2 of float32, float64 or uint8 are needed"):
            EngineRows(wrong)


def decimals(values):
    import decimal

    pa = pytest.importorskip("pyarrow")
    kind = pd.ArrowDtype(pa.decimal128(10, 3))
    return pd.array([None if v != v else decimal.Decimal(f"{v:.3f}") for v in values], dtype=kind)


OF_PANDAS = {
    "decimals of Arrow": decimals,
    "sparse zeros": lambda values: pd.arrays.SparseArray(values, fill_value=0.0),
    "sparse ones": lambda values: pd.arrays.SparseArray(values, fill_value=1.0),
    "sparse whole numbers": lambda values: pd.arrays.SparseArray(values.astype(int)),
    "the other byte order": lambda values: foreign(values),
}


@pytest.mark.parametrize("name", ["autoencoder", "variational", "detector", "imputer"])
@pytest.mark.parametrize("what", OF_PANDAS)
def test_numbers_that_pandas_stores_otherwise_are_such_beside_categories(what, name):
    make, methods = ESTIMATORS[name]
    plain = pd.DataFrame(
        {"a": COUNTS[:, 0].astype(float), "b": COUNTS[:, 1] / 8, "c": list("xyz") * 8}
    )
    other = plain.assign(a=OF_PANDAS[what](plain["a"].to_numpy()))
    before = other["a"].dtype
    if what == "sparse whole numbers":
        plain["a"] = plain["a"].astype(int)
    model, like = make(columns="mixed").fit(other), make(columns="mixed").fit(plain)
    for method in set(methods) - {"score"}:
        found, right = getattr(model, method)(other), getattr(like, method)(plain)
        pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(right), check_dtype=False)
    assert other["a"].dtype == before
    covariates = Autoencoder(2, max_iter=2, random_state=0).fit(COUNTS, covariates=other)
    again = Autoencoder(2, max_iter=2, random_state=0).fit(COUNTS, covariates=plain)
    np.testing.assert_array_equal(
        covariates.transform(COUNTS, covariates=other), again.transform(COUNTS, covariates=plain)
    )
