"""The engine's scores of a detector, beside what `ae_core.detection` says of entries in NumPy."""

import copy
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ae_core import AutoencoderOutlierDetector, Network
from ae_core._engine.detector import Detector
from ae_core._engine.rows import Rows as EngineRows
from ae_core.data.rows import Rows
from ae_core.detection.ensemble import Ensemble, detector_of
from ae_core.detection.neighbours import References

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")


def table(n_columns, *, missing=0.0, constants=(), seed=0, n_rows=300):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, 2)) @ random.normal(size=(2, n_columns)) * 3 + 1
    X += random.normal(size=X.shape) * 0.2
    X[:, list(constants)] = -2.5
    X[::40] *= 30
    X[random.random(X.shape) < missing] = np.nan
    return X


def in_doubles(ensemble):
    """The same ensemble, computing in float64."""
    members = []
    for member in ensemble.members:
        params = member.network.params.astype(np.float64)
        network = Network(member.network.architecture, params, dtype="float64", n_threads=1)
        references = References(member.references.points.astype(np.float64), 1)
        members.append(replace(member, network=network, references=references))
    return Ensemble(tuple(members), ensemble.scaling, ensemble.changed)


CASES = {
    "plain": table(9),
    "one column": table(1),
    "wide": table(70, seed=1),
    "constants": table(8, constants=(2, 5), seed=2),
    "missing": table(7, missing=0.1, seed=3),
    "missing, constants": table(12, missing=0.3, constants=(0,), seed=4),
}


def fitted(X, **options):
    missing = "mask" if np.isnan(X).any() else None
    detector = AutoencoderOutlierDetector(
        n_steps=5, random_state=0, n_threads=1, missing_values=missing, **options
    )
    return detector.fit(X)


def odd_rows(X):
    """The rows, and some that are far away, or of which a constant has changed, or nothing is seen."""
    odd = np.repeat(X[:1], 4, axis=0)
    odd[0], odd[1, 0], odd[2, -1] = 1e300, -1e9, 3
    odd[3] = np.nan if np.isnan(X).any() else 0
    return np.concatenate([X, odd])


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_a_score_is_the_sum_of_what_entries_have_of_it(name, kind):
    X = odd_rows(CASES[name])
    detector = fitted(CASES[name])
    ensemble = detector.ensemble_ if kind == "float32" else in_doubles(detector.ensemble_)
    rows = Rows(X, missing=detector.missing_values)
    scores, entries = ensemble.scores(rows), ensemble.contributions(rows)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, entries.sum(axis=1), rtol=1e-12)
    if np.isnan(X).any():
        assert scores[-1] == 0
    constants = np.flatnonzero(~ensemble.scaling.varies)
    if len(constants):
        assert scores[-4] > len(constants) * ensemble.changed


@pytest.mark.parametrize("name", CASES)
def test_a_row_has_the_same_bits_alone_and_beside_any_others(name):
    X = odd_rows(CASES[name])
    detector = fitted(CASES[name])
    together = detector.score_samples(X)
    alone = np.concatenate([detector.score_samples(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(alone, together)
    whole = ~np.isnan(X).any(axis=1)
    np.testing.assert_array_equal(detector.score_samples(X[whole]), together[whole])
    np.testing.assert_array_equal(detector.score_samples(X[::-1])[::-1], together)


@pytest.mark.parametrize("name", ["wide", "missing"])
def test_any_number_of_threads_gives_the_same_bits(name, monkeypatch):
    monkeypatch.setattr("ae_core.network.compiled.WORTH_A_THREAD", 0)
    X = np.tile(CASES[name], (4, 1))
    ensemble = fitted(CASES[name]).ensemble_
    rows = EngineRows(X, None, None, None, False, bool(np.isnan(X).any()))
    found = np.empty((4, len(X)))
    for n_threads, scores in enumerate(found, 1):
        ensemble.detector.scores(rows, scores, n_threads)
    np.testing.assert_array_equal(found, found[:1].repeat(4, axis=0))
    distances = np.empty((len(X), len(ensemble.members)))
    ensemble.detector.distances(rows, distances, 2)
    np.testing.assert_allclose(distances.mean(axis=1), found[0], rtol=1e-12)


def test_other_kinds_of_tables_have_the_scores_of_the_same_numbers():
    X = np.random.default_rng(0).integers(0, 250, (200, 6)).astype(float)
    detector = fitted(X)
    scores = detector.score_samples(X)
    for same in (X.astype(np.float32), np.asfortranarray(X), X[:, ::-1].copy()[:, ::-1]):
        np.testing.assert_array_equal(detector.score_samples(same), scores)
    np.testing.assert_array_equal(-detector.ensemble_.scores(Rows(X.astype(np.uint8))), scores)


OF_BLAS = """
import numpy as np
from ae_core import AutoencoderOutlierDetector
from ae_core.data.rows import Rows

X = np.random.default_rng(0).normal(size=(150, 30))
X[::3, 4] = np.nan
detector = AutoencoderOutlierDetector(
    n_steps=5, random_state=0, n_threads=1, missing_values="mask"
).fit(X)
print(detector.ensemble_.detector.needs_blas)
rows = Rows(X, missing="mask")
scores, entries = detector.ensemble_.scores(rows), detector.ensemble_.contributions(rows)
print(np.abs(entries.sum(axis=1) / scores - 1).max())
"""


def test_products_that_are_left_to_blas():
    """By the instruction set of which nearly all are."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OF_BLAS],
        env={**os.environ, "AE_CORE_SIMD": "baseline"},
        capture_output=True,
        text=True,
        check=True,
    )
    needs_blas, largest = run.stdout.split()
    assert needs_blas == "True"
    assert float(largest) < 1e-5


def test_copies_have_the_same_scores():
    X = CASES["missing"]
    ensemble = fitted(X).ensemble_
    rows = Rows(X, missing="mask")
    wanted = ensemble.scores(rows)
    for other in (pickle.loads(pickle.dumps(ensemble)), copy.deepcopy(ensemble)):
        assert other.members[0].network.params is not ensemble.members[0].network.params
        np.testing.assert_array_equal(other.scores(rows), wanted)


def test_one_row_of_another_kind_is_for_the_general_way():
    X = CASES["plain"]
    one = fitted(X).ensemble_.detector.score_one
    assert one(X[:1], False) == one(X[:1].astype(">f8").astype("<f8"), True)
    for odd in (
        X[0],
        X[:2],
        X[:0],
        X[:1, 1:],
        X[:1].astype(int),
        X[:1].astype(np.float16),
        X[:1].astype(">f8"),
        np.where(np.arange(9) == 3, np.inf, X[:1]),
        np.where(np.arange(9) == 3, np.nan, X[:1]),
    ):
        assert one(odd, False) is None
    assert one(np.where(np.arange(9) == 3, np.nan, X[:1]), True) > 0


def test_members_that_do_not_fit_are_refused():
    ensemble = fitted(CASES["plain"]).ensemble_
    one = ensemble.members[0]
    for changes in (
        {"usual": one.usual[1:]},
        {"code_spread": np.append(one.code_spread, 1.0)},
        {"references": References(one.references.points[:, 1:])},
        {"references": References(one.references.points.astype(np.float64))},
        {"references": References(one.references.points[:0])},
    ):
        with pytest.raises(ValueError, match=r"another type or shape|at least one reference"):
            detector_of((replace(one, **changes),), None)
    with pytest.raises(ValueError, match="one type and width"):
        detector_of((one, in_doubles(ensemble).members[0]), None)
    scaling = ensemble.scaling._replace(shift=ensemble.scaling.shift[1:])
    with pytest.raises(ValueError, match="another type or shape"):
        detector_of(ensemble.members, scaling)
    rows = EngineRows(CASES["plain"], None, None, None, False, False)
    for result in (np.empty(3), np.empty(301)):
        with pytest.raises(ValueError, match=r"result must have shape \(300, 1\)"):
            ensemble.detector.scores(rows, result, 1)
    with pytest.raises(ValueError, match="n_threads=0"):
        ensemble.detector.scores(rows, np.empty(300), 0)
    narrow = EngineRows(np.ones((3, 4)), None, None, None, False, False)
    with pytest.raises(ValueError, match="X has 4 columns, not 9"):
        ensemble.detector.scores(narrow, np.empty(3), 1)
    with pytest.raises(TypeError):
        Detector(None, None, 0.0)
