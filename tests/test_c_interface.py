"""The C interface, called as C would: mixed tables, detectors, and what is missing of either."""

import math

import numpy as np
import pandas as pd
import pytest
from fuzz.c_functions import (
    BAD_SIZE,
    BAD_VALUE,
    NOT_OFFERED,
    NULL_POINTER,
    OK,
    function,
)

from ae_core import Autoencoder, AutoencoderOutlierDetector, VariationalAutoencoder
from ae_core.estimators.fitting import seen

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

QUICK = {"n_components": 3, "hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0}
KINDS = ["ash", "beech", "oak", "Rotbuche ü"]


def trees(n_rows=120, *, missing=0.0, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "height": random.normal(12, 4, n_rows),
            "kind": random.choice(KINDS, n_rows, p=(0.4, 0.3, 0.2, 0.1)),
            "old": random.random(n_rows) < 0.3,
            "rings": random.integers(3, 90, n_rows),
            "soil": pd.Categorical(random.choice(["b", "a"], n_rows), ["b", "c", "a"]),
        }
    )
    if missing:
        frame["rings"] = frame["rings"].astype("Int64")
        frame["old"] = frame["old"].astype("boolean")
        frame = frame.mask(random.random(frame.shape) < missing)
    return frame


class Handle:
    """A handle, its functions by their names; freed with it."""

    def __init__(self, source):
        name = "ae_from_estimator" if hasattr(source, "fit") else "ae_load"
        self.address = function(name)(source)

    def __del__(self):
        if hasattr(self, "address"):
            function("ae_free")(self.address)

    def __call__(self, name, X, result):
        X = np.ascontiguousarray(X, dtype=np.float64)
        code = function(name)(self.address, len(X), X.ctypes.data, result.ctypes.data)
        return code if code != OK else result

    def of(self, name, *arguments):
        return function(name)(self.address, *arguments)

    def coded(self, frame):
        """A frame as the C interface takes it, by what the handle says of its columns."""
        table = np.empty(frame.shape)
        for j, name in enumerate(frame.columns):
            assert self.of("ae_column_name", j).decode() == name
            n_categories = self.of("ae_n_categories", j)
            words = [self.of("ae_category", j, k).decode() for k in range(n_categories)]
            for i, cell in enumerate(frame.iloc[:, j]):
                if pd.isna(cell):
                    table[i, j] = np.nan
                elif n_categories == 0:
                    table[i, j] = cell
                else:
                    table[i, j] = words.index(str(cell)) if str(cell) in words else -1
        return table


ESTIMATORS = {
    "numbers as they are": (Autoencoder(**QUICK, columns="mixed"), trees()),
    "float32, tied": (Autoencoder(**QUICK, columns="mixed", dtype="float32", tied=True), trees()),
    "min and max": (Autoencoder(**QUICK, columns="mixed", scale="minmax"), trees()),
    "missing": (
        Autoencoder(**QUICK, columns="mixed", missing_values="mask"),
        trees(missing=0.2),
    ),
    "variational": (VariationalAutoencoder(**QUICK, columns="mixed"), trees()),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_mixed_table_gives_what_python_gives(name, tmp_path):
    estimator, frame = ESTIMATORS[name]
    estimator.fit(frame).save(tmp_path / "model")
    frame = pd.concat([frame] * 3, ignore_index=True)  # several tiles
    rtol = 1e-4 if estimator.dtype == "float32" else 1e-10
    for handle in (Handle(estimator), Handle(str(tmp_path / "model"))):
        X, m = handle.coded(frame), len(frame)
        assert [handle.of(f"ae_{size}") for size in ("n_features", "n_components")] == [5, 3]
        found = handle("ae_forward", X, np.empty(X.shape))
        wanted = handle.coded(estimator.reconstruct(frame))
        np.testing.assert_allclose(found[:, :1], wanted[:, :1], rtol=rtol)
        np.testing.assert_array_equal(found[:, 1:], wanted[:, 1:])
        assert len(np.unique(found[:, 1])) > 1
        code = handle("ae_encode", X, np.empty((m, 3)))
        np.testing.assert_allclose(code, estimator.transform(frame), rtol=rtol, atol=rtol)
        errors = handle("ae_reconstruction_errors", X, np.empty(m))
        rows = seen(estimator, estimator.encoding_.encode(frame, has_missing=name == "missing"))
        np.testing.assert_allclose(
            errors, estimator.network_.reconstruction_errors(rows), rtol=rtol
        )
        loss, gradient = np.empty(1), np.empty(handle.of("ae_n_params"))
        arrays = (X.ctypes.data, loss.ctypes.data, gradient.ctypes.data)
        assert function("ae_loss_and_gradient")(handle.address, m, *arrays) == OK
        value, slope = estimator.network_.loss_and_gradient(rows)
        np.testing.assert_allclose(loss, value, rtol=rtol)
        np.testing.assert_allclose(gradient, slope, rtol=rtol, atol=rtol * np.abs(slope).max())
        np.testing.assert_array_equal(handle("ae_forward", X, X), found)  # in the rows' place


def test_what_is_known_of_columns():
    handle = Handle(Autoencoder(**QUICK, columns="mixed").fit(trees()))
    assert [handle.of("ae_n_categories", j) for j in range(-1, 6)] == [
        BAD_SIZE, 0, 4, 2, 0, 3, BAD_SIZE,
    ]  # fmt: skip
    assert [handle.of("ae_category", 2, k) for k in range(3)] == [b"False", b"True", None]
    assert handle.of("ae_category", 1, 0).decode() == "Rotbuche ü"  # by their letters' numbers
    assert [handle.of("ae_category", 4, k) for k in range(3)] == [b"b", b"c", b"a"]
    for column, category in ((0, 0), (1, -1), (1, 4), (1, 2**63 - 1), (-1, 0), (5, 0), (2**62, 0)):
        assert handle.of("ae_category", column, category) is None
    assert handle.of("ae_column_name", 5) is None
    assert function("ae_n_categories")(None, 0) == NULL_POINTER
    assert function("ae_category")(None, 0, 0) is None
    assert function("ae_column_name")(None, 0) is None


def test_columns_of_numbers_have_names_where_the_fit_knew_them():
    X = np.random.default_rng(0).normal(size=(40, 2))
    nameless = Handle(Autoencoder(**QUICK).fit(X))
    assert nameless.of("ae_column_name", 0) is None
    assert nameless.of("ae_n_categories", 1) == 0
    assert nameless.of("ae_n_categories", 2) == BAD_SIZE
    named = Handle(Autoencoder(**QUICK).fit(pd.DataFrame(X, columns=["left", "right"])))
    assert named.of("ae_column_name", 1) == b"right"
    assert named.of("ae_n_categories", 1) == 0


@pytest.mark.parametrize("column", [1, 4])
def test_a_category_that_is_none(column):
    whole, part = (
        Handle(ESTIMATORS[name][0].fit(ESTIMATORS[name][1]))
        for name in ("numbers as they are", "missing")
    )
    X = whole.coded(trees(6, seed=1))
    for odd in (4, 3.5, 0.5, -2, -1e300, np.inf, -np.inf, 2.0**31, 1e300):
        X[3, column] = odd
        for handle in (whole, part):
            assert handle("ae_encode", X, np.empty((6, 3))) == BAD_VALUE
            assert isinstance(handle("ae_encode", X[:3], np.empty((3, 3))), np.ndarray)
    X[3, column] = -1
    assert whole("ae_encode", X, np.empty((6, 3))) == BAD_VALUE
    unseen = X.copy()
    unseen[3, column] = np.nan
    assert whole("ae_encode", unseen, np.empty((6, 3))) == BAD_VALUE
    np.testing.assert_array_equal(
        part("ae_encode", X, np.empty((6, 3))), part("ae_encode", unseen, np.empty((6, 3)))
    )
    loss, gradient = np.empty(1), np.empty(whole.of("ae_n_params"))
    arrays = (X.ctypes.data, loss.ctypes.data, gradient.ctypes.data)
    assert function("ae_loss_and_gradient")(whole.address, 6, *arrays) == BAD_VALUE


def test_a_flag_that_is_none():
    handle = Handle(Autoencoder(**QUICK, columns="mixed").fit(trees()))
    X = handle.coded(trees(6, seed=1))
    for odd in (2, -1, 0.5, np.nan, np.inf):
        X[5, 2] = odd
        assert handle("ae_encode", X, np.empty((6, 3))) == BAD_VALUE


# --- detectors -----------------------------------------------------------------------------------


def numbers(n_rows=200, n_columns=6, *, missing=0.0, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, 2)) @ random.normal(size=(2, n_columns)) * 5 + 3
    X += random.normal(size=X.shape) * 0.3
    X[::30] *= -9
    X[random.random(X.shape) < missing] = np.nan
    return X


DETECTORS = {
    "numbers": ({}, numbers()),
    "a constant": ({}, np.c_[numbers(), np.full(200, 7.0)]),
    "missing": ({"missing_values": "mask"}, numbers(missing=0.2)),
    "mixed": ({"columns": "mixed"}, trees(200)),
    "mixed, missing": ({"columns": "mixed", "missing_values": "mask"}, trees(200, missing=0.2)),
}


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_gives_the_bits_that_python_gives(name, tmp_path):
    options, table = DETECTORS[name]
    detector = AutoencoderOutlierDetector(0.05, n_steps=6, random_state=0, **options).fit(table)
    detector.save(tmp_path / "model")
    for handle in (Handle(detector), Handle(str(tmp_path / "model"))):
        X = handle.coded(table) if isinstance(table, pd.DataFrame) else table
        X = np.concatenate([X] * 3)
        m = len(X)
        scores = handle("ae_outlier_scores", X, np.empty(m))
        np.testing.assert_array_equal(scores, np.tile(-detector.score_samples(table), 3))
        alone = [handle("ae_outlier_scores", X[i : i + 1], np.empty(1))[0] for i in range(40)]
        np.testing.assert_array_equal(alone, scores[:40])
        labels = handle("ae_predict", X, np.zeros(m, dtype=np.intc))
        np.testing.assert_array_equal(labels, np.tile(detector.predict(table), 3))
        assert set(labels) == {-1, 1}
        assert handle.of("ae_threshold") == detector.threshold_
        assert handle.of("ae_n_features") == table.shape[1]
        assert handle.of("ae_n_components") == handle.of("ae_n_params") == NOT_OFFERED


@pytest.mark.parametrize("missing", [None, "mask"])
def test_another_category_is_unusual_to_a_detector(missing):
    frame = trees(200)
    detector = AutoencoderOutlierDetector(
        n_steps=6, random_state=0, columns="mixed", missing_values=missing
    ).fit(frame)
    handle = Handle(detector)
    frame = frame.iloc[:9].copy()
    frame.loc[4, "kind"] = "palm"
    frame["soil"] = frame["soil"].astype(object)
    frame.loc[7, "soil"] = "z"
    X = handle.coded(frame)
    assert X[4, 1] == X[7, 4] == -1
    scores = handle("ae_outlier_scores", X, np.empty(9))
    np.testing.assert_array_equal(scores, -detector.score_samples(frame))
    assert set(np.argsort(scores)[-2:]) == {4, 7}
    assert handle("ae_predict", X, np.zeros(9, dtype=np.intc))[[4, 7]].tolist() == [-1, -1]


def test_each_kind_of_model_gives_what_it_has():
    X = numbers(30)
    detector = Handle(AutoencoderOutlierDetector(n_steps=3, random_state=0).fit(X))
    other = Handle(Autoencoder(**QUICK).fit(X))
    room = np.full(400, 7.25)
    for name in ("ae_forward", "ae_encode", "ae_reconstruction_errors"):
        assert detector(name, X, room) == NOT_OFFERED
    arrays = (X.ctypes.data, room.ctypes.data, room.ctypes.data)
    assert function("ae_loss_and_gradient")(detector.address, 30, *arrays) == NOT_OFFERED
    for name in ("ae_outlier_scores", "ae_predict"):
        assert other(name, X, room) == NOT_OFFERED
        assert function(name)(None, 30, *arrays[:2]) == NULL_POINTER
        assert function(name)(detector.address, 30, None, arrays[1]) == NULL_POINTER
        assert function(name)(detector.address, 30, arrays[0], None) == NULL_POINTER
        assert function(name)(detector.address, 0, None, None) == OK
        for n_rows in (-1, -(2**63), 2**63 - 1, 2**58):
            assert function(name)(detector.address, n_rows, *arrays[:2]) == BAD_SIZE
        for bad in (np.nan, np.inf, -np.inf):
            spoiled = X.copy()
            spoiled[17, 2] = bad
            assert detector(name, spoiled, room.copy()) == BAD_VALUE
    assert (room == 7.25).all()
    assert math.isnan(other.of("ae_threshold"))
    assert math.isnan(function("ae_threshold")(None))
    assert function("ae_message")(NOT_OFFERED) == b"this kind of model does not give that"


def test_a_handle_keeps_what_a_detector_was():
    X = numbers()
    detector = AutoencoderOutlierDetector(n_steps=6, random_state=0).fit(X)
    handle, before = Handle(detector), -detector.score_samples(X)
    for member in detector.ensemble_.members:
        member.network.params[:] = member.references.points[:] = member.usual[:] = np.nan
    detector.shift_[:] = detector.factor_[:] = np.nan
    np.testing.assert_array_equal(handle("ae_outlier_scores", X, np.empty(len(X))), before)


def test_detectors_that_have_no_handle(tmp_path):
    from scipy.sparse import csr_array

    sparse = AutoencoderOutlierDetector(n_steps=3, random_state=0, missing_values="implicit")
    X = numbers(60)
    X[X < 0] = 0
    with pytest.raises(ValueError, match="missing_values='implicit'"):
        Handle(sparse.fit(csr_array(X)))
    detector = AutoencoderOutlierDetector(n_steps=3, random_state=0).fit(X)
    other = AutoencoderOutlierDetector(n_steps=3, random_state=0, columns="mixed").fit(trees(60))
    detector.encoding_ = other.encoding_
    with pytest.raises(ValueError, match="not of one fit"):
        Handle(detector)
    with pytest.raises(TypeError, match="class int: an Autoencoder, a Variational"):
        function("ae_from_estimator")(3)
