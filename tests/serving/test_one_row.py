"""One row by the bound way: the same bits as rows together, and the same refusals."""

import copy
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest

from ae_core import Autoencoder, AutoencoderOutlierDetector, Predictor, VariationalAutoencoder
from ae_core.serving import one_row

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")


def table(seed, n_columns=9, constant=False, dtype=np.float64):
    random = np.random.default_rng(seed)
    X = random.normal(size=(90, 3)) @ random.normal(size=(3, n_columns)) * 4 - 2
    X += random.normal(size=X.shape) * 0.1
    if constant:
        X[:, [1, 4]] = 0.5, -3
    return X.astype(dtype)


def shares(X):
    return (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))


BOUND = {
    "plain": (Autoencoder(3, max_iter=4), table(0)),
    "float32": (Autoencoder(2, max_iter=4), table(1, 5, dtype=np.float32)),
    "unscaled": (Autoencoder(2, scale=None, hidden_layer_sizes=(), max_iter=4), table(2)),
    "huber": (Autoencoder(4, k_sparse=2, loss="huber", scale="minmax", max_iter=4), table(3)),
    "missing": (Autoencoder(3, missing_values="mask", max_iter=4), table(4)),
    "detector": (AutoencoderOutlierDetector(n_steps=6), table(5)),
    "detector, float32": (AutoencoderOutlierDetector(n_steps=6), table(6, 17, dtype=np.float32)),
    "detector, constants": (AutoencoderOutlierDetector(n_steps=6), table(7, constant=True)),
    "detector, missing": (AutoencoderOutlierDetector(n_steps=6, missing_values="mask"), table(8)),
    "detector, one column": (AutoencoderOutlierDetector(n_steps=6), table(9, 1)),
}
GENERAL = {
    "bounded loss": (
        Autoencoder(2, loss="binary_cross_entropy", scale=None, max_iter=4),
        shares(table(10)),
    ),
    "variational": (VariationalAutoencoder(2, max_iter=4), table(11)),
}


def both(name, tmp_path):
    model, X = {**BOUND, **GENERAL}[name]
    model.set_params(random_state=1, n_threads=1).fit(X)
    model.save(tmp_path / "model")
    return model, Predictor.load(tmp_path / "model"), X


def rows_of(X):
    wild = np.repeat(X[:1], 5, axis=0)
    wild[0, 0], wild[1, -1], wild[2] = 70, -1e4, 0
    wild[3, 0], wild[4] = 3e13, 1e25  # beyond what the bound way takes
    return np.concatenate([X, wild])


@pytest.mark.parametrize("name", [*BOUND, *GENERAL])
def test_each_row_has_the_bits_that_it_has_among_others(name, tmp_path):
    model, predictor, X = both(name, tmp_path)
    assert (predictor._one_row is not None) == (name in BOUND)
    rows = X if name in GENERAL else rows_of(X)
    wanted = model.score_samples(rows)
    if name in GENERAL:  # of these not every sum is the same beside other rows
        wanted = np.concatenate([model.score_samples(row[None]) for row in rows])
    for given in (rows, np.asfortranarray(rows), rows[:, ::-1].copy()[:, ::-1]):
        found = [predictor.score_samples(given[i : i + 1]) for i in range(len(rows))]
        assert all(f.shape == (1,) and f.dtype == np.float64 for f in found)
        np.testing.assert_array_equal(np.concatenate(found), wanted)
    narrow = X[:3].astype(np.float32)
    alone = np.concatenate([predictor.score_samples(row[None]) for row in narrow])
    np.testing.assert_array_equal(alone, model.score_samples(narrow))


@pytest.mark.parametrize("name", BOUND)
def test_an_ordinary_row_is_scored_by_the_bound_way(name, tmp_path, monkeypatch):
    _, predictor, X = both(name, tmp_path)
    wanted = predictor.score_samples(X[:1])

    def refuse(*_):
        raise AssertionError("the general way was asked")

    monkeypatch.setattr(Predictor, "_rows", refuse)
    np.testing.assert_array_equal(predictor.score_samples(X[:1]), wanted)


def said(predictor, X):
    """The scores as bytes, or the words of the refusal."""
    try:
        return predictor.score_samples(X).tobytes()
    except (ValueError, TypeError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("name", BOUND)
def test_what_is_refused_is_refused_in_the_same_words(name, tmp_path):
    _, predictor, X = both(name, tmp_path)
    general = Predictor.load(tmp_path / "model")
    general._one_row = None
    for odd in (
        X[:1] * np.inf,
        X[:1, :-1],
        X[0],
        X[:1].astype(str),
        X[:1] + 1j,
        np.full_like(X[:1], np.nan),
        np.ones_like(X[:1], dtype=int),
        X[:1].tolist(),
    ):
        assert said(predictor, odd) == said(general, odd)


@pytest.mark.parametrize("name", ["plain", "detector", "detector, constants"])
def test_many_threads_may_ask_one_predictor(name, tmp_path):
    model, predictor, X = both(name, tmp_path)
    wanted = model.score_samples(X)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: predictor.score_samples(X[i % 90, None])[0], range(900)))
    np.testing.assert_array_equal(found, np.tile(wanted, 10))


@pytest.mark.parametrize("name", ["unscaled", "detector"])
def test_a_busy_or_copied_one_gives_the_same(name, tmp_path):
    _, predictor, X = both(name, tmp_path)
    wanted = predictor.score_samples(X[4:5])
    # Of a detector each call has memory of its own.
    with getattr(predictor._one_row, "_lock", nullcontext()):  # as when another thread is asking
        np.testing.assert_array_equal(predictor.score_samples(X[4:5]), wanted)
    for other in (pickle.loads(pickle.dumps(predictor)), copy.deepcopy(predictor)):
        np.testing.assert_array_equal(other.score_samples(X[4:5]), wanted)
        assert other._one_row is not predictor._one_row
        if name == "unscaled":
            assert other._one_row._given.row is not predictor._one_row._given.row


def test_large_networks_go_the_general_way(tmp_path, monkeypatch):
    monkeypatch.setattr("ae_core.network.compiled.WORTH_A_THREAD", 10)
    for name in ("plain", "detector"):
        model, predictor, X = both(name, tmp_path)
        assert predictor._one_row is None
        np.testing.assert_array_equal(predictor.score_samples(X), model.score_samples(X))


def test_what_it_takes_is_bounded_so_that_nothing_overflows():
    given = one_row.Given(3, np.array([0, 1e11, 0.0]), np.array([1, 1e3, 1]))
    assert not given.takes(np.array([[0, 1e9, 0.0]]))  # less the shift it is -1e11, and scaled more
    given = one_row.Given(3, None, None)
    assert given.takes(np.array([[0, -1e11, 5]]))
    np.testing.assert_array_equal(given.row, [[0, -1e11, 5]])
    assert not given.takes(np.array([[0, -1e13, 5]]))
    assert not given.takes(np.array([[0, 1, 5]]))  # integers are for the checks


NOT_NEEDED = """
import json, sys
import numpy as np
before = set(sys.modules)
from ae_core import Predictor
predictor = Predictor.load(sys.argv[1])
predictor.score_samples(np.array(json.loads(sys.argv[2])))
print(json.dumps(sorted(set(sys.modules) - before)))
"""
TRAINING = (
    "ae_core.training",
    "ae_core.estimators",
    "ae_core.diagnosis",
    "ae_core.cli",
    "ae_core.export",
    "ae_core.distributed",
    "ae_core._engine.training",
    "ae_core._engine.steps",
    "ae_core._engine.text",
    "ae_core.formulas.solvers",
    "ae_core.formulas.schedules",
    "numpy.random",
    "numpy.typing",
    "secrets",
    "random",
    "importlib.metadata",
    "subprocess",
    "ssl",
    "socket",
    "multiprocessing",
    "concurrent",
    "tempfile",
    "logging",
)


@pytest.mark.parametrize("name", ["plain", "detector"])
def test_a_first_score_needs_nothing_of_training(name, tmp_path):
    _, _, X = both(name, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", NOT_NEEDED, str(tmp_path / "model"), json.dumps(X[:1].tolist())],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout)
    assert "ae_core.serving.one_row" in loaded
    needless = [m for m in loaded if any(m == t or m.startswith(t + ".") for t in TRAINING)]
    assert needless == []
